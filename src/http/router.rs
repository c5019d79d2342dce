//! Every route and the middleware around it, in the order in which a request meets them.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};

use tower::{ServiceExt, util::MapRequestLayer};

use super::{
    authentication,
    bounds::check_head,
    cors::{self, SharedWith},
    fallback::{GRAPHQL, survive_panics},
    graphiql, graphql, health,
    measuring::measure,
    organizations,
    request_id::{name_requests, name_route},
    rest,
    rest_error::RestError,
    security_headers::secure,
    state::AppState,
    users, webhooks, whole_body,
};
use crate::{dev, serving::Handler, telemetry::Metrics};

/// The whole HTTP face: what every request passes, then the routes. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    shared_with: Option<SharedWith>,
    metrics: Arc<Metrics>,
    routes: Router,
}

impl Front {
    /// The face of this server.
    pub(crate) fn new(state: Arc<AppState>) -> Self {
        let shared_with = SharedWith::new(&state.server.cors_origins);
        Self { shared_with, metrics: state.metrics.clone(), routes: routes(state) }
    }
}

impl Handler for Front {
    /// What a request passes is composed here and not in layers of the router, each of which would be
    /// copied and boxed for each request.
    async fn answer(self, request: Request) -> Response {
        let Self { shared_with, metrics, routes } = self;
        let answer = measure(metrics, request, |request| {
            name_requests(request, |request| {
                cors::share(shared_with, request, |request| {
                    survive_panics(request, |request| {
                        check_head(request, |request| async {
                            routes.oneshot(request).await.into_response()
                        })
                    })
                })
            })
        });
        secure(answer.await)
    }
}

fn routes(state: Arc<AppState>) -> Router {
    let rest = Router::new()
        .route("/api/v1/auth/bootstrap", post(users::bootstrap))
        .route("/api/v1/users/me", get(users::read).patch(users::update).delete(users::delete))
        .merge(organizations::routes())
        .layer(from_fn_with_state(state.clone(), rest::count_writes));
    let with_session = Router::new()
        // Counts mutations by itself: what a document asks for is known later.
        .route(GRAPHQL, any(graphql::serve))
        .merge(rest)
        .layer(from_fn_with_state(state.clone(), authentication::authenticate));
    let mut router = Router::new()
        .merge(with_session)
        .route("/api/v1/webhooks/clerk", post(webhooks::receive))
        .merge(graphiql::routes(&state))
        .route(health::READY, get(health::ready));
    for path in health::ALIVE {
        router = router.route(path, get(health::alive));
    }
    if let Some(development) = &state.development {
        let trusted_origins: Arc<[String]> = state.server.cors_origins.clone().into();
        router = router
            .nest(
                "/dev",
                dev::routes(development.clone())
                    .layer(from_fn_with_state(state.clone(), whole_body::read_first)),
            )
            .layer(from_fn_with_state(trusted_origins, dev::refuse_foreign));
    }
    router
        .route_layer(MapRequestLayer::new(name_route))
        .fallback(|| async { RestError::new(StatusCode::NOT_FOUND, "Not Found") })
        .method_not_allowed_fallback(|| async {
            RestError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .with_state(state)
}
