//! Which keys are taken, and when two are the same.

use serde_json::{Value, json};

use super::*;

const JWKS: &str = include_str!("../../../tests/keys/jwks.json");
const TEST_PEM: &str = include_str!("../../../tests/keys/test-rsa.pub.pem");
const OTHER_PEM: &str = include_str!("../../../tests/keys/other-rsa.pub.pem");
const PRIVATE_PEM: &str = include_str!("../../../tests/keys/test-rsa.pem");
const EC_PEM: &str = include_str!("../../../tests/keys/ec.pub.pem");
const SHORT_JWK: &str = include_str!("../../../tests/keys/short-rsa.jwk.json");

/// The published form of the test key, with members replaced; a null removes the member's meaning.
fn jwk_with(changes: &Value) -> Value {
    let set: Value = serde_json::from_str(JWKS).unwrap();
    let mut jwk = set["keys"][0].clone();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn load(entry: &Value) -> Result<VerifyingKey, KeyFault> {
    VerifyingKey::from_jwk(&Jwk::deserialize(entry).map_err(|_| KeyFault::Malformed)?)
}

#[test]
fn key_ids_have_a_shape() {
    let longest = "k".repeat(128);
    for good in ["ins_2Sample", "a", "A-b._9", "emulate-clerk-1", longest.as_str()] {
        assert!(is_key_id(good), "{good}");
    }
    let too_long = "k".repeat(129);
    for bad in [
        "",
        " ",
        "a b",
        "../x",
        "http://x",
        "a\0",
        "a\r\n",
        "\"",
        "é",
        "a%2f",
        "a:b",
        too_long.as_str(),
    ] {
        assert!(!is_key_id(bad), "{bad:?}");
    }
}

#[test]
fn a_published_signing_key_is_taken() {
    for changes in [
        json!({}),
        json!({"use": null}),
        json!({"alg": null}),
        json!({"use": null, "alg": null}),
        json!({"x5t": "unknown members are ignored", "key_ops": ["verify"]}),
    ] {
        assert!(load(&jwk_with(&changes)).is_ok(), "{changes}");
    }
}

#[test]
fn an_unsuitable_key_is_refused_with_its_reason() {
    let short: Value = serde_json::from_str(SHORT_JWK).unwrap();
    let modulus = jwk_with(&json!({}))["n"].as_str().unwrap().to_owned();
    let even = format!("{}A", &modulus[..modulus.len() - 1]);
    let huge = URL_SAFE_NO_PAD.encode([0xFF; 1025]);
    let cases = [
        (jwk_with(&json!({"use": "enc"})), KeyFault::NotForSignatures),
        (jwk_with(&json!({"alg": "RS512"})), KeyFault::OtherAlgorithm),
        (jwk_with(&json!({"alg": "PS256"})), KeyFault::OtherAlgorithm),
        (jwk_with(&json!({"kty": "EC", "crv": "P-256"})), KeyFault::NotRsa),
        (jwk_with(&json!({"kty": "oct", "k": "AAAA"})), KeyFault::NotRsa),
        (jwk_with(&json!({"kty": null})), KeyFault::NotRsa),
        (jwk_with(&json!({"kid": null})), KeyFault::KeyId),
        (jwk_with(&json!({"kid": ""})), KeyFault::KeyId),
        (jwk_with(&json!({"kid": "a b"})), KeyFault::KeyId),
        (jwk_with(&json!({"kid": 5})), KeyFault::Malformed),
        (jwk_with(&json!({"use": ["sig"]})), KeyFault::Malformed),
        (jwk_with(&json!({"n": null})), KeyFault::Components),
        (jwk_with(&json!({"n": format!("{modulus}=")})), KeyFault::Components),
        (jwk_with(&json!({"n": ""})), KeyFault::Modulus { bits: 0 }),
        (jwk_with(&json!({"n": even})), KeyFault::Modulus { bits: 2048 }),
        (jwk_with(&json!({"n": huge})), KeyFault::Modulus { bits: 8200 }),
        (short, KeyFault::Modulus { bits: 1024 }),
        (jwk_with(&json!({"e": ""})), KeyFault::Exponent),
        (jwk_with(&json!({"e": "AQ"})), KeyFault::Exponent),
        (jwk_with(&json!({"e": "Ag"})), KeyFault::Exponent),
        (jwk_with(&json!({"e": "AQAAAAE"})), KeyFault::Exponent),
        (jwk_with(&json!({"e": "AQAB="})), KeyFault::Components),
    ];
    for (entry, fault) in cases {
        assert_eq!(load(&entry).unwrap_err(), fault, "{entry}");
    }
}

#[test]
fn a_pem_key_equals_the_published_one() {
    let published = load(&jwk_with(&json!({}))).unwrap();
    let pem = VerifyingKey::from_pem(TEST_PEM).unwrap();
    assert_eq!(pem, published);
    assert_eq!(VerifyingKey::from_pem(&TEST_PEM.replace('\n', "\\n")).unwrap(), pem);
    assert_eq!(VerifyingKey::from_pem(&TEST_PEM.replace('\n', "\r\n")).unwrap(), pem);
    assert_eq!(VerifyingKey::from_pem(&format!("\n  {TEST_PEM}\n")).unwrap(), pem);
    assert_ne!(VerifyingKey::from_pem(OTHER_PEM).unwrap(), pem);
}

#[test]
fn the_pkcs1_form_is_the_same_key() {
    let key = VerifyingKey::from_pem(TEST_PEM).unwrap();
    let spki = DecodingKey::from_rsa_pem(TEST_PEM.as_bytes()).unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(spki.try_get_as_bytes().unwrap());
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pkcs1 = format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        lines.join("\n")
    );
    assert_eq!(VerifyingKey::from_pem(&pkcs1).unwrap(), key);
}

