//! One HTTP exchange with Clerk's Backend API, bounded in time and size. Knows which headers Clerk
//! wants; knows nothing of what the answers mean.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    loopback::is_loopback,
    telemetry::{
        Calls,
        traces::{Span, TRACEPARENT},
    },
};

/// The whole exchange, connecting and reading included.
pub(crate) const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// What an exchange may take when somebody waits for it.
const ALLOWANCE: Allowance = Allowance { time: EXCHANGE_TIMEOUT, bytes: 1 << 20 };
/// The version of the Backend API this client was written against.
const API_VERSION: &str = "2026-05-12";

/// A connection pool to one Clerk instance, with its secret key.
#[derive(Clone)]
pub struct ClerkHttp {
    client: reqwest::Client,
    base: Url,
    calls: Calls,
}

/// What one exchange may take.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    /// Connecting and reading included.
    pub(super) time: Duration,
    /// An answer longer than this is not read to its end.
    pub(super) bytes: usize,
}

/// What came back, whatever its status.
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// `Retry-After` in seconds, when it was given so.
    pub(crate) retry_after: Option<Duration>,
    /// The `Date` header: Clerk's clock.
    pub(crate) date: Option<DateTime<Utc>>,
    /// At most what was allowed.
    pub(crate) body: Vec<u8>,
}

/// Why nothing usable came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// No connection was made, so Clerk has not seen the request.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// Clerk may have acted on the request; the answer was lost.
    #[error("no usable answer: {0}")]
    Interrupted(String),
}

impl ClerkHttp {
    /// `base` is the API base ending in `/v1`; the key goes into `Authorization` and nowhere else.
    pub fn new(base: Url, secret_key: Option<&SecretString>) -> anyhow::Result<Self> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        headers.insert("clerk-api-version", header::HeaderValue::from_static(API_VERSION));
        if let Some(key) = secret_key {
            let value = format!("Bearer {}", key.expose_secret());
            let mut value = header::HeaderValue::from_str(&value)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("mission-control/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A redirect would carry the secret key to another place.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(EXCHANGE_TIMEOUT);
        if base.host().is_some_and(|host| is_loopback(&host)) {
            builder = builder.no_proxy();
        }
        Ok(Self { client: builder.build()?, base, calls: Calls::default() })
    }

    /// How its exchanges end, and how long they take.
    pub(crate) const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Sends a request without a body to `{base}/{segments…}`; each segment is percent-encoded.
    pub(crate) async fn send(
        &self,
        method: Method,
        segments: &[&str],
    ) -> Result<Reply, ExchangeError> {
        self.exchange(method, segments, &[], ALLOWANCE).await
    }

    /// The same with a query string and an allowance of its own.
    pub(super) async fn exchange(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        allowance: Allowance,
    ) -> Result<Reply, ExchangeError> {
        let (call, started) = (call(&method, segments), Instant::now());
        let span = Span::call(|| format!("{method} {}", template(segments)).into());
        if span.is_recorded() {
            let name = method.to_string();
            span.note("http.request.method", || name);
            span.note("url.template", || template(segments));
            span.note("server.address", || self.base.host_str().unwrap_or_default().to_owned());
        }
        let trace = span.traceparent();
        let outcome = self.try_exchange(method, segments, query, allowance, trace).await;
        if let Ok(reply) = &outcome {
            span.note("http.response.status_code", || i64::from(reply.status.as_u16()));
        }
        if !outcome.as_ref().is_ok_and(|reply| reply.status.is_success()) {
            span.note("error.type", || ending(&outcome));
            span.fail();
        }
        self.calls.observe(call, ending(&outcome), started.elapsed());
        outcome
    }

    async fn try_exchange(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        allowance: Allowance,
        trace: Option<String>,
    ) -> Result<Reply, ExchangeError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url).timeout(allowance.time);
        if let Some(place) = trace {
            request = request.header(TRACEPARENT, place);
        }
        let mut response = request.send().await.map_err(|error| sort(&error))?;
        let headers = response.headers();
        let text =
            |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let retry_after = text(header::RETRY_AFTER)
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs);
        let date = text(header::DATE)
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.to_utc());
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| sort(&error))? {
            if body.len() + chunk.len() > allowance.bytes {
                let bytes = allowance.bytes;
                let reason = format!("the answer is longer than {bytes} bytes");
                return Err(ExchangeError::Interrupted(reason));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, retry_after, date, body })
    }
}

/// Which call this is, in the metrics.
fn call(method: &Method, segments: &[&str]) -> &'static str {
    match (method.as_str(), segments) {
        ("GET", ["jwks"]) => "key_set",
        ("GET", ["users", _]) => "read_user",
        ("DELETE", ["users", _]) => "delete_user",
        _ => "list",
    }
}

/// Where it goes, in traces: ids, which are in every second place, are left out.
fn template(segments: &[&str]) -> String {
    let shown = (0..).zip(segments).map(|(place, segment)| match (place % 2, *segment) {
        (1, segment) if segment != "count" => "{id}",
        (_, segment) => segment,
    });
    shown.fold("/v1".to_owned(), |path, segment| path + "/" + segment)
}

/// How it ended, in the metrics.
fn ending(outcome: &Result<Reply, ExchangeError>) -> &'static str {
    match outcome {
        Ok(reply) => match reply.status.as_u16() {
            200..=299 => "ok",
            404 => "not_found",
            429 => "rate_limited",
            400..=499 => "refused",
            _ => "failed",
        },
        Err(ExchangeError::NotConnected(_)) => "not_connected",
        Err(ExchangeError::Interrupted(_)) => "interrupted",
    }
}

fn sort(error: &reqwest::Error) -> ExchangeError {
    // The whole chain: reqwest's own text is only "error sending request".
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(current) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&current.to_string());
        cause = current.source();
    }
    if error.is_connect() {
        ExchangeError::NotConnected(text)
    } else {
        ExchangeError::Interrupted(text)
    }
}
