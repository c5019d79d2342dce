//! Automatic persisted queries, as Apollo's link speaks them.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use mission_control::http::PersistedQueries;
use serde_json::{Value, json};

use super::ask::Ask;
use crate::support::{TestApp, TestDatabase, start};

fn hash(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hash, byte| {
        write!(hash, "{byte:02x}").unwrap();
        hash
    })
}

fn extensions(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn sqlite(settings: &[(&str, &str)]) -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, settings).await;
    (database, app)
}

#[tokio::test]
async fn a_hash_is_known_once_its_text_was_sent() {
    let (database, app) = sqlite(&[]).await;
    let token = app.token("user_a");
    let text = "query Q { me { email } }";
    let alone = json!({ "operationName": "Q", "extensions": extensions(&hash(text)) });
    let expected = json!({ "me": { "email": "user_a@example.com" } });

    let answer = app.graphql(Some(&token), alone.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, "PERSISTED_QUERY_NOT_FOUND")
    );
    assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotFound");
    assert!(answer.json().get("data").is_none());

    let mut with_text = alone.clone();
    with_text["query"] = text.into();
    assert_eq!(app.graphql(Some(&token), with_text).await.data(), expected);
    assert_eq!(app.graphql(Some(&token), alone.clone()).await.data(), expected);
    let upper = json!({ "extensions": extensions(&hash(text).to_uppercase()) });
    assert_eq!(app.graphql(Some(&token), upper).await.data(), expected);
    let encoded = extensions(&hash(text)).to_string();
    for parameters in [
        vec![("extensions", encoded.as_str())],
        vec![("query", ""), ("extensions", encoded.as_str()), ("operationName", "Q")],
    ] {
        let answer = Ask::get(&parameters).token(&token).send(&app).await;
        assert_eq!(answer.data(), expected, "{parameters:?}");
    }
    // What is known of the text does not make its reader known.
    assert_eq!(app.graphql(None, alone.clone()).await.code(), "UNAUTHENTICATED");
    // Every server has its own store.
    let other = start(&database).await;
    assert_eq!(other.graphql(Some(&token), alone).await.code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn a_hash_is_registered_over_get_too() {
    let (_database, app) = sqlite(&[]).await;
    let text = "{ serverInfo { name } }";
    let encoded = extensions(&hash(text)).to_string();
    let lookup = || Ask::get(&[("extensions", encoded.as_str())]);
    assert_eq!(lookup().send(&app).await.code(), "PERSISTED_QUERY_NOT_FOUND");
    let both = Ask::get(&[("query", text), ("extensions", &encoded)]);
    assert_eq!(both.send(&app).await.status, 200);
    assert_eq!(lookup().send(&app).await.data()["serverInfo"]["name"], "Mission Control");
    // A mutation known by its hash is still a mutation.
    let text = "mutation { bootstrap { created } }";
    let token = app.token("user_a");
    let request = json!({ "query": text, "extensions": extensions(&hash(text)) });
    assert_eq!(app.graphql(Some(&token), request).await.status, 200);
    let encoded = extensions(&hash(text)).to_string();
    let answer = Ask::get(&[("extensions", &encoded)]).token(&token).send(&app).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn a_wrong_hash_is_refused_and_not_kept() {
    let (_database, app) = sqlite(&[]).await;
    let wrong = hash("{ me { id } }");
    let request = json!({ "query": "{ __typename }", "extensions": extensions(&wrong) });
    let answer = app.graphql(None, request).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "BAD_REQUEST"));
    for hash in [wrong, hash("{ __typename }")] {
        let answer = app.graphql(None, json!({ "extensions": extensions(&hash) })).await;
        assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn shapes_that_are_none_are_bad_requests() {
    let (_database, app) = sqlite(&[]).await;
    let good = hash("{ __typename }");
    for persisted in [
        json!("x"),
        json!(1),
        json!(true),
        json!([]),
        json!({}),
        json!({ "version": 1 }),
        json!({ "sha256Hash": good }),
        json!({ "version": 2, "sha256Hash": good }),
        json!({ "version": "1", "sha256Hash": good }),
        json!({ "version": 1.5, "sha256Hash": good }),
        json!({ "version": 1, "sha256Hash": "" }),
        json!({ "version": 1, "sha256Hash": "x".repeat(64) }),
        json!({ "version": 1, "sha256Hash": &good[1..] }),
        json!({ "version": 1, "sha256Hash": format!("{good}0") }),
        json!({ "version": 1, "sha256Hash": 5 }),
        json!({ "version": 1, "sha256Hash": [good] }),
        json!({ "version": 1, "sha256Hash": "é".repeat(32) }),
    ] {
        for query in [Value::Null, json!("{ __typename }")] {
            let request =
                json!({ "query": query, "extensions": { "persistedQuery": persisted.clone() } });
            let answer = app.graphql(None, request).await;
            let context = format!("{persisted} {query}: {}", answer.text);
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (400, "BAD_REQUEST"),
                "{context}"
            );
        }
    }
    for extensions in [json!({ "persistedQuery": null }), json!({ "other": 1 }), json!({})] {
        let request = json!({ "query": "{ __typename }", "extensions": extensions });
        assert_eq!(app.graphql(None, request).await.status, 200);
        let answer = app.graphql(None, json!({ "extensions": extensions })).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "nothing to look up and nothing to run");
    }
}

