//! Known answers and variants of signed deliveries, and what the vectors leave out.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    known_answers: Vec<KnownAnswer>,
    variants: Vec<Variant>,
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
struct KnownAnswer {
    name: String,
    secret: String,
    id: String,
    timestamp: i64,
    body: String,
    signature: String,
}

#[derive(Deserialize)]
struct Variant {
    name: String,
    expect: String,
    secrets: Vec<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_hex: Option<String>,
    now: i64,
}

#[derive(Deserialize)]
struct Secret {
    text: String,
    valid: bool,
}

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u";
const BODY: &[u8] = b"{\"type\":\"user.deleted\"}";
const NOW: i64 = 1_790_000_000;

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/svix.json")).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 999_999_999).unwrap()
}

fn header_map<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    headers
        .into_iter()
        .map(|(name, value)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
        })
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn secrets() -> WebhookSecrets {
    WebhookSecrets::parse([SECRET]).unwrap()
}

fn signed(id: &str, timestamp: i64) -> HeaderMap {
    let signature = sign(&WebhookSecret::parse(SECRET).unwrap(), id, timestamp, BODY);
    let timestamp = timestamp.to_string();
    header_map([
        ("svix-id", id),
        ("svix-timestamp", timestamp.as_str()),
        ("svix-signature", signature.as_str()),
    ])
}

fn reason(outcome: Result<MessageId, WebhookError>) -> &'static str {
    outcome.map_or_else(|fault| fault.reason(), |_| "accepted")
}

#[test]
fn known_answers_are_reproduced() {
    for answer in vectors().known_answers {
        let secret = WebhookSecret::parse(&answer.secret).unwrap();
        let signature = sign(&secret, &answer.id, answer.timestamp, answer.body.as_bytes());
        assert_eq!(signature, answer.signature, "{}", answer.name);
    }
}

#[test]
fn variants_are_decided_as_expected() {
    let variants = vectors().variants;
    assert_eq!(variants.len(), 38);
    for variant in variants {
        let secrets = WebhookSecrets::parse(variant.secrets.iter().map(String::as_str)).unwrap();
        let headers =
            header_map(variant.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let body = match (&variant.body, &variant.body_hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(hex)) => unhex(hex),
            (None, None) => Vec::new(),
        };
        let outcome = secrets.verify(&headers, &body, at(variant.now));
        assert_eq!(outcome.is_ok(), variant.expect == "valid", "{}: {outcome:?}", variant.name);
        if let Ok(id) = outcome {
            let header = headers.get("svix-id").or_else(|| headers.get("webhook-id")).unwrap();
            assert_eq!(id.as_str(), header.to_str().unwrap(), "{}", variant.name);
        }
    }
}

#[test]
fn secrets_are_read_or_refused() {
    for secret in vectors().secrets {
        let outcome = WebhookSecret::parse(&secret.text);
        assert_eq!(outcome.is_ok(), secret.valid, "{:?}", secret.text);
    }
    assert_eq!(WebhookSecrets::parse([]).unwrap_err(), SecretFault::Missing);
    assert_eq!(WebhookSecrets::parse([SECRET, ""]).unwrap_err(), SecretFault::Empty);
    assert_eq!(WebhookSecret::parse("whsec_...").unwrap_err(), SecretFault::NotBase64);
}

#[test]
fn ages_are_told() {
    let verify = |now: i64| secrets().verify(&signed("msg_2Sample", NOW), BODY, at(now));
    assert!(verify(NOW + 300).is_ok());
    assert!(verify(NOW - 300).is_ok());
    assert_eq!(verify(NOW + 301).unwrap_err(), WebhookError::TooOld { seconds: 301 });
    assert_eq!(verify(NOW - 301).unwrap_err(), WebhookError::TooNew { seconds: 301 });
}

#[test]
fn repeated_headers_are_refused() {
    for name in SVIX_HEADERS {
        let mut headers = signed("msg_2Sample", NOW);
        let value = headers.get(name).unwrap().clone();
        headers.append(HeaderName::from_static(name), value);
        assert_eq!(reason(secrets().verify(&headers, BODY, at(NOW))), "header_repeated", "{name}");
    }
}

#[test]
fn the_two_spellings_are_never_mixed() {
    let good = signed("msg_2Sample", NOW);
    for (svix, standard) in SVIX_HEADERS.into_iter().zip(STANDARD_HEADERS) {
        let mut headers = good.clone();
        let value = headers.remove(svix).unwrap();
        headers.insert(standard, value);
        assert_eq!(reason(secrets().verify(&headers, BODY, at(NOW))), "header_missing", "{svix}");
    }
    let mut both = good.clone();
    both.extend(header_map([
        ("webhook-id", "msg_2Other"),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1,AAAA"),
    ]));
    assert_eq!(secrets().verify(&both, BODY, at(NOW)).unwrap().as_str(), "msg_2Sample");
    both.remove("svix-signature");
    assert_eq!(reason(secrets().verify(&both, BODY, at(NOW))), "too_old");
}

#[test]
fn ids_have_a_shape() {
    let too_long = "m".repeat(256);
    for id in ["", "msg.1", "msg 1", too_long.as_str()] {
        assert_eq!(reason(secrets().verify(&signed(id, NOW), BODY, at(NOW))), "message_id", "{id}");
    }
    let mut foreign = signed("msg_2Sample", NOW);
    foreign.insert("svix-id", HeaderValue::from_bytes(b"msg_\xFF").unwrap());
    assert_eq!(reason(secrets().verify(&foreign, BODY, at(NOW))), "message_id");
}

#[test]
fn timestamps_are_canonical_digits_even_when_signed() {
    let secret = WebhookSecret::parse(SECRET).unwrap();
    for timestamp in [
        "",
        "01790000000",
        "+1790000000",
        "1790000000.0",
        " 1790000000",
        "00",
        "99999999999999999999",
    ] {
        let tag = STANDARD.encode(secret.tag("msg_2Sample", timestamp, BODY));
        let signature = format!("v1,{tag}");
        let mut headers = signed("msg_2Sample", NOW);
        headers.insert("svix-timestamp", timestamp.parse().unwrap());
        headers.insert("svix-signature", signature.parse().unwrap());
        assert_eq!(reason(secrets().verify(&headers, BODY, at(NOW))), "timestamp", "{timestamp:?}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let text = format!("{:?}", secrets());
    assert_eq!(text, "WebhookSecrets([WebhookSecret([redacted])])");
}
