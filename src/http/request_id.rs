//! A name for every request, in the answer, in the log and in errors, and one log line for each.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};
use tracing::Instrument;
use uuid::Uuid;

/// The header that carries the name.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest incoming name that is kept.
const LONGEST: usize = 128;

/// The name of the request being served.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// Names the request, lets it be served, logs it, and puts the name on the answer.
pub async fn name_requests<A: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    let started = Instant::now();
    let id = incoming(&request).unwrap_or_else(|| Uuid::now_v7().to_string().into());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // The path only: a query string may hold anything.
    let path: String = request.uri().path().chars().take(200).collect();
    let span = tracing::info_span!("request", id = %id);
    let mut response = next(request).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    let _entered = span.enter();
    tracing::info!(
        %method,
        path,
        status = response.status().as_u16(),
        micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "served"
    );
    response
}

/// The name the request came with, if it is fit to be repeated in logs and answers.
fn incoming(request: &Request) -> Option<Arc<str>> {
    let id = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let is_sane = !id.is_empty()
        && id.len() <= LONGEST
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:/+=".contains(&byte));
    is_sane.then(|| id.into())
}
