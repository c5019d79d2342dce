//! What commands print. The macros of the standard library panic when that fails.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Writes a command's result to standard output. A reader that has seen enough (`… | head`) is no
/// failure; a full disk is one.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Tells whoever started the command what went wrong, if anybody listens.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