/// A PEM text as platforms hand it on: what they do to its line breaks, or instead of them.
#[test]
fn a_mangled_pem_key_is_the_same_key() {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    let key = VerifyingKey::from_pem(TEST_PEM).unwrap();
    let body: String = TEST_PEM.lines().filter(|line| !line.starts_with('-')).collect();
    for (name, mangled) in [
        ("a backslash at each line's end", TEST_PEM.replace('\n', "\\\n")),
        ("escaped line breaks", TEST_PEM.replace('\n', "\\n")),
        ("escaped twice", TEST_PEM.replace('\n', "\\\\n")),
        ("escaped, of the other kind", TEST_PEM.replace('\n', "\\r\\n")),
        ("escaped and real", TEST_PEM.replace('\n', "\\n\n")),
        ("one line, blanks", TEST_PEM.replace('\n', " ")),
        ("one line, nothing", TEST_PEM.replace('\n', "")),
        ("a note before it", format!("JWKS public key:\n{TEST_PEM}")),
        ("base64 of it", STANDARD.encode(TEST_PEM)),
        ("base64 of it, unpadded", STANDARD.encode(TEST_PEM).trim_end_matches('=').to_owned()),
        ("base64 of it, for URLs", URL_SAFE_NO_PAD.encode(TEST_PEM)),
        ("base64 of it, in lines", {
            let encoded = STANDARD.encode(TEST_PEM);
            let (first, rest) = encoded.split_at(76);
            format!("{first}\n{rest}\n")
        }),
        ("base64 of the escaped one", STANDARD.encode(TEST_PEM.replace('\n', "\\n"))),
        ("the bare body", body.clone()),
        (
            "the bare body, in lines",
            TEST_PEM
                .lines()
                .filter(|line| !line.starts_with('-'))
                .fold(String::new(), |all, line| all + line + "\n"),
        ),
    ] {
        assert_eq!(VerifyingKey::from_pem(&mangled).as_ref(), Ok(&key), "{name}");
    }
}

#[test]
fn texts_that_are_no_rsa_public_key_are_refused() {
    use base64::engine::general_purpose::STANDARD;

    let damaged = TEST_PEM.replacen("MII", "MIJ", 1);
    let encoded_private = STANDARD.encode(PRIVATE_PEM);
    let cases = [
        ("", PemFault::NotPem.into()),
        ("sk_test_abc", PemFault::NotPem.into()),
        ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", KeyFault::Damaged),
        ("-----BEGIN PUBLIC KEY-----\nMIIB", PemFault::CutOff.into()),
        ("-----BEGIN PUBLIC KEY", PemFault::CutOff.into()),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            PemFault::OtherBlock.into(),
        ),
        (damaged.as_str(), KeyFault::Damaged),
        (PRIVATE_PEM, PemFault::PrivateKey.into()),
        (encoded_private.as_str(), PemFault::PrivateKey.into()),
        (JWKS, PemFault::Json.into()),
        ("https://clerk.example.com/.well-known/jwks.json", PemFault::Address.into()),
        (EC_PEM, KeyFault::NotRsa),
    ];
    for (pem, fault) in cases {
        assert_eq!(VerifyingKey::from_pem(pem).unwrap_err(), fault, "{pem}");
    }
}

#[test]
fn debug_shows_a_fingerprint_and_no_key() {
    let key = VerifyingKey::from_pem(TEST_PEM).unwrap();
    let other = VerifyingKey::from_pem(OTHER_PEM).unwrap();
    let text = format!("{key:?}");
    assert_eq!(text.len(), "VerifyingKey()".len() + 16);
    assert_ne!(key.fingerprint(), other.fingerprint());
}
