//! Verification in the running server: what is refused looks the same from outside, costs nothing, and
//! leaves its reason to the operator.

use axum::{
    body::Body,
    http::{HeaderValue, Request, header},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::support::{Answer, TestApp, TestDatabase, Token, noon};

/// The body of every 401 of `/graphql`, byte for byte.
const REFUSED: &str =
    r#"{"errors":[{"message":"Not authenticated","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
/// The same on the REST face.
const REFUSED_REST: &str = r#"{"detail":"Not authenticated"}"#;
/// Everything on the REST face that needs a session.
const REST: [(&str, &str); 4] = [
    ("POST", "/api/v1/auth/bootstrap"),
    ("GET", "/api/v1/users/me"),
    ("PATCH", "/api/v1/users/me"),
    ("DELETE", "/api/v1/users/me"),
];
const MEDIA_TYPES: [&str; 2] = ["application/graphql-response+json", "application/json"];
const OTHER_PEM: &str = include_str!("../../keys/other-rsa.pem");

/// A server that checks everything that can be checked.
async fn strict(database: &TestDatabase) -> TestApp {
    let settings = [
        ("CLERK_ISSUER", "https://clerk.example.com"),
        ("CLERK_AUTHORIZED_PARTIES", "https://app.example.com"),
    ];
    TestApp::start(database, &settings).await
}

/// A token that a strict server accepts.
fn good(now: DateTime<Utc>) -> Token {
    Token::complete("user_a", now).claim("azp", "https://app.example.com")
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

/// Sends one request with exactly these `Authorization` headers.
async fn send(
    app: &TestApp,
    method: &str,
    uri: &str,
    accept: &str,
    authorization: &[HeaderValue],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(uri).header(header::ACCEPT, accept);
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for value in authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    app.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn me(app: &TestApp, token: &Token) -> Answer {
    app.query(Some(token), "{ me { id } }").await
}

/// Whether a token is accepted right now.
async fn accepts(app: &TestApp, token: &Token) -> bool {
    let answer = me(app, token).await;
    match answer.status.as_u16() {
        200 => true,
        401 => false,
        _ => panic!("{}", answer.text),
    }
}

/// Knocks at every door that needs a session and asserts that each refuses in the same way, without
/// asking the database or Clerk, and counts the reason.
async fn assert_refused(
    app: &TestApp,
    name: &str,
    authorization: &[HeaderValue],
    reason: &str,
    challenge: &str,
) {
    let counted = app.counted(reason);
    let calls = || (app.clerk.key_fetches(), app.clerk.reads(), app.clerk.deletes());
    let calls_before = calls();
    let (requests, statements) = app.statements(knock(app, name, authorization, challenge)).await;
    assert_eq!(statements, 0, "{name}: statements");
    assert_eq!(calls(), calls_before, "{name}: calls to Clerk");
    assert_eq!(app.counted(reason), counted + requests, "{name}: {}", app.app.metrics.render());
}

async fn knock(app: &TestApp, name: &str, authorization: &[HeaderValue], challenge: &str) -> u64 {
    let mut requests = 0;
    let mut check = |answer: &Answer, door: &str, body: &str, media_type: &str| {
        assert_eq!(answer.status, 401, "{name}: {door}: {}", answer.text);
        assert_eq!(answer.text, body, "{name}: {door}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{name}: {door}");
        assert_eq!(answer.header("content-type"), media_type, "{name}: {door}");
        assert_eq!(answer.header("cache-control"), "no-store", "{name}: {door}");
        assert!(!answer.header("x-request-id").is_empty(), "{name}: {door}");
        requests += 1;
    };
    let mut queries = vec!["{ me { id } }", "mutation { deleteUser { deletedUserId } }"];
    if challenge != "Bearer" {
        // With a bad token not even what anybody may ask is answered.
        queries.extend(["{ serverInfo { name } }", "{ __typename }", "not GraphQL"]);
    }
    for accept in MEDIA_TYPES {
        let media_type = format!("{accept}; charset=utf-8");
        for query in &queries {
            let body = json!({ "query": query }).to_string();
            let answer = send(app, "POST", "/graphql", accept, authorization, &body).await;
            check(&answer, query, REFUSED, &media_type);
        }
        let uri = "/graphql?query=%7Bme%7Bid%7D%7D";
        let answer = send(app, "GET", uri, accept, authorization, "").await;
        check(&answer, "GET /graphql", REFUSED, &media_type);
    }
    for (method, path) in REST {
        let body = if method == "PATCH" { r#"{"name":"x"}"# } else { "" };
        let answer = send(app, method, path, "*/*", authorization, body).await;
        check(&answer, &format!("{method} {path}"), REFUSED_REST, "application/json");
    }
    requests
}

#[tokio::test]
async fn every_refusal_looks_the_same_and_costs_nothing() {
    let database = TestDatabase::sqlite().await;
    let app = strict(&database).await;
    let now = noon().timestamp();
    let token = good(noon());
    let signed = token.sign();
    let one = |text: &str| vec![HeaderValue::from_str(text).unwrap()];
    let with = |token: &Token| vec![bearer(&token.sign())];
    let claim = |name: &str, value: serde_json::Value| with(&token.clone().claim(name, value));
    let head = |name: &str, value: serde_json::Value| with(&token.clone().header(name, value));
    let without = |name: &str| with(&token.clone().without(name));
    let mut tampered = signed.clone();
    tampered.replace_range(signed.len() - 9..signed.len() - 5, "AAAA");

    let cases = [
        ("no credentials", one("Bearer"), "not_one_token"),
        ("an empty header", one(""), "not_bearer"),
        ("another scheme", one("Basic dXNlcjpwYXNz"), "not_bearer"),
        ("no scheme", one(&signed), "not_bearer"),
        ("the scheme twice", one(&format!("Bearer Bearer {signed}")), "not_one_token"),
        ("text after the token", one(&format!("Bearer {signed} x")), "not_one_token"),
        ("two in one header", one(&format!("Bearer {signed}, Bearer {signed}")), "not_one_token"),
        ("two headers", vec![bearer(&signed), bearer(&signed)], "several_headers"),
        (
            "a second empty header",
            vec![bearer(&signed), HeaderValue::from_static("")],
            "several_headers",
        ),
        ("not text", vec![HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap()], "not_one_token"),
        ("too long", one(&format!("Bearer {}", "a".repeat(16 * 1024 + 1))), "too_long"),
        ("not three parts", one("Bearer nonsense"), "not_three_parts"),
        ("not base64url", one("Bearer a=.b=.c="), "encoding"),
        ("not JSON", one("Bearer YWJj.YWJj.YWJj"), "json"),
        ("an OAuth token", one("Bearer oat_0123456789"), "not_a_session_token"),
        ("an API key", one("Bearer ak_0123456789"), "not_a_session_token"),
        ("an opaque machine token", one("Bearer mt_0123456789"), "not_a_session_token"),
        ("another opaque machine token", one("Bearer m2m_0123456789"), "not_a_session_token"),
        ("a secret key", one("Bearer sk_test_0123456789abcdefghij"), "not_a_session_token"),
        ("alg none", head("alg", json!("none")), "algorithm"),
        ("alg HS256", head("alg", json!("HS256")), "algorithm"),
        ("typ of an OAuth token", head("typ", json!("at+jwt")), "type"),
        ("crit", head("crit", json!(["exp"])), "critical_extension"),
        ("a template token", head("cat", json!("cl_B7d4PD222AAA")), "token_class"),
        ("a machine token", head("cat", json!("cl_B7d4PD333AAA")), "token_class"),
        ("an unknown class", head("cat", json!("cl_X")), "token_class"),
        ("a kid with a path", head("kid", json!("../../etc/passwd")), "key_id"),
        ("a kid with a URL", head("kid", json!("https://evil.example/jwks")), "key_id"),
        ("a kid in a list", head("kid", json!(["ins_2SampleTest"])), "key_id"),
        ("an empty kid", head("kid", json!("")), "key_id"),
        ("signed with another key", vec![bearer(&token.sign_with(OTHER_PEM))], "signature"),
        ("a tampered signature", vec![bearer(&tampered)], "signature"),
        ("the subject is a machine", claim("sub", json!("mch_1")), "machine"),
        ("no subject", without("sub"), "claim_missing"),
        ("an empty subject", claim("sub", json!("")), "claim_malformed"),
        ("a blank in the subject", claim("sub", json!("user a")), "claim_malformed"),
        ("an open task", claim("sts", json!("pending")), "session_status"),
        ("expired at the edge", claim("exp", json!(now - 10)), "expired"),
        ("no expiry", without("exp"), "claim_missing"),
        ("expiry in milliseconds", claim("exp", json!((now + 60) * 1000)), "time_out_of_range"),
        ("not before, past the edge", claim("nbf", json!(now + 11)), "not_yet_valid"),
        ("issued past the edge", claim("iat", json!(now + 11)), "issued_in_future"),
        ("no issue time", without("iat"), "claim_missing"),
        ("another issuer", claim("iss", json!("https://clerk.evil.example")), "issuer"),
        ("issuer with a slash", claim("iss", json!("https://clerk.example.com/")), "issuer"),
        ("no issuer", without("iss"), "issuer"),
        ("an audience", claim("aud", json!("somebody")), "audience"),
        ("another party", claim("azp", json!("https://evil.example")), "authorized_party"),
        ("no party", without("azp"), "authorized_party"),
    ];
    for (name, authorization, reason) in cases {
        let challenge = r#"Bearer error="invalid_token""#;
        assert_refused(&app, name, &authorization, reason, challenge).await;
    }
    assert_refused(&app, "no header", &[], "anonymous", "Bearer").await;
    assert_eq!(database.count("users").await, 0);

    // What was varied is what decided.
    assert!(accepts(&app, &token).await);
    assert_eq!(app.counted("accepted"), 1);
}

#[tokio::test]
async fn what_lies_on_the_edge_or_is_merely_unusual_is_accepted() {
    let database = TestDatabase::sqlite().await;
    let app = strict(&database).await;
    let now = noon().timestamp();
    let token = good(noon());
    for (name, token) in [
        ("last second", token.clone().claim("exp", now - 9)),
        ("not before, on the edge", token.clone().claim("nbf", now + 10)),
        ("no not-before", token.clone().without("nbf")),
        ("issued on the edge", token.clone().claim("iat", now + 10)),
        ("issued long ago", token.clone().claim("iat", now - 15)),
        ("no session", token.clone().without("sid")),
        ("no status", token.clone().without("sts")),
        ("custom claims", token.clone().claim("plan", json!({ "name": "pro" }))),
        ("unknown header", token.clone().header("oiat", 5)),
        ("class unstated", token.clone().header("cat", "cl_I7d4PD111III")),
    ] {
        assert!(accepts(&app, &token).await, "{name}");
    }
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        let value = HeaderValue::from_str(&format!("{scheme} {}", token.sign())).unwrap();
        let answer = send(&app, "GET", "/api/v1/users/me", "*/*", &[value], "").await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_token_counts_in_the_header_only() {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[]).await;
    let token = app.token("user_a").sign();
    let body = r#"{"query":"{ me { id } }"}"#;
    let uris = [
        "/graphql".to_owned(),
        format!("/graphql?token={token}"),
        format!("/graphql?access_token={token}&__session={token}"),
    ];
    for uri in uris {
        let request = Request::post(&uri)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, format!("__session={token}; __client_uat=1"))
            .header("x-authorization", format!("Bearer {token}"))
            .body(Body::from(body))
            .unwrap();
        let answer = app.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, REFUSED), "{uri}");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{uri}: no token was sent");
    }
    for uri in ["/api/v1/users/me".to_owned(), format!("/api/v1/users/me?access_token={token}")] {
        let request = Request::get(&uri)
            .header(header::COOKIE, format!("__session={token}"))
            .body(Body::empty())
            .unwrap();
        let answer = app.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, REFUSED_REST), "{uri}");
    }
    assert_eq!(database.count("users").await, 0);
}

