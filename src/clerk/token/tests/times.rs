//! The times (rules 47 to 60).

use super::*;

#[test]
fn times_are_numbers_of_seconds() {
    let cases = [
        (48, "exp", "\"1790000055\"", "claim_malformed"),
        (48, "nbf", "\"1789999985\"", "claim_malformed"),
        (49, "exp", "null", "claim_malformed"),
        (49, "exp", "[1790000055]", "claim_malformed"),
        (49, "exp", "true", "claim_malformed"),
        (50, "exp", "1790000055.75", "accepted"),
        (50, "exp", "1.790000055e9", "accepted"),
        (51, "exp", "0", "expired"),
        (51, "exp", "-1", "expired"),
        (51, "exp", "-0.0", "expired"),
        (52, "exp", "-9223372036854775808", "expired"),
        (52, "exp", "-1e300", "expired"),
        (53, "exp", "9223372036854775807", "time_out_of_range"),
        (53, "exp", "18446744073709551615", "time_out_of_range"),
        (53, "exp", "18446744073709551616", "time_out_of_range"),
        (53, "exp", "1e300", "time_out_of_range"),
        (53, "exp", "1790000055000", "time_out_of_range"),
        (53, "exp", "253402300800", "time_out_of_range"),
        (50, "exp", "253402300799", "accepted"),
        (54, "exp", "1e400", "json"),
        (55, "nbf", "1e300", "time_out_of_range"),
        (55, "iat", "1e300", "time_out_of_range"),
        (55, "nbf", "-1e300", "accepted"),
        (55, "iat", "-9223372036854775808", "accepted"),
        (57, "iat", "\"1789999995\"", "claim_malformed"),
        (57, "iat", "true", "claim_malformed"),
        (57, "iat", "null", "claim_malformed"),
        (59, "nbf", "null", "claim_malformed"),
        (60, "iat", "1789999985", "accepted"),
        (60, "iat", "0", "accepted"),
    ];
    for (row, claim, raw, expected) in cases {
        assert_eq!(reason_for_raw_claim(claim, raw), expected, "rule {row}: {claim} {raw}");
    }
    for (row, claim, expected) in
        [(47, "exp", "claim_missing"), (56, "iat", "claim_missing"), (59, "nbf", "accepted")]
    {
        assert_eq!(reason_for_claims(&json!({claim: "absent"})), expected, "rule {row}: {claim}");
    }
}

#[test]
fn without_the_iat_check_only_its_type_counts() {
    let mut expect = expectations();
    expect.verify_iat = false;
    let cases = [
        (56, json!("absent"), "accepted"),
        (58, json!(NOW + 1_000), "accepted"),
        (57, json!("1789999995"), "claim_malformed"),
        (57, json!(true), "claim_malformed"),
        (57, json!(null), "claim_malformed"),
        (55, json!(1e300), "time_out_of_range"),
    ];
    for (row, iat, expected) in cases {
        let token = sign(HEADER, payload(&json!({"iat": iat})));
        assert_eq!(reason(verify_with(&token, &expect)), expected, "rule {row}: {iat}");
    }
}

#[test]
fn the_edges_of_the_leeway_are_exact() {
    let ms = TimeDelta::milliseconds;
    let us = TimeDelta::microseconds;
    let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
    let mut claims = verify(&sign(HEADER, payload(&json!({})))).unwrap();
    for leeway in [ms(0), ms(250), ms(5_000), ms(10_000), ms(10_500), ms(300_000)] {
        let expect = Expectations { leeway, ..expectations() };
        (claims.not_before, claims.issued_at) = (None, Some(at(0)));

        claims.expires_at = at(NOW);
        let edge = claims.expires_at + leeway;
        assert_eq!(reason(claims.check_times(&expect, edge)), "expired", "{leeway}");
        assert_eq!(reason(claims.check_times(&expect, edge - us(1))), "accepted", "{leeway}");

        claims.expires_at = at(NOW + 1_000);
        claims.not_before = Some(at(NOW));
        let edge = at(NOW) - leeway;
        assert_eq!(reason(claims.check_times(&expect, edge)), "accepted", "{leeway}");
        assert_eq!(reason(claims.check_times(&expect, edge - us(1))), "not_yet_valid", "{leeway}");

        (claims.not_before, claims.issued_at) = (None, Some(at(NOW)));
        assert_eq!(reason(claims.check_times(&expect, edge)), "accepted", "{leeway}");
        let early = claims.check_times(&expect, edge - us(1));
        assert_eq!(reason(early), "issued_in_future", "rule 58: {leeway}");
    }
}

#[test]
fn a_remembered_token_expires_all_the_same() {
    let claims = verify(&sign(HEADER, payload(&json!({})))).unwrap();
    let expect = expectations();
    let later = |seconds: i64| now() + TimeDelta::seconds(seconds);
    assert_eq!(claims.check_times(&expect, later(64)), Ok(()));
    assert_eq!(reason(claims.check_times(&expect, later(65))), "expired");
    assert_eq!(reason(claims.check_times(&expect, DateTime::<Utc>::MAX_UTC)), "expired");
    assert_eq!(reason(claims.check_times(&expect, DateTime::<Utc>::MIN_UTC)), "not_yet_valid");
}
