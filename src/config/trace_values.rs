//! What the standard variables of OpenTelemetry say about traces. Pure functions from text to value.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use secrecy::SecretString;

use super::{
    fault::{InvalidValue, invalid, invalid_text},
    number,
};

/// Names of headers, in lower case, and their values.
pub(super) type Headers = Vec<(String, SecretString)>;
/// Names of attributes and their values.
pub(super) type Attributes = Vec<(String, String)>;

/// The one way in which traces are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HttpProtobuf;

/// Whether traces are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compression {
    pub(super) is_gzip: bool,
}

/// A sampler of the standard, without its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    pub(super) follows_caller: bool,
    /// Which part is recorded; `None` when `OTEL_TRACES_SAMPLER_ARG` says it.
    pub(super) ratio: Option<f64>,
}

pub(super) fn protocol(text: &str) -> Result<HttpProtobuf, InvalidValue> {
    if text.eq_ignore_ascii_case("http/protobuf") {
        return Ok(HttpProtobuf);
    }
    let what = if text.eq_ignore_ascii_case("grpc") {
        "is not offered: traces are sent over HTTP only"
    } else {
        "is no way in which traces are sent"
    };
    let fix = "write http/protobuf, with the receiver's port for it (4318 by default)";
    invalid_text(text, what, fix)
}

pub(super) fn compression(text: &str) -> Result<Compression, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(Compression { is_gzip: false }),
        "gzip" => Ok(Compression { is_gzip: true }),
        _ => invalid_text(text, "is no compression that there is", "write none or gzip"),
    }
}

pub(super) fn exporter(text: &str) -> Result<bool, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => invalid_text(text, "is no exporter of traces that there is", "write otlp or none"),
    }
}

pub(super) fn sampler(text: &str) -> Result<Sampler, InvalidValue> {
    let own = |text: &str| match text {
        "always_on" => Some(Some(1.0)),
        "always_off" => Some(Some(0.0)),
        "traceidratio" => Some(None),
        _ => None,
    };
    let text = text.to_ascii_lowercase();
    let (rest, follows_caller) =
        text.strip_prefix("parentbased_").map_or((text.as_str(), false), |rest| (rest, true));
    match own(rest) {
        Some(ratio) => Ok(Sampler { follows_caller, ratio }),
        None => invalid_text(
            &text,
            "is no sampler that there is",
            "write always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off \
             or parentbased_traceidratio",
        ),
    }
}

pub(super) fn ratio(text: &str) -> Result<f64, InvalidValue> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f64>() {
        Ok(ratio) if is_plain && (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => {
            invalid_text(text, "is no part of a whole", "write a number from 0 to 1, such as 0.05")
        }
    }
}

pub(super) fn timeout(text: &str) -> Result<Duration, InvalidValue> {
    let milliseconds = number::whole(text, 1..=600_000)?;
    Ok(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)))
}

#[expect(clippy::unnecessary_wraps, reason = "every parser answers alike")]
pub(super) fn service_name(text: &str) -> Result<String, InvalidValue> {
    Ok(text.to_owned())
}

/// The values are left as they are, percent-encoded. None is ever shown.
pub(super) fn headers(text: &str) -> Result<Headers, InvalidValue> {
    let fix = "write name=value,name=value, such as authorization=Bearer%20…";
    let pairs = pairs(text)
        .map_err(|position| InvalidValue::new(format!("entry {position} is no name=value"), fix))?;
    let mut headers = Vec::with_capacity(pairs.len());
    for (position, (name, value)) in (1_usize..).zip(pairs) {
        let Ok(name) = HeaderName::try_from(name) else {
            return invalid(format!("the name in entry {position} is not that of a header"), fix);
        };
        if HeaderValue::try_from(value).is_err() {
            return invalid(format!("the value in entry {position} fits into no header"), fix);
        }
        headers.push((name.as_str().to_owned(), SecretString::from(value)));
    }
    Ok(headers)
}

pub(super) fn attributes(text: &str) -> Result<Attributes, InvalidValue> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    match pairs(text) {
        Ok(pairs) => Ok(pairs.into_iter().map(owned).collect()),
        Err(position) => invalid(
            format!("entry {position} is no name=value"),
            "write name=value,name=value, such as deployment.environment.name=staging",
        ),
    }
}

/// Names and values, trimmed; or which entry, counted from 1, has none.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, usize> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pair = |(position, entry): (usize, _)| {
        let (name, value) = str::split_once(entry, '=').ok_or(position)?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || value.is_empty() { Err(position) } else { Ok((name, value)) }
    };
    (1..).zip(entries).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn samplers_and_ratios() {
        for (text, expected) in [
            ("always_on", Some((false, Some(1.0)))),
            ("ALWAYS_OFF", Some((false, Some(0.0)))),
            ("traceidratio", Some((false, None))),
            ("parentbased_always_on", Some((true, Some(1.0)))),
            ("parentbased_always_off", Some((true, Some(0.0)))),
            ("parentbased_traceidratio", Some((true, None))),
            ("parentbased_jaeger_remote", None),
            ("xray", None),
            ("always", None),
        ] {
            let read = sampler(text).ok().map(|sampler| (sampler.follows_caller, sampler.ratio));
            assert_eq!(read, expected, "{text}");
        }
        for (text, expected) in [
            ("0", Some(0.0)),
            ("1.0", Some(1.0)),
            (".05", Some(0.05)),
            ("1.1", None),
            ("-0.5", None),
            ("1e-3", None),
            ("NaN", None),
            ("5%", None),
        ] {
            assert_eq!(ratio(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn protocols_and_exporters() {
        assert!(protocol("http/protobuf").is_ok() && protocol("HTTP/PROTOBUF").is_ok());
        for (text, reason) in [("grpc", "over HTTP only"), ("http/json", "no way")] {
            let invalid = protocol(text).err();
            assert!(
                invalid.is_some_and(|invalid| invalid.reason.contains(reason)
                    && invalid.fix.contains("http/protobuf"))
            );
        }
        assert_eq!(exporter("otlp"), Ok(true));
        assert_eq!(exporter("None"), Ok(false));
        assert!(exporter("console").is_err());
    }

    #[test]
    fn headers_are_pairs_and_never_shown() {
        let shown = |text: &str| {
            headers(text).map(|headers| {
                headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", value.expose_secret()))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            shown("Api-Key=a=b , authorization=Bearer%20x,"),
            Ok(vec!["api-key: a=b".to_owned(), "authorization: Bearer%20x".to_owned()])
        );
        for (text, reason) in [
            ("hidden", "entry 1 is no name=value"),
            ("a=b,hidden", "entry 2 is no name=value"),
            ("a=b,c=", "entry 2 is no name=value"),
            ("hid den=x", "the name in entry 1"),
            ("a=hid\u{7}den", "the value in entry 1"),
        ] {
            let invalid = headers(text).err();
            assert!(
                invalid
                    .is_some_and(|invalid| invalid.reason.contains(reason)
                        && !invalid.reason.contains("hid")),
                "{text}"
            );
        }
    }
}
