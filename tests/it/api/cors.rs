//! What other origins are told (protocol, section 8).

use super::ask::Ask;
use crate::support::{Answer, TestApp, TestDatabase};

const APP: &str = "https://app.example.com";
const LOCAL: &str = "http://localhost:5173";
const PATHS: [&str; 5] =
    ["/graphql", "/api/v1/users/me", "/api/v1/auth/bootstrap", "/healthz", "/nowhere"];

async fn listing(origins: &str) -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let settings: &[(&str, &str)] =
        if origins.is_empty() { &[] } else { &[("CORS_ORIGINS", origins)] };
    let app = TestApp::start(&database, settings).await;
    (database, app)
}

fn preflight(path: &str, origin: &str) -> Ask {
    Ask::other("OPTIONS", path)
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with(
            "access-control-request-headers",
            "authorization, content-type, apollo-require-preflight, x-apollo-operation-name",
        )
}

/// The header fields of the protocol, sorted.
fn cors_fields(answer: &Answer) -> Vec<String> {
    let mut names: Vec<_> = answer
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .filter(|name| name.starts_with("access-control-"))
        .collect();
    names.sort();
    names
}

fn varies_by_origin(answer: &Answer) -> bool {
    answer.headers.get_all("vary").iter().any(|value| {
        value.to_str().unwrap().split(',').any(|name| name.trim().eq_ignore_ascii_case("origin"))
    })
}

#[tokio::test]
async fn listed_origins_may_ask_and_read() {
    let (_database, app) = listing(&format!("{APP}, {LOCAL}")).await;
    for path in PATHS {
        for origin in [APP, LOCAL] {
            let context = format!("{path} {origin}");
            let answer = preflight(path, origin).send(&app).await;
            assert_eq!(answer.status, 204, "{context}");
            assert_eq!(answer.text, "", "{context}");
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{context}");
            assert_eq!(answer.header("access-control-allow-credentials"), "true", "{context}");
            assert_eq!(answer.header("access-control-max-age"), "600", "{context}");
            assert_eq!(
                answer.header("access-control-allow-methods"),
                "GET, POST, PUT, PATCH, DELETE",
                "{context}"
            );
            let allowed = answer.header("access-control-allow-headers").to_lowercase();
            let allowed: Vec<_> = allowed.split(", ").collect();
            for name in [
                "authorization",
                "content-type",
                "apollo-require-preflight",
                "x-apollo-operation-name",
            ] {
                assert!(allowed.contains(&name), "{context}: {allowed:?}");
            }
            assert!(varies_by_origin(&answer), "{context}");
            assert!(!answer.header("x-request-id").is_empty(), "{context}");
        }
    }
    for (ask, status) in [
        (Ask::query("{ __typename }"), 200),
        (Ask::query("{ me { id } }"), 401),
        (Ask::query("{ me { id } }").with("authorization", "Bearer x"), 401),
        (Ask::post("x"), 400),
        (Ask::other("PUT", "/graphql"), 405),
        (Ask::other("OPTIONS", "/graphql"), 405),
        (Ask::other("GET", "/api/v1/users/me"), 401),
        (Ask::other("GET", "/nowhere"), 404),
        ((0..101).fold(Ask::query("{ a }"), |ask, n| ask.with(&format!("x-{n}"), "1")), 431),
    ] {
        let answer = ask.with("origin", APP).send(&app).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{status}");
        assert_eq!(answer.header("access-control-allow-credentials"), "true", "{status}");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        for name in ["x-request-id", "retry-after", "www-authenticate"] {
            assert!(exposed.split(", ").any(|other| other == name), "{exposed}");
        }
        assert!(varies_by_origin(&answer), "{status}");
        assert_eq!(cors_fields(&answer).len(), 3, "{status}");
    }
}

