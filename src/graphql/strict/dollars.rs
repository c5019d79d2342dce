//! bluejay 0.5: `$` and the name of a variable are one token.
//!
//! By the GraphQL specification (sections 2.1.7 and 2.13) they are two, and white space, commas, comments
//! and byte order marks may stand between them. In a text that has any, the `$` is moved behind them, which
//! leaves every other token in its place. No longer needed when the test
//! `variables_are_found_behind_ignored_tokens` passes without.

use std::borrow::Cow;

/// The byte order mark, which is ignored anywhere (specification, section 2.1.1).
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The text with every `$` directly before the name it belongs to.
pub(crate) fn join_dollars(text: &str) -> Cow<'_, str> {
    let is_apart = |rest: &str| !rest.starts_with(|next: char| next == '_' || next.is_alphabetic());
    if !text.split('$').skip(1).any(is_apart) {
        return Cow::Borrowed(text);
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '#' => ignored_length(rest),
            '$' => {
                let behind = rest.get(1..).unwrap_or_default();
                let ignored = ignored_length(behind);
                joined.push_str(behind.get(..ignored).unwrap_or_default());
                joined.push('$');
                rest = behind.get(ignored..).unwrap_or_default();
                continue;
            }
            other => other.len_utf8(),
        };
        joined.push_str(rest.get(..length).unwrap_or(rest));
        rest = rest.get(length..).unwrap_or_default();
    }
    Cow::Owned(joined)
}

/// How many bytes at the beginning of a text are ignored tokens.
fn ignored_length(text: &str) -> usize {
    let mut rest = text;
    loop {
        let behind = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
        let behind = behind.strip_prefix(BYTE_ORDER_MARK).unwrap_or(behind);
        let behind = match behind.strip_prefix('#') {
            Some(comment) => comment.trim_start_matches(|next| next != '\n' && next != '\r'),
            None => behind,
        };
        if behind.len() == rest.len() {
            return text.len() - rest.len();
        }
        rest = behind;
    }
}

/// How many bytes the string at the beginning of a text takes, its quotes included; all of the text when
/// it has no end.
fn string_length(text: &str) -> usize {
    let (quote, escape) =
        if text.starts_with("\"\"\"") { ("\"\"\"", "\\\"\"\"") } else { ("\"", "\\") };
    let mut at = quote.len();
    while let Some(rest) = text.get(at..) {
        let Some(next) = rest.chars().next() else { break };
        if rest.starts_with(quote) {
            return at + quote.len();
        }
        at += if rest.starts_with(escape) && quote.len() == 3 {
            escape.len()
        } else if next == '\\' && quote.len() == 1 {
            1 + rest.chars().nth(1).map_or(0, char::len_utf8)
        } else {
            next.len_utf8()
        };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use bluejay_parser::ast::{Parse, executable::ExecutableDocument};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variables_are_found_behind_ignored_tokens() {
        for (text, expected) in [
            ("query($v:Int){a(b:$v)}", "query($v:Int){a(b:$v)}"),
            ("query($ v:Int){a(b:$\n,v)}", "query( $v:Int){a(b:\n,$v)}"),
            ("{a(b:$# $ x\nv)}", "{a(b:# $ x\n$v)}"),
            ("{a(b:$\u{feff}v)}", "{a(b:\u{feff}$v)}"),
            ("{a(b:\"$ v \\\" $ v\",c:$ v)}", "{a(b:\"$ v \\\" $ v\",c: $v)}"),
            (
                "{a(b:\"\"\"$ v \" \\\"\"\" $ v\"\"\",c:$ v)}",
                "{a(b:\"\"\"$ v \" \\\"\"\" $ v\"\"\",c: $v)}",
            ),
            ("{a #$ v\n(b:$ v)}", "{a #$ v\n(b: $v)}"),
            ("{a(b:$", "{a(b:$"),
            ("{a(b:$ \"open", "{a(b: $\"open"),
            ("{a(b:\"é$ \\", "{a(b:\"é$ \\"),
        ] {
            assert_eq!(join_dollars(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length_and_a_document_stays_one(text in "[\"\\\\{}()$v:, #\n\u{feff}é]{0,40}") {
            let joined = join_dollars(&text);
            prop_assert_eq!(joined.len(), text.len());
            if ExecutableDocument::parse(&text).result.is_ok() {
                prop_assert!(ExecutableDocument::parse(&joined).result.is_ok(), "{:?}", text);
            }
        }
    }
}
