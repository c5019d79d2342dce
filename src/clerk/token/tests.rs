//! Every verification rule, by example. Tokens are built from text and really signed, so that a
//! rule is seen to act on what arrives and not on what a library made of it. The numbers in messages
//! are those of the project's table of verification rules.

mod authorization;
mod claims;
mod form;
mod header;
mod times;

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const TEST_PEM: &str = include_str!("../../../tests/keys/test-rsa.pem");
const OTHER_PEM: &str = include_str!("../../../tests/keys/other-rsa.pem");
const PUBLIC_PEM: &str = include_str!("../../../tests/keys/test-rsa.pub.pem");

const NOW: i64 = 1_790_000_000;
const HEADER: &str =
    r#"{"alg":"RS256","kid":"ins_2SampleTest","typ":"JWT","cat":"cl_B7d4PD111AAA"}"#;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn expectations() -> Expectations {
    Expectations {
        leeway: TimeDelta::seconds(10),
        verify_iat: true,
        issuers: vec!["https://clerk.example.com".to_owned()],
        audiences: vec![],
        authorized_parties: vec!["https://app.example.com".to_owned()],
    }
}

/// The default claims of version 2 with members replaced; the text `absent` removes one.
fn payload(changes: &Value) -> String {
    let mut claims = json!({
        "sub": "user_2Sample", "sid": "sess_2Sample", "iss": "https://clerk.example.com",
        "azp": "https://app.example.com", "iat": NOW - 5, "nbf": NOW - 15, "exp": NOW + 55,
        "jti": "0123456789abcdef", "fva": [3, -1], "sts": "active", "v": 2,
    });
    for (name, value) in changes.as_object().unwrap() {
        if value == "absent" {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.to_string()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign_with(pem: &str, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::RS256).unwrap();
    format!("{input}.{signature}")
}

fn sign(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_with(TEST_PEM, header, payload)
}

fn verify_with(token: &str, expect: &Expectations) -> Result<Claims, TokenError> {
    let key = VerifyingKey::from_pem(PUBLIC_PEM).unwrap();
    UnverifiedToken::parse(token)?.verify(&key, expect, now())
}

fn verify(token: &str) -> Result<Claims, TokenError> {
    verify_with(token, &expectations())
}

fn reason<T>(outcome: Result<T, TokenError>) -> &'static str {
    outcome.map_or_else(|fault| fault.reason(), |_| "accepted")
}

fn reason_for_claims(changes: &Value) -> &'static str {
    reason(verify(&sign(HEADER, payload(changes))))
}

fn reason_for_header(header: &str) -> &'static str {
    reason(verify(&sign(header, payload(&json!({})))))
}

