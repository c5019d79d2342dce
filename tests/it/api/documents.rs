//! What becomes of documents and variables: which are refused before execution, which fail in a field,
//! and that each error says so with its code.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestDatabase, start};

/// What a request comes to.
enum Outcome {
    /// Refused before execution, with this code and a message that contains this.
    Refused(&'static str, &'static str),
    /// Executed; the first error has this code, this path, and a message that contains this.
    Field(&'static str, Value, &'static str),
    /// Executed without errors.
    Data(Value),
}
use Outcome::{Data, Field, Refused};

const VALIDATION: &str = "GRAPHQL_VALIDATION_FAILED";
const INPUT: &str = "BAD_USER_INPUT";
const PARSE: &str = "GRAPHQL_PARSE_FAILED";
const OPERATION: &str = "OPERATION_RESOLUTION_FAILURE";

/// Holds an answer against what is expected of every error: a code, one line, a request id.
fn check_errors(answer: &Answer, context: &str) {
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{context}: {}", answer.text));
    assert!((1..=20).contains(&errors.len()), "{context}: {}", answer.text);
    for error in errors {
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && message.chars().count() <= 300, "{context}: {message}");
        assert!(!message.contains(['\n', '\r']), "{context}: {message}");
        let code = error["extensions"]["code"].as_str().unwrap();
        assert_ne!(code, "INTERNAL_SERVER_ERROR", "{context}: {message}");
        assert_eq!(error["extensions"]["requestId"], answer.header("x-request-id"), "{context}");
    }
}

async fn check(app: &TestApp, cases: Vec<(&str, Value, Outcome)>) {
    let token = app.token("user_a");
    for (query, variables, expected) in cases {
        let context = format!("{query} {variables}");
        let request = json!({ "query": query, "variables": variables });
        let answer = app.graphql(Some(&token), request).await;
        let body = answer.json();
        let error = &body["errors"][0];
        match expected {
            Refused(code, part) => {
                check_errors(&answer, &context);
                assert_eq!(answer.status, 400, "{context}: {}", answer.text);
                assert!(body.get("data").is_none(), "{context}: {}", answer.text);
                assert!(error["path"].is_null(), "{context}: {}", answer.text);
                assert_eq!(error["extensions"]["code"], code, "{context}: {}", answer.text);
                let message = error["message"].as_str().unwrap();
                assert!(message.contains(part), "{context}: {message}");
            }
            Field(code, path, part) => {
                check_errors(&answer, &context);
                assert_eq!(answer.status, 200, "{context}: {}", answer.text);
                assert!(body.get("data").is_some(), "{context}: {}", answer.text);
                assert_eq!(error["path"], path, "{context}: {}", answer.text);
                assert_eq!(error["extensions"]["code"], code, "{context}: {}", answer.text);
                let message = error["message"].as_str().unwrap();
                assert!(message.contains(part), "{context}: {message}");
            }
            Data(data) => assert_eq!(answer.data(), data, "{context}"),
        }
    }
}

async fn sqlite() -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let app = start(&database).await;
    (database, app)
}

#[tokio::test]
async fn texts_that_do_not_parse() {
    let (_database, app) = sqlite().await;
    let long_name = format!("{{ {}! }}", "x".repeat(10_000));
    let cases = [
        "",
        " ",
        "\u{feff}",
        "# nothing but a comment",
        "{",
        "}",
        "{}",
        "{ me { } }",
        "{ me { id }",
        "{ me { id } } }",
        "query",
        "query Q",
        "{ me(", // An open argument list.
        "{ node(id: ) { id } }",
        "{ node(id: \"open) { id } }",
        "{ node(id: \"\"\"open\"\") { id } }",
        "{ node(id: \"\\q\") { id } }",
        "{ node(id: \"\\uD800\") { id } }",
        "{ node(id: \"\\u12\") { id } }",
        "{ __typename \u{0} }",
        "{ __typename } garbage",
        "{ 1 }",
        "{ node(id: 1a) { id } }",
        "{ node(id: 01) { id } }",
        "{ node(id: .5) { id } }",
        "{ node(id: 1e999999999) { id } }",
        "{ node(id: \u{201c}x\u{201d}) { id } }",
        "query ($f: Int = 1e999999999) { __typename }",
        "query ($f: Int = $g) { __typename }",
        "type Query { me: Int }",
        "extend type Query { me: Int }",
        "{ __typename } type Query { me: Int }",
        long_name.as_str(),
    ];
    let cases = cases.into_iter().map(|query| (query, json!({}), Refused(PARSE, ""))).collect();
    check(&app, cases).await;
    let huge = format!("{{ node(id: {}) {{ id }} }}", "9".repeat(400));
    check(&app, vec![(huge.as_str(), json!({}), Refused(PARSE, "number"))]).await;
}

