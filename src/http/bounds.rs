//! Bounds of a request's head. What exceeds even twice these is refused by the HTTP library itself,
//! without a body.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::rest_error::RestError;

/// The most header fields.
pub const MAX_HEADERS: usize = 100;
/// The most bytes of header fields, names and values together.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The longest target: a query of the largest size, percent-encoded throughout, still fits.
const MAX_URI_BYTES: usize = 64 * 1024;

/// Refuses requests with too large a head.
pub async fn check_head(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let uri_bytes = uri.path().len() + uri.query().map_or(0, str::len);
    if uri_bytes > MAX_URI_BYTES {
        let detail = format!("The URI is longer than {MAX_URI_BYTES} bytes; use POST.");
        return RestError::new(StatusCode::URI_TOO_LONG, detail).into_response();
    }
    if request.headers().len() > MAX_HEADERS || size(request.headers()) > MAX_HEADER_BYTES {
        let detail =
            format!("The header has more than {MAX_HEADERS} fields or {MAX_HEADER_BYTES} bytes.");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return RestError::new(status, detail).into_response();
    }
    next.run(request).await
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