#[tokio::test]
async fn limits_apply_to_what_is_known_by_its_hash() {
    let (_database, app) = sqlite(&[("MAX_QUERY_BYTES", "300"), ("MAX_ALIASES", "3")]).await;
    for (text, setting) in [
        (format!("{{ __typename }} #{}", "x".repeat(300)), "MAX_QUERY_BYTES"),
        (format!("{}{}", "{a".repeat(41), "}".repeat(41)), "MAX_NESTING"),
        ("{ a: __typename b: __typename c: __typename d: __typename }".to_owned(), "MAX_ALIASES"),
        (format!("{{ __typename {} }}", "@a ".repeat(6)), "MAX_DIRECTIVES"),
    ] {
        let with_text = json!({ "query": text, "extensions": extensions(&hash(&text)) });
        let alone = json!({ "extensions": extensions(&hash(&text)) });
        for request in [with_text.clone(), with_text, alone.clone(), alone] {
            let answer = app.graphql(None, request.clone()).await;
            let code = answer.code();
            // A text that cannot run takes no room from those that can.
            if request.get("query").is_none() {
                assert_eq!(code, "PERSISTED_QUERY_NOT_FOUND", "{}", answer.text);
            } else {
                assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{}", answer.text);
                assert!(answer.text.contains(setting), "{}", answer.text);
            }
            assert_eq!(answer.status, 400);
        }
    }
}

#[test]
fn the_store_is_bounded_in_count_and_size() {
    let store = PersistedQueries::default();
    let resolve = |text: Option<String>, hash: &str| {
        let extensions = extensions(hash);
        store.resolve(text, extensions.as_object())
    };
    for (number, length) in [(3000, 20), (300, 16 * 1024), (20, 256 * 1024)] {
        let texts: Vec<String> =
            (0..number).map(|n| format!("{{ a{n} }} #{}", "x".repeat(length))).collect();
        for text in &texts {
            let resolved = resolve(Some(text.clone()), &hash(text)).unwrap();
            store.keep(&resolved.hash_to_keep.unwrap(), text);
        }
        let known: Vec<&String> =
            texts.iter().filter(|text| resolve(None, &hash(text)).is_ok()).collect();
        let bytes: usize = known.iter().map(|text| text.len()).sum();
        assert!(known.len() <= 1000, "{} texts", known.len());
        assert!(bytes <= 1024 * 1024, "{bytes} bytes");
    }
}
