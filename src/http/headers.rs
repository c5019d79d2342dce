//! Values of header fields that several answers have.

use axum::http::{HeaderValue, StatusCode};

use crate::rate_limit::Wait;

/// `WWW-Authenticate` for a request that brought no token (RFC 6750, section 3).
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
/// The same for one whose token was not accepted.
pub(crate) const CHALLENGE_INVALID: HeaderValue =
    HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// `Retry-After` in seconds, when the database or Clerk's keys cannot be reached.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("2");

/// `Retry-After` in seconds, on the answers that have it.
pub(crate) fn retry_after(status: StatusCode, wait: Option<Wait>) -> Option<HeaderValue> {
    match wait {
        Some(Wait(seconds)) => Some(HeaderValue::from(seconds)),
        None => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(UNAVAILABLE),
    }
}
