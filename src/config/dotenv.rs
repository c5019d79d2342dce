//! Reads a `.env` file into a map. Knows the file format through `dotenvy` and nothing of the
//! settings; never changes the process environment.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use super::fault::Fault;

/// The variables of the file, or none when there is no such file. Where a name occurs twice the
/// last one counts, as in other readers of this format.
///
/// # Errors
/// A fault naming the file when it cannot be read, and the line when one is malformed. The line
/// itself is not repeated: it may hold a secret.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, Fault> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(fault(
            path,
            format!("the file cannot be read: {error}"),
            "make it a readable UTF-8 text file, or remove it",
        )),
    }
}

fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, String>, Fault> {
    // dotenvy's iterator keeps a byte order mark in the first name, and refuses a last line that
    // ends in a blank without a line break.
    let text = format!("{}\n", text.trim_start_matches('\u{feff}'));
    let lines = Rc::new(Cell::new(0));
    let reader = LineByLine { rest: text.as_bytes(), lines: Rc::clone(&lines) };
    let mut variables = BTreeMap::new();
    for entry in dotenvy::from_read_iter(reader) {
        match entry {
            Ok((name, value)) => {
                variables.insert(name, value);
            }
            Err(error) => return Err(line_fault(path, lines.get(), &error)),
        }
    }
    Ok(variables)
}

/// `last_line` is the last line of the entry; an entry with quotes may have begun earlier.
fn line_fault(path: &Path, last_line: usize, error: &dotenvy::Error) -> Fault {
    let first_line = match error {
        dotenvy::Error::LineParse(entry, _) => {
            last_line.saturating_sub(entry.lines().count().saturating_sub(1))
        }
        _ => last_line,
    };
    fault(
        path,
        format!("line {first_line} is malformed"),
        "write NAME=value; put a value with blanks or line breaks in double quotes and close them",
    )
}

fn fault(path: &Path, reason: String, fix: &str) -> Fault {
    Fault { variable: path.display().to_string(), reason, fix: fix.to_owned() }
}

/// Hands out one line per read and counts them, so that after an error the count is the number of
/// the line that caused it: the reader in between buffers, but never asks before it is empty.
struct LineByLine<'text> {
    rest: &'text [u8],
    lines: Rc<Cell<usize>>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self
            .rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.rest.len(), |position| position + 1);
        let (head, rest) = self.rest.split_at(line.min(buffer.len()));
        for (target, byte) in buffer.iter_mut().zip(head) {
            *target = *byte;
        }
        if head.ends_with(b"\n") {
            self.lines.set(self.lines.get() + 1);
        }
        self.rest = rest;
        Ok(head.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_quotes_comments_and_line_breaks() -> Result<(), Fault> {
        let text = "\u{feff}# comment\nA=1\n\nexport B = \"two words\" # note\nC='x\ny'\nA=3\nD=4 ";
        let variables = parse(Path::new(".env"), text)?;
        let pairs: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "3"), ("B", "two words"), ("C", "x\ny"), ("D", "4")]);
        Ok(())
    }

    #[test]
    fn a_malformed_line_is_named_and_not_repeated() {
        let long = format!("A={}\nhidden words\n", "a".repeat(20_000));
        let cases = [
            ("A=1\n# note\n\nhidden\nB=2\n", 4),
            ("A=1\r\nB=hidden words\r\n", 2),
            ("A=1\nB=\"hidden\nwords\n", 2),
            ("A=\"1\n2\"\n1hidden=3", 3),
            ("A=1\nB='x\ny'hidden words\n", 2),
            (long.as_str(), 2),
        ];
        for (text, line) in cases {
            let error = parse(Path::new("folder/.env"), text).map_err(|fault| fault.to_string());
            let message = error.err().unwrap_or_default();
            assert!(
                message.starts_with(&format!("folder/.env: line {line} is malformed")),
                "{text:?} gave {message}"
            );
            assert!(!message.contains("hidden"));
        }
    }

    #[test]
    fn no_file_is_an_empty_environment_and_a_folder_is_a_fault() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert_eq!(read(&folder.path().join(".env")), Ok(BTreeMap::new()));
        let fault = read(folder.path()).err();
        assert!(fault.is_some_and(|fault| fault.reason.contains("cannot be read")));
        Ok(())
    }
}
