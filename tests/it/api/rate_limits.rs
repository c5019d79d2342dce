//! How often one address may send refused tokens, and one user mutations.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use mission_control::{clock::Clock, serving::Peer};
use serde_json::{Value, json};

use super::ask::{Ask, GQL, JSON, sqlite};
use crate::support::{Answer, TestApp, Token};

/// A request with this token from this address.
async fn from(app: &TestApp, peer: &str, headers: &[(&str, &str)], token: &str) -> Answer {
    let mut request = Request::get("/api/v1/users/me").header("authorization", token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    app.send(request).await
}

fn assert_limited(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text);
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(answer.text.contains("Too many requests"), "{}", answer.text);
    assert_eq!(answer.header("www-authenticate"), "");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn refused_tokens_of_one_address_are_429_after_so_many() {
    let (_database, app) = sqlite(&[("RATE_LIMIT_UNAUTHENTICATED", "3")]).await;
    let good = format!("Bearer {}", app.token("user_a").sign());
    for _ in 0..3 {
        assert_eq!(from(&app, "192.0.2.1", &[], "Bearer no").await.status, 401);
    }
    assert_limited(&from(&app, "192.0.2.1", &[], "Bearer no").await);
    assert_eq!(from(&app, "192.0.2.1", &[], &good).await.status, 200, "others behind the address");
    assert_eq!(from(&app, "192.0.2.2", &[], "Bearer no").await.status, 401, "another address");
    let forwarded = [("x-forwarded-for", "198.51.100.1")];
    assert_limited(&from(&app, "192.0.2.1", &forwarded, "Bearer no").await);
    assert_eq!(app.refusals("rate_limited"), 2);
}

#[tokio::test]
async fn behind_trusted_proxies_the_client_is_limited_and_not_the_proxy() {
    let settings = [("RATE_LIMIT_UNAUTHENTICATED", "1"), ("TRUSTED_PROXIES", "10.0.0.0/8")];
    let (_database, app) = sqlite(&settings).await;
    for client in ["198.51.100.1", "198.51.100.2"] {
        let forwarded = [("x-forwarded-for", client)];
        assert_eq!(from(&app, "10.0.0.1", &forwarded, "Bearer no").await.status, 401, "{client}");
        assert_limited(&from(&app, "10.0.0.2", &forwarded, "Bearer no").await);
        let made_up = format!("203.0.113.77, {client}");
        let forwarded = [("x-forwarded-for", made_up.as_str())];
        assert_limited(&from(&app, "10.0.0.2", &forwarded, "Bearer no").await);
    }
}

#[tokio::test]
async fn both_faces_say_it_in_their_shape() {
    let (_database, app) = sqlite(&[("RATE_LIMIT_UNAUTHENTICATED", "1")]).await;
    let refused = |accept: &str| {
        Ask::query("{ me { id } }").with("accept", accept).with("authorization", "Bearer no")
    };
    assert_eq!(refused(GQL).send(&app).await.status, 401);
    for accept in [GQL, JSON] {
        let answer = refused(accept).send(&app).await;
        assert_limited(&answer);
        assert_eq!(answer.code(), "RATE_LIMITED", "{accept}");
        let content_type = format!("{accept}; charset=utf-8");
        assert_eq!(answer.header("content-type"), content_type, "{accept}");
    }
    let answer = Ask::other("GET", "/api/v1/users/me").with("authorization", "Bearer no");
    let answer = answer.send(&app).await;
    assert_limited(&answer);
    assert!(answer.json()["detail"].is_string());
}

async fn mutate(app: &TestApp, token: &Token, notes: &str) -> Answer {
    let query = "mutation Set($notes: String) { \
                 updateProfile(input: { notes: $notes }) { userErrors { code } } }";
    app.graphql(Some(token), json!({ "query": query, "variables": { "notes": notes } })).await
}

async fn notes(app: &TestApp, token: &Token) -> Value {
    app.query(Some(token), "{ me { notes } }").await.data()["me"]["notes"].clone()
}

#[tokio::test]
async fn mutations_of_one_user_are_429_after_so_many_on_both_faces() {
    let (_database, app) = sqlite(&[("RATE_LIMIT_USER", "3")]).await;
    let (ada, bea) = (app.token("user_ada"), app.token("user_bea"));
    for number in ["1", "2"] {
        assert_eq!(mutate(&app, &ada, number).await.status, StatusCode::OK);
    }
    let patch = Some(json!({ "notes": "3" }));
    let patched = app.rest("PATCH", "/api/v1/users/me", Some(&ada), patch.clone()).await;
    assert_eq!(patched.status, StatusCode::OK);

    let answer = mutate(&app, &ada, "4").await;
    assert_limited(&answer);
    assert_eq!(answer.code(), "RATE_LIMITED");
    for (method, path, body) in [
        ("PATCH", "/api/v1/users/me", patch),
        ("DELETE", "/api/v1/users/me", None),
        ("POST", "/api/v1/auth/bootstrap", None),
    ] {
        let answer = app.rest(method, path, Some(&ada), body).await;
        assert_limited(&answer);
        assert!(answer.json()["detail"].is_string(), "{method} {path}");
    }
    assert_eq!(notes(&app, &ada).await, "3", "nothing was changed, and reading goes on");
    assert_eq!(mutate(&app, &bea, "1").await.status, StatusCode::OK, "another user");
    let newer = app.token("user_ada").claim("sid", "sess_other");
    assert_limited(&mutate(&app, &newer, "5").await);
}

#[tokio::test]
async fn first_sign_ins_of_one_user_are_429_after_so_many() {
    let (_database, app) = sqlite(&[("RATE_LIMIT_USER", "2")]).await;
    // Without a profile in the token Clerk is asked, and Clerk knows nobody of this id.
    let token = Token::new("user_nobody", app.clock.now());
    for _ in 0..2 {
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 401);
    }
    let answer = app.query(Some(&token), "{ me { id } }").await;
    assert_limited(&answer);
    assert_eq!(answer.code(), "RATE_LIMITED");
    let known = app.token("user_a");
    for _ in 0..5 {
        assert_eq!(app.query(Some(&known), "{ me { id } }").await.status, 200, "reading");
    }
}
