//! The JOSE header and the signature (rules 18 to 36 and 39).

use super::*;

#[test]
fn the_algorithm_is_pinned() {
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""NONE""#,
        r#""""#,
        "null",
        r#"["RS256"]"#,
        r#""rs256""#,
        r#""RS256 ""#,
        "{}",
        "256",
        "true",
        r#""HS256""#,
        r#""HS512""#,
        r#""RS384""#,
        r#""RS512""#,
        r#""PS256""#,
        r#""ES256""#,
        r#""EdDSA""#,
    ] {
        let header = header_with("alg", alg);
        assert_eq!(reason_for_header(&header), "algorithm", "rules 18 to 20: {alg}");
    }
    let without = r#"{"kid":"ins_2SampleTest","typ":"JWT"}"#;
    assert_eq!(reason_for_header(without), "algorithm", "rule 18: missing");
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let header = header_with("alg", r#""HS256""#);
    let input = format!("{}.{}", encode(&header), encode(payload(&json!({}))));
    let public = VerifyingKey::from_pem(PUBLIC_PEM).unwrap();
    let der = jsonwebtoken::DecodingKey::from_rsa_pem(PUBLIC_PEM.as_bytes()).unwrap();
    for secret in
        [PUBLIC_PEM.as_bytes(), PUBLIC_PEM.trim().as_bytes(), der.try_get_as_bytes().unwrap()]
    {
        let key = EncodingKey::from_secret(secret);
        let signature =
            jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
        let token = format!("{input}.{signature}");
        assert_eq!(reason(verify(&token)), "algorithm", "rule 19");
        // Even under an honest `alg` such a signature is none.
        let honest = format!("{}.{}.{signature}", encode(HEADER), encode(payload(&json!({}))));
        let outcome =
            UnverifiedToken::parse(&honest).unwrap().verify(&public, &expectations(), now());
        assert_eq!(reason(outcome), "signature", "rule 19");
    }
}

#[test]
fn other_hashes_and_paddings_do_not_verify_under_rs256() {
    let input = format!("{}.{}", encode(HEADER), encode(payload(&json!({}))));
    let key = EncodingKey::from_rsa_pem(TEST_PEM.as_bytes()).unwrap();
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, algorithm).unwrap();
        assert_eq!(reason(verify(&format!("{input}.{signature}"))), "signature", "rule 20");
    }
}

