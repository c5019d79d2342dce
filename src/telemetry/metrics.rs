//! The counters of one server, in the Prometheus text format.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::log_writer;

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    authentications: Family<Outcome, Counter>,
    session_refusals: Family<Outcome, Counter>,
    webhooks: Family<Outcome, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mission_control");
        let authentications = Family::default();
        registry.register(
            "authentications",
            "Requests by what their Authorization header came to",
            authentications.clone(),
        );
        let session_refusals = Family::default();
        registry.register(
            "session_refusals",
            "Sessions with a good token that do not count, by why",
            session_refusals.clone(),
        );
        let webhooks = Family::default();
        registry.register(
            "webhook_messages",
            "Webhook messages by what became of them",
            webhooks.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Log lines that were not written: their reader stopped or went away, or the disk is full",
            log_writer::dropped_lines(),
        );
        Self { registry, authentications, session_refusals, webhooks }
    }
}

impl Metrics {
    /// Counts one look at an `Authorization` header; `outcome` is `accepted`, `anonymous`, or why the
    /// token was refused.
    pub(crate) fn count_authentication(&self, outcome: &'static str) {
        self.authentications.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts one session that was refused although its token is good; `outcome` is why.
    pub(crate) fn count_refusal(&self, outcome: &'static str) {
        self.session_refusals.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts one webhook message; `outcome` is `applied`, `duplicate`, or why it was refused.
    pub(crate) fn count_webhook(&self, outcome: &'static str) {
        self.webhooks.get_or_create(&Outcome { outcome }).inc();
    }

    /// Everything in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "the metrics cannot be written out");
        }
        text
    }
}
