//! A name for every request, in the answer, in the log and in errors, and one log line for each.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue},
    response::Response,
};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use super::{client_address::ClientAddress, measuring::note_route, rest_error::name_error};
use crate::auth::Session;

/// The header that carries the name.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest incoming name that is kept.
const LONGEST: usize = 128;
/// The longest name of an operation that is logged.
const LONGEST_OPERATION: usize = 100;

/// The name of the request being served.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// Names the request, lets it be served, logs it, and puts the name on the answer.
pub(crate) async fn name_requests<A: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    let id = incoming(&request).unwrap_or_else(|| Uuid::now_v7().to_string().into());
    request.extensions_mut().insert(RequestId(id.clone()));
    // What it says of itself beyond this (path, query string) may hold anything and is not logged.
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %request.method(),
        route = Empty,
        operation = Empty,
        caller = Empty,
        impersonated = Empty,
        refused = Empty,
        client = Empty,
        code = Empty,
    );
    let mut line = RequestLine { span: span.clone(), started: Instant::now(), status: None };
    let mut response = next(request).instrument(span).await;
    name_error(&mut response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    line.status = Some(response.status().as_u16());
    response
}

/// The log line of a request, written when it is answered or given up.
struct RequestLine {
    span: Span,
    started: Instant,
    status: Option<u16>,
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Some(status) = self.status {
            tracing::info!(status, micros, "served");
        } else {
            tracing::info!(micros, "given up: the client hung up, or the server stops");
        }
    }
}

/// Notes in the log and for the metrics which route the request takes.
pub(crate) fn name_route(request: Request) -> Request {
    note_route(&request);
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        Span::current().record("route", route.as_str());
    }
    request
}

/// Notes in the log which operation the request asks for, if that is a name (GraphQL specification,
/// section 2.1.9) of ordinary length; anything else says nothing to a reader.
pub(crate) fn name_operation(name: Option<&str>) {
    let is_name = |name: &&str| {
        name.len() <= LONGEST_OPERATION
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if let Some(name) = name.filter(is_name) {
        Span::current().record("operation", name);
    }
}

/// Notes in the log who asks: Clerk's id of the user, which says nothing of the person to a stranger, and
/// whether it is somebody else who acts as this user.
pub(crate) fn name_caller(session: &Session) {
    let span = Span::current();
    span.record("caller", session.clerk_user_id());
    if session.is_impersonated() {
        span.record("impersonated", true);
    }
}

/// Notes in the log where a request comes from that shows something forged, expired or made up. Of all others
/// that is nobody's business.
pub(crate) fn name_client(client: ClientAddress) {
    Span::current().record("client", tracing::field::display(client));
}

/// Notes in the log what the caller is told to be wrong: codes of errors, separated by blanks.
pub(crate) fn name_codes(codes: &str) {
    Span::current().record("code", codes);
}

/// The name the request came with, if it is fit to be repeated in logs and answers.
fn incoming(request: &Request) -> Option<Arc<str>> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let is_sane = !id.is_empty()
        && id.len() <= LONGEST
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:/+=".contains(&byte));
    is_sane.then(|| id.into())
}