#[tokio::test]
async fn without_a_token_only_what_anybody_may_know_is_answered() {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[]).await;
    let public = [
        "{ serverInfo { name authMode } }",
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ __type(name: \"User\") { name } serverInfo { version } }",
    ];
    let (_, statements) = app
        .statements(async {
            for query in public {
                app.query(None, query).await.data();
            }
        })
        .await;
    assert_eq!(statements, 0);
    // One field that needs a session, and nothing is answered.
    for query in ["{ serverInfo { name } me { id } }", "mutation { bootstrap { created } }"] {
        let answer = app.query(None, query).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, REFUSED), "{query}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn forged_signatures_cost_no_fetch() {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[]).await;
    assert_eq!(app.clerk.key_fetches(), 1);
    app.clock.advance(TimeDelta::minutes(4));
    let ((), statements) = app
        .statements(async {
            for user in 0..50 {
                let token = app.token(&format!("user_{user}"));
                let forged = bearer(&token.sign_with(OTHER_PEM));
                let answer = send(&app, "GET", "/api/v1/users/me", "*/*", &[forged], "").await;
                assert_eq!(answer.status, 401);
            }
        })
        .await;
    assert_eq!((statements, app.clerk.key_fetches()), (0, 1));
    assert_eq!(app.counted("signature"), 50);
}

