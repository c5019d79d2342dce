//! Reads JSON objects whose meaning must not depend on the reader.
//!
//! RFC 8259 leaves repeated member names to the implementation: one reader takes the first, another
//! the last. In a signed token that is a way to show two verifiers two different subjects, so
//! RFC 7519 section 4 allows refusing them, and this reader does, at every level. Nesting is bounded
//! by `serde_json` (127 containers), so that no input can exhaust the stack.
//!
//! This module must not know what a token or a claim is.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Why bytes are not an object this reader accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JsonFault {
    /// The bytes are not UTF-8 (RFC 8259 section 8.1).
    #[error("is not UTF-8")]
    NotUtf8,
    /// The text is not JSON, starts with a byte order mark, is nested too deeply, or holds a number
    /// or an escape that no value can represent.
    #[error("is not JSON, or is nested too deeply")]
    NotJson,
    /// Some object, at any level, has two members of one name.
    #[error("names one member twice")]
    DuplicateMember,
    /// The text is JSON but not an object.
    #[error("is not a JSON object")]
    NotAnObject,
}

/// Reads one JSON object, and gives its text back with it.
///
/// # Errors
///
/// [`JsonFault`] when the bytes are anything but one UTF-8 JSON object without repeated members.
pub(crate) fn read_object(bytes: Vec<u8>) -> Result<(Map<String, Value>, Box<str>), JsonFault> {
    let text = String::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?;
    let value: StrictValue = serde_json::from_str(&text).map_err(|fault| {
        // The visitor takes every kind of value, so the only complaint of its own is a repetition.
        if fault.classify() == Category::Data {
            JsonFault::DuplicateMember
        } else {
            JsonFault::NotJson
        }
    })?;
    match value.0 {
        Value::Object(object) => Ok((object, text.into_boxed_str())),
        _ => Err(JsonFault::NotAnObject),
    }
}

/// The whole part of a JSON number, truncated toward zero and saturated to 64 bits; `None` for
/// anything that is not a number.
pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    if number.is_u64() {
        return Some(i64::MAX);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "truncating toward zero and saturating is what this function promises"
    )]
    number.as_f64().map(|fraction| fraction as i64)
}

/// A value whose objects, at every level, name each member once.
struct StrictValue(Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(StrictValue(value)) = entries.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let StrictValue(value) = members.next_value()?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("repeated member"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_ordinary_object_reads_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,3.5,18446744073709551615,true,null,"x\n\u00e9"],"b":{"c":{}}}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        let (object, kept) = read_object(text.into()).unwrap();
        assert_eq!((Value::Object(object), kept.as_ref()), (expected, text));
    }

    #[test]
    fn each_fault_is_told_apart() {
        let cases: &[(&[u8], JsonFault)] = &[
            (b"", JsonFault::NotJson),
            (b"{", JsonFault::NotJson),
            (b"{} {}", JsonFault::NotJson),
            (b"{\"a\":1,}", JsonFault::NotJson),
            (b"\xEF\xBB\xBF{}", JsonFault::NotJson),
            (b"{\"a\":1e400}", JsonFault::NotJson),
            (b"{\"a\":NaN}", JsonFault::NotJson),
            (b"{\"a\":\"\\ud800\"}", JsonFault::NotJson),
            (b"{\"a\":\"\xFF\"}", JsonFault::NotUtf8),
            (b"\xFF\xFE{\0}\0", JsonFault::NotUtf8),
            (b"{\0}\0", JsonFault::NotJson),
            (b"[]", JsonFault::NotAnObject),
            (b"null", JsonFault::NotAnObject),
            (b"\"{}\"", JsonFault::NotAnObject),
            (b"{\"a\":1,\"a\":1}", JsonFault::DuplicateMember),
            (b"{\"a\":1,\"\\u0061\":2}", JsonFault::DuplicateMember),
            (b"{\"a\":[{\"b\":{\"c\":1,\"c\":2}}]}", JsonFault::DuplicateMember),
        ];
        for (bytes, fault) in cases {
            assert_eq!(
                read_object(bytes.to_vec()),
                Err(*fault),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| {
            let open = r#"{"a":"#.repeat(depth - 1);
            format!("{open}{{}}{}", "}".repeat(depth - 1))
        };
        assert!(read_object(nested(127).into()).is_ok());
        for depth in [129, 20_000, 500_000] {
            assert_eq!(read_object(nested(depth).into()), Err(JsonFault::NotJson), "{depth}");
        }
    }

    #[test]
    fn numbers_are_truncated_toward_zero_and_saturated() {
        let cases = [
            (json!(7), Some(7)),
            (json!(7.9), Some(7)),
            (json!(-7.9), Some(-7)),
            (json!(1.79e9), Some(1_790_000_000)),
            (json!(u64::MAX), Some(i64::MAX)),
            (json!(i64::MIN), Some(i64::MIN)),
            (json!(1e300), Some(i64::MAX)),
            (json!(-1e300), Some(i64::MIN)),
            (json!("7"), None),
            (json!(null), None),
            (json!(true), None),
            (json!([7]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(whole_number(&value), expected, "{value}");
        }
    }
}