#[tokio::test]
async fn documents_that_do_not_validate() {
    let (_database, app) = sqlite().await;
    let cases = [
        ("subscription { x }", "subscriptions"),
        ("subscription { __typename }", "subscriptions"),
        ("{ nothing }", "Unknown field \"nothing\" on type \"Query\""),
        ("mutation { nothing }", "Unknown field \"nothing\" on type \"Mutation\""),
        ("{ me { nothing } }", "Unknown field \"nothing\" on type \"User\""),
        ("{ node(id: 1) { name } }", "Unknown field \"name\" on type \"Node\""),
        ("{ _service { sdl } }", "Unknown field"),
        ("{ _entities(representations: []) { __typename } }", "Unknown field"),
        ("{ serverInfo { __schema { types { name } } } }", "Unknown field"),
        ("{ me }", "must have a selection"),
        ("{ me { id { x } } }", "must not have a selection"),
        ("{ __typename { x } }", "__typename"),
        ("{ __typename(a: 1) }", "__typename"),
        ("{ node { id } }", "required but not provided"),
        ("mutation { updateProfile { user { id } } }", "required but not provided"),
        ("{ __type { name } }", "required but not provided"),
        ("{ node(id: 1.5) { id } }", "expected type \"ID\""),
        ("{ node(id: true) { id } }", "expected type \"ID\""),
        ("{ node(id: null) { id } }", "expected type \"ID\""),
        ("{ node(id: FOO) { id } }", "expected type \"ID\""),
        ("{ node(id: [\"a\"]) { id } }", "expected type \"ID\""),
        ("{ node(id: {a: 1}) { id } }", "expected type \"ID\""),
        ("{ node(id: \"a\", x: 1) { id } }", "Unknown argument \"x\""),
        ("{ node(id: \"a\", id: \"b\") { id } }", "only be one argument"),
        ("{ nodes(ids: [null]) { id } }", "expected type \"ID\""),
        ("{ nodes(ids: [[\"a\"]]) { id } }", "expected type \"ID\""),
        ("{ me { memberships(first: 1.0) { totalCount } } }", "expected type \"Int\""),
        ("{ me { memberships(first: \"1\") { totalCount } } }", "expected type \"Int\""),
        ("{ me { memberships(first: null) { totalCount } } }", "expected type \"Int\""),
        ("{ me { memberships(after: 5) { totalCount } } }", "expected type \"String\""),
        ("{ __type(name: 5) { name } }", "expected type \"String\""),
        ("mutation { updateProfile(input: null) { user { id } } }", "UpdateProfileInput"),
        ("mutation { updateProfile(input: 5) { user { id } } }", "UpdateProfileInput"),
        ("mutation { updateProfile(input: [{}]) { user { id } } }", "UpdateProfileInput"),
        ("mutation { updateProfile(input: {x: 5}) { user { id } } }", "\"x\""),
        ("mutation { updateProfile(input: {name: 5}) { user { id } } }", "input.name"),
        ("mutation { deleteUser(input: {deleteFromClerk: null}) { deletedUserId } }", "Boolean"),
        ("mutation { deleteUser(input: {userId: 1.5}) { deletedUserId } }", "input.userId"),
        ("query A { __typename } query A { __typename }", "operation A is defined twice"),
        ("{ __typename } query A { __typename }", "multiple operations"),
        ("query A { __typename } { __typename }", "multiple operations"),
        ("{ ...F } fragment F on Query { __typename } fragment F on Query { me { id } }", "twice"),
        ("{ ...Missing }", "Unknown fragment"),
        ("{ __typename } fragment F on Query { __typename }", "never used"),
        ("{ ...F } fragment F on Nope { __typename }", "Unknown type"),
        ("{ ...F } fragment F on String { __typename }", "composite"),
        ("{ ...F } fragment F on User { __typename }", "can never be"),
        ("{ me { ... on Organization { name } } }", "can never be"),
        ("{ ...F } fragment F on Query { ...F }", "spreads itself"),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }", "spreads itself"),
        ("{ me @nope { id } }", "Unknown directive"),
        ("query @skip(if: true) { me { id } }", "may not be used"),
        ("{ me @skip { id } }", "exactly one argument"),
        ("{ me @skip(if: true, x: 1) { id } }", "exactly one argument"),
        ("{ me @skip(if: 1) { id } }", "Boolean"),
        ("{ me @skip(if: \"true\") { id } }", "Boolean"),
        ("{ me @skip(if: null) { id } }", "Boolean"),
        ("{ me @skip(if: true) @skip(if: true) { id } }", "Duplicate directive"),
        ("{ me @include(if: $x) { id } }", "not defined"),
        ("{ me { memberships(first: $f) { totalCount } } }", "not defined"),
        ("query ($f: Int) { me { id } }", "not used"),
        (
            "query ($f: Int, $f: Int) { me { memberships(first: $f) { totalCount } } }",
            "only be one",
        ),
        ("query ($f: Nope) { me { memberships(first: $f) { totalCount } } }", "not an input type"),
        ("query ($f: [[Nope!]!] = 1) { me { id } }", "not an input type"),
        ("query ($f: User) { me { memberships(first: $f) { totalCount } } }", "not an input type"),
        ("query ($f: [Int]) { me { memberships(first: $f) { totalCount } } }", "is used where"),
        ("query ($f: String) { me { memberships(first: $f) { totalCount } } }", "is used where"),
        ("query ($x: Boolean) { me @skip(if: $x) { id } }", "is used where"),
        ("query ($f: Int = \"x\") { me { memberships(first: $f) { totalCount } } }", "default"),
        ("{ x: me { id } x: serverInfo { name } }", "conflict"),
        ("{ a: node(id: 1) { id } a: node(id: 2) { id } }", "conflict"),
        ("{ a: node(id: 1) { id } a: me { id } }", "conflict"),
        ("{ me { x: id } me { x: email } }", "conflict"),
        ("{ x: me { id } ... on Query { x: serverInfo { name } } }", "conflict"),
        ("{ me { id: email } ...F } fragment F on Query { me { id } }", "conflict"),
        ("{ node(id: 1) { x: id ... on User { x: email } } }", "conflict"),
    ];
    let cases =
        cases.into_iter().map(|(query, part)| (query, json!({}), Refused(VALIDATION, part)));
    check(&app, cases.collect()).await;
}

