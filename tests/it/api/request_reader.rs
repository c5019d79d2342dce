//! Whatever is sent to the endpoint is answered, with a code and never as a fault of ours.

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use proptest::{prelude::*, test_runner::TestCaseError};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Answer, TestApp, TestDatabase, for_all, start};

const CASES: u32 = 1000;

/// Holds an answer against what is promised of all of them.
fn check(answer: &Answer, sent: &str) -> Result<(), TestCaseError> {
    let known = [200, 400, 401, 403, 405, 406, 413, 414, 415, 431];
    prop_assert!(
        known.contains(&answer.status.as_u16()),
        "{}: {sent}: {}",
        answer.status,
        answer.text
    );
    prop_assert!(!answer.header("x-request-id").is_empty());
    if answer.header("content-type").starts_with("text/html") {
        return Ok(());
    }
    let body = answer.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    prop_assert!(!errors.is_empty() || body.get("data").is_some(), "{sent}: {}", answer.text);
    for error in &errors {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        prop_assert!(!matches!(code, "" | "INTERNAL_SERVER_ERROR"), "{sent}: {}", answer.text);
        let message = error["message"].as_str().unwrap_or_default();
        prop_assert!(!message.is_empty() && !message.contains('\n'), "{sent}: {message}");
        prop_assert!(message.chars().count() <= 300, "{sent}: {message}");
    }
    let is_request_error = body.get("data").is_none();
    prop_assert!(answer.status == 200 || is_request_error, "{sent}: {}", answer.text);
    Ok(())
}

/// Sends what a strategy makes, again and again, to one server.
fn run<S: Strategy>(strategy: &S, request: impl Fn(S::Value, &str) -> Request<Body>)
where
    S::Value: Clone + std::fmt::Debug,
{
    let runtime = Runtime::new().unwrap();
    let (_database, app): (TestDatabase, TestApp) = runtime.block_on(async {
        let database = TestDatabase::sqlite().await;
        let app = start(&database).await;
        (database, app)
    });
    let token = app.token("user_a").sign();
    for_all(CASES, strategy, |value| {
        let sent: String = format!("{value:?}").chars().take(2000).collect();
        let answer = runtime.block_on(app.send(request(value, &token)));
        check(&answer, &sent)
    });
}

fn post(body: Vec<u8>, token: &str) -> Request<Body> {
    Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "application/graphql-response+json")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body))
        .unwrap()
}

/// Pieces of documents, in any order.
fn document() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "=",
        "...",
        "@",
        "$",
        "|",
        "&",
        ",",
        "\"",
        "\"\"\"",
        "\\\"",
        "\\u0041",
        "#",
        "\n",
        "\r",
        " ",
        "query",
        "mutation",
        "subscription",
        "fragment",
        "on",
        "true",
        "false",
        "null",
        "F",
        "A",
        "me",
        "id",
        "node",
        "nodes",
        "ids",
        "memberships",
        "first",
        "after",
        "totalCount",
        "__typename",
        "__schema",
        "types",
        "name",
        "serverInfo",
        "updateProfile",
        "input",
        "User",
        "Query",
        "Int",
        "ID",
        "UpdateProfileInput",
        "skip",
        "include",
        "if",
        "$v",
        "0",
        "1",
        "-1",
        "99999999999",
        "1.5",
        "1e400",
        "é",
        "\u{1f600}",
        "\u{0}",
        "\u{feff}",
        "{ me { id } }",
        "fragment F on Query { __typename }",
        "query A($v: Int) ",
        "memberships(first: $v) { totalCount }",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,20}".prop_map(Value::from),
        document().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn any_bytes() {
    run(&prop::collection::vec(any::<u8>(), 0..300), post);
}

#[test]
fn any_json() {
    run(&json_value(), |body, token| post(body.to_string().into_bytes(), token));
}

#[test]
fn any_parameters() {
    let member = || prop_oneof![2 => Just(None), 3 => json_value().prop_map(Some)];
    let strategy = (
        prop_oneof![8 => document().prop_map(|text| Some(json!(text))), 1 => member()],
        member(),
        member(),
        member(),
    );
    run(&strategy, |(query, name, variables, extensions), token| {
        let mut body = serde_json::Map::new();
        for (key, value) in [
            ("query", query),
            ("operationName", name),
            ("variables", variables),
            ("extensions", extensions),
        ] {
            body.extend(value.map(|value| (key.to_owned(), value)));
        }
        post(Value::Object(body).to_string().into_bytes(), token)
    });
}

