//! The middleware that verifies a request's token, once, and puts the outcome where handlers find it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::state::AppState;

/// Adds the [`Authentication`](crate::auth::Authentication) of the request to its extensions.
pub(crate) async fn authenticate(
    State(state): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let authentication = state.authenticator.authenticate(request.headers()).await;
    request.extensions_mut().insert(authentication);
    next.run(request).await
}
