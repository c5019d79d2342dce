//! What is HTTP and not GraphQL: forged requests, the page, ids of requests, methods and paths, readiness.

use std::time::Instant;

use axum::http::StatusCode;
use mission_control::http::CHECK_HOLDS;
use serde_json::json;

use super::ask::{Ask, JSON, check_answer, sqlite};

#[tokio::test]
async fn requests_forged_by_other_sites_are_refused() {
    let (_database, app) = sqlite(&[]).await;
    let get = || Ask::get(&[("query", "{ __typename }")]);
    let post = || Ask::query("{ __typename }");
    for (site, mode, of_get, of_post) in [
        ("cross-site", "no-cors", 403, 403),
        ("cross-site", "navigate", 403, 200),
        ("cross-site", "cors", 200, 200),
        ("cross-site", "", 200, 200),
        ("same-site", "no-cors", 200, 200),
        ("same-origin", "cors", 200, 200),
        ("same-origin", "navigate", 200, 200),
        ("none", "navigate", 200, 200),
        ("", "no-cors", 200, 200),
    ] {
        for (ask, status, method) in [(get(), of_get, "GET"), (post(), of_post, "POST")] {
            let mut ask = ask;
            for (name, value) in [("sec-fetch-site", site), ("sec-fetch-mode", mode)] {
                if !value.is_empty() {
                    ask = ask.with(name, value);
                }
            }
            let answer = ask.send(&app).await;
            assert_eq!(answer.status, status, "{method} {site} {mode}");
            if status == 403 {
                check_answer(&answer, JSON, 403, "FORBIDDEN", site);
            }
        }
    }
}

#[tokio::test]
async fn only_a_browser_gets_the_page() {
    let (_database, app) = sqlite(&[]).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = Ask::other("GET", "/graphql").with("accept", browser).send(&app).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    for name in ["content-security-policy", "cache-control", "x-content-type-options", "vary"] {
        assert!(!page.header(name).is_empty(), "{name}");
    }
    // A link to the page from elsewhere is fine: it carries no query.
    let page = Ask::other("GET", "/graphql")
        .with("accept", browser)
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "navigate");
    assert_eq!(page.send(&app).await.status, 200);
    for (accept, uri, method) in [
        ("*/*", "/graphql", "GET"),
        ("application/json", "/graphql", "GET"),
        (browser, "/graphql?query={__typename}", "GET"),
        (browser, "/graphql", "POST"),
    ] {
        let answer = Ask::other(method, uri).with("accept", accept).send(&app).await;
        assert_eq!(
            answer.header("content-type"),
            "application/json; charset=utf-8",
            "{accept} {uri}"
        );
    }
    let (_database, app) = sqlite(&[("GRAPHQL_PLAYGROUND", "false")]).await;
    for uri in ["/", "/graphql"] {
        let answer = Ask::other("GET", uri).with("accept", browser).send(&app).await;
        assert_eq!(answer.status, 404, "{uri}");
    }
}

#[tokio::test]
async fn request_ids_are_kept_when_sane() {
    let (_database, app) = sqlite(&[]).await;
    let long = "x".repeat(129);
    for (given, is_kept) in [
        ("abc-123_./+=:", true),
        (&long[..128], true),
        (&long, false),
        ("", false),
        ("with space", false),
        ("quote\"", false),
        ("<b>", false),
    ] {
        let answer = Ask::query("{ nothing }").with("x-request-id", given).send(&app).await;
        assert_eq!(answer.header("x-request-id") == given, is_kept, "{given}");
        let in_error = answer.json()["errors"][0]["extensions"]["requestId"].clone();
        assert_eq!(in_error, answer.header("x-request-id"), "{given}");
    }
    let one = app.query(None, "{ __typename }").await;
    let other = app.query(None, "{ __typename }").await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    for uri in ["/healthz", "/readyz", "/", "/nowhere", "/api/v1/users/me"] {
        let answer = Ask::other("GET", uri).send(&app).await;
        assert!(!answer.header("x-request-id").is_empty(), "{uri}");
    }
}

#[tokio::test]
async fn heads_and_options_are_answered_sensibly() {
    let (_database, app) = sqlite(&[]).await;
    for (method, uri, status, allow) in [
        ("HEAD", "/healthz", 200, ""),
        ("HEAD", "/readyz", 200, ""),
        ("HEAD", "/", 200, ""),
        ("HEAD", "/graphql", 405, "GET, POST"),
        ("HEAD", "/graphql?query={__typename}", 405, "GET, POST"),
        ("OPTIONS", "/graphql", 405, "GET, POST"),
        ("OPTIONS", "/healthz", 405, "GET,HEAD"),
        ("POST", "/healthz", 405, "GET,HEAD"),
        ("OPTIONS", "/api/v1/auth/bootstrap", 405, "POST"),
        ("GET", "/api/v1/auth/bootstrap", 405, "POST"),
        ("GET", "/graphql/", 404, ""),
        ("GET", "//graphql", 404, ""),
        ("GET", "/GRAPHQL", 404, ""),
    ] {
        let answer = Ask::other(method, uri).send(&app).await;
        assert_eq!(answer.status, status, "{method} {uri}");
        assert_eq!(answer.header("allow"), allow, "{method} {uri}");
    }
}

