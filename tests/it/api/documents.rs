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
        "{ node(id: \u{201c}x\u{201d}) { id } }",
        "query ($f: Int = $g) { __typename }",
        long_name.as_str(),
    ];
    let cases = cases.into_iter().map(|query| (query, json!({}), Refused(PARSE, ""))).collect();
    check(&app, cases).await;
    let huge = format!("{{ node(id: {}) {{ id }} }}", "9".repeat(400));
    // Whatever its size, a whole number may be an ID.
    check(&app, vec![(huge.as_str(), json!({}), Data(json!({ "node": null })))]).await;
}

#[tokio::test]
async fn documents_that_do_not_validate() {
    let (_database, app) = sqlite().await;
    let cases = [
        ("type Query { me: Int }", "A \"type\" definition cannot be executed"),
        ("extend type Query { me: Int }", "A \"extend\" definition cannot be executed"),
        ("{ __typename } type Query { me: Int }", "A \"type\" definition cannot be executed"),
        ("{ node(id: 1e999999999) { id } }", "No implicit conversion of float to ID!"),
        ("query ($f: Int = 1e9) { me { memberships(first: $f) { totalCount } } }", "float to Int"),
        ("subscription { x }", "Schema does not define a subscription root"),
        ("subscription { __typename }", "Schema does not define a subscription root"),
        ("{ nothing }", "Field `nothing` does not exist on type `Query`"),
        ("mutation { nothing }", "Field `nothing` does not exist on type `Mutation`"),
        ("{ me { nothing } }", "Field `nothing` does not exist on type `User`"),
        ("{ node(id: 1) { name } }", "Field `name` does not exist on type `Node`"),
        ("{ _service { sdl } }", "Field `_service` does not exist on type `Query`"),
        (
            "{ _entities(representations: []) { __typename } }",
            "Field `_entities` does not exist on type `Query`",
        ),
        (
            "{ serverInfo { __schema { types { name } } } }",
            "Field `__schema` does not exist on type `ServerInfo`",
        ),
        ("{ me }", "No selection on field of non-leaf type `User!`"),
        ("{ me { id { x } } }", "Selection on field of leaf type `ID!` was not empty"),
        ("{ __typename { x } }", "Selection on field of leaf type `String!` was not empty"),
        ("{ __typename(a: 1) }", "__typename"),
        ("{ node { id } }", "Field `node` missing argument(s): id"),
        (
            "mutation { updateProfile { user { id } } }",
            "Field `updateProfile` missing argument(s): input",
        ),
        ("{ __type { name } }", "Field `__type` missing argument(s): name"),
        ("{ node(id: 1.5) { id } }", "No implicit conversion of float to ID!"),
        ("{ node(id: true) { id } }", "No implicit conversion of boolean to ID!"),
        ("{ node(id: null) { id } }", "Got null when non-null value of type ID! was expected"),
        ("{ node(id: FOO) { id } }", "No implicit conversion of enum to ID!"),
        ("{ node(id: [\"a\"]) { id } }", "No implicit conversion of list to ID!"),
        ("{ node(id: {a: 1}) { id } }", "No implicit conversion of object to ID!"),
        ("{ node(id: \"a\", x: 1) { id } }", "Field `node` does not define an argument named `x`"),
        ("{ node(id: \"a\", id: \"b\") { id } }", "Multiple arguments with name `id`"),
        ("{ nodes(ids: [null]) { id } }", "Got null when non-null value of type ID! was expected"),
        ("{ nodes(ids: [[\"a\"]]) { id } }", "No implicit conversion of list to ID!"),
        (
            "{ me { memberships(first: 1.0) { totalCount } } }",
            "No implicit conversion of float to Int!",
        ),
        (
            "{ me { memberships(first: \"1\") { totalCount } } }",
            "No implicit conversion of string to Int!",
        ),
        (
            "{ me { memberships(first: null) { totalCount } } }",
            "Got null when non-null value of type Int! was expected",
        ),
        (
            "{ me { memberships(after: 5) { totalCount } } }",
            "No implicit conversion of integer to String",
        ),
        ("{ __type(name: 5) { name } }", "No implicit conversion of integer to String!"),
        ("mutation { updateProfile(input: null) { user { id } } }", "UpdateProfileInput"),
        ("mutation { updateProfile(input: 5) { user { id } } }", "UpdateProfileInput"),
        ("mutation { updateProfile(input: [{}]) { user { id } } }", "UpdateProfileInput"),
        (
            "mutation { updateProfile(input: {x: 5}) { user { id } } }",
            "No field with name x on input type UpdateProfileInput",
        ),
        (
            "mutation { updateProfile(input: {name: 5}) { user { id } } }",
            "No implicit conversion of integer to String",
        ),
        ("mutation { deleteUser(input: {deleteFromClerk: null}) { deletedUserId } }", "Boolean"),
        (
            "mutation { deleteUser(input: {userId: 1.5}) { deletedUserId } }",
            "No implicit conversion of float to ID",
        ),
        (
            "query A { __typename } query A { __typename }",
            "There are several operations named \"A\"",
        ),
        (
            "{ __typename } query A { __typename }",
            "An operation without a name must be the only one of its document",
        ),
        (
            "query A { __typename } { __typename }",
            "An operation without a name must be the only one of its document",
        ),
        (
            "{ ...F } fragment F on Query { __typename } fragment F on Query { me { id } }",
            "There are several fragments named \"F\"",
        ),
        ("{ ...Missing }", "No fragment defined with name `Missing`"),
        ("{ __typename } fragment F on Query { __typename }", "Fragment definition `F` is unused"),
        ("{ ...F } fragment F on Nope { __typename }", "No type definition with name `Nope`"),
        ("{ ...F } fragment F on String { __typename }", "composite"),
        (
            "{ ...F } fragment F on User { __typename }",
            "Fragment `F` cannot be spread for type Query",
        ),
        (
            "{ me { ... on Organization { name } } }",
            "Fragment targeting type Organization cannot be spread for type User",
        ),
        ("{ ...F } fragment F on Query { ...F }", "spreads itself"),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }", "spreads itself"),
        ("{ me @nope { id } }", "No directive definition with name `@nope`"),
        (
            "query @skip(if: true) { me { id } }",
            "Directive @skip cannot be used at location QUERY. It is only allowed at the following locations: FIELD, FRAGMENT_SPREAD, INLINE_FRAGMENT",
        ),
        ("{ me @skip { id } }", "Directive `skip` missing argument(s): if"),
        (
            "{ me @skip(if: true, x: 1) { id } }",
            "Directive `skip` does not define an argument named `x`",
        ),
        ("{ me @skip(if: 1) { id } }", "Boolean"),
        ("{ me @skip(if: \"true\") { id } }", "Boolean"),
        ("{ me @skip(if: null) { id } }", "Boolean"),
        (
            "{ me @skip(if: true) @skip(if: true) { id } }",
            "Directive @skip is not repeatable but was used multiple times in the same location",
        ),
        ("{ me @include(if: $x) { id } }", "not defined"),
        ("{ me { memberships(first: $f) { totalCount } } }", "not defined"),
        ("query ($f: Int) { me { id } }", "not used"),
        (
            "query ($f: Int, $f: Int) { me { memberships(first: $f) { totalCount } } }",
            "Multiple variable definitions named $f",
        ),
        ("query ($f: Nope) { me { memberships(first: $f) { totalCount } } }", "not an input type"),
        ("query ($f: [[Nope!]!] = 1) { me { id } }", "not an input type"),
        ("query ($f: User) { me { memberships(first: $f) { totalCount } } }", "not an input type"),
        (
            "query ($f: [Int]) { me { memberships(first: $f) { totalCount } } }",
            "Variable $f of type [Int] cannot be used here, where Int! is expected",
        ),
        (
            "query ($f: String) { me { memberships(first: $f) { totalCount } } }",
            "Variable $f of type String cannot be used here, where Int! is expected",
        ),
        (
            "query ($x: Boolean) { me @skip(if: $x) { id } }",
            "Variable $x of type Boolean cannot be used here, where Boolean! is expected",
        ),
        (
            "query ($f: Int = \"x\") { me { memberships(first: $f) { totalCount } } }",
            "No implicit conversion of string to Int",
        ),
        ("{ x: me { id } x: serverInfo { name } }", "do not merge"),
        ("{ a: node(id: 1) { id } a: node(id: 2) { id } }", "do not merge"),
        ("{ a: node(id: 1) { id } a: me { id } }", "do not merge"),
        ("{ me { x: id } me { x: email } }", "do not merge"),
        ("{ x: me { id } ... on Query { x: serverInfo { name } } }", "do not merge"),
        ("{ me { id: email } ...F } fragment F on Query { me { id } }", "do not merge"),
        ("{ node(id: 1) { x: id ... on User { x: email } } }", "do not merge"),
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
        (first, json!({ "f": null }), Field(INPUT, json!(["me", "memberships"]), "found null")),
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
        (null_default, json!({}), Field(INPUT, json!(["me", "memberships"]), "found null")),
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
                Refused(VALIDATION, "between -2147483648 and 2147483647"),
            ),
            (
                "{ me { memberships(first: -99999999999) { totalCount } } }",
                json!({}),
                Refused(VALIDATION, "between -2147483648 and 2147483647"),
            ),
            (
                "query ($x: ID!) { me { memberships(first: 99999999999) { totalCount } } nodes(ids: [$x]) { id } }",
                json!({ "x": "a" }),
                Refused(VALIDATION, "between -2147483648 and 2147483647"),
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
