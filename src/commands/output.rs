//! What commands print. The macros of the standard library panic when that fails.

use std::{
    borrow::Cow,
    io::{self, ErrorKind, IsTerminal, Write},
};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What deserves a look.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Headings.
pub(crate) const STRONG: Style = Style::new().bold();

/// Writes a command's result to standard output. A reader that has seen enough (`… | head`) is no
/// failure; a full disk is one.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    written(write_all(&mut io::stdout().lock(), text))
}

/// The same for a text with colours, which stay only on a terminal, and only while `NO_COLOR` is unset.
pub(crate) fn print_painted(text: &str) -> anyhow::Result<()> {
    written(write_all(&mut AutoStream::auto(io::stdout().lock()), text))
}

/// Prints a value for programs: indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

fn write_all(output: &mut impl Write, text: &str) -> io::Result<()> {
    output.write_all(text.as_bytes()).and_then(|()| output.flush())
}

fn written(outcome: io::Result<()>) -> anyhow::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("standard output cannot be written"),
    }
}

/// Tells whoever started the command what went wrong, if anybody listens.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A text in a colour.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A text that somebody else chose, without what would steer a terminal: control characters, and those
/// that turn the direction of writing round.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(steers) {
        Cow::Owned(text.replace(steers, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A time as it is shown everywhere: UTC, milliseconds.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// One line on standard error that says how far long work has come. It is there only while somebody
/// looks at a terminal.
pub(crate) struct Progress {
    is_shown: bool,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal() }
    }

    /// Replaces the line.
    pub(crate) fn show(&self, text: &str) {
        if self.is_shown {
            let mut errors = io::stderr().lock();
            let _ = write!(errors, "\r\x1b[K{text}").and_then(|()| errors.flush());
        }
    }
}

impl Drop for Progress {
    /// Takes the line away.
    fn drop(&mut self) {
        self.show("");
    }
}

/// Lines whose columns stand below each other, two blanks apart. The first one is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = line.trim_end();
        text += &if number == 0 { paint(STRONG, line) } else { line.to_owned() };
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_by_characters() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["ID", "NAME", "X"]), row(["1", "Zoë", ""]), row(["22", "A", "b"])]);
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "ID  NAME  X\n1   Zoë\n22  A     b\n"
        );
    }

    #[test]
    fn a_name_does_not_steer_the_terminal() {
        assert_eq!(harmless("Zoë 👩"), "Zoë 👩");
        for steering in ["\u{1b}[2J", "\u{9b}2J", "a\r\nb", "\u{202e}abc"] {
            let shown = harmless(steering);
            assert!(
                !shown.contains(char::is_control) && !shown.contains('\u{202e}'),
                "{steering:?}"
            );
        }
    }
}
