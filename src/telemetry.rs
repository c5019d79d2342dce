//! Logging set-up and counters. Knows no domain type: labels come from the callers.

use std::io::IsTerminal;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tracing_subscriber::EnvFilter;

/// What is logged, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Directives for `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// Text when the output is a terminal, JSON otherwise.
    #[default]
    Auto,
}

/// Starts logging to standard error, so that standard output stays free for what a command prints.
pub fn start_logging(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let as_json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let started = if as_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))?;
    log_panics();
    Ok(())
}

/// Sends what a panic says to the log, in the log's format and with the request it happened in,
/// instead of to standard error.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(tracing::field::display);
        tracing::error!(message, location, "a panic");
    }));
}

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
        Self { registry, authentications, session_refusals, webhooks }
    }
}

impl Metrics {
    /// Counts one look at an `Authorization` header; `outcome` is `accepted`, `anonymous`, or why the
    /// token was refused.
    pub fn count_authentication(&self, outcome: &'static str) {
        self.authentications.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts one session that was refused although its token is good; `outcome` is why.
    pub fn count_refusal(&self, outcome: &'static str) {
        self.session_refusals.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts one webhook message; `outcome` is `applied`, `duplicate`, or why it was refused.
    pub fn count_webhook(&self, outcome: &'static str) {
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
