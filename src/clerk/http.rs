//! One HTTP exchange with Clerk's Backend API, bounded in time and size. Knows which headers Clerk
//! wants; knows nothing of what the answers mean.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::loopback::is_loopback;

/// The whole exchange, connecting and reading included.
pub(crate) const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer longer than this is not read to its end.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// The version of the Backend API this client was written against.
const API_VERSION: &str = "2026-05-12";

/// A connection pool to one Clerk instance, with its secret key.
#[derive(Clone)]
pub struct ClerkHttp {
    client: reqwest::Client,
    base: Url,
}

/// What came back, whatever its status.
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// `Retry-After` in seconds, when it was given so.
    pub(crate) retry_after: Option<Duration>,
    /// The `Date` header: Clerk's clock.
    pub(crate) date: Option<DateTime<Utc>>,
    /// At most one MiB.
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
        Ok(Self { client: builder.build()?, base })
    }

    /// Sends a request without a body to `{base}/{segments…}`; each segment is percent-encoded.
    pub(crate) async fn send(
        &self,
        method: Method,
        segments: &[&str],
    ) -> Result<Reply, ExchangeError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let mut response =
            self.client.request(method, url).send().await.map_err(|error| sort(&error))?;
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
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(ExchangeError::Interrupted(
                    "the answer is longer than 1 MiB".to_owned(),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, retry_after, date, body })
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
