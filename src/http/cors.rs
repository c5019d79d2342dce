//! Which other origins a browser lets read our answers (Fetch standard, "CORS protocol").

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The methods of this API.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// What a page may send when its preflight does not say what it wants to.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, x-request-id, apollo-require-preflight, x-apollo-operation-name",
);
/// The longest list of header names that a preflight is granted.
const LONGEST_WISH: usize = 4096;
/// A page asks to reach a server on the user's own machine or network (Private Network Access).
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
/// What a page may read beside what browsers show anyway.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("x-request-id, retry-after, www-authenticate");
/// How long a browser may remember a preflight's answer, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// The origins whose pages may read answers, as browsers write them.
#[derive(Clone)]
pub(crate) struct SharedWith(Arc<[HeaderValue]>);

impl SharedWith {
    /// `None` when no origin is listed.
    pub(crate) fn new(origins: &[String]) -> Option<Self> {
        let origins: Arc<[HeaderValue]> =
            origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        (!origins.is_empty()).then_some(Self(origins))
    }

    /// The one origin that a request names, if it is listed.
    fn find(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (sent.next(), sent.next()) else { return None };
        self.0.contains(origin).then(|| origin.clone())
    }
}

/// Answers the preflights of listed origins and marks the answers to them. A request of any other
/// origin is served like one without, and nothing on its answer lets a browser show it to a page.
/// Without a list no origin is listed.
pub(crate) async fn share<A: Future<Output = Response>>(
    with: Option<SharedWith>,
    request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    let Some(with) = with else { return next(request).await };
    let Some(origin) = with.find(request.headers()) else {
        let mut response = next(request).await;
        vary_by_origin(response.headers_mut());
        return response;
    };
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        answer_preflight(request.headers())
    } else {
        let mut response = next(request).await;
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    // Clients that send credentials by habit are let through; no cookie is ever read.
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    vary_by_origin(headers);
    response
}

/// Grants a listed origin what its page asks for. The tools of a page (tracing, client awareness) add
/// headers of their own, and no list of ours could name them all; what a header means is decided by who
/// reads it, and no cookie is.
fn answer_preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, granted(asked));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if asked.get(REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == TRUE) {
        headers.insert(ALLOW_PRIVATE_NETWORK, TRUE);
    }
    response
}

/// The headers that a preflight asks for, if it names headers and not too many.
fn granted(asked: &HeaderMap) -> HeaderValue {
    let mut lists = asked.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let (Some(list), None) = (lists.next(), lists.next()) else { return ALLOWED };
    let is_list = |list: &str| {
        list.len() <= LONGEST_WISH
            && list.split(',').all(|name| HeaderName::from_bytes(name.trim().as_bytes()).is_ok())
    };
    if list.to_str().is_ok_and(is_list) { list.clone() } else { ALLOWED }
}

/// A cache must not answer one origin with what another was told.
fn vary_by_origin(headers: &mut HeaderMap) {
    let is_said = headers.get_all(header::VARY).iter().any(|value| {
        let names = value.to_str().unwrap_or_default().split(',');
        names.into_iter().any(|name| name.trim().eq_ignore_ascii_case("origin"))
    });
    if !is_said {
        headers.append(header::VARY, ORIGIN);
    }
}