#[tokio::test]
async fn operations_that_cannot_be_told() {
    let (_database, app) = sqlite().await;
    let token = app.token("user_a");
    let two = "query A { a: __typename } mutation B { b: __typename }";
    for (query, name, expected) in [
        (two, json!("A"), Some("a")),
        (two, json!("B"), Some("b")),
        (two, json!(null), None),
        (two, json!("C"), None),
        (two, json!("a"), None),
        (two, json!(""), None),
        ("{ a: __typename }", json!("A"), None),
        ("{ a: __typename }", json!(null), Some("a")),
        ("query A { a: __typename }", json!("A"), Some("a")),
        ("fragment F on Query { __typename }", json!(null), None),
    ] {
        let context = format!("{query} {name}");
        let request = json!({ "query": query, "operationName": name });
        let answer = app.graphql(Some(&token), request).await;
        if let Some(key) = expected {
            assert!(answer.data().get(key).is_some(), "{context}: {}", answer.text);
        } else {
            check_errors(&answer, &context);
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (400, OPERATION),
                "{context}"
            );
            assert!(answer.json().get("data").is_none(), "{context}");
        }
    }
}

#[tokio::test]
async fn variables_are_coerced_before_execution() {
    let (_database, app) = sqlite().await;
    let first = "query ($f: Int) { me { memberships(first: $f) { totalCount } } }";
    let required = "query ($f: Int!) { me { memberships(first: $f) { totalCount } } }";
    let null_default = "query ($f: Int = null) { me { memberships(first: $f) { totalCount } } }";
    let ids = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let listed = "query ($id: ID!) { nodes(ids: [$id, $id]) { id } }";
    let update =
        "mutation ($i: UpdateProfileInput!) { updateProfile(input: $i) { user { name } } }";
    let skip = "query ($x: Boolean!) { me @skip(if: $x) { id } }";
    let one = || Data(json!({ "me": { "memberships": { "totalCount": 1 } } }));
    let cases = vec![
        (first, json!({}), one()),
        (first, json!({ "f": 5 }), one()),
        (first, json!({ "f": 100, "unused": { "a": [1] } }), one()),
        (first, json!({ "f": null }), Refused(INPUT, "first")),
        (first, json!({ "f": "5" }), Refused(INPUT, "$f")),
        (first, json!({ "f": 1.5 }), Refused(INPUT, "$f")),
        (first, json!({ "f": [5] }), Refused(INPUT, "$f")),
        (first, json!({ "f": true }), Refused(INPUT, "$f")),
        (first, json!({ "f": 99_999_999_999_i64 }), Refused(INPUT, "32 bits")),
        (first, json!({ "f": 0 }), Field(INPUT, json!(["me", "memberships"]), "between 1 and 100")),
        (
            first,
            json!({ "f": 101 }),
            Field(INPUT, json!(["me", "memberships"]), "between 1 and 100"),
        ),
        (
            first,
            json!({ "f": -1 }),
            Field(INPUT, json!(["me", "memberships"]), "between 1 and 100"),
        ),
        (required, json!({ "f": 5 }), one()),
        (required, json!({}), Refused(INPUT, "was not provided")),
        (required, json!({ "f": null }), Refused(INPUT, "null is not allowed")),
        (null_default, json!({ "f": 5 }), one()),
        (null_default, json!({}), Refused(INPUT, "first")),
        (ids, json!({ "ids": ["a", 5] }), Data(json!({ "nodes": [null, null] }))),
        (ids, json!({ "ids": "a" }), Data(json!({ "nodes": [null] }))),
        (ids, json!({ "ids": [] }), Data(json!({ "nodes": [] }))),
        (ids, json!({}), Refused(INPUT, "was not provided")),
        (ids, json!({ "ids": null }), Refused(INPUT, "null is not allowed")),
        (ids, json!({ "ids": [null] }), Refused(INPUT, "ids[0]")),
        (ids, json!({ "ids": [1.5] }), Refused(INPUT, "ids[0]")),
        (ids, json!({ "ids": vec!["a"; 101] }), Field(INPUT, json!(["nodes"]), "at most 100")),
        (ids, json!({ "ids": vec!["a"; 20_000] }), Field(INPUT, json!(["nodes"]), "at most 100")),
        (listed, json!({ "id": "a" }), Data(json!({ "nodes": [null, null] }))),
        (listed, json!({}), Refused(INPUT, "was not provided")),
        (update, json!({ "i": { "x": 1 } }), Refused(INPUT, "no field")),
        (update, json!({ "i": { "name": 1 } }), Refused(INPUT, "i.name")),
        (update, json!({ "i": [] }), Refused(INPUT, "an object")),
        (update, json!({ "i": "x" }), Refused(INPUT, "an object")),
        (skip, json!({}), Refused(INPUT, "was not provided")),
        (skip, json!({ "x": "true" }), Refused(INPUT, "true or false")),
        (skip, json!({ "x": null }), Refused(INPUT, "null is not allowed")),
        (skip, json!({ "x": true }), Data(json!({}))),
    ];
    check(&app, cases).await;
}