#[tokio::test]
async fn unlisted_origins_are_told_nothing() {
    let (_database, app) = listing(&format!("{APP}, {LOCAL}")).await;
    for origin in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://evil.example/https://app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "https://APP.example.com",
        "https://sub.app.example.com",
        "https://example.com",
        "http://localhost",
        "http://localhost:5174",
        "https://localhost:5173",
        "null",
        "*",
        "",
        "https://app.example.com, http://localhost:5173",
    ] {
        for path in PATHS {
            let answer = preflight(path, origin).send(&app).await;
            assert_eq!(cors_fields(&answer), Vec::<String>::new(), "{origin} {path}");
            assert!(answer.status.is_client_error(), "{origin} {path}: {}", answer.status);
            assert!(varies_by_origin(&answer), "{origin} {path}");
        }
        let answer = Ask::query("{ __typename }").with("origin", origin).send(&app).await;
        assert_eq!(answer.status, 200, "{origin}: the browser keeps it from the page");
        assert_eq!(cors_fields(&answer), Vec::<String>::new(), "{origin}");
        assert!(varies_by_origin(&answer), "{origin}");
    }
    let twice = Ask::query("{ __typename }").with("origin", APP).with("origin", APP);
    assert_eq!(cors_fields(&twice.send(&app).await), Vec::<String>::new());
    let none = Ask::query("{ __typename }").send(&app).await;
    assert_eq!(cors_fields(&none), Vec::<String>::new());
    assert!(varies_by_origin(&none));
    let rest = Ask::other("GET", "/healthz").send(&app).await;
    assert!(varies_by_origin(&rest), "a cache must not give this to a listed origin");
}

#[tokio::test]
async fn without_listed_origins_there_is_no_such_protocol() {
    let (_database, app) = listing("").await;
    for origin in [APP, LOCAL, "null", "*"] {
        for path in PATHS {
            let answer = preflight(path, origin).send(&app).await;
            assert_eq!(cors_fields(&answer), Vec::<String>::new(), "{origin} {path}");
            assert!(answer.status.is_client_error(), "{origin} {path}");
        }
        let answer = Ask::query("{ __typename }").with("origin", origin).send(&app).await;
        assert_eq!(cors_fields(&answer), Vec::<String>::new(), "{origin}");
    }
}

#[tokio::test]
async fn a_listed_origin_is_granted_the_headers_that_its_tools_send() {
    let (_database, app) = listing(APP).await;
    let ask = |headers: &str| {
        Ask::other("OPTIONS", "/graphql")
            .with("origin", APP)
            .with("access-control-request-method", "POST")
            .with("access-control-request-headers", headers)
    };
    for headers in [
        "apollographql-client-name,apollographql-client-version,authorization,content-type",
        "baggage, sentry-trace",
        "traceparent,tracestate",
        "x-requested-with",
        "cache-control",
        "X-APOLLO-OPERATION-ID, x-apollo-operation-name",
    ] {
        let answer = ask(headers).send(&app).await;
        assert_eq!(answer.status, 204, "{headers}");
        assert_eq!(answer.header("access-control-allow-headers"), headers);
    }
    // What is no list of names, or too long, is not repeated.
    let long = "x".repeat(5000);
    for headers in ["a b", "a,,b", ",", "", "a;b", "a, \"b\"", "a: b", "\u{e9}", &long] {
        let answer = ask(headers).send(&app).await;
        assert_eq!(answer.status, 204, "{headers}");
        let allowed = answer.header("access-control-allow-headers");
        assert!(allowed.starts_with("authorization, content-type"), "{headers}: {allowed}");
    }
    let answer = ask("x-requested-with").with("access-control-request-headers", "x-b").send(&app);
    assert!(answer.await.header("access-control-allow-headers").starts_with("authorization"));
}

#[tokio::test]
async fn a_listed_origin_may_reach_a_private_network_when_it_asks() {
    let (_database, app) = listing(APP).await;
    let asked = ("access-control-request-private-network", "true");
    let field = "access-control-allow-private-network";
    let answer = preflight("/graphql", APP).with(asked.0, asked.1).send(&app).await;
    assert_eq!(answer.header(field), "true");
    assert_eq!(preflight("/graphql", APP).send(&app).await.header(field), "");
    for origin in ["https://evil.example", "null"] {
        let answer = preflight("/graphql", origin).with(asked.0, asked.1).send(&app).await;
        assert_eq!(cors_fields(&answer), Vec::<String>::new(), "{origin}");
    }
}
