//! What Clerk would tell the server of every change: signed messages, sent to ourselves over HTTP.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::clients::new_id;
use crate::{
    clerk::webhook::{WebhookSecret, sign},
    clock::Clock,
};

/// As long as Clerk waits for an answer.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The sender. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Webhooks {
    url: String,
    secret: WebhookSecret,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl Webhooks {
    /// Messages will go to `url`, signed with `secret`.
    pub(crate) fn new(
        url: String,
        secret: WebhookSecret,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIME_LIMIT).build()?;
        Ok(Self { url, secret, http, clock })
    }

    /// Sends one message, and answers the status it met. Fails when nobody takes it.
    pub(crate) async fn deliver(&self, event: &str, data: &Value) -> anyhow::Result<StatusCode> {
        let now = self.clock.now();
        let body = json!({
            "type": event, "object": "event", "data": data, "timestamp": now.timestamp_millis(),
            "instance_id": "ins_development",
            "event_attributes": { "http_request": { "client_ip": "127.0.0.1", "user_agent": "" } },
        })
        .to_string();
        let id = new_id("msg");
        let url = &self.url;
        let reply = self
            .http
            .post(url)
            .header("svix-id", &id)
            .header("svix-timestamp", now.timestamp())
            .header("svix-signature", sign(&self.secret, &id, now.timestamp(), body.as_bytes()))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .with_context(|| {
                format!("nobody answers at {url}; start `mission-control dev` first")
            })?;
        let status = reply.status();
        if !status.is_success() {
            anyhow::bail!("{url} answered {status}: {}", reply.text().await.unwrap_or_default());
        }
        Ok(status)
    }

    /// Sends messages in their order. One that is not taken is lost, with a line in the log.
    pub(crate) async fn tell(&self, messages: &[Message]) {
        for Message { event, data } in messages {
            if let Err(error) = self.deliver(event, data).await {
                tracing::warn!(event, "an event of the development issuer is lost: {error:#}");
            }
        }
    }
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// For example `user.updated`.
    pub(crate) event: String,
    /// What it is about.
    pub(crate) data: Value,
}

impl Message {
    /// An event about something.
    pub(crate) fn new(event: impl Into<String>, data: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self { event: event.into(), data: serde_json::to_value(data)? })
    }
}