#[tokio::test]
async fn health_says_ok_in_a_word_that_programs_read() {
    let (database, app) = sqlite(&[]).await;
    for uri in ["/healthz", "/health", "/readyz"] {
        let answer = Ask::other("GET", uri).send(&app).await;
        assert_eq!((answer.status, &answer.json()["ok"]), (StatusCode::OK, &json!(true)), "{uri}");
    }
    drop(database);
    app.app.state.accounts.store().close().await;
    tokio::time::sleep(CHECK_HOLDS).await;
    let answer = Ask::other("GET", "/readyz").send(&app).await;
    let expected = (StatusCode::SERVICE_UNAVAILABLE, &json!(false));
    assert_eq!((answer.status, &answer.json()["ok"]), expected);
    let answer = Ask::other("GET", "/healthz").send(&app).await;
    assert_eq!((answer.status, &answer.json()["ok"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn readiness_asks_the_database_once_a_second_at_most() {
    let (_database, app) = sqlite(&[]).await;
    let asked = async {
        for _ in 0..200 {
            assert_eq!(Ask::other("GET", "/readyz").send(&app).await.status, 200);
        }
    };
    let began = Instant::now();
    let (_, statements) = app.statements(asked).await;
    assert!(statements >= 1);
    assert!(statements <= 1 + began.elapsed().as_secs(), "{statements}");
}

#[tokio::test]
async fn readiness_is_over_as_soon_as_the_server_drains() {
    let (_database, app) = sqlite(&[]).await;
    assert_eq!(Ask::other("GET", "/readyz").send(&app).await.status, 200);
    app.app.state.draining.store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = Ask::other("GET", "/readyz").send(&app).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["checks"]["serving"], "stopping");
    assert_eq!(Ask::other("GET", "/healthz").send(&app).await.status, 200);
    assert_eq!(Ask::query("{ __typename }").send(&app).await.status, 200);
}

/// Whatever is answered says what it is, in a type that browsers take at its word, and nobody is sent elsewhere:
/// who sends a token without TLS is to notice (OWASP ASVS 5.0, 4.1.1 and 4.1.2).
#[tokio::test]
async fn every_body_has_its_type_and_nobody_is_redirected() {
    let (_database, app) = sqlite(&[]).await;
    let token = app.token("user_a");
    let mut seen = std::collections::BTreeSet::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"] {
        for path in [
            "/",
            "/graphql",
            "/graphql?query=%7B__typename%7D",
            "/ui/page.js",
            "/ui/page.css",
            "/healthz",
            "/health",
            "/readyz",
            "/api/v1/auth/bootstrap",
            "/api/v1/users/me",
            "/api/v1/users/me/",
            "/api/v1/organizations/me/list",
            "/api/v1/organizations/me/members?limit=x",
            "/api/v1/organizations/me/invites",
            "/api/v1/boards",
            "/api/v1/webhooks/clerk",
            "/dev/tokens",
            "//example.com",
            "/nowhere",
        ] {
            for (accept, body) in [("text/html", ""), ("*/*", "{}"), ("image/png", "x")] {
                for is_signed_in in [true, false] {
                    let mut ask = Ask::other(method, path)
                        .with("accept", accept)
                        .with("content-type", JSON)
                        .with("x-forwarded-proto", "http")
                        .body(body);
                    if is_signed_in {
                        ask = ask.token(&token);
                    }
                    let answer = ask.send(&app).await;
                    let context = format!("{method} {path} for {accept}: {}", answer.status);
                    assert!(!answer.status.is_redirection(), "{context}");
                    assert_eq!(answer.header("location"), "", "{context}");
                    let kind = answer.header("content-type");
                    if answer.text.is_empty() {
                        continue;
                    }
                    seen.insert(kind.to_owned());
                    match kind.split(';').next().unwrap() {
                        // JSON is UTF-8 and has no such parameter (RFC 8259, sections 8.1 and 11).
                        "application/json" | "application/graphql-response+json" => {
                            assert!(!answer.json().is_null(), "{context}: {}", answer.text);
                        }
                        text => {
                            assert!(kind.ends_with("; charset=utf-8"), "{context}: {kind}");
                            let is_page = answer.text.starts_with("<!doctype html>");
                            assert_eq!(text == "text/html", is_page, "{context}: {kind}");
                        }
                    }
                }
            }
        }
    }
    assert!(seen.len() >= 3, "{seen:?}");
}