#[test]
fn any_values_of_variables() {
    let operation = prop::sample::select(vec![
        "query($v: Int) { me { memberships(first: $v) { totalCount } } }",
        "query($v: Int!) { me { memberships(first: $v) { totalCount } } }",
        "query($v: Int = 5) { me { memberships(first: $v) { totalCount } } }",
        "query($v: [ID!]!) { nodes(ids: $v) { id } }",
        "query($v: ID!) { node(id: $v) { id } nodes(ids: [$v]) { id } }",
        "query($v: String) { me { memberships(after: $v) { totalCount } } }",
        "query($v: Boolean!) { me { id @skip(if: $v) } }",
        "mutation($v: UpdateProfileInput!) { updateProfile(input: $v) { userErrors { code } } }",
        "mutation($v: String) { updateProfile(input: {name: $v, timezone: $v}) { userErrors { code } } }",
        "mutation($v: ID) { deleteUser(input: {userId: $v, deleteFromClerk: false}) { deletedUserId } }",
    ]);
    // A member's worth of the right kind now and then.
    let value = prop_oneof![
        4 => json_value(),
        1 => (-3..103_i64).prop_map(Value::from),
        1 => prop::collection::btree_map("(name|notes|timezone|x)", json_value(), 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect())),
    ];
    run(&(operation, value), |(operation, value), token| {
        // Nobody shall be deleted: the others need the user.
        if operation.contains("deleteUser") && value.is_null() {
            return post(b"{}".to_vec(), token);
        }
        let body = json!({ "query": operation, "variables": { "v": value } });
        post(body.to_string().into_bytes(), token)
    });
}

#[test]
fn any_bytes_changed_in_a_good_request() {
    let good = json!({
        "query": "query A($v: Int = 5) { me { ...F } } fragment F on User { memberships(first: $v) { totalCount } }",
        "operationName": "A", "variables": { "v": 3 }, "extensions": {},
    })
    .to_string()
    .into_bytes();
    let length = good.len();
    let changes = prop::collection::vec((0..length, any::<u8>(), 0..3_u8), 1..6);
    run(&changes, move |changes, token| {
        let mut body = good.clone();
        for (at, byte, kind) in changes {
            let at = at.min(body.len() - 1);
            match kind {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => drop(body.remove(at)),
            }
        }
        post(body, token)
    });
}

#[test]
fn any_query_string() {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "query=",
            "&",
            "=",
            "variables=",
            "extensions=",
            "operationName=",
            "%7B",
            "%7D",
            "__typename",
            "me",
            "%22",
            "{}",
            "null",
            "+",
            "%",
            "%zz",
            "%ff",
            "%00",
            "persistedQuery",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9%&=+_.!*'()-]{0,10}",
        document().prop_map(|text| {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
        }),
    ];
    let strategy = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    run(&strategy, |query_string, token| {
        Request::get(format!("/graphql?{query_string}"))
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap_or_default()
    });
}

#[test]
fn any_header_fields() {
    let name = prop::sample::select(vec![
        "accept",
        "content-type",
        "authorization",
        "x-request-id",
        "origin",
        "sec-fetch-site",
        "sec-fetch-mode",
        "content-length",
        "transfer-encoding",
        "cookie",
        "host",
        "expect",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "*/*",
            "application/json",
            "application/graphql-response+json;q=0.5",
            "text/html",
            "q=;;,",
            "Bearer ",
            "Bearer a.b.c",
            "Basic x",
            "cross-site",
            "no-cors",
            "navigate",
            "chunked",
            "null",
            "application/json; charset=\"",
            "application/json;charset=utf-8;charset=utf-16",
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    run(&prop::collection::vec((name, value), 0..6), |fields, _| {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request = request.header(name, value);
            }
        }
        request.body(Body::from(r#"{"query":"{ __typename }"}"#)).unwrap()
    });
}