/// The usual header with one member set to raw JSON text.
fn header_with(member: &str, raw: &str) -> String {
    let mut header: Map<String, Value> = serde_json::from_str(HEADER).unwrap();
    header.remove(member);
    let mut text = Value::Object(header).to_string();
    text.pop();
    let _ = write!(text, r#","{member}":{raw}}}"#);
    text
}

/// The usual claims with one of them set to raw JSON text.
fn payload_with(claim: &str, raw: &str) -> String {
    let mut text = payload(&json!({claim: "absent"}));
    text.pop();
    let _ = write!(text, r#","{claim}":{raw}}}"#);
    text
}

fn reason_for_raw_claim(claim: &str, raw: &str) -> &'static str {
    reason(verify(&sign(HEADER, payload_with(claim, raw))))
}

#[test]
fn ordinary_tokens_are_accepted() {
    let claims = verify(&sign(HEADER, payload(&json!({"custom": {"plan": "pro"}})))).unwrap();
    assert_eq!(claims.subject, "user_2Sample");
    assert_eq!(claims.session_id.as_deref(), Some("sess_2Sample"));
    assert_eq!(claims.issued_at, DateTime::from_timestamp(NOW - 5, 0));
    assert_eq!(claims.not_before, DateTime::from_timestamp(NOW - 15, 0));
    assert_eq!(Some(claims.expires_at), DateTime::from_timestamp(NOW + 55, 0));
    assert_eq!((claims.is_impersonated, claims.organization_id.as_deref()), (false, None));
    assert_eq!(claims.all()["custom"]["plan"], "pro");
    assert_eq!(claims.all().len(), 12);

    let version_one = json!({
        "v": "absent", "sts": "absent", "fva": "absent", "jti": "absent",
        "org_id": "org_2Sample", "org_role": "org:admin",
    });
    let claims = verify(&sign(HEADER, payload(&version_one))).unwrap();
    assert_eq!(claims.organization_id.as_deref(), Some("org_2Sample"));
}

#[test]
fn headers_may_lack_or_add_harmless_members() {
    for header in [
        r#"{"alg":"RS256","kid":"ins_2SampleTest"}"#,
        r#"{"alg":"RS256","kid":"ins_2SampleTest","typ":"JWT"}"#,
        r#" { "kid" : "ins_2SampleTest" , "alg" : "RS256" } "#,
        r#"{"alg":"RS256","kid":"ins_2SampleTest","typ":"JWT","oiat":5,"x":{"y":[null]}}"#,
        r#"{"alg":"RS256","kid":"ins_2SampleTest","typ":"JWT","cat":"cl_I7d4PD111III"}"#,
    ] {
        assert_eq!(reason_for_header(header), "accepted", "rules 1, 30, 37: {header}");
    }
}

#[test]
fn impersonation_is_remembered() {
    let cases = [
        (json!({"sub": "user_2Admin", "iss": "x"}), true),
        (json!({"sub": "a b"}), true),
        (json!({}), true),
        (json!("user_2Admin"), true),
        (json!(false), true),
        (json!(null), false),
        (json!("absent"), false),
    ];
    for (act, expected) in cases {
        let claims = verify(&sign(HEADER, payload(&json!({"act": act})))).unwrap();
        assert_eq!(claims.is_impersonated, expected, "rule 42: {act}");
    }
}

#[test]
fn an_ill_shaped_organization_does_not_refuse_the_token() {
    let claims = verify(&sign(HEADER, payload(&json!({"o": "org_2Sample"})))).unwrap();
    assert_eq!(claims.organization_id, None, "rule 68");
}

#[test]
fn messages_help_and_cannot_forge_log_lines() {
    let message =
        |changes: &Value| verify(&sign(HEADER, payload(changes))).unwrap_err().to_string();
    let expired = message(&json!({"exp": NOW - 15}));
    assert!(
        expired.starts_with("the token expired 15 s ago (exp), and the leeway is 10 s;"),
        "{expired}"
    );
    let early = message(&json!({"iat": NOW + 11}));
    assert!(early.contains("issued 11 s in the future (iat), and the leeway is 10 s"), "{early}");
    assert!(message(&json!({"iat": "absent"})).contains("CLERK_VERIFY_IAT=false"));

    let hostile = format!("x\r\n\u{1b}[31m\"é{}", "y".repeat(500));
    let issuer = message(&json!({"iss": hostile}));
    assert!(issuer.contains("expected https://clerk.example.com"), "{issuer}");
    assert!(
        issuer.is_ascii() && !issuer.contains(char::is_control) && issuer.len() < 250,
        "{issuer}"
    );
    assert!(message(&json!({"azp": "absent"})).contains("the authorized party is missing"));
}

#[test]
fn debug_shows_no_claims_and_no_token() {
    let token = sign(HEADER, payload(&json!({"email": "ada@example.com"})));
    let unverified = UnverifiedToken::parse(&token).unwrap();
    let parts = TokenParts::decode(&token).unwrap();
    let claims = verify(&token).unwrap();
    assert_eq!(parts.payload["email"], "ada@example.com");
    for text in [format!("{unverified:?}"), format!("{parts:?}"), format!("{claims:?}")] {
        assert!(!text.contains("ada@") && !text.contains("eyJ"), "{text}");
    }
}

proptest! {
    #[test]
    fn no_header_value_breaks_the_reader(values in prop::collection::vec(any::<Vec<u8>>(), 0..3)) {
        let _ = bearer_token(&values);
    }

    #[test]
    fn no_text_after_the_scheme_breaks_the_reader(rest in any::<Vec<u8>>()) {
        let value = [b"Bearer ", rest.as_slice()].concat();
        if let Ok(Some(token)) = bearer_token([value.as_slice()]) {
            prop_assert_eq!(token.as_bytes(), rest.trim_ascii_start());
            let _ = UnverifiedToken::parse(token);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(token in any::<String>()) {
        let _ = UnverifiedToken::parse(&token);
    }

    #[test]
    fn no_parts_break_the_parser(
        header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>(),
    ) {
        let token = format!("{}.{}.{}", encode(header), encode(payload), encode(signature));
        let _ = UnverifiedToken::parse(&token);
    }

    #[test]
    fn no_number_breaks_the_times(exp in any::<f64>(), iat in any::<i64>(), nbf in any::<u64>()) {
        let claims: Map<String, Value> =
            serde_json::from_value(json!({"sub": "u", "exp": exp, "iat": iat, "nbf": nbf})).unwrap();
        let mut expect = expectations();
        expect.issuers.clear();
        expect.authorized_parties.clear();
        let json = Value::Object(claims.clone()).to_string().into();
        if let Ok(claims) = Claims::read(&claims, json, &expect) {
            let _ = claims.check_times(&expect, now());
        }
    }
}
