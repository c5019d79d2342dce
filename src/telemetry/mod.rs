//! Logging set-up, counters and traces. Knows no domain type: labels come from the callers.

mod instruments;
mod json_lines;
mod log_writer;
mod metrics;
mod process;
mod text_fields;
pub(crate) mod traces;
mod watched;

use std::{io::IsTerminal, time::Duration};

use tracing_subscriber::{EnvFilter, field::MakeExt, fmt::format::debug_fn};

use self::{
    json_lines::{JsonLines, Members},
    log_writer::LogWriter,
};
pub(crate) use instruments::{Batches, Calls, Hits, Waiting};
pub(crate) use metrics::Metrics;
pub(crate) use watched::Watched;

/// What is logged, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// Directives for `tracing_subscriber::EnvFilter`.
    pub(crate) filter: String,
    /// The form of a line.
    pub(crate) format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// Text when the output is a terminal, JSON otherwise.
    #[default]
    Auto,
}

/// Starts logging to standard error, so that standard output stays free for what a command prints.
/// A line that cannot be written at once waits in memory, up to a bound, and is dropped beyond it: no
/// request ever waits for whoever reads the log.
pub(crate) fn start_logging(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let writer = LogWriter::start(std::io::stderr())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        // Would be written to standard error, with a macro that panics when that fails.
        .log_internal_errors(false);
    let as_json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let started = if as_json {
        builder.fmt_fields(Members).event_format(JsonLines).try_init()
    } else {
        let fields = debug_fn(text_fields::write_field).delimited(" ");
        builder.fmt_fields(fields).with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))?;
    log_panics();
    Ok(())
}

/// Waits until every line is written, but at most this long: the reader of the log may have stopped.
pub(crate) fn flush_log(limit: Duration) {
    log_writer::flush(limit);
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
