//! Reads the text of a `.env` file. The file is often shared with other tools, so it is read as they read
//! it (Node's `--env-file`, python-dotenv), and a line that cannot be understood harms at most the variable
//! that it names. Knows no setting.
//!
//! `NAME=value`, with or without `export`. In single quotes or backquotes a value is taken as it stands;
//! in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are escapes; quoted values may have line
//! breaks. Without quotes a value is the rest of the line, blanks and backslashes included, up to ` #`.
//! `${NAME}` is replaced, except in single quotes, when the variable is known; else it stays as it is.

use std::collections::BTreeMap;

use super::fault::InvalidValue;

/// The variables of a text; of a name that occurs twice the last one counts. `known` answers for the
/// variables that are set outside of the file.
pub(super) fn parse(
    text: &str,
    known: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, Result<String, InvalidValue>> {
    let mut variables: BTreeMap<String, Result<String, InvalidValue>> = BTreeMap::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (line, below) = first_line(rest);
        let line = line.trim_start();
        let line = match line.strip_prefix("export") {
            Some(after) if after.starts_with([' ', '\t']) => after.trim_start(),
            _ => line,
        };
        // Where the value begins, with everything below: a quoted value may go on there.
        let end = line.find(['=', ':', ' ', '\t']).unwrap_or(line.len());
        let (name, after) = line.split_at(end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            if is_name(name) {
                variables
                    .insert(name.to_owned(), Err(malformed(number, "has no = after the name")));
            }
            rest = below;
            continue;
        };
        let value = value.trim_start();
        let start = line_offset(rest, value);
        let (read, consumed) = read_value(rest.get(start..).unwrap_or_default(), number);
        if is_name(name) {
            let expanded = read.map(|value| match value {
                Value::Literal(text) => text,
                Value::Expandable(text) => expand(&text, |name| {
                    known(name).or_else(|| variables.get(name)?.as_ref().ok().cloned())
                }),
            });
            variables.insert(name.to_owned(), expanded.and_then(|text| is_utf8(text, number)));
        }
        let (value_lines, after_value) = rest.get(start..).unwrap_or_default().split_at(consumed);
        number += value_lines.matches('\n').count();
        rest = first_line(after_value).1;
    }
    variables
}

/// A value as it was written.
enum Value {
    Literal(String),
    Expandable(String),
}

/// The value at the start of a text, and how many of its bytes belong to it.
fn read_value(text: &str, number: usize) -> (Result<Value, InvalidValue>, usize) {
    let (line, _) = first_line(text);
    let Some(quote) = line.chars().next().filter(|first| ['"', '\'', '`'].contains(first)) else {
        return (Ok(Value::Expandable(unquoted(line).to_owned())), line.len());
    };
    let mut escaped = false;
    let closing = text.char_indices().skip(1).find(|(_, character)| {
        let closes = *character == quote && !escaped;
        escaped = quote == '"' && *character == '\\' && !escaped;
        closes
    });
    if let Some((end, _)) = closing {
        let after = first_line(text.get(end + 1..).unwrap_or_default()).0.trim();
        if after.is_empty() || after.starts_with('#') {
            let inner = text.get(1..end).unwrap_or_default().replace("\r\n", "\n");
            let value = match quote {
                '"' => Value::Expandable(unescape(&inner)),
                '`' => Value::Expandable(inner),
                _ => Value::Literal(inner),
            };
            return (Ok(value), end + 1);
        }
    }
    let reason = "has a quotation mark that is not closed, or something after the closing one";
    (Err(malformed(number, reason)), line.len())
}

/// A value without quotes: up to a comment, without the blanks around it.
fn unquoted(line: &str) -> &str {
    let comment = if line.starts_with('#') {
        Some(0)
    } else {
        [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min()
    };
    line.get(..comment.unwrap_or(line.len())).unwrap_or_default().trim()
}

/// Replaces the escapes of double quotes; a backslash before anything else stays.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(mark @ ('"' | '\\' | '$')) => plain.push(mark),
            other => {
                plain.push('\\');
                plain.extend(other);
            }
        }
    }
    plain
}

/// Replaces `${NAME}` where the name is known.
fn expand(text: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let found =
            after.split_once('}').and_then(|(name, after)| known(name).map(|value| (value, after)));
        if let Some((value, after)) = found {
            expanded.push_str(&value);
            rest = after;
        } else {
            expanded.push_str("${");
            rest = after;
        }
    }
    expanded + rest
}