#[test]
fn a_forged_or_moved_signature_is_refused() {
    let forged = sign_with(OTHER_PEM, HEADER, payload(&json!({})));
    assert_eq!(reason(verify(&forged)), "signature", "rule 21");
    let good = sign(HEADER, payload(&json!({})));
    let other = sign(HEADER, payload(&json!({"sub": "user_2Other"})));
    let (input, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(reason(verify(&format!("{input}.{signature}"))), "signature");
    assert_eq!(reason(verify(&format!("{input}.AA"))), "signature");
    // The signature decides before any claim is looked at.
    let forged = sign_with(OTHER_PEM, HEADER, payload(&json!({"exp": 0})));
    assert_eq!(reason(verify(&forged)), "signature");
}

#[test]
fn only_well_shaped_key_ids_are_looked_up() {
    let long = format!("\"{}\"", "k".repeat(5_000));
    for kid in [
        r#""""#,
        "5",
        "null",
        r#"["ins_2SampleTest"]"#,
        r#""../../etc/passwd""#,
        r#""https://attacker.test/key""#,
        r#""a\u0000b""#,
        r#""a\r\nb""#,
        r#""a\"b""#,
        r#""'""#,
        r#"" ins_2SampleTest""#,
        r#""é""#,
        long.as_str(),
    ] {
        assert_eq!(
            reason_for_header(&header_with("kid", kid)),
            "key_id",
            "rules 22 to 26: {kid:.40}"
        );
    }
    assert_eq!(reason_for_header(r#"{"alg":"RS256","typ":"JWT"}"#), "key_id", "rule 22: missing");
}

#[test]
fn an_unknown_key_id_is_handed_out_for_the_look_up() {
    let set =
        crate::clerk::key_set::KeySet::parse(include_bytes!("../../../../tests/keys/jwks.json"))
            .unwrap();
    let known = sign(HEADER, payload(&json!({})));
    let unknown = sign(header_with("kid", r#""ins_2Unknown""#), payload(&json!({})));
    let known = UnverifiedToken::parse(&known).unwrap();
    let unknown = UnverifiedToken::parse(&unknown).unwrap();
    assert_eq!(unknown.key_id(), "ins_2Unknown");
    assert!(set.find(unknown.key_id()).is_none(), "rule 25");
    let key = set.find(known.key_id()).unwrap();
    assert!(known.clone().verify(key, &expectations(), now()).is_ok());
    let other = set.find("ins_2SampleOther").unwrap();
    assert_eq!(reason(known.verify(other, &expectations(), now())), "signature");
}

#[test]
fn keys_in_the_header_are_not_looked_at() {
    let set: Value =
        serde_json::from_str(include_str!("../../../../tests/keys/jwks.json")).unwrap();
    let attacker = set["keys"][1].to_string();
    for (member, raw) in [
        ("jwk", attacker.as_str()),
        ("jku", r#""https://attacker.test/jwks.json""#),
        ("x5u", r#""https://attacker.test/cert.pem""#),
        ("x5c", r#"["MIIB"]"#),
    ] {
        let header = header_with(member, raw);
        let forged = sign_with(OTHER_PEM, &header, payload(&json!({})));
        assert_eq!(reason(verify(&forged)), "signature", "rule 27: {member}");
    }
}

#[test]
fn extensions_types_and_classes_are_refused() {
    let cases = [
        (28, "crit", r#"["exp"]"#, "critical_extension"),
        (28, "crit", "[]", "critical_extension"),
        (28, "crit", "null", "critical_extension"),
        (31, "typ", r#""jwt""#, "type"),
        (31, "typ", r#""JWS""#, "type"),
        (31, "typ", "null", "type"),
        (31, "typ", r#"["JWT"]"#, "type"),
        (32, "typ", r#""at+jwt""#, "type"),
        (32, "typ", r#""application/at+jwt""#, "type"),
        (33, "cat", r#""cl_B7d4PD333AAA""#, "token_class"),
        (34, "cat", r#""cl_B7d4PD222AAA""#, "token_class"),
        (35, "cat", r#""cl_B7d4PD444AAA""#, "token_class"),
        (35, "cat", r#""""#, "token_class"),
        (35, "cat", "null", "token_class"),
        (35, "cat", "5", "token_class"),
        (35, "cat", r#"["cl_B7d4PD111AAA"]"#, "token_class"),
    ];
    for (row, member, raw, expected) in cases {
        assert_eq!(reason_for_header(&header_with(member, raw)), expected, "rule {row}: {raw}");
    }
}

#[test]
fn repeated_members_are_refused_at_every_level() {
    let header = |extra: &str| format!("{},{extra}}}", &HEADER[..HEADER.len() - 1]);
    for extra in [r#""alg":"RS256""#, r#""kid":"ins_2SampleTest""#, r#""x":{"y":1,"y":1}"#] {
        assert_eq!(reason_for_header(&header(extra)), "json", "rule 29: header {extra}");
    }
    let usual = payload(&json!({}));
    for extra in [
        r#""sub":"user_2Sample""#.to_owned(),
        r#""\u0073ub":"user_2Sample""#.to_owned(),
        format!(r#""exp":{}"#, NOW + 55),
        r#""x":[{"y":1,"y":1}]"#.to_owned(),
    ] {
        let claims = format!("{},{extra}}}", &usual[..usual.len() - 1]);
        assert_eq!(reason(verify(&sign(HEADER, claims))), "json", "rule 29: payload {extra}");
    }
}

#[test]
fn a_token_without_class_needs_a_session() {
    let opted_out = header_with("cat", r#""cl_I7d4PD111III""#);
    let without = payload(&json!({"sid": "absent"}));
    assert_eq!(reason(verify(&sign(&opted_out, &without))), "session_missing", "rule 36");
    let absent = r#"{"alg":"RS256","kid":"ins_2SampleTest"}"#;
    for header in [HEADER, absent] {
        let claims = verify(&sign(header, &without)).unwrap();
        assert_eq!(claims.session_id, None, "rule 37");
    }
}

#[test]
fn other_credentials_of_clerk_are_told_apart() {
    for credential in ["oat_abc", "ak_abc", "mt_abc", "m2m_abc", "sk_test_abc", "oat_a.b.c"] {
        assert_eq!(reason(verify(credential)), "not_a_session_token", "rule 39: {credential}");
    }
}
