//! The middleware that verifies a request's token, once, and puts the outcome where handlers find it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};

use super::state::AppState;

/// `WWW-Authenticate` for a request that brought no token (RFC 6750, section 3).
pub const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
/// The same for one whose token was not accepted.
pub const CHALLENGE_INVALID: HeaderValue =
    HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// `Retry-After` in seconds, when the database or Clerk's keys cannot be reached.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Adds the [`Authentication`](crate::auth::Authentication) of the request to its extensions.
pub async fn authenticate(
    State(state): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let authentication = state.authenticator.authenticate(request.headers()).await;
    request.extensions_mut().insert(authentication);
    next.run(request).await
}
