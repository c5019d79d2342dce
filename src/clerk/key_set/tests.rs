//! Which keys of a set are taken, which are left out, and when two sets are the same.

use serde_json::{Value, json};

use super::*;

const JWKS: &str = include_str!("../../../tests/keys/jwks.json");
const TEST_PEM: &str = include_str!("../../../tests/keys/test-rsa.pub.pem");

/// The published form of the test key, with members replaced.
fn jwk_with(changes: &Value) -> Value {
    let set: Value = serde_json::from_str(JWKS).unwrap();
    let mut jwk = set["keys"][0].clone();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

#[test]
fn a_set_keeps_what_is_usable_and_says_what_is_not() {
    let body = json!({"keys": [
        {"kty": "EC", "kid": "ins_2SampleEc", "crv": "P-256", "x": "AA", "y": "AA"},
        ["RSA", "ins_2SampleList"],
        null,
        jwk_with(&json!({"kid": "ins_2SampleEnc", "use": "enc"})),
        jwk_with(&json!({"kid": "bad id"})),
        jwk_with(&json!({})),
        jwk_with(&json!({"alg": null})),
    ]});
    let set = KeySet::parse(body.to_string().as_bytes()).unwrap();
    assert!(set.find("ins_2SampleTest").is_some());
    assert!(set.find("ins_2SampleEc").is_none() && set.find("ins_2SampleEnc").is_none());
    let faults: Vec<_> =
        set.ignored().iter().map(|ignored| (ignored.position, ignored.fault)).collect();
    assert_eq!(
        faults,
        [
            (0, KeyFault::NotRsa),
            (1, KeyFault::Malformed),
            (2, KeyFault::Malformed),
            (3, KeyFault::NotForSignatures),
            (4, KeyFault::KeyId),
            (6, KeyFault::DuplicateKeyId),
        ]
    );
    assert_eq!(
        set.ignored()[3].to_string(),
        "key 3 (ins_2SampleEnc) is not published for signatures (use)"
    );
    assert_eq!(set.ignored()[4].key_id, None, "an ill-shaped id must not reach the log");
}

#[test]
fn of_two_keys_with_one_id_the_first_usable_counts() {
    let published: Value = serde_json::from_str(JWKS).unwrap();
    let mut second = published["keys"][1].clone();
    second["kid"] = json!("ins_2SampleTest");
    let broken = jwk_with(&json!({"use": "enc"}));
    let body = json!({"keys": [broken, published["keys"][0], second]});
    let set = KeySet::parse(body.to_string().as_bytes()).unwrap();
    let test_key = VerifyingKey::from_pem(TEST_PEM).unwrap();
    assert_eq!(**set.find("ins_2SampleTest").unwrap(), test_key);
}

#[test]
fn bodies_without_a_usable_key_are_faults() {
    for body in ["", "<html>", "[]", "null", "{}", r#"{"keys":{}}"#, r#"{"keys":"x"}"#] {
        assert_eq!(KeySet::parse(body.as_bytes()).unwrap_err(), KeySetFault::NotAKeySet, "{body}");
    }
    for body in [json!({"keys": []}), json!({"keys": [jwk_with(&json!({"use": "enc"}))]})] {
        let fault = KeySet::parse(body.to_string().as_bytes()).unwrap_err();
        assert!(matches!(fault, KeySetFault::NoUsableKey { .. }), "{fault}");
    }
}

#[test]
fn sets_are_equal_when_they_hold_the_same_keys() {
    let set = KeySet::parse(JWKS.as_bytes()).unwrap();
    let mut body: Value = serde_json::from_str(JWKS).unwrap();
    body["keys"].as_array_mut().unwrap().reverse();
    body["keys"].as_array_mut().unwrap().push(json!("junk"));
    assert_eq!(KeySet::parse(body.to_string().as_bytes()).unwrap(), set);
    body["keys"][1]["kid"] = json!("ins_2SampleNew");
    assert_ne!(KeySet::parse(body.to_string().as_bytes()).unwrap(), set);
}
