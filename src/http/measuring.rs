//! Counts every request by what it asked for and what became of it, and how long it took. What it asks for is
//! one of a bounded set of words: a route with its method or, for GraphQL, a root field of the schema.

use std::{
    borrow::Cow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    response::Response,
};

use crate::telemetry::Metrics;

/// What becomes known of a request on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    route: OnceLock<&'static str>,
    operation: OnceLock<Arc<str>>,
    has_errors: AtomicBool,
}

impl Measured {
    /// Notes the root field that a GraphQL request asks for.
    pub(crate) fn note_operation(&self, operation: Option<Arc<str>>) {
        if let Some(operation) = operation {
            let _ = self.0.operation.set(operation);
        }
    }

    /// Notes that an answer with status 200 has errors.
    pub(crate) fn note_errors(&self) {
        self.0.has_errors.store(true, Ordering::Relaxed);
    }

    fn operation(&self) -> Cow<'static, str> {
        match (self.0.operation.get(), self.0.route.get()) {
            (Some(operation), _) => Cow::Owned(operation.as_ref().to_owned()),
            (None, Some(route)) => Cow::Borrowed(route),
            (None, None) => Cow::Borrowed("none"),
        }
    }
}

/// Lets a request be served, and counts it when it is answered or given up.
pub(crate) async fn measure<A: Future<Output = Response>>(
    metrics: Arc<Metrics>,
    mut request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    let measured = Measured::default();
    request.extensions_mut().insert(measured.clone());
    let mut count = Count { metrics, measured, started: Instant::now(), outcome: "given_up" };
    let response = next(request).await;
    count.outcome = outcome(response.status().as_u16(), &count.measured);
    response
}

/// Notes which route a request takes.
pub(crate) fn note_route(request: &Request) {
    if let Some(measured) = request.extensions().get::<Measured>()
        && let Some(path) = request.extensions().get::<MatchedPath>()
    {
        let _ = measured.0.route.set(route(request.method(), path.as_str()));
    }
}

fn route(method: &Method, path: &str) -> &'static str {
    match (method.as_str(), path) {
        (_, "/graphql") => "graphql",
        (_, "/") => "page",
        (_, "/healthz" | "/health" | "/readyz") => "health",
        (_, "/api/v1/webhooks/clerk") => "webhook",
        (_, "/api/v1/auth/bootstrap") => "POST /auth/bootstrap",
        ("GET", "/api/v1/users/me") => "GET /users/me",
        ("PATCH", "/api/v1/users/me") => "PATCH /users/me",
        ("DELETE", "/api/v1/users/me") => "DELETE /users/me",
        (method, path) if path.starts_with("/api/v1/organizations") => match method {
            "GET" => "GET /organizations",
            "POST" => "POST /organizations",
            "PATCH" => "PATCH /organizations",
            "DELETE" => "DELETE /organizations",
            _ => "organizations",
        },
        (_, path) if path.starts_with("/dev/") => "dev",
        _ => "other",
    }
}

fn outcome(status: u16, measured: &Measured) -> &'static str {
    match status {
        200..=399 if measured.0.has_errors.load(Ordering::Relaxed) => "errors",
        200..=399 => "ok",
        401 => "unauthenticated",
        403 => "forbidden",
        429 => "rate_limited",
        400..=499 => "bad_request",
        503 => "unavailable",
        _ => "failed",
    }
}

/// Counts when it is dropped, as a request that is given up is.
struct Count {
    metrics: Arc<Metrics>,
    measured: Measured,
    started: Instant,
    outcome: &'static str,
}

impl Drop for Count {
    fn drop(&mut self) {
        self.metrics.count_request(self.measured.operation(), self.outcome, self.started.elapsed());
    }
}
