//! Numbers, time spans and switches as operators write them. Pure functions from text to value;
//! nothing here knows a variable.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::{Refusal, quoted};

/// A whole number: decimal digits only, within `range`.
pub(super) fn whole(text: &str, range: RangeInclusive<usize>) -> Result<usize, Refusal> {
    let fix = format!("write a whole number from {} to {}", range.start(), range.end());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::new(format!("{} is not a whole number", quoted(text)), fix));
    }
    match text.parse::<usize>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(Refusal::new(format!("{} is out of range", quoted(text)), fix)),
    }
}

/// A time span in seconds: decimal digits with an optional fraction and an optional `s`, within
/// `range`. Kept to the millisecond, later digits are cut off. Signs, exponents, `NaN` and
/// `inf` are no numbers here.
pub(super) fn seconds(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, Refusal> {
    let fix = format!(
        "write decimal seconds from {} to {}, such as 10 or 0.5",
        range.start().as_secs_f64(),
        range.end().as_secs_f64()
    );
    let digits = text.strip_suffix(['s', 'S']).unwrap_or(text).trim_end();
    let Some((whole, fraction)) = decimal_parts(digits) else {
        return Err(Refusal::new(
            format!("{} is not a decimal number of seconds", quoted(text)),
            fix,
        ));
    };
    match milliseconds(whole, fraction).map(Duration::from_millis) {
        Some(value) if range.contains(&value) => Ok(value),
        _ => Err(Refusal::new(format!("{} seconds are out of range", quoted(digits)), fix)),
    }
}

/// Splits `12.5` into its digits before and after the point; `None` when it is anything else.
fn decimal_parts(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let some = !whole.is_empty() || !fraction.is_empty();
    (some && digits(whole) && digits(fraction)).then_some((whole, fraction))
}

/// `None` when the number does not fit, which every range of ours excludes anyway.
fn milliseconds(whole: &str, fraction: &str) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.checked_mul(1000)?.checked_add(fraction.parse().ok()?)
}

/// A switch: `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off`, in any letter case.
pub(super) fn switch(text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Refusal::new(
            format!("{} is neither true nor false", quoted(text)),
            "write true or false",
        )),
    }
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
            let read = whole(text, 1..=100).map_err(|refusal| refusal.reason);
            assert_eq!(read, expected.map_err(str::to_owned));
        }
        let fix = whole("x", 1..=100).map_err(|refusal| refusal.fix);
        assert_eq!(fix, Err("write a whole number from 1 to 100".to_owned()));
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
        assert!(refused.is_some_and(|refusal| {
            refusal.reason == "\"NaN\" is not a decimal number of seconds"
                && refusal.fix == "write decimal seconds from 0.01 to 300, such as 10 or 0.5"
        }));
    }

    #[test]
    fn switches() {
        for text in ["true", "TRUE", "1", "yes", "On"] {
            assert_eq!(switch(text), Ok(true));
        }
        for text in ["false", "False", "0", "NO", "off"] {
            assert_eq!(switch(text), Ok(false));
        }
        for text in ["2", "enabled", "t", "y"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }
}
