//! Every route and the middleware around it, in the order in which a request meets them.

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};

use super::{
    authentication, bounds,
    cors::{self, SharedWith},
    graphiql, graphql, health, request_id,
    rest_error::RestError,
    stand_in::{self, GRAPHQL},
    state::AppState,
    users, webhooks,
};
use crate::dev;

/// The whole HTTP face.
pub fn router(state: AppState) -> Router {
    let with_session = Router::new()
        .route(GRAPHQL, any(graphql::serve))
        .route("/api/v1/auth/bootstrap", post(users::bootstrap))
        .route("/api/v1/users/me", get(users::read).patch(users::update).delete(users::delete))
        .layer(from_fn_with_state(state.clone(), authentication::authenticate));
    let mut router = Router::new()
        .merge(with_session)
        .route("/api/v1/webhooks/clerk", post(webhooks::receive))
        .merge(graphiql::routes(&state))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    if let Some(development) = &state.development {
        router = router
            .nest("/dev", dev::routes(development.clone()))
            .layer(from_fn_with_state(state.clone(), dev::refuse_foreign));
    }
    let mut router = router
        .fallback(|| async { RestError::new(StatusCode::NOT_FOUND, "Not Found") })
        .method_not_allowed_fallback(|| async {
            RestError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .layer(from_fn(bounds::check_head))
        .layer(from_fn(stand_in::survive_panics));
    if let Some(with) = SharedWith::new(&state.server.cors_origins) {
        router = router.layer(from_fn_with_state(with, cors::share));
    }
    router.layer(from_fn(request_id::name_requests)).with_state(state)
}
