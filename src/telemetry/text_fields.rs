//! The fields of a log line for people. What somebody else may have chosen (the message of a database, an answer
//! of Clerk's) can neither begin a line of its own nor command a terminal.

use std::fmt::{self, Write};

use tracing::field::Field;
use tracing_subscriber::fmt::format::Writer;

/// Writes one field, the message without its name.
pub(crate) fn write_field(
    writer: &mut Writer<'_>,
    field: &Field,
    value: &dyn fmt::Debug,
) -> fmt::Result {
    match field.name() {
        // Where a library's line in its source is, which the bridge from the `log` crate adds.
        name if name.starts_with("log.") => return Ok(()),
        "message" => {}
        name => write!(writer, "{name}=")?,
    }
    write!(Escaping(writer), "{value:?}")
}

struct Escaping<'a, 'writer>(&'a mut Writer<'writer>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(char::is_control) {
            match piece.char_indices().next_back() {
                Some((at, control)) if control.is_control() => {
                    self.0.write_str(piece.get(..at).unwrap_or_default())?;
                    write!(self.0, "{}", control.escape_debug())?;
                }
                _ => self.0.write_str(piece)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{field::MakeExt, fmt::format::debug_fn};

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

    #[test]
    fn nothing_that_is_logged_begins_a_line_or_commands_a_terminal() -> anyhow::Result<()> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .with_ansi(false)
            .finish();
        let hostile = "a\nINFO forged\r\x1b[31m\u{9b}2J\u{2028}end";
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", shown = %hostile, request_id = "mine");
            let _entered = span.enter();
            tracing::warn!(error = %hostile, text = hostile, number = 7, "{hostile}");
        });
        let text = String::from_utf8(lines.0.lock().map(|all| all.clone()).unwrap_or_default())?;
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().contains(char::is_control), "{text:?}");
        for expected in [
            r"a\nINFO forged\r\u{1b}[31m\u{9b}2J",
            r"error=a\nINFO forged",
            "number=7",
            "request_id=\"mine\"",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        Ok(())
    }
}
