//! The claims other than times (rules 33, 38, 40 to 46, 61 to 67).

use super::*;

#[test]
fn the_subject_is_a_visible_id() {
    let long = "u".repeat(256);
    let cases = [
        (33, json!("mch_2Sample"), "machine"),
        (43, json!("absent"), "claim_missing"),
        (44, json!(""), "claim_malformed"),
        (45, json!(5), "claim_malformed"),
        (45, json!(["user_2Sample"]), "claim_malformed"),
        (45, json!({"id": "user_2Sample"}), "claim_malformed"),
        (45, json!(null), "claim_malformed"),
        (46, json!(" "), "claim_malformed"),
        (46, json!(" user_2Sample"), "claim_malformed"),
        (46, json!("user_2Sample\n"), "claim_malformed"),
        (46, json!("user 2"), "claim_malformed"),
        (46, json!("usér"), "claim_malformed"),
        (46, json!("user\u{0}"), "claim_malformed"),
        (46, json!("user\u{7f}"), "claim_malformed"),
        (46, json!("\u{200b}user"), "claim_malformed"),
        (46, json!(long), "claim_malformed"),
        (46, json!("u".repeat(5000)), "claim_malformed"),
        (1, json!("u".repeat(255)), "accepted"),
        (1, json!("any-visible/ASCII=1"), "accepted"),
    ];
    for (row, subject, expected) in cases {
        assert_eq!(
            reason_for_claims(&json!({"sub": subject})),
            expected,
            "rule {row}: {subject:.40}"
        );
    }
    assert_eq!(reason_for_raw_claim("sub", r#""user_\ud800""#), "json", "rule 46: lone surrogate");
}

#[test]
fn session_status_and_token_id_have_their_types() {
    let long = "s".repeat(256);
    let cases = [
        (38, "sid", json!(""), "claim_malformed"),
        (38, "sid", json!(5), "claim_malformed"),
        (38, "sid", json!(null), "claim_malformed"),
        (38, "sid", json!(["sess_2Sample"]), "claim_malformed"),
        (38, "sid", json!("sess 2"), "claim_malformed"),
        (38, "sid", json!(long), "claim_malformed"),
        (40, "sts", json!("pending"), "session_status"),
        (41, "sts", json!("revoked"), "session_status"),
        (41, "sts", json!("Active"), "session_status"),
        (41, "sts", json!(""), "session_status"),
        (41, "sts", json!(null), "session_status"),
        (41, "sts", json!(["active"]), "session_status"),
        (1, "sts", json!("absent"), "accepted"),
        (67, "jti", json!(5), "claim_malformed"),
        (67, "jti", json!(null), "claim_malformed"),
        (67, "jti", json!(["a"]), "claim_malformed"),
        (1, "jti", json!("absent"), "accepted"),
    ];
    for (row, claim, value, expected) in cases {
        assert_eq!(
            reason_for_claims(&json!({claim: value})),
            expected,
            "rule {row}: {claim} {value:.40}"
        );
    }
}

#[test]
fn an_audience_is_refused_unless_expected() {
    let mut expect = expectations();
    let outcome = |aud: Value, expect: &Expectations| {
        reason(verify_with(&sign(HEADER, payload(&json!({"aud": aud}))), expect))
    };
    let malformed = [json!(5), json!(null), json!({"a": 1}), json!(["api", 5])];
    for aud in [json!("api"), json!(["api"]), json!([""]), json!(" "), json!(["", "api"])] {
        assert_eq!(outcome(aud.clone(), &expect), "audience", "rule 61: {aud}");
    }
    for nobody in [json!([]), json!("")] {
        assert_eq!(outcome(nobody.clone(), &expect), "accepted", "as if absent: {nobody}");
    }
    for aud in &malformed {
        assert_eq!(outcome(aud.clone(), &expect), "claim_malformed", "rule 61: {aud}");
    }
    expect.audiences = vec!["api".into(), "web".into()];
    for aud in [json!("api"), json!("web"), json!(["other", "web"])] {
        assert_eq!(outcome(aud.clone(), &expect), "accepted", "{aud}");
    }
    for aud in
        [json!("absent"), json!("API"), json!("apis"), json!([]), json!(""), json!(["other"])]
    {
        assert_eq!(outcome(aud.clone(), &expect), "audience", "rule 62: {aud}");
    }
    for aud in &malformed {
        assert_eq!(outcome(aud.clone(), &expect), "claim_malformed", "rule 62: {aud}");
    }
}

#[test]
fn authorized_party_and_issuer_are_compared_exactly() {
    let azp = "https://app.example.com";
    let iss = "https://clerk.example.com";
    for (row, claim, good, expected) in
        [(63, "azp", azp, "authorized_party"), (66, "iss", iss, "issuer")]
    {
        for bad in [
            json!("absent"),
            json!(null),
            json!(""),
            json!([good]),
            json!(5),
            json!(format!("{good}/")),
            json!(good.to_uppercase()),
            json!(format!("{good}.evil.test")),
            json!(&good[..good.len() - 1]),
        ] {
            assert_eq!(reason_for_claims(&json!({claim: bad})), expected, "rules {row}, 64: {bad}");
        }
    }
    let mut expect = expectations();
    expect.issuers.push("https://other.example.com".into());
    let token = sign(HEADER, payload(&json!({"iss": "https://other.example.com"})));
    assert_eq!(reason(verify_with(&token, &expect)), "accepted");
    expect.issuers.clear();
    expect.authorized_parties.clear();
    for changes in [json!({"azp": "absent", "iss": "absent"}), json!({"azp": "x", "iss": ["y"]})] {
        let token = sign(HEADER, payload(&changes));
        assert_eq!(reason(verify_with(&token, &expect)), "accepted", "rules 65, 66: {changes}");
    }
}
