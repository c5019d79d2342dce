use secrecy::ExposeSecret;

use super::*;
use crate::{
    clerk::key::VerifyingKey,
    config::{Environment, Faults},
};

const VECTORS: &str = include_str!("../../tests/vectors/claims.json");
const TEST_KEY: (&str, &str) = ("CLERK_SECRET_KEY", "sk_test_emulate");
const LIVE_KEY: (&str, &str) = ("CLERK_SECRET_KEY", "sk_live_aB3dE5fG7hI9");
/// clerk.example.com, test and live.
const TEST_PUBLISHABLE: (&str, &str) =
    ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k");
const LIVE_PUBLISHABLE: (&str, &str) =
    ("CLERK_PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k");

type Read = Result<(ClerkSettings, Vec<String>), Faults>;

fn read(pairs: &[(&str, &str)]) -> Read {
    let environment = Environment::from_pairs(pairs.iter().copied());
    let mut reading = Reading::new(&environment);
    require_key(&mut reading);
    let settings = ClerkSettings::read(&mut reading);
    reading
        .finish(settings)
        .map(|(settings, warnings)| (settings, warnings.iter().map(ToString::to_string).collect()))
}

fn faults(read: Read) -> Vec<String> {
    read.err().map(|faults| faults.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

#[test]
fn defaults() -> Result<(), Faults> {
    let (settings, _) = read(&[TEST_KEY])?;
    assert_eq!(settings.api.as_str(), "https://api.clerk.com/v1");
    assert!(settings.expectations.verify_iat);
    assert_eq!(settings.expectations.leeway, TimeDelta::seconds(10));
    assert_eq!(settings.jwt_key, None);
    assert_eq!(settings.frontend, None);
    assert!(settings.expectations.issuers.is_empty());
    assert!(settings.expectations.audiences.is_empty());
    assert!(settings.expectations.authorized_parties.is_empty());
    assert!(settings.webhook_secrets.is_none());
    let key = settings.secret_key.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(key, Some(TEST_KEY.1));
    Ok(())
}

#[test]
fn everything_set() -> Result<(), Faults> {
    let (settings, warnings) = read(&[
        LIVE_KEY,
        LIVE_PUBLISHABLE,
        ("CLERK_API_URL", "https://api.clerk.eu/"),
        ("CLERK_VERIFY_IAT", "false"),
        ("CLERK_LEEWAY", "2.5"),
        ("CLERK_AUDIENCE", "one, two"),
        ("CLERK_AUTHORIZED_PARTIES", "https://a.com,http://localhost:3000"),
        (
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u, whsec_bm1sa2ppaGdmZWRjYmE5ODc2NTQzMjEw",
        ),
    ])?;
    assert_eq!(settings.api.as_str(), "https://api.clerk.eu/v1");
    assert!(!settings.expectations.verify_iat);
    assert_eq!(settings.expectations.leeway, TimeDelta::milliseconds(2500));
    assert_eq!(settings.expectations.audiences, ["one", "two"]);
    assert_eq!(
        settings.expectations.authorized_parties,
        ["https://a.com", "http://localhost:3000"]
    );
    assert_eq!(settings.expectations.issuers, ["https://clerk.example.com"]);
    assert_eq!(
        settings.frontend.as_ref().map(|frontend| frontend.publishable_key.as_str()),
        Some(LIVE_PUBLISHABLE.1)
    );
    assert!(settings.webhook_secrets.is_some());
    assert_eq!(warnings, Vec::<String>::new());
    Ok(())
}

#[test]
fn api_base_vectors_through_the_whole_reading() -> Result<(), serde_json::Error> {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS)?;
    let cases = vectors["api_base"].as_array().cloned().unwrap_or_default();
    assert!(cases.len() >= 13);
    for case in cases {
        let raw = case["raw"].as_str().unwrap_or_default();
        let base = read(&[TEST_KEY, ("CLERK_API_URL", raw)])
            .ok()
            .map(|(settings, _)| settings.api.to_string());
        assert_eq!(base.as_deref(), case["base"].as_str(), "{raw:?}");
    }
    Ok(())
}

#[test]
fn plain_http_needs_loopback_or_a_test_key() -> Result<(), Faults> {
    let remote = ("CLERK_API_URL", "http://clerk.internal:4000");
    let local = ("CLERK_API_URL", "http://127.0.0.1:4000");
    let (settings, warnings) = read(&[TEST_KEY, remote])?;
    assert_eq!(settings.api.as_str(), "http://clerk.internal:4000/v1");
    assert!(warnings.iter().any(|text| text.contains("plain http")));
    let (_, warnings) = read(&[LIVE_KEY, local])?;
    assert!(!warnings.iter().any(|text| text.contains("plain http")));

    let refused = faults(read(&[LIVE_KEY, remote]));
    assert!(
        matches!(refused.as_slice(), [fault] if fault.starts_with("CLERK_API_URL: is plain http")),
        "{refused:?}"
    );
    // The key is the fault here; which instance was meant is not known.
    let refused = faults(read(&[("CLERK_SECRET_KEY", "sk_test_..."), remote]));
    assert!(
        matches!(refused.as_slice(), [fault] if fault.starts_with("CLERK_SECRET_KEY")),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn a_key_is_required_and_a_networkless_one_warns() -> Result<(), Faults> {
    let none = faults(read(&[]));
    assert!(
        matches!(none.as_slice(), [fault] if fault.starts_with("CLERK_SECRET_KEY: is not set")
            && !fault.contains("(from")),
        "{none:?}"
    );
    // A refused key is not reported as missing as well.
    assert_eq!(faults(read(&[("CLERK_SECRET_KEY", "sk_live_...")])).len(), 1);

    let refused = faults(read(&[("CLERK_JWT_KEY", "not a key")]));
    assert_eq!(refused.len(), 1, "{refused:?}");

    let pem = crate::config::tests::PUBLIC_KEY;
    let (settings, warnings) = read(&[("CLERK_JWT_KEY", pem)])?;
    assert!(settings.secret_key.is_none());
    assert_eq!(settings.jwt_key, VerifyingKey::from_pem(pem).ok());
    assert!(warnings.iter().any(|text| text.starts_with("CLERK_SECRET_KEY is not set")));
    Ok(())
}

#[test]
fn authorized_parties_warn_when_unset_or_no_origin() -> Result<(), Faults> {
    let (_, warnings) = read(&[TEST_KEY])?;
    assert!(
        matches!(warnings.as_slice(), [text] if text.starts_with("CLERK_AUTHORIZED_PARTIES is not set"))
    );
    let (settings, warnings) = read(&[TEST_KEY, ("CLERK_AUTHORIZED_PARTIES", "https://a.com/")])?;
    assert_eq!(settings.expectations.authorized_parties, ["https://a.com/"]);
    assert!(matches!(warnings.as_slice(), [text] if text.contains("accepts no token")
            && text.contains("write https://a.com")));
    Ok(())
}

#[test]
fn the_issuer_setting_wins_over_the_publishable_key() -> Result<(), Faults> {
    let issuer = ("CLERK_ISSUER", "https://a.example.com,https://b.example.com/x");
    let (settings, _) = read(&[TEST_KEY, TEST_PUBLISHABLE, issuer])?;
    assert_eq!(settings.expectations.issuers, ["https://a.example.com", "https://b.example.com/x"]);
    Ok(())
}

#[test]
fn keys_of_two_instances_are_refused() {
    for (secret, publishable, texts) in [
        (TEST_KEY, LIVE_PUBLISHABLE, ["a live instance while", "a test instance"]),
        (LIVE_KEY, TEST_PUBLISHABLE, ["a test instance while", "a live instance"]),
    ] {
        let refused = faults(read(&[secret, publishable]));
        assert!(
            matches!(refused.as_slice(), [fault] if fault.starts_with("CLERK_PUBLISHABLE_KEY")
                && texts.iter().all(|text| fault.contains(text))),
            "{refused:?}"
        );
    }
}

#[test]
fn leeway() {
    for (text, expected) in [
        ("0", Some(0)),
        ("0.25", Some(250)),
        ("300", Some(300_000)),
        ("300.001", None),
        ("-1", None),
        ("NaN", None),
        ("inf", None),
        ("1e1", None),
        ("ten", None),
    ] {
        let read = read(&[TEST_KEY, ("CLERK_LEEWAY", text)]);
        let leeway = read.as_ref().ok().map(|(settings, _)| settings.expectations.leeway);
        assert_eq!(leeway, expected.map(TimeDelta::milliseconds), "{text}");
        if expected.is_none() {
            assert!(matches!(faults(read).as_slice(), [fault] if fault.contains("0 to 300")));
        }
    }
}

#[test]
fn each_faulty_entry_of_a_list_is_named() {
    let refused = faults(read(&[
        TEST_KEY,
        (
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u,whsec_..., whsec_%hidden",
        ),
        ("CLERK_ISSUER", "https://a.example.com/"),
    ]));
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().any(|fault| fault.contains("entry 2: is a placeholder")));
    assert!(refused.iter().any(|fault| fault.contains("entry 3: is not whsec_")));
    assert!(refused.iter().any(|fault| fault.contains("fix: write https://a.example.com\n")
        || fault.ends_with("fix: write https://a.example.com")));
    assert!(!refused.concat().contains("hidden"));
}
