//! Bringing finished spans to their receiver, over the runtime and the HTTP client that everything else uses. A
//! receiver that is away costs a line in the log when it goes and one when it is back, and nothing else.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use url::Url;

use crate::loopback::is_loopback;

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The way to the receiver.
#[derive(Debug)]
pub(super) struct Delivery {
    client: reqwest::Client,
    /// The exporter calls from a thread of its own, which has no runtime.
    runtime: Handle,
    is_failing: AtomicBool,
}

impl Delivery {
    /// Must be called on the runtime.
    pub(super) fn new(endpoint: &Url, timeout: Duration) -> anyhow::Result<Self> {
        let mut builder = reqwest::Client::builder()
            // A redirect would carry the headers, which may hold a key, to another place.
            .redirect(Policy::none())
            .timeout(timeout);
        if endpoint.host().is_some_and(|host| is_loopback(&host)) {
            builder = builder.no_proxy();
        }
        let client = builder.build()?;
        Ok(Self { client, runtime: Handle::current(), is_failing: AtomicBool::new(false) })
    }

    fn note(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let fault = match outcome {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(causes(error.as_ref())),
        };
        let was_failing = self.is_failing.swap(fault.is_some(), Ordering::Relaxed);
        match fault {
            Some(reason) if !was_failing => {
                tracing::warn!(reason, "traces cannot be delivered and are dropped until they can");
            }
            None if was_failing => tracing::info!("traces are delivered again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Delivery {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        for value in request.headers_mut().values_mut() {
            // May be a key. Not to be shown when somebody logs what the client does.
            value.set_sensitive(true);
        }
        let client = self.client.clone();
        let task = self.runtime.spawn(async move { send(&client, request).await });
        let outcome = task.await.unwrap_or_else(|error| Err(error.into()));
        self.note(&outcome);
        outcome
    }
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(format!("the answer is longer than {LONGEST_ANSWER} bytes").into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

/// An error with what caused it: reqwest's own text is only "error sending request".
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        text = format!("{text}: {current}");
        cause = current.source();
    }
    text
}
