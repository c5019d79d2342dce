use secrecy::ExposeSecret;

use super::*;

const RSA_2048: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6zytp6+0dRutVDio28vx\n\
WI5ULp6tJy23YZ5N+O00VqGnyQNs7LK1Hv8B2xkzdpQ79cFFeLUDtsAB6iQx4yL8\n\
R9O/MJ4HLVRVW8BVrwKhK5u1+vm0MML96TYqIt0Qi3zVfixGHw+SRaq4ETpdktxb\n\
Wch6RRFnwpeo+ECzp+Q4/4tCvS+7TNWFMqxTdWMtWLwdIj9J57VoKYh5MRIHymwE\n\
pWM7b1pmDz5i4BeehJV5sJYpnDPxyvk+eBsloe7WNy0bvtJrRXN6p04jfZwkDoPk\n\
uhfML3LmyeIl13uFwMYxoyo4+V9EZ1U81EEgYApJGQtIpj9ZH6IbRkKPS0pHjgx9\n\
YwIDAQAB\n\
-----END PUBLIC KEY-----\n\
";
const RSA_2048_PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----\n\
MIIBCgKCAQEA6zytp6+0dRutVDio28vxWI5ULp6tJy23YZ5N+O00VqGnyQNs7LK1\n\
Hv8B2xkzdpQ79cFFeLUDtsAB6iQx4yL8R9O/MJ4HLVRVW8BVrwKhK5u1+vm0MML9\n\
6TYqIt0Qi3zVfixGHw+SRaq4ETpdktxbWch6RRFnwpeo+ECzp+Q4/4tCvS+7TNWF\n\
MqxTdWMtWLwdIj9J57VoKYh5MRIHymwEpWM7b1pmDz5i4BeehJV5sJYpnDPxyvk+\n\
eBsloe7WNy0bvtJrRXN6p04jfZwkDoPkuhfML3LmyeIl13uFwMYxoyo4+V9EZ1U8\n\
1EEgYApJGQtIpj9ZH6IbRkKPS0pHjgx9YwIDAQAB\n\
-----END RSA PUBLIC KEY-----\n\
";
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----\n\
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDHsxpopkYKW6OzswKKwfAmz6O\n\
5ZErHYYrIm+06TcokU9YZMZhIrxq+716qVY3VZW5msGPJG4ZUuoJJu8IXW1eM9Xe\n\
0cdDYwgxP7olYG2lggxSz/QtsQ/Qv5mTRFwO6D0zH5TXpiaQ53Bf4mTzK0smO9Uo\n\
SVdqSD7JpY7Cl9TIWQIDAQAB\n\
-----END PUBLIC KEY-----\n\
";
const P_256: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDEt+/4aQ7vBrxgpx5rKAhXTmWmPB\n\
B9SQBvAlllnW3vqiAhBWiirM4w7ik9dZzQoUw2d2gX3zXtyRcmjtgAHuXQ==\n\
-----END PUBLIC KEY-----\n\
";

fn reason<T>(read: Result<T, Refusal>) -> String {
    read.err().map(|refusal| refusal.reason).unwrap_or_default()
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
        let read = webhook_secret(written);
        assert!(read.is_ok_and(|secret| secret.expose_secret() == text));
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

#[test]
fn a_jwt_key_is_read_however_its_lines_survived() {
    for pem in [RSA_2048, RSA_2048_PKCS1] {
        for written in [
            pem.to_owned(),
            pem.replace('\n', "\\n"),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\r\\n"),
            pem.replace('\n', " "),
            format!("a note before it\n{pem}"),
        ] {
            assert_eq!(jwt_key(&written).as_deref(), Ok(pem), "{written}");
        }
    }
}

#[test]
fn other_keys_are_refused_without_being_shown() {
    let private = RSA_2048.replace("PUBLIC", "PRIVATE");
    let both = format!("{RSA_2048}{private}");
    let certificate = RSA_2048.replace("PUBLIC KEY", "CERTIFICATE");
    let bare: String = RSA_2048.lines().filter(|line| !line.starts_with('-')).collect();
    let broken = RSA_2048.replacen("MIIB", "MIIC", 1);
    for (text, expected) in [
        (private.as_str(), "is a private key"),
        (both.as_str(), "is a private key"),
        (certificate.as_str(), "holds another PEM block"),
        (bare.as_str(), "holds no PEM block"),
        (&RSA_2048[..200], "is cut off"),
        (broken.as_str(), "is not an RSA public key"),
        (P_256, "is not an RSA public key"),
        (RSA_1024, "is an RSA key of 1024 bits"),
        ("-----BEGIN PUBLIC KEY", "is cut off"),
        ("-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", "is not an RSA public key"),
    ] {
        let refusal = jwt_key(text).err();
        assert!(
            refusal.as_ref().is_some_and(|refusal| {
                refusal.reason.starts_with(expected)
                    && !refusal.reason.contains("MII")
                    && !refusal.fix.contains("MII")
            }),
            "{expected}: {refusal:?}"
        );
    }
}
