//! The bracket nesting of a document's text, measured before the parser sees it.
//!
//! The parser is recursive and its stack is not: a list literal nested two thousand deep, four
//! kilobytes of text, ends the process. So the levels are counted first, over bytes, in one pass,
//! without allocation and without recursion. The scan knows brackets, strings and comments, and
//! nothing else of the grammar.

use async_graphql::Pos;

use super::Refusal;

/// The deepest nesting that is ever handed to the parser, whatever the configured bound. The parser
/// and everything that walks its result fit into a one-megabyte stack at this depth, unoptimised
/// builds included; and the parser itself takes 65 selection sets, with an error that names no
/// setting.
pub const NESTING_CEILING: usize = 64;

/// Refuses a document whose brackets, `{`, `[` and `(` together, are nested deeper than `limit`.
///
/// Brackets in strings, block strings and comments do not count (GraphQL specification, sections
/// 2.1.4 and 2.9.4). Whether brackets match is left to the parser, which goes no further than the
/// first that does not.
///
/// # Errors
///
/// [`ValidationFailed`](super::RefusalCode::ValidationFailed) over the limit, with the place of the
/// first bracket too many. [`ParseFailed`](super::RefusalCode::ParseFailed) for a string or block
/// string without an end. Refusing those here is not a courtesy: the parser reads an unterminated
/// `"""` as an empty string followed by a quote, so what this scan takes for text could be brackets
/// to the parser, and a row of such quotes makes it search the whole rest of the document once for
/// each.
pub fn check_nesting(query: &str, limit: usize) -> Result<(), Refusal> {
    let limit = limit.min(NESTING_CEILING);
    let mut scan = Scan { text: query.as_bytes(), at: 0 };
    let mut depth: usize = 0;
    while let Some(byte) = scan.peek() {
        let start = scan.at;
        scan.at += 1;
        match byte {
            b'{' | b'[' | b'(' if depth == limit => {
                let message =
                    format!("The document is nested deeper than {limit} brackets (MAX_NESTING).");
                return Err(Refusal::validation(message, position(query, start)));
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => scan.skip_comment(),
            b'"' if !scan.skip_string() => {
                let message = "Syntax error: a string that begins here has no end.";
                return Err(Refusal::parse(message, position(query, start)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A place in the text, moving forward only.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn meets(&self, expected: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(expected))
    }

    /// From behind the `#` to the end of the line.
    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n' && byte != b'\r') {
            self.at += 1;
        }
    }

    /// From behind the first quote to behind the last; false when the string does not end.
    fn skip_string(&mut self) -> bool {
        if self.meets(b"\"\"") {
            self.at += 2;
            return self.skip_block();
        }
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return true;
                }
                b'\\' => self.at += 2,
                b'\n' | b'\r' => return false,
                _ => self.at += 1,
            }
        }
        false
    }

    /// From behind the three opening quotes to behind the closing ones; the only escape is `\"""`.
    fn skip_block(&mut self) -> bool {
        while self.peek().is_some() {
            if self.meets(b"\\\"\"\"") {
                self.at += 4;
            } else if self.meets(b"\"\"\"") {
                self.at += 3;
                return true;
            } else {
                self.at += 1;
            }
        }
        false
    }
}

