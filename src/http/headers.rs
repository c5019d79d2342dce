//! Values of header fields that several answers have.

use axum::http::HeaderValue;

/// `WWW-Authenticate` for a request that brought no token (RFC 6750, section 3).
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
/// The same for one whose token was not accepted.
pub(crate) const CHALLENGE_INVALID: HeaderValue =
    HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// `Retry-After` in seconds, when the database or Clerk's keys cannot be reached.
pub(crate) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");
