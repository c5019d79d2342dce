//! A name for every request, in the answer, in the log and in errors, and one log line and one span for each.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use super::{client_address::ClientAddress, health, measuring::note_route, rest_error::name_error};
use crate::{
    auth::Session,
    error::Code,
    telemetry::traces::{self, TRACEPARENT},
};

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
        unseen = Empty,
        trace_id = Empty,
    );
    let trace = begin_trace(&request);
    trace.note("mission_control.request_id", || id.to_string());
    if let Some(trace_id) = trace.trace_id() {
        span.record("trace_id", trace_id);
    }
    let serving = trace.around(next(request).instrument(span.clone()));
    let mut line = RequestLine { span, trace: &trace, started: Instant::now(), status: None };
    let mut response = serving.await;
    name_error(&mut response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    line.status = Some(response.status().as_u16());
    response
}

/// The log line of a request, written when it is answered or given up.
struct RequestLine<'a> {
    span: Span,
    trace: &'a traces::Span,
    started: Instant,
    status: Option<u16>,
}

impl Drop for RequestLine<'_> {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Some(status) = self.status {
            tracing::info!(status, micros, "served");
            self.trace.note("http.response.status_code", || i64::from(status));
            if status >= 500 {
                self.trace.fail();
            }
        } else {
            tracing::info!(micros, "given up: the client hung up, or the server stops");
            self.trace.note("error.type", || "given_up");
            self.trace.fail();
        }
    }
}

/// Notes in the log and for the metrics which route the request takes.
pub(crate) fn name_route(request: Request) -> Request {
    note_route(&request);
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        Span::current().record("route", route.as_str());
        traces::note("http.route", || route.as_str().to_owned());
        traces::rename(|| format!("{} {}", known(request.method()), route.as_str()));
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
        traces::note("graphql.operation.name", || name.to_owned());
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

/// Notes in the log how many things were asked for that the caller may not see or that do not exist: neither
/// the answer nor the statements tell the two apart. Who guesses ids shows all the same.
pub(crate) fn name_unseen(things: usize) {
    if things > 0 {
        Span::current().record("unseen", things);
    }
}

/// Notes in the log what the caller is told to be wrong: codes of errors, separated by blanks.
pub(crate) fn name_codes(codes: &str) {
    Span::current().record("code", codes);
    traces::note("error.type", || codes.to_owned());
    if codes.contains(Code::InternalServerError.as_str()) {
        traces::fail();
    }
}

/// The span of a request, in the trace of its caller. Probes have none: they come every few seconds, for ever,
/// and say nothing.
fn begin_trace(request: &Request) -> traces::Span {
    if health::is_probe(request.uri().path()) {
        return traces::Span::none();
    }
    traces::Span::of_request(known(request.method()), place_of_caller(request.headers()))
}

/// Where the caller is in its trace. Two answers are none (W3C Trace Context, section 3.2.1).
fn place_of_caller(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.to_str().ok())?
}

/// A method as traces name it: one of those that are known, because a client may make up others.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "PUT" => "PUT",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The name the request came with, if it is fit to be repeated in logs and answers.
fn incoming(request: &Request) -> Option<Arc<str>> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let is_sane = !id.is_empty()
        && id.len() <= LONGEST
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:/+=".contains(&byte));
    is_sane.then(|| id.into())
}