#[tokio::test]
async fn the_leeway_counts_to_the_millisecond() {
    let database = TestDatabase::sqlite().await;
    let microsecond = TimeDelta::microseconds(1);
    for (setting, milliseconds) in
        [("0", 0), ("0.001", 1), ("0.25", 250), ("1.5", 1500), ("10.0", 10_000), ("300", 300_000)]
    {
        let leeway = TimeDelta::milliseconds(milliseconds);
        let app = TestApp::start(&database, &[("CLERK_LEEWAY", setting)]).await;
        let start = noon();
        let token = Token::complete("user_a", start).claim("iat", start.timestamp() - 1000);
        let ahead = start + TimeDelta::seconds(400);
        let early = |claim: &str| {
            Token::complete("user_a", start)
                .claim("exp", ahead.timestamp() + 60)
                .claim(claim, ahead.timestamp())
        };
        let expiry = start + TimeDelta::seconds(60);
        let cases = [
            ("exp", token.clone(), expiry + leeway - microsecond, true),
            ("exp", token, expiry + leeway, false),
            ("nbf", early("nbf"), ahead - leeway, true),
            ("nbf", early("nbf"), ahead - leeway - microsecond, false),
            ("iat", early("iat"), ahead - leeway, true),
            ("iat", early("iat"), ahead - leeway - microsecond, false),
        ];
        for (claim, token, at, expected) in cases {
            app.clock.set(at);
            assert_eq!(accepts(&app, &token).await, expected, "{setting}: {claim} at {at}");
        }
    }
}