/// The file is read with replacement characters in place of bytes that are not UTF-8.
fn is_utf8(text: String, number: usize) -> Result<String, InvalidValue> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(malformed(number, "is not UTF-8 text"));
    }
    Ok(text)
}

/// The line itself is not repeated: it may hold a secret.
fn malformed(number: usize, what: &str) -> InvalidValue {
    InvalidValue::new(
        format!("line {number} {what}"),
        "write NAME=value; put a value with line breaks in double quotes and close them",
    )
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The first line without its line break, and what follows it.
fn first_line(text: &str) -> (&str, &str) {
    let (line, below) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), below)
}

/// Where `part`, the end of the first line of `text`, begins in it.
fn line_offset(text: &str, part: &str) -> usize {
    first_line(text).0.len() - part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text, |name| (name == "KNOWN").then(|| "outside".to_owned()))
            .into_iter()
            .map(|(name, value)| {
                (name, value.unwrap_or_else(|fault| format!("! {}", fault.reason)))
            })
            .collect()
    }

    #[test]
    fn values_are_read_as_other_tools_read_them() {
        for (text, expected) in [
            ("A=1", "1"),
            ("\u{feff}A=1", "1"),
            ("A = 1 ", "1"),
            ("A=1\r", "1"),
            ("  export A=1", "1"),
            ("export\tA=1", "1"),
            ("A=", ""),
            ("A= # note", ""),
            ("A=two words # note", "two words"),
            ("A=no#note", "no#note"),
            ("A=\"two words\" # note", "two words"),
            ("A='x\ny'", "x\ny"),
            ("A=\"x\r\ny\"\r\n", "x\ny"),
            ("A=`x'y\"`", "x'y\""),
            (r#"A="a\n\"b\" \\ \$ \d""#, "a\n\"b\" \\ $ \\d"),
            (r"A='a\n'", r"a\n"),
            (r"A=C:\data\new", r"C:\data\new"),
            ("A=it's", "it's"),
            ("A=a=b=c", "a=b=c"),
            ("A={\"a\": \"b c\"}", "{\"a\": \"b c\"}"),
            ("A=p$w0rd", "p$w0rd"),
            ("A=x-${KNOWN}-y", "x-outside-y"),
            ("A=\"${KNOWN}\"", "outside"),
            ("A='${KNOWN}'", "${KNOWN}"),
            ("A=${UNKNOWN}", "${UNKNOWN}"),
            ("A=${KNOWN", "${KNOWN"),
            ("A=1\nA=2", "2"),
        ] {
            assert_eq!(read(text), [("A".to_owned(), expected.to_owned())], "{text:?}");
        }
        let expected = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "1/2".to_owned())];
        assert_eq!(read("A=1\nB=${A}/2"), expected);
    }

    #[test]
    fn lines_of_other_tools_do_no_harm() {
        for line in [
            "# comment",
            "",
            "just some words",
            "---",
            "[section]",
            "app.name=x",
            "app-name=\"x\ny\"",
            "NAME: value",
            "url: https://a.example/?b=c",
            "MESSAGE=don't panic",
            "MESSAGE='don't panic'",
            "MESSAGE='never closed",
            "MESSAGE=\"never closed",
            "JSON={\"a\": [1, 2], \"b\": \"it's\"}",
            "PATTERN=^\\d+ \\w$",
            "1ST=x",
            "= x",
            "\u{fffd}\u{fffd}=x",
        ] {
            let text = format!("A=first\n{line}\nB='last one'\n");
            let read = read(&text);
            let value = |name: &str| {
                read.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
            };
            assert_eq!(value("A"), Some("first"), "{line:?}");
            assert_eq!(value("B"), Some("last one"), "{line:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_of_its_own_name_and_line() {
        for (text, line, what) in [
            ("B=1\n# note\n\nA hidden\n", 4, "has no ="),
            ("B='1\n2'\nA: hidden\n", 3, "has no ="),
            ("A: postgres://hidden/?sslmode=require", 1, "has no ="),
            ("B=1\r\nA=\"hidden\r\nwords\r\n", 2, "a quotation mark that is not closed"),
            ("B=1\nA='hidden' words", 2, "something after the closing one"),
            ("A=hidden\u{fffd}", 1, "is not UTF-8"),
        ] {
            let variables = parse(text, |_| None);
            let fault = variables.get("A").and_then(|value| value.as_ref().err());
            assert!(
                fault.is_some_and(|fault| fault.reason.starts_with(&format!("line {line} "))
                    && fault.reason.contains(what)
                    && !fault.reason.contains("hidden")),
                "{text:?}: {fault:?}"
            );
        }
    }
}