#[tokio::test]
async fn pages_sized_by_variables_count_as_what_they_ask_for() {
    let (_database, app) = sqlite().await;
    let query =
        "query ($f: Int, $g: Int = 100) { me { memberships(first: $f) { nodes { organization {
        members(first: $g) { nodes { id } } } } } } }";
    check(
        &app,
        vec![
            (query, json!({ "f": 100 }), Refused(VALIDATION, "MAX_COMPLEXITY")),
            (query, json!({}), Refused(VALIDATION, "MAX_COMPLEXITY")),
            (query, json!({ "f": 100, "g": 100 }), Refused(VALIDATION, "MAX_COMPLEXITY")),
        ],
    )
    .await;
    let token = app.token("user_a");
    for variables in [json!({ "f": 1, "g": 100 }), json!({ "f": 100, "g": 1 }), json!({ "f": 20 })]
    {
        let request = json!({ "query": query, "variables": variables });
        assert!(app.graphql(Some(&token), request).await.data()["me"].is_object(), "{variables}");
    }
}

#[tokio::test]
async fn values_are_refused_with_the_document_or_as_errors_of_their_field() {
    let (_database, app) = sqlite().await;
    let path = || json!(["me", "memberships"]);
    check(
        &app,
        vec![
            (
                "{ me { memberships(first: 99999999999) { totalCount } } }",
                json!({}),
                Refused(VALIDATION, "integers"),
            ),
            (
                "{ me { memberships(first: -99999999999) { totalCount } } }",
                json!({}),
                Refused(VALIDATION, "integers"),
            ),
            (
                "query ($x: ID!) { me { memberships(first: 99999999999) { totalCount } } nodes(ids: [$x]) { id } }",
                json!({ "x": "a" }),
                Refused(VALIDATION, "integers"),
            ),
            (
                "{ me { m: memberships(first: 0) { totalCount } } }",
                json!({}),
                Field(INPUT, json!(["me", "m"]), "between 1 and 100"),
            ),
            (
                "{ me { memberships(after: \"invented\") { totalCount } } }",
                json!({}),
                Field(INPUT, path(), "cursor"),
            ),
            (
                "mutation { deleteUser(input: {userId: \"nobody\"}) { deletedUserId } }",
                json!({}),
                Field("FORBIDDEN", json!(["deleteUser"]), "super admin"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_object_with_nothing_to_show_is_not_null() {
    let (_database, app) = sqlite().await;
    let token = app.token("user_a");
    let me = app.query(Some(&token), "{ me { id } }").await.data()["me"]["id"].clone();
    let ids = json!({ "ids": [me, "nobody"] });
    let cases = vec![
        ("{ me @skip(if: true) { id } }", json!({}), json!({})),
        ("{ ... @include(if: false) { me { id } } }", json!({}), json!({})),
        ("{ me { id @skip(if: true) } }", json!({}), json!({ "me": {} })),
        ("{ me { ... @skip(if: true) { id } } }", json!({}), json!({ "me": {} })),
        (
            "{ me { ...F @skip(if: true) } } fragment F on User { id }",
            json!({}),
            json!({ "me": {} }),
        ),
        (
            "{ me { ...F } } fragment F on User { activeOrganization { name @skip(if: true) } }",
            json!({}),
            json!({ "me": { "activeOrganization": {} } }),
        ),
        (
            "{ me { memberships { nodes { id @skip(if: true) } pageInfo { ... @skip(if: true) { endCursor } } } } }",
            json!({}),
            json!({ "me": { "memberships": { "nodes": [{}], "pageInfo": {} } } }),
        ),
        (
            "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Organization { name } } }",
            ids.clone(),
            json!({ "nodes": [{}, null] }),
        ),
        (
            "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { email } } }",
            ids,
            json!({ "nodes": [{ "email": "user_a@example.com" }, null] }),
        ),
        ("{ node(id: \"nobody\") { ... on User { email } } }", json!({}), json!({ "node": null })),
        (
            "mutation { updateProfile(input: {}) { user { id @skip(if: true) } userErrors { ... { code } } } }",
            json!({}),
            json!({ "updateProfile": { "user": {}, "userErrors": [] } }),
        ),
        (
            "mutation { updateProfile(input: {timezone: \"x\"}) { user { ... { id } } userErrors { code @skip(if: true) } } }",
            json!({}),
            json!({ "updateProfile": { "user": null, "userErrors": [{}] } }),
        ),
        (
            "{ __schema { queryType { name @skip(if: true) } } }",
            json!({}),
            json!({ "__schema": { "queryType": {} } }),
        ),
    ];
    let cases = cases.into_iter().map(|(query, variables, data)| (query, variables, Data(data)));
    check(&app, cases.collect()).await;
    // An object that cannot be is still null, however little of it was asked for.
    let failing = "{ me { ... { memberships(first: 0) { totalCount } } } }";
    let answer = app.query(Some(&token), failing).await;
    assert_eq!(answer.json()["data"], Value::Null, "{}", answer.text);
}

#[tokio::test]
async fn one_fault_repeated_is_not_repeated_for_ever() {
    let (_database, app) = sqlite().await;
    let token = app.token("user_a");
    for query in [
        format!("{{ me {{ {} }} }}", "nothing ".repeat(400)),
        format!("{{ node({}) {{ id }} }}", "id: 1 ".repeat(2000)),
        format!("{{ node(id: 1, {}) {{ id }} }}", "x: 1 ".repeat(2000)),
        format!("query ({}) {{ me {{ id }} }}", "$a: Int ".repeat(1500)),
        format!("{{ me {{ {} }} }}", "...Nothing ".repeat(400)),
        format!("{{ {} }}", "x".repeat(16_000)),
        format!("{{ me {{ ...{} }} }}", "x".repeat(16_000)),
        format!("query {0} {{ a: __typename }} query {0} {{ b: __typename }}", "x".repeat(8000)),
        format!("query (${}: Int) {{ __typename }}", "x".repeat(16_000)),
        format!("query ($a: {}) {{ __typename }}", "x".repeat(16_000)),
        format!("{{ me @{} {{ id }} }}", "x".repeat(16_000)),
        format!("{{ node({}: 1) {{ id }} }}", "x".repeat(16_000)),
        format!(
            "mutation {{ updateProfile(input: {{{}: 1}}) {{ user {{ id }} }} }}",
            "x".repeat(16_000)
        ),
        format!(
            "mutation {{ updateProfile(input: \"{}\") {{ user {{ id }} }} }}",
            "x".repeat(16_000)
        ),
        format!("{{ me {{ memberships(first: \"{}\") {{ totalCount }} }} }}", "x".repeat(16_000)),
        format!("{{ me {{ memberships(after: \"{}\") {{ totalCount }} }} }}", "x".repeat(16_000)),
    ] {
        let context = format!("{}…", &query[..60]);
        let answer = app.query(Some(&token), &query).await;
        check_errors(&answer, &context);
        assert!(answer.text.len() < 16 * 1024, "{context}: {} bytes", answer.text.len());
    }
    let request =
        json!({ "query": "query A { __typename }", "operationName": "x".repeat(100_000) });
    let answer = app.graphql(Some(&token), request).await;
    check_errors(&answer, "a long operation name");
    assert!(answer.text.len() < 1024);
}

#[tokio::test]
async fn suggestions_go_with_introspection() {
    let database = TestDatabase::sqlite().await;
    let on = start(&database).await;
    let off = TestApp::start(&database, &[("GRAPHQL_INTROSPECTION", "false")]).await;
    for (query, suggestion) in
        [("{ serverInf { name } }", "serverInfo"), ("{ serverInfo { nam } }", "name")]
    {
        assert!(on.query(None, query).await.text.contains("Did you mean"), "{query}");
        let answer = off.query(None, query).await;
        assert_eq!(answer.code(), VALIDATION);
        assert!(!answer.text.contains("Did you mean"), "{suggestion}: {}", answer.text);
    }
    for query in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"User\") { name } }",
        "{ ...F } fragment F on Query { __schema { types { name } } }",
        "{ ... { x: __schema { types { name } } } }",
        "{ __schema @skip(if: true) { types { name } } __typename }",
    ] {
        let answer = off.query(None, query).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, VALIDATION), "{query}");
        assert!(answer.text.contains("introspection is off"), "{}", answer.text);
        assert!(answer.json().get("data").is_none());
    }
    assert_eq!(off.query(None, "{ __typename }").await.data(), json!({ "__typename": "Query" }));
}
