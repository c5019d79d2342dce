//! The counters of one server, in the formats of OpenMetrics and Prometheus.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{
    instruments::{Batches, Calls, seconds},
    log_writer, process,
    watched::{Reading, Watched},
};

/// Before every name of ours.
const PREFIX: &str = "mission_control";
/// Upper bounds of the time between an event and its arrival, in seconds: Clerk's deliveries are tried again
/// for more than a day.
const LAGS: [f64; 10] = [1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 36_000.0, 100_000.0];

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    request_seconds: Family<Operation, Histogram, fn() -> Histogram>,
    authentications: Family<Outcome, Counter>,
    session_refusals: Family<Outcome, Counter>,
    webhooks: Family<Outcome, Counter>,
    webhook_lag: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    operation: Cow<'static, str>,
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut root = Registry::default();
        for watched in process::watched() {
            root.register_collector(Box::new(watched));
        }
        let registry = root.sub_registry_with_prefix(PREFIX);
        let requests = Family::default();
        registry.register(
            "requests",
            "Requests by what they asked for and what became of them",
            requests.clone(),
        );
        let request_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register(
            "request_duration_seconds",
            "Time from a request's head to its answer's",
            request_seconds.clone(),
        );
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
        let webhook_lag = Histogram::new(LAGS);
        registry.register(
            "webhook_lag_seconds",
            "Time from an event at Clerk to its arrival here",
            webhook_lag.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Log lines that were not written: their reader stopped or went away, or the disk is full",
            log_writer::dropped_lines(),
        );
        Self {
            registry: Mutex::new(root),
            requests,
            request_seconds,
            authentications,
            session_refusals,
            webhooks,
            webhook_lag,
        }
    }
}

impl Metrics {
    /// Counts one request. `operation` is one of a bounded set that clients do not choose.
    pub(crate) fn count_request(
        &self,
        operation: Cow<'static, str>,
        outcome: &'static str,
        took: Duration,
    ) {
        let by_operation = Operation { operation };
        self.request_seconds.get_or_create(&by_operation).observe(took.as_secs_f64());
        let Operation { operation } = by_operation;
        self.requests.get_or_create(&Request { operation, outcome }).inc();
    }

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

    /// Notes how long ago an event happened that arrives now.
    pub(crate) fn observe_webhook_lag(&self, lag: Duration) {
        self.webhook_lag.observe(lag.as_secs_f64());
    }

    /// Shows the calls to Clerk.
    pub(crate) fn show_clerk_calls(&self, calls: &Calls) {
        self.with_registry(|registry| {
            registry.register(
                "clerk_calls",
                "Calls to Clerk's Backend API by how they ended",
                calls.outcomes.clone(),
            );
            registry.register(
                "clerk_call_duration_seconds",
                "Time that calls to Clerk's Backend API take",
                calls.seconds.clone(),
            );
        });
    }

    /// Shows how many questions one statement answers.
    pub(crate) fn show_batches(&self, batches: &Batches) {
        self.with_registry(|registry| {
            registry.register(
                "database_batch_size",
                "Questions that one statement answers, by what they ask for",
                batches.0.clone(),
            );
        });
    }

    /// Shows numbers that are read when somebody asks for the metrics.
    pub(crate) fn watch(&self, watched: Watched) {
        self.with_registry(|registry| registry.register_collector(Box::new(watched)));
    }

    /// Shows one such number, while there is one.
    pub(crate) fn watch_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        let one = |value| -> Reading { (Vec::new(), value) };
        let read = Box::new(move || read().map(one).into_iter().collect());
        self.watch(Watched { name, help, is_counter: false, read });
    }

    fn with_registry(&self, change: impl FnOnce(&mut Registry)) {
        let mut root = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        change(root.sub_registry_with_prefix(PREFIX));
    }

    /// Everything in the text format of OpenMetrics 1.0.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "the metrics cannot be written out");
        }
        text
    }

    /// The same in the older format, which every collector reads: a counter's name is that of its samples,
    /// and nothing marks the end.
    pub(crate) fn render_classic(&self) -> String {
        let text = self.render();
        let counters: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
            .collect();
        let mut classic = String::with_capacity(text.len());
        for line in text.lines().filter(|line| *line != "# EOF") {
            let mut words = line.splitn(4, ' ');
            let head = (words.next(), words.next(), words.next(), words.next());
            match head {
                (Some("#"), Some(what @ ("TYPE" | "HELP")), Some(name), Some(rest))
                    if counters.contains(&name) =>
                {
                    let _ = writeln!(classic, "# {what} {name}_total {rest}");
                }
                _ => {
                    classic += line;
                    classic.push('\n');
                }
            }
        }
        classic
    }
}