#[tokio::test]
async fn without_the_iat_check_a_missing_or_future_one_is_accepted() {
    let database = TestDatabase::sqlite().await;
    let now = noon().timestamp();
    let token = Token::complete("user_a", noon());
    let cases = [
        ("missing", token.clone().without("iat"), true),
        ("in a year", token.clone().claim("iat", now + 31_536_000), true),
        ("a text", token.clone().claim("iat", now.to_string()), false),
        ("not before", token.clone().claim("nbf", now + 11), false),
        ("expired", token.clone().claim("exp", now - 10), false),
    ];
    let off = TestApp::start(&database, &[("CLERK_VERIFY_IAT", "false")]).await;
    let on = TestApp::start(&database, &[("CLERK_VERIFY_IAT", "true")]).await;
    for (name, token, expected) in cases {
        assert_eq!(accepts(&off, &token).await, expected, "{name}");
        assert!(!accepts(&on, &token).await, "{name}, checked");
    }
}

#[tokio::test]
async fn audiences_and_issuers_are_checked_when_they_are_set() {
    let database = TestDatabase::sqlite().await;
    let token = Token::complete("user_a", noon());
    let audience = |value: serde_json::Value| token.clone().claim("aud", value);
    let app = TestApp::start(&database, &[("CLERK_AUDIENCE", "api, other")]).await;
    for (token, expected) in [
        (audience(json!("api")), true),
        (audience(json!(["x", "other"])), true),
        (audience(json!("API")), false),
        (audience(json!(["x"])), false),
        (audience(json!(5)), false),
        (audience(json!("")), false),
        (audience(json!([])), false),
        (token.clone(), false),
    ] {
        assert_eq!(accepts(&app, &token).await, expected, "{:?}", token.claims["aud"]);
    }
    let app = TestApp::start(&database, &[]).await;
    for (token, expected) in [
        (audience(json!("")), true),
        (audience(json!([])), true),
        (audience(json!([""])), false),
        (audience(json!("api")), false),
    ] {
        assert_eq!(accepts(&app, &token).await, expected, "{:?}", token.claims["aud"]);
    }
    // pk_test_ + base64("clerk.example.com$")
    let publishable = [("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k")];
    let app = TestApp::start(&database, &publishable).await;
    let elsewhere = token.clone().claim("iss", "https://clerk.other.example");
    assert!(accepts(&app, &token).await, "the publishable key names the issuer");
    assert!(!accepts(&app, &elsewhere).await);
    let both = [publishable[0], ("CLERK_ISSUER", "https://clerk.other.example")];
    let app = TestApp::start(&database, &both).await;
    assert!(accepts(&app, &elsewhere).await, "CLERK_ISSUER wins");
    assert!(!accepts(&app, &token).await);
}