/// The line and column, both from one, of a byte of the text. Run once, when a document is refused.
fn position(query: &str, at: usize) -> Pos {
    let before = query.get(..at).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Pos {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).map_or(1, |line| line.chars().count() + 1),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use async_graphql::parser::{parse_query, types::Selection};
    use async_graphql_value::Value as Literal;
    use proptest::prelude::*;

    use super::*;
    use crate::graphql::precheck::RefusalCode;

    #[test]
    fn brackets_of_every_kind_count_together() {
        for (query, depth) in [
            ("", 0),
            ("{a}", 1),
            ("{a{b} c{d}}", 2),
            ("{a(b:[1])}", 3),
            ("{a(b:{c:[{d:1}]})}", 5),
            ("query($a:[[Int]]){a}", 3),
            ("{a(b:\"{{[[((\")}", 2),
            ("{a(b:\"\\\"{{{{\")}", 2),
            ("{a(b:\"\\\\\")c{d}}", 2),
            ("{a(b:\"\",c:[1])}", 3),
            ("{a(b:\"\"\"{{[[((\"\"\")}", 2),
            ("{a(b:\"\"\" \" \"\" {{ \\\"\"\" [[[[ \"\"\")}", 2),
            ("{a(b:\"\"\"\"\"\",c:[1])}", 3),
            ("{a(b:\"\"\"\n{\n\"\"\",c:[1])}", 3),
            ("{a # {{{{ \" [[\n b{c}}", 2),
            ("{a # {{{{\r b{c}}", 2),
            ("{é(b:\"é{\")}", 2),
            ("}}}}{a}", 1),
        ] {
            assert_eq!(check_nesting(query, depth), Ok(()), "{query}");
            if depth > 0 {
                let refusal = check_nesting(query, depth - 1).expect_err(query);
                assert_eq!(refusal.code, RefusalCode::ValidationFailed, "{query}");
                assert!(refusal.message.contains("MAX_NESTING"), "{}", refusal.message);
            }
        }
    }

    #[test]
    fn bombs_are_refused_at_the_first_bracket_too_many() {
        for open in ["{", "[", "(", "{a(b:[", "{a", "{...{", "[{a:"] {
            let bomb = open.repeat(100_000 / open.len());
            let started = Instant::now();
            let refusal = check_nesting(&bomb, 40).expect_err(open);
            assert!(started.elapsed() < Duration::from_millis(50), "{open}");
            assert_eq!(refusal.locations.len(), 1);
        }
        let refusal = check_nesting("{\n é [", 1).expect_err("two levels");
        assert_eq!(refusal.locations, [Pos { line: 2, column: 4 }]);
    }

    #[test]
    fn strings_without_an_end_never_reach_the_parser() {
        let search = format!("{{a(b:[\"\"\"{}])}}", "\\\"\"\"\"\"".repeat(2_700));
        for query in [
            "{a(b:\"",
            "{a(b:\"x\n\")}",
            "{a(b:\"x\r\")}",
            "{a(b:\"\\",
            "{a(b:\"\"\"",
            "{a(b:\"\"\" \\\"\"\"",
            // To the parser alone this is two empty strings, then brackets.
            &format!("{{a(b:[\"\"\"\"{}", "[".repeat(5_000)),
            &search,
        ] {
            let started = Instant::now();
            let refusal = check_nesting(query, 40).expect_err("no end");
            assert_eq!(refusal.code, RefusalCode::ParseFailed);
            assert!(started.elapsed() < Duration::from_millis(50));
        }
    }

    #[test]
    fn the_ceiling_fits_a_small_stack() {
        assert!(check_nesting(&"[".repeat(NESTING_CEILING + 1), usize::MAX).is_err());
        let levels = NESTING_CEILING - 2;
        let query = format!("{{a(b:{}1{})}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check_nesting(&query, usize::MAX), Ok(()));
        let parsed = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || parse_query(query).is_ok())
            .expect("a thread")
            .join();
        assert_eq!(parsed.ok(), Some(true));
    }

    fn levels(literal: &Literal) -> usize {
        match literal {
            Literal::List(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// A token and what it does to the depth.
    fn token() -> impl Strategy<Value = (String, i32)> {
        let string = prop::collection::vec(
            prop::sample::select(vec!["{", "[", "(", "}", "#", "\\\"", "\\\\", "\\u0022", "é"]),
            0..6,
        );
        let block = prop::collection::vec(
            prop::sample::select(vec![
                "{", "[", "]", "\\\"\"\"", "\"x", "\"\"x", "\\n ", "\n", "#",
            ]),
            0..6,
        );
        prop_oneof![
            prop::sample::select(vec!["{", "[", "("]).prop_map(|open| (open.to_owned(), 1)),
            prop::sample::select(vec!["}", "]", ")"]).prop_map(|close| (close.to_owned(), -1)),
            prop::sample::select(vec![
                "name",
                "$v",
                "@d",
                "...",
                "1.5e3",
                ",",
                "# {[(\"\n",
                "# \"\"\"\r"
            ])
            .prop_map(|other| (other.to_owned(), 0)),
            string.prop_map(|pieces| (format!("\"{}\"", pieces.concat()), 0)),
            block.prop_map(|pieces| (format!("\"\"\"{}\"\"\"", pieces.concat()), 0)),
        ]
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(query in "\\PC*", limit in 0_usize..60) {
            let _ = check_nesting(&query, limit);
        }

        #[test]
        fn quotes_escapes_and_brackets_are_judged_without_a_panic(
            query in "[\"\\\\{}\\[\\]()#\n\ra é]{0,80}",
            limit in 0_usize..20,
        ) {
            // What is let through, the parser may see, whatever it makes of it.
            if check_nesting(&query, limit).is_ok() {
                let _ = parse_query(&query);
            }
        }

        #[test]
        fn what_parses_was_counted_as_the_parser_reads_it(pieces in prop::collection::vec(
            prop::sample::select(vec!["\"", "\"\"", "\"\"\"", "\\\"", "\\\"\"\"", "[", "[]", "]", "x ", "#", "\n"]),
            0..12,
        )) {
            let query = format!("{{a(b:[{}])}}", pieces.concat());
            if let (Ok(document), Ok(())) = (parse_query(&query), check_nesting(&query, usize::MAX)) {
                let (_, operation) = document.operations.iter().next().expect("an operation");
                let items = &operation.node.selection_set.node.items;
                let Some(Selection::Field(field)) = items.first().map(|item| &item.node) else {
                    panic!("{query} selects no field");
                };
                let depth = 2 + field.node.arguments.iter().map(|(_, value)| levels(&value.node)).max().unwrap_or(0);
                prop_assert_eq!(check_nesting(&query, depth), Ok(()), "{}", query);
                prop_assert!(check_nesting(&query, depth - 1).is_err(), "{}", query);
            }
        }

        #[test]
        fn tokens_are_counted_as_a_model_counts_them(tokens in prop::collection::vec(token(), 0..60)) {
            let mut text = String::new();
            let (mut depth, mut deepest) = (0_i32, 0_i32);
            for (token, step) in &tokens {
                text.push_str(token);
                text.push(' ');
                depth = (depth + step).max(0);
                deepest = deepest.max(depth);
            }
            let deepest = usize::try_from(deepest).expect("never negative");
            prop_assert_eq!(check_nesting(&text, deepest), Ok(()));
            if deepest > 0 {
                prop_assert!(check_nesting(&text, deepest - 1).is_err());
            }
        }
    }
}
