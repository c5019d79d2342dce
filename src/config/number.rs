//! Numbers and time spans as operators write them. Pure functions from text to value;
//! nothing here knows a variable.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use super::fault::{InvalidValue, invalid_text};

/// A whole number: decimal digits only, within `range`.
pub(super) fn whole(text: &str, range: RangeInclusive<usize>) -> Result<usize, InvalidValue> {
    let fix = format!("write a whole number from {} to {}", range.start(), range.end());
    if !is_digits(text) {
        return invalid_text(text, "is not a whole number", fix);
    }
    match text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => invalid_text(text, "is out of range", fix),
    }
}

/// A time span in seconds: decimal digits with an optional fraction and an optional `s`, within
/// `range`. Kept to the millisecond, later digits are cut off. Signs, exponents, `NaN` and
/// `inf` are no numbers here.
pub(super) fn seconds(
    text: &str,
    range: RangeInclusive<Duration>,
) -> Result<Duration, InvalidValue> {
    let fix = format!(
        "write decimal seconds from {} to {}, such as 10 or 0.5",
        range.start().as_secs_f64(),
        range.end().as_secs_f64()
    );
    let number = text.strip_suffix(['s', 'S']).unwrap_or(text).trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(&format!("{whole}{fraction}")) {
        return invalid_text(text, "is not a decimal number of seconds", fix);
    }
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    let milliseconds = format!("{whole}{fraction}").parse().ok().map(Duration::from_millis);
    match milliseconds.filter(|value| range.contains(value)) {
        Some(value) => Ok(value),
        None => invalid_text(number, "seconds are out of range", fix),
    }
}

/// A number per minute, or `off`.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, InvalidValue> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let fix = "write a whole number of requests per minute from 1 to 1000000, or off";
    if !is_digits(text) {
        return invalid_text(text, "is neither a whole number nor off", fix);
    }
    match text.parse::<NonZeroU32>() {
        Ok(rate) if rate.get() <= 1_000_000 => Ok(Some(rate)),
        _ => invalid_text(text, "is out of range", fix),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("1", Ok(1)),
            ("0010", Ok(10)),
            ("100", Ok(100)),
            ("0", Err("\"0\" is out of range")),
            ("101", Err("\"101\" is out of range")),
            ("-1", Err("\"-1\" is not a whole number")),
            ("+1", Err("\"+1\" is not a whole number")),
            ("1.0", Err("\"1.0\" is not a whole number")),
            ("1e2", Err("\"1e2\" is not a whole number")),
            ("\u{661}", Err("\"\u{661}\" is not a whole number")),
            ("99999999999999999999999999", Err("\"99999999999999999999999999\" is out of range")),
        ] {
            let read = whole(text, 1..=100).map_err(|invalid| invalid.reason);
            assert_eq!(read, expected.map_err(str::to_owned));
        }
        let fix = whole("x", 1..=100).map_err(|invalid| invalid.fix);
        assert_eq!(fix, Err("write a whole number from 1 to 100".to_owned()));
    }

    #[test]
    fn rates() {
        for (text, expected) in [
            ("off", Ok(None)),
            ("Off", Ok(None)),
            ("1", Ok(NonZeroU32::new(1))),
            ("1000000", Ok(NonZeroU32::new(1_000_000))),
            ("0", Err("\"0\" is out of range")),
            ("1000001", Err("\"1000001\" is out of range")),
            ("5/s", Err("\"5/s\" is neither a whole number nor off")),
            ("-1", Err("\"-1\" is neither a whole number nor off")),
        ] {
            let read = rate(text).map_err(|invalid| invalid.reason);
            assert_eq!(read, expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn seconds_keep_milliseconds() {
        let range = Duration::from_millis(10)..=Duration::from_mins(5);
        for (text, expected) in [
            ("10", Some(10_000)),
            ("10.0", Some(10_000)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("7.", Some(7_000)),
            ("10s", Some(10_000)),
            ("10 S", Some(10_000)),
            ("2.0625", Some(2_062)),
            ("0.010", Some(10)),
            ("300", Some(300_000)),
            ("300.0009", Some(300_000)),
            ("300.001", None),
            ("0.009", None),
            ("0", None),
            ("", None),
            (".", None),
            ("s", None),
            ("-1", None),
            ("+1", None),
            ("1e1", None),
            ("NaN", None),
            ("inf", None),
            ("10,5", None),
            ("1.5.1", None),
            ("10ms", None),
            ("99999999999999999999999999", None),
            ("18446744073709551615", None),
        ] {
            let read = seconds(text, range.clone()).ok();
            assert_eq!(read, expected.map(Duration::from_millis), "{text:?}");
        }
        let refused = seconds("NaN", range).err();
        assert!(refused.is_some_and(|invalid| {
            invalid.reason == "\"NaN\" is not a decimal number of seconds"
                && invalid.fix == "write decimal seconds from 0.01 to 300, such as 10 or 0.5"
        }));
    }
}
