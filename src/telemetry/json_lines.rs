//! The JSON form of a log line: one flat object, in which the fields of the request it belongs to
//! (those of its span) stand beside those of the event, each once.

use std::{error::Error, fmt};

use chrono::SecondsFormat;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{self, Writer},
    },
    registry::LookupSpan,
};

use crate::clock::{Clock, SystemClock};

/// Writes events as flat JSON objects. The names of spans are not written, only their fields, so the
/// fields of spans and events must not share names.
pub(crate) struct JsonLines;

impl<S> FormatEvent<S, Members> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Members>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let time = SystemClock.now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let metadata = event.metadata();
        write!(
            writer,
            r#"{{"timestamp":"{time}","level":"{}","target":"{}""#,
            metadata.level(),
            metadata.target()
        )?;
        context.format_fields(writer.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<Members>>() {
                writer.write_str(&fields.fields)?;
            }
        }
        writeln!(writer, "}}")
    }
}

/// Writes fields as members of a JSON object, a comma before each.
pub(crate) struct Members;

impl<'writer> FormatFields<'writer> for Members {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = MemberWriter { writer, outcome: Ok(()) };
        fields.record(&mut visitor);
        visitor.outcome
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

struct MemberWriter<'writer> {
    writer: format::Writer<'writer>,
    outcome: fmt::Result,
}

impl MemberWriter<'_> {
    fn write(&mut self, field: &Field, value: impl fmt::Display) {
        let name = field.name();
        // Where a library's line in its source is, which the bridge from the `log` crate adds.
        if name.starts_with("log.") {
            return;
        }
        if self.outcome.is_ok() {
            self.outcome = write!(self.writer, r#","{name}":{value}"#);
        }
    }

    fn write_text(&mut self, field: &Field, text: &str) {
        // A string can always be written as JSON.
        if let Ok(quoted) = serde_json::to_string(text) {
            self.write(field, quoted);
        }
    }
}

impl Visit for MemberWriter<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.write(field, value);
        } else {
            self.write_text(field, &value.to_string());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write_text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.write_text(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write_text(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map(|mut all| all.extend_from_slice(bytes)).ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_is_one_flat_object_with_the_fields_of_its_request() -> anyhow::Result<()> {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(lines.clone())
            .fmt_fields(Members)
            .event_format(JsonLines)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span =
                tracing::info_span!("request", request_id = "a", route = tracing::field::Empty);
            let _entered = span.enter();
            tracing::info!(number = -1, "be\"fore\n");
            span.record("route", "/graphql");
            tracing::warn!(large = u64::MAX, half = 0.5, odd = f64::NAN, yes = true, debug = ?[1], "after");
        });
        let text = String::from_utf8(lines.0.lock().map(|all| all.clone()).unwrap_or_default())?;
        let parsed: Vec<Value> =
            text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let expected = [
            json!({ "level": "INFO", "message": "be\"fore\n", "number": -1, "request_id": "a" }),
            json!({
                "level": "WARN", "message": "after", "large": u64::MAX, "half": 0.5, "odd": "NaN",
                "yes": true, "debug": "[1]", "request_id": "a", "route": "/graphql",
            }),
        ];
        assert_eq!(parsed.len(), expected.len(), "{text}");
        for (mut line, expected) in parsed.into_iter().zip(expected) {
            if let Some(members) = line.as_object_mut() {
                assert!(members.remove("timestamp").is_some());
                assert!(members.remove("target").is_some());
            }
            assert_eq!(line, expected);
        }
        Ok(())
    }
}
