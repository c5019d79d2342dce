//! From places in a document's text, which the parser counts in bytes, to the lines and columns that
//! errors carry (GraphQL specification, section 7.1.6).

use std::borrow::Cow;

use async_graphql::Pos;
use bluejay_parser::Span;

/// Where the lines and the characters of a text begin.
pub(crate) struct Positions {
    /// The byte after each line terminator (GraphQL specification, section 2.1.2), in order.
    line_starts: Vec<usize>,
    /// The bytes that begin no character, in order. Counting the characters anew for every node of a
    /// long line would take quadratic time.
    continuations: Vec<usize>,
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
        let continuations = (0..bytes.len()).filter(|&at| !text.is_char_boundary(at)).collect();
        Self { line_starts, continuations }
    }

    /// The line and column, both counted from one, where a span begins.
    pub(crate) fn of(&self, span: Span) -> Pos {
        let at = span.byte_range().start;
        let line = self.line_starts.partition_point(|&start| start <= at);
        let start = line.checked_sub(1).and_then(|line| self.line_starts.get(line));
        let start = start.copied().unwrap_or(0);
        let continuations_before = |end| self.continuations.partition_point(|&byte| byte < end);
        let continuations = continuations_before(at) - continuations_before(start);
        Pos { line: line + 1, column: at - start - continuations + 1 }
    }
}

/// The text for the library to find places by: every character is where it was, but nothing is left that
/// the library, and not the specification, takes for the end of a line (Unicode's other terminators), and the
/// line after the last terminator is not empty, which the library would not count.
pub(crate) fn with_lines_of_graphql(text: &str) -> Cow<'_, str> {
    let stand_in = |sign| match sign {
        '\u{b}' | '\u{c}' => Some(' '),
        '\u{85}' => Some('\u{a0}'),
        '\u{2028}' | '\u{2029}' => Some('\u{2000}'),
        _ => None,
    };
    let last_line = text.ends_with(['\n', '\r']).then_some(' ');
    if last_line.is_none() && !text.contains(|sign| stand_in(sign).is_some()) {
        return text.into();
    }
    let signs = text.chars().map(|sign| stand_in(sign).unwrap_or(sign));
    signs.chain(last_line).collect::<String>().into()
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
            ("query($v: String = \"日é😀\") {a}", 1, 27),
        ] {
            let document = ExecutableDocument::parse(text).result.unwrap();
            let set = document.operation_definitions()[0].selection_set();
            assert_eq!(Positions::new(text).of(*set.span()), Pos { line, column }, "{text:?}");
        }
    }

    #[test]
    fn stand_ins_are_as_long_as_what_they_stand_for() {
        let text = "a\u{b}b\u{c}c\u{85}d\u{2028}e\u{2029}f";
        let changed = with_lines_of_graphql(text);
        assert_eq!(changed.len(), text.len());
        assert_eq!(changed.chars().count(), text.chars().count());
        assert!(matches!(with_lines_of_graphql("{ a }\r\né"), Cow::Borrowed(_)));
    }
}
