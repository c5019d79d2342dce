//! Bounds of a request's head. What exceeds even twice these is refused by the HTTP library itself,
//! without a body.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use super::fallback::ErrorFormat;
use crate::serving::Ambiguity;

/// The most header fields.
pub(crate) const MAX_HEADERS: usize = 100;
/// The most bytes of header fields, names and values together.
pub(crate) const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The longest target: a query of the default size, percent-encoded throughout, still fits. The HTTP
/// library itself takes none of 64 KiB.
const MAX_URI_BYTES: usize = 60 * 1024;

/// Refuses requests with too large a head.
pub(crate) async fn check_head<A: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    let uri = request.uri();
    let uri_bytes = uri.path().len() + uri.query().map_or(0, str::len);
    if uri_bytes > MAX_URI_BYTES {
        let message = format!("The URI is longer than {MAX_URI_BYTES} bytes; use POST.");
        return ErrorFormat::of(&request).refuse(StatusCode::URI_TOO_LONG, message);
    }
    if request.headers().len() > MAX_HEADERS || size(request.headers()) > MAX_HEADER_BYTES {
        let message =
            format!("The header has more than {MAX_HEADERS} fields or {MAX_HEADER_BYTES} bytes.");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return ErrorFormat::of(&request).refuse(status, message);
    }
    if let Some(message) = ambiguity(&request) {
        let mut response = ErrorFormat::of(&request).refuse(StatusCode::BAD_REQUEST, message);
        // Whoever passed this on may think that the request ends elsewhere.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    next(request).await
}

/// What another server could read differently in this request.
fn ambiguity(request: &Request) -> Option<&'static str> {
    if let Some(Ambiguity(message)) = request.extensions().get() {
        return Some(message);
    }
    (!is_framing_plain(request.headers()))
        .then_some("The only transfer coding here is chunked, once.")
}

/// Whether there is but one way to read where the body ends (RFC 9112, section 6.1). The HTTP library
/// refuses most of the others; of two transfer codings it looks at the last.
fn is_framing_plain(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