#[tokio::test]
async fn development_keys_verify_nothing_even_when_they_are_published() {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[]).await;
    let mut keys: serde_json::Value =
        serde_json::from_str(include_str!("../../keys/jwks.json")).unwrap();
    keys["keys"][0]["kid"] = json!("mission-control-development-abc");
    keys["keys"][1]["kid"] = json!("ins_mission-control-development-abc");
    app.clerk.publish(keys);
    app.clock.advance(TimeDelta::minutes(5));
    app.refresh_keys().await;
    let token = app.token("user_a").header("kid", "mission-control-development-abc");
    let challenge = r#"Bearer error="invalid_token""#;
    assert_refused(&app, "published", &[bearer(&token.sign())], "unknown_key", challenge).await;

    let pem = include_str!("../../keys/test-rsa.pub.pem");
    let app = TestApp::start(&database, &[("CLERK_JWT_KEY", pem)]).await;
    let token = app.token("user_a").header("kid", "mission-control-development-abc");
    assert_refused(&app, "configured", &[bearer(&token.sign())], "unknown_key", challenge).await;
    assert!(accepts(&app, &app.token("user_a").header("kid", "ins_mission-control")).await);
}

mod networkless {
    use super::*;

    const PEM: &str = include_str!("../../keys/test-rsa.pub.pem");

    #[tokio::test]
    async fn whatever_the_kid_says_and_however_the_key_is_spelled() {
        let database = TestDatabase::sqlite().await;
        let escaped = PEM.replace('\n', "\\n");
        for pem in [PEM, escaped.as_str()] {
            let settings = [("CLERK_JWT_KEY", pem), ("CLERK_SECRET_KEY", "")];
            let app = TestApp::start(&database, &settings).await;
            assert!(accepts(&app, &app.token("user_a")).await);
            assert!(accepts(&app, &app.token("user_a").header("kid", "ins_Whatever")).await);
            let forged = bearer(&app.token("user_a").sign_with(OTHER_PEM));
            let challenge = r#"Bearer error="invalid_token""#;
            assert_refused(&app, "forged", &[forged], "signature", challenge).await;
            let nameless = bearer(&app.token("user_a").header("kid", "").sign());
            assert_refused(&app, "no kid", &[nameless], "key_id", challenge).await;
            assert_eq!(app.rest("GET", "/readyz", None, None).await.status, 200);
            // A day later nothing is stale, because nothing was fetched.
            app.clock.advance(TimeDelta::hours(25));
            assert!(accepts(&app, &app.token("user_a")).await);
            assert_eq!(app.clerk.key_fetches(), 0);
        }
    }

    #[tokio::test]
    async fn without_a_secret_key_clerk_is_never_called() {
        let database = TestDatabase::sqlite().await;
        let settings = [("CLERK_JWT_KEY", PEM), ("CLERK_SECRET_KEY", "")];
        let app = TestApp::start(&database, &settings).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let token = Token::new("user_a", noon());
        let query = "mutation { bootstrap { created user { email name } } }";
        let answer = app.query(Some(&token), query).await;
        let expected = json!({ "created": true, "user": { "email": null, "name": null } });
        assert_eq!(answer.data()["bootstrap"], expected);
        app.clock.advance(TimeDelta::minutes(2));
        let token = Token::new("user_a", noon() + TimeDelta::minutes(2));
        app.query(Some(&token), query).await.data();
        let delete = "mutation { deleteUser { clerkDeletion } }";
        let answer = app.query(Some(&token), delete).await.data();
        assert_eq!(answer["deleteUser"]["clerkDeletion"], "KEPT");
        assert_eq!((app.clerk.key_fetches(), app.clerk.reads(), app.clerk.deletes()), (0, 0, 0));
        assert!(app.clerk.has_user("user_a"));
        assert_eq!(database.number("SELECT COUNT(*) FROM tombstones WHERE permanent").await, 0);
        assert_eq!(database.count("tombstones").await, 1);
    }

