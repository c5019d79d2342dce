//! A middleware for handlers that take a body as bytes: it is read, within the limits, before they are called.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{body::read, rest_error::RestError, state::AppState};

/// Reads the body, or answers why not.
pub(crate) async fn read_first(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let limits = &state.limits;
    match read(body, limits.body_bytes, limits.body_timeout, &state.in_flight).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(error) => RestError::from(error).into_response(),
    }
}
