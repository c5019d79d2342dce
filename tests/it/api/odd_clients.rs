//! Requests as tools really send them, each from a public report: empty names, marks and codings that nobody
//! asked for, text that is none, and a proxy that takes a path off.

use serde_json::json;

use super::ask::{Ask, GQL};
use crate::support::{TestApp, TestDatabase, start};

const ME: &str = "/api/v1/users/me";

async fn app() -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let app = start(&database).await;
    (database, app)
}

fn patch(app: &TestApp, body: impl Into<Vec<u8>>) -> Ask {
    Ask::other("PATCH", ME)
        .with("content-type", "application/json")
        .token(&app.token("user_a"))
        .body(body)
}

#[tokio::test]
async fn an_empty_operation_name_is_none() {
    let (_database, app) = app().await;
    for (query, name) in [("{ __typename }", ""), ("query A { __typename }", "")] {
        let body = json!({ "query": query, "variables": {}, "operationName": name });
        let answer = Ask::post(body.to_string()).send(&app).await;
        assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }), "{query}");
    }
    let two =
        json!({ "query": "query A { __typename } query B { __typename }", "operationName": "" });
    let answer = Ask::post(two.to_string()).send(&app).await;
    assert_eq!(answer.code(), "OPERATION_RESOLUTION_FAILURE", "{}", answer.text);
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
    let (_database, app) = app().await;
    let answer = Ask::post("\u{feff}{\"query\":\"{ __typename }\"}").send(&app).await;
    assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }), "{}", answer.text);
    let answer = patch(&app, "\u{feff}{\"notes\":\"n\"}").send(&app).await;
    assert_eq!(answer.json()["notes"], "n", "{}", answer.text);

    let text = r#"{"query":"{ __typename }"}"#;
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for body in [[&[0xff, 0xfe], little.as_slice()].concat(), little, big] {
        for ask in [Ask::post(body.clone()), patch(&app, body)] {
            let answer = ask.send(&app).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
            assert!(answer.text.contains("looks like UTF-16. Send it as UTF-8"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_with_the_name_of_its_coding() {
    let (_database, app) = app().await;
    for coding in ["gzip", "deflate", "br", "identity, GZip"] {
        let name = coding.rsplit(' ').next().unwrap().to_lowercase();
        for ask in [Ask::post([0x1f, 0x8b, 8]).with("accept", GQL), patch(&app, [0x1f, 0x8b, 8])] {
            let answer = ask.with("content-encoding", coding).send(&app).await;
            assert_eq!(answer.status, 415, "{coding}: {}", answer.text);
            assert_eq!(answer.header("accept-encoding"), "identity", "{coding}");
            assert!(answer.text.contains(&format!("encoded as {name}:")), "{}", answer.text);
        }
    }
    let answer = Ask::query("{ __typename }").with("content-encoding", "identity").send(&app).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn half_of_a_surrogate_pair_is_named() {
    let (_database, app) = app().await;
    let query = r#"{"query":"query($n: String) { __typename }","variables":{"n":"a\ud83d"}}"#;
    for ask in [Ask::post(query), patch(&app, r#"{"notes":"a\ud83d"}"#)] {
        let answer = ask.send(&app).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains("half of a surrogate pair"), "{}", answer.text);
    }
}

#[tokio::test]
async fn the_page_asks_for_nothing_by_an_absolute_path() {
    let (_database, app) = app().await;
    let script = Ask::other("GET", "/ui/page.js").send(&app).await.text;
    assert!(script.contains(r#"fetch("graphql""#), "the page talks to the API");
    for absolute in [r#"fetch("/"#, "fetch('/", "fetch(`/", r#"import("/"#, r#"url: "/"#] {
        assert!(!script.contains(absolute), "{absolute}");
    }
}

#[tokio::test]
async fn introspection_may_ask_about_deprecated_directives() {
    let (_database, app) = app().await;
    // What getIntrospectionQuery of graphql 17 adds with `experimentalDirectiveDeprecation`.
    let query = "{ __schema { directives(includeDeprecated: true) { name isDeprecated deprecationReason \
                 args(includeDeprecated: true) { name isDeprecated } } } }";
    let answer = Ask::post(json!({ "query": query }).to_string()).send(&app).await;
    let answer = answer.json();
    let directives = answer["data"]["__schema"]["directives"].as_array().unwrap();
    let skip = directives.iter().find(|directive| directive["name"] == "skip").unwrap();
    let argument = json!({ "name": "if", "isDeprecated": false });
    let expected = json!({
        "name": "skip", "isDeprecated": false, "deprecationReason": null, "args": [argument]
    });
    assert_eq!(skip, &expected);
}