    #[tokio::test]
    async fn with_a_secret_key_profiles_and_deletions_work() {
        let database = TestDatabase::sqlite().await;
        let app = TestApp::start(&database, &[("CLERK_JWT_KEY", PEM)]).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let token = Token::new("user_a", noon());
        let answer = app.query(Some(&token), "{ me { email name } }").await;
        assert_eq!(answer.data()["me"], json!({ "email": "a@example.com", "name": "Ada" }));
        let delete = "mutation { deleteUser { clerkDeletion } }";
        let answer = app.query(Some(&token), delete).await.data();
        assert_eq!(answer["deleteUser"]["clerkDeletion"], "DELETED");
        assert_eq!((app.clerk.key_fetches(), app.clerk.reads(), app.clerk.deletes()), (0, 1, 1));
    }
}

mod memory {
    use super::*;

    fn publish(app: &TestApp, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
        let mut keys: serde_json::Value =
            serde_json::from_str(include_str!("../../keys/jwks.json")).unwrap();
        change(keys["keys"].as_array_mut().unwrap());
        app.clerk.publish(keys);
    }

    async fn next_set(app: &TestApp) {
        let before = app.clerk.key_fetches();
        app.clock.advance(TimeDelta::minutes(5));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), before + 1);
    }

    #[tokio::test]
    async fn a_remembered_token_expires_all_the_same() {
        let database = TestDatabase::sqlite().await;
        let app = TestApp::start(&database, &[]).await;
        let token = app.token("user_a");
        for seconds in [0, 30, 69] {
            app.clock.set(noon() + TimeDelta::seconds(seconds));
            assert!(accepts(&app, &token).await, "{seconds}");
        }
        app.clock.set(noon() + TimeDelta::seconds(70));
        assert!(!accepts(&app, &token).await);
        assert_eq!(app.counted("expired"), 1);
        // Nor does it come too early when the clock is set back.
        app.clock.set(noon() - TimeDelta::seconds(11));
        assert!(!accepts(&app, &token).await);
        assert_eq!(app.counted("issued_in_future"), 1);
    }

    #[tokio::test]
    async fn a_remembered_token_goes_with_its_key() {
        let database = TestDatabase::sqlite().await;
        let app = TestApp::start(&database, &[]).await;
        let token = app.token("user_a").claim("exp", noon().timestamp() + 86_400);
        assert!(accepts(&app, &token).await);
        publish(&app, |keys| drop(keys.remove(0)));
        assert!(accepts(&app, &token).await, "the set in use still has the key");
        next_set(&app).await;
        assert!(!accepts(&app, &token).await);
        assert_eq!(app.counted("unknown_key"), 1);
        publish(&app, |_| {});
        next_set(&app).await;
        assert!(accepts(&app, &token).await, "the key is back");
    }

    #[tokio::test]
    async fn a_remembered_token_does_not_outlive_a_change_of_key_under_the_same_id() {
        let database = TestDatabase::sqlite().await;
        let app = TestApp::start(&database, &[]).await;
        let token = app.token("user_a").claim("exp", noon().timestamp() + 86_400);
        assert!(accepts(&app, &token).await);
        publish(&app, |keys| {
            keys.remove(0);
            keys[0]["kid"] = json!("ins_2SampleTest");
        });
        next_set(&app).await;
        assert!(!accepts(&app, &token).await);
        assert_eq!(app.counted("signature"), 1);
        let newly_signed = bearer(&token.sign_with(OTHER_PEM));
        let answer = send(&app, "GET", "/api/v1/users/me", "*/*", &[newly_signed], "").await;
        assert_eq!(answer.status, 200);
    }

    #[tokio::test]
    async fn one_users_token_is_not_another_ones() {
        let database = TestDatabase::sqlite().await;
        let app = TestApp::start(&database, &[]).await;
        for _ in 0..2 {
            for user in ["user_a", "user_b"] {
                let answer = app.query(Some(&app.token(user)), "{ me { clerkUserId } }").await;
                assert_eq!(answer.data()["me"]["clerkUserId"], user);
            }
        }
    }
}
