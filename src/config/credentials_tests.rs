use base64::engine::general_purpose;
use secrecy::ExposeSecret;

use super::*;

const PUBLIC_KEY: &str = include_str!("../../tests/keys/test-rsa.pub.pem");
const EC_KEY: &str = include_str!("../../tests/keys/ec.pub.pem");
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----\n\
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDHsxpopkYKW6OzswKKwfAmz6O\n\
5ZErHYYrIm+06TcokU9YZMZhIrxq+716qVY3VZW5msGPJG4ZUuoJJu8IXW1eM9Xe\n\
0cdDYwgxP7olYG2lggxSz/QtsQ/Qv5mTRFwO6D0zH5TXpiaQ53Bf4mTzK0smO9Uo\n\
SVdqSD7JpY7Cl9TIWQIDAQAB\n\
-----END PUBLIC KEY-----\n\
";

fn reason<T>(read: Result<T, InvalidValue>) -> String {
    read.err().map(|invalid| invalid.reason).unwrap_or_default()
}

#[test]
fn secret_keys() {
    for (text, instance) in [
        ("sk_test_emulate", Instance::Test),
        ("sk_test_a_b_c_1", Instance::Test),
        ("sk_live_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z", Instance::Live),
    ] {
        let read = secret_key(text);
        assert!(
            read.is_ok_and(|(key, of)| key.expose_secret() == text && of == instance),
            "{text}"
        );
    }
    for (text, expected) in [
        ("sk_live_...", "is a placeholder"),
        ("sk_test_xxx", "is a placeholder"),
        ("changeme", "is a placeholder"),
        ("pk_test_hidden1", "is a publishable key"),
        ("whsec_hidden1", "is a webhook signing secret"),
        ("hidden", "does not begin with"),
        ("SK_TEST_hidden1", "does not begin with"),
        ("sk_prod_hidden1", "does not begin with"),
        ("sk_test_abcde", "is cut off"),
        ("sk_test_hid den", "has characters"),
        ("sk_test_hidd\u{e9}n", "has characters"),
        (DEVELOPMENT_SECRET_KEY, "is the key of development mode"),
    ] {
        let reason = reason(secret_key(text));
        assert!(reason.starts_with(expected), "{text}: {reason}");
        assert!(!reason.contains("hid"), "{text}: {reason}");
    }
}

#[test]
fn publishable_keys() {
    let key = |host: &str| format!("pk_test_{}", general_purpose::STANDARD.encode(host));
    for text in [
        key("clerk.example.com$"),
        key("clerk.example.com$").trim_end_matches('=').to_owned(),
        "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k".to_owned(),
    ] {
        let read = publishable_key(&text);
        assert!(
            read.as_ref()
                .is_ok_and(|key| key.issuer == "https://clerk.example.com" && key.text == text),
            "{text}: {read:?}"
        );
    }
    let holds_no_address = "does not hold the address";
    for (text, expected) in [
        (key("clerk.example.com"), holds_no_address),
        (key("clerk.example.com$$"), holds_no_address),
        (key("clerk$.example.com$"), holds_no_address),
        (key("localhost$"), holds_no_address),
        (key("evil.example.com/path$"), holds_no_address),
        (key("a:b@evil.example.com$"), holds_no_address),
        (key(".example.com$"), holds_no_address),
        (key("$"), holds_no_address),
        ("pk_test_%a%b".to_owned(), holds_no_address),
        ("pk_test_".to_owned(), "is a placeholder"),
        ("pk_live_...".to_owned(), "is a placeholder"),
        ("sk_live_hidden".to_owned(), "is a secret key"),
        ("Y2xlcmsuZXhhbXBsZS5jb20k".to_owned(), "does not begin with"),
    ] {
        let reason = reason(publishable_key(&text));
        assert!(reason.starts_with(expected), "{text}: {reason}");
    }
}

#[test]
fn webhook_secrets() {
    let text = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u";
    for written in [text, "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u"] {
        assert!(webhook_secret(written).is_ok(), "{written}");
    }
    for (text, expected) in [
        ("whsec_", "is a placeholder"),
        ("whsec_...", "is a placeholder"),
        ("whsec_%%not-base64", "is not whsec_"),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1", "is not whsec_"),
        ("whsec_aGlkZGVu", "is too short"),
        ("sk_live_hidden", "is an API key"),
        (DEVELOPMENT_WEBHOOK_SECRET, "is the secret of development"),
    ] {
        let reason = reason(webhook_secret(text));
        assert!(reason.starts_with(expected), "{text}: {reason}");
        assert!(!reason.contains("aGlk") && !reason.contains("hidden"));
    }
    let decoded = DEVELOPMENT_WEBHOOK_SECRET
        .strip_prefix("whsec_")
        .map(|encoded| general_purpose::STANDARD.decode(encoded));
    assert!(matches!(decoded, Some(Ok(key)) if key.len() == 32));
}

#[test]
fn local_tokens() {
    let token = "0123456789abcdefghijABCDEFGHIJ!~0123456789-_./+=:;";
    assert_eq!(token.len(), 50);
    assert!(local_token(token).is_ok_and(|read| read.expose_secret() == token));
    for (text, expected) in [
        (token[1..].to_owned(), "has 49 characters"),
        (token.replace('a', " "), "has blanks"),
        (token.replace('a', "\u{e9}"), "has blanks"),
        ("a".repeat(64), "is a placeholder"),
        (format!("change-me-{token}"), "is a placeholder"),
        (format!("your-{token}"), "is a placeholder"),
    ] {
        let reason = reason(local_token(&text));
        assert!(reason.starts_with(expected), "{text}: {reason}");
        assert!(!reason.contains("defgh"));
    }
}

/// `clerk::key` tries more forms; here is what an operator is told.
#[test]
fn jwt_keys() {
    for written in [PUBLIC_KEY.to_owned(), PUBLIC_KEY.replace('\n', "\\n")] {
        assert_eq!(jwt_key(&written).ok(), VerifyingKey::from_pem(PUBLIC_KEY).ok(), "{written}");
    }
    let private = PUBLIC_KEY.replace("PUBLIC", "PRIVATE");
    let certificate = PUBLIC_KEY.replace("PUBLIC KEY", "CERTIFICATE");
    let broken = PUBLIC_KEY.replacen("MIIB", "MIIC", 1);
    for (text, expected) in [
        (private.as_str(), "is a private key"),
        (certificate.as_str(), "holds another PEM block"),
        (&PUBLIC_KEY[..200], "is cut off"),
        (broken.as_str(), "is a damaged PEM public key"),
        (EC_KEY, "is not an RSA key"),
        (RSA_1024, "has an unsuitable modulus of 1024 bits"),
        ("not a key", "is not a PEM public key"),
        ("{\"keys\":[]}", "is JSON"),
        ("https://clerk.example.com/.well-known/jwks.json", "is an address"),
    ] {
        let invalid = jwt_key(text).err();
        assert!(
            invalid.as_ref().is_some_and(|invalid| {
                invalid.reason.starts_with(expected)
                    && !invalid.reason.contains("MII")
                    && !invalid.fix.contains("MII")
            }),
            "{expected}: {invalid:?}"
        );
    }
    assert!(jwt_key(&private).is_err_and(|invalid| invalid.fix.contains("as exposed")));
}
