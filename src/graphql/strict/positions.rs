//! From places in a document's text, which the parser counts in bytes, to the lines and columns that
//! errors carry (GraphQL specification, section 7.1.6).

use async_graphql::Pos;
use bluejay_parser::Span;

/// Where the lines of a text begin.
pub(crate) struct Positions {
    /// The byte after each line terminator (GraphQL specification, section 2.1.2), in order.
    line_starts: Vec<usize>,
}

impl Positions {
    /// Finds the lines of a text.
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let line_starts = (0..bytes.len())
            .filter(|&at| match bytes.get(at) {
                Some(b'\n') => true,
                Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            })
            .map(|terminator| terminator + 1)
            .collect();
        Self { line_starts }
    }

    /// The line and column, both counted from one, where a span begins.
    pub(crate) fn of(&self, span: Span) -> Pos {
        let at = span.byte_range().start;
        let line = self.line_starts.partition_point(|&start| start <= at);
        let start = line.checked_sub(1).and_then(|line| self.line_starts.get(line));
        // Bytes, not characters: counting characters for every node of a long line would take quadratic
        // time. Names and punctuation are ASCII, so the two differ behind a string or comment only.
        Pos { line: line + 1, column: at - start.copied().unwrap_or(0) + 1 }
    }
}

#[cfg(test)]
mod tests {
    use bluejay_parser::{
        HasSpan,
        ast::{Parse, executable::ExecutableDocument},
    };

    use super::*;

    #[test]
    fn lines_end_as_the_specification_says() {
        for (text, line, column) in [
            ("{a}", 1, 1),
            ("\n{a}", 2, 1),
            ("\r\n  {a}", 2, 3),
            ("\r\r{a}", 3, 1),
            ("# x\u{2028}y\n {a}", 2, 2),
        ] {
            let document = ExecutableDocument::parse(text).result.unwrap();
            let set = document.operation_definitions()[0].selection_set();
            assert_eq!(Positions::new(text).of(*set.span()), Pos { line, column }, "{text:?}");
        }
    }
}
