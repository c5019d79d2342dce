//! Every route and the middleware around it, in the order in which a request meets them.

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};

use super::{
    authentication, bounds, cors, graphiql, graphql, health, request_id, rest_error::RestError,
    state::AppState, users, webhooks,
};
use crate::dev;

/// The whole HTTP face.
pub fn router(state: AppState) -> Router {
    let with_session = Router::new()
        .route("/graphql", any(graphql::serve))
        .route("/api/v1/auth/bootstrap", post(users::bootstrap))
        .route("/api/v1/users/me", get(users::read).patch(users::update).delete(users::delete))
        .layer(from_fn_with_state(state.clone(), authentication::authenticate));
    let mut router = Router::new()
        .merge(with_session)
        .route("/api/v1/webhooks/clerk", post(webhooks::receive))
        .route("/", get(graphiql::index))
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
        .layer(from_fn(bounds::check_head));
    if let Some(cors) = cors::layer(&state.server.cors_origins) {
        router = router.layer(cors);
    }
    router.layer(from_fn(request_id::name_requests)).with_state(state)
}
