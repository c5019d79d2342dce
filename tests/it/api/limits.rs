//! Every limit of a request at its edge and one beyond, set small; each error names the setting.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::ask::{Ask, GQL};
use crate::support::{Answer, TestApp, TestDatabase};

async fn sqlite(settings: &[(&str, &str)]) -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, settings).await;
    (database, app)
}

/// Holds an answer against a refusal by the limit that `setting` moves.
fn assert_refused(answer: &Answer, setting: &str, context: &str) {
    assert_eq!(answer.status, 400, "{context}: {}", answer.text);
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{context}: {}", answer.text);
    assert!(answer.text.contains(setting), "{context}: {}", answer.text);
    assert!(answer.json().get("data").is_none(), "{context}");
}

/// Whether the answer is a refusal by the limit that `setting` moves.
fn is_refused(answer: &Answer, setting: &str) -> bool {
    answer.status == 400 && answer.text.contains(setting)
}

async fn ask(app: &TestApp, query: &str, variables: Value) -> Answer {
    let token = app.token("user_a");
    app.graphql(Some(&token), json!({ "query": query, "variables": variables })).await
}

fn wrapped(open: &str, levels: usize, middle: &str, close: &str) -> String {
    format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
}

/// A text with so many brackets of one kind inside each other.
type Nested = fn(usize) -> String;

#[tokio::test]
async fn nesting_of_brackets_of_every_kind() {
    let (_database, app) = sqlite(&[("MAX_NESTING", "6")]).await;
    // What stands around `levels` brackets of one kind, and how many brackets that is.
    let kinds: [(usize, Nested); 7] = [
        (1, |n| format!("{{{}}}", wrapped("...{", n, "__typename", "}"))),
        (1, |n| format!("{{{}}}", wrapped("... on Query{", n, "__typename", "}"))),
        (2, |n| format!("{{node(id:{}){{id}}}}", wrapped("[", n, "1", "]"))),
        (2, |n| format!("{{node(id:{}){{id}}}}", wrapped("{a:", n, "1", "}"))),
        (1, |n| format!("query($v:{}){{__typename}}", wrapped("[", n, "Int", "]"))),
        (1, |n| format!("query($v:Int={}){{__typename}}", wrapped("[", n, "1", "]"))),
        (2, |n| format!("{{node@a(b:{}){{id}}}}", wrapped("[", n, "1", "]"))),
    ];
    for (around, make) in kinds {
        for depth in around..=7 {
            let query = make(depth - around);
            let refused = is_refused(&ask(&app, &query, json!({})).await, "MAX_NESTING");
            assert_eq!(refused, depth > 6, "{query}");
        }
    }
    // Brackets in strings and comments are text.
    for query in [
        format!("{{ node(id: \"{}\") {{ id }} }}", "{[(".repeat(50)),
        format!("{{ node(id: \"\"\"{}\"\"\") {{ id }} }}", "{[(".repeat(50)),
        format!("{{ __typename # {}\n}}", "{[(".repeat(50)),
    ] {
        assert_eq!(ask(&app, &query, json!({})).await.status, 200, "{query}");
    }
    // Fragments do not hide levels.
    for (levels, refused) in [(5, false), (6, true)] {
        let mut query = "{...F1}".to_owned();
        for level in 1..levels {
            query += &format!("fragment F{level} on Query{{...F{}}}", level + 1);
        }
        query += &format!("fragment F{levels} on Query{{__typename}}");
        let answer = ask(&app, &query, json!({})).await;
        assert_eq!(is_refused(&answer, "MAX_NESTING"), refused, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn nesting_as_deep_as_can_be_set() {
    let (_database, app) = sqlite(&[("MAX_NESTING", "64"), ("MAX_DEPTH", "200")]).await;
    for levels in [31, 32, 33, 63] {
        let query = format!("{{{}}}", wrapped("...{", levels, "__typename", "}"));
        assert_eq!(ask(&app, &query, json!({})).await.status, 200, "{levels}");
    }
    for levels in [64, 65, 66, 100, 2000] {
        let query = format!("{{{}}}", wrapped("...{", levels, "__typename", "}"));
        assert_refused(&ask(&app, &query, json!({})).await, "MAX_NESTING", &query);
    }
}

#[tokio::test]
async fn selections_after_expansion() {
    let (_database, app) = sqlite(&[("MAX_SELECTIONS", "10")]).await;
    for (query, count) in [
        ("{ __typename }".to_owned(), 1),
        (format!("{{ {} }}", "__typename ".repeat(10)), 10),
        (format!("{{ {} }}", "__typename ".repeat(11)), 11),
        (format!("{{ me {{ {} }} }}", "id ".repeat(9)), 10),
        (format!("{{ me {{ {} }} }}", "id ".repeat(10)), 11),
        (format!("{{ ... {{ {} }} }}", "__typename ".repeat(9)), 10),
        (format!("{{ ... {{ {} }} }}", "__typename ".repeat(10)), 11),
        ("{ ...F ...F } fragment F on Query { a: __typename b: __typename c: __typename d: __typename }".to_owned(), 10),
        ("{ ...F ...F __typename } fragment F on Query { a: __typename b: __typename c: __typename d: __typename }".to_owned(), 11),
        ("{ ...F } fragment F on Query { ...G ...G } fragment G on Query { __typename __typename }".to_owned(), 7),
        ("{ ...F ...F } fragment F on Query { ...G ...G } fragment G on Query { __typename __typename }".to_owned(), 14),
    ] {
        let answer = ask(&app, &query, json!({})).await;
        if count <= 10 {
            assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        } else {
            assert_refused(&answer, "MAX_SELECTIONS", &query);
        }
    }
    // Each operation has the whole budget, and none may exceed it, whichever is run.
    let two = |count: usize| {
        let fields = "__typename ".repeat(count);
        json!({ "query": format!("query A {{ {fields} }} query B {{ {fields} }}"), "operationName": "A" })
    };
    assert_eq!(app.graphql(None, two(10)).await.status, 200);
    assert_refused(&app.graphql(None, two(11)).await, "MAX_SELECTIONS", "two operations");
}

#[tokio::test]
async fn aliases_after_expansion() {
    let (_database, app) = sqlite(&[("MAX_ALIASES", "3")]).await;
    for (query, refused) in [
        ("{ a: __typename b: __typename c: __typename __typename }", false),
        ("{ a: __typename b: __typename c: __typename d: __typename }", true),
        ("{ a: __typename a: __typename a: __typename a: __typename }", true),
        ("{ a: me { b: id c: email } }", false),
        ("{ a: me { b: id c: email d: name } }", true),
        ("{ ...F ...F a: __typename } fragment F on Query { b: __typename }", false),
        ("{ ...F ...F ...F ...F } fragment F on Query { b: __typename }", true),
    ] {
        let answer = ask(&app, query, json!({})).await;
        if refused {
            assert_refused(&answer, "MAX_ALIASES", query);
        } else {
            assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        }
    }
    let (_database, app) = sqlite(&[("MAX_ALIASES", "0")]).await;
    assert_eq!(ask(&app, "{ __typename me { id } }", json!({})).await.status, 200);
    assert_refused(&ask(&app, "{ a: __typename }", json!({})).await, "MAX_ALIASES", "none at all");
}

#[tokio::test]
async fn depth_of_fields() {
    let (_database, app) = sqlite(&[("MAX_DEPTH", "4")]).await;
    for (query, refused) in [
        ("{ me { activeOrganization { members { totalCount } } } }", false),
        ("{ me { activeOrganization { members { nodes { id } } } } }", true),
        ("{ me { ... { activeOrganization { ... { members { totalCount } } } } } }", false),
        (
            "{ ...F } fragment F on Query { me { activeOrganization { members { totalCount } } } }",
            false,
        ),
        (
            "{ ...F } fragment F on Query { me { activeOrganization { members { nodes { id } } } } }",
            true,
        ),
    ] {
        let answer = ask(&app, query, json!({})).await;
        if refused {
            assert_refused(&answer, "MAX_DEPTH", query);
        } else {
            assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn complexity_counts_pages_as_large_as_they_may_be() {
    // `me` and `memberships` count one each, and so does a field of each entry.
    let (_database, app) = sqlite(&[("MAX_COMPLEXITY", "12")]).await;
    let literal =
        |first: i64| format!("{{ me {{ memberships(first: {first}) {{ totalCount }} }} }}");
    let variable = "query ($f: Int) { me { memberships(first: $f) { totalCount } } }";
    let ids = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let cases: Vec<(String, Value, bool)> = vec![
        (literal(10), json!({}), false),
        (literal(11), json!({}), true),
        (variable.to_owned(), json!({ "f": 10 }), false),
        (variable.to_owned(), json!({ "f": 11 }), true),
        // Not sent means the default of the argument, which is 50.
        (variable.to_owned(), json!({}), true),
        (variable.replace("Int)", "Int = 10)"), json!({}), false),
        (variable.replace("Int)", "Int = 11)"), json!({}), true),
        (variable.replace("Int)", "Int = 100)"), json!({ "f": 1 }), false),
        ("{ me { memberships { totalCount } } }".to_owned(), json!({}), true),
        // The two pages of one entry each: 1 + (1 + 1) + (1 + 1).
        ("{ me { a: memberships(first: 1) { totalCount } b: memberships(first: 1) { totalCount } } }".to_owned(), json!({}), false),
        // Pages multiply: 1 + (1 + 3 * (1 + (1 + 2 * 1))) = 14.
        ("{ me { memberships(first: 3) { nodes { organization { members(first: 2) { totalCount } } } } } }".to_owned(), json!({}), true),
        (ids.to_owned(), json!({ "ids": vec!["a"; 11] }), false),
        (ids.to_owned(), json!({ "ids": vec!["a"; 12] }), true),
        (ids.to_owned(), json!({ "ids": "a" }), false),
        (format!("{{ nodes(ids: [{}]) {{ id }} }}", "1,".repeat(11)), json!({}), false),
        (format!("{{ nodes(ids: [{}]) {{ id }} }}", "1,".repeat(12)), json!({}), true),
        ("query ($i: ID!) { nodes(ids: [$i, $i]) { id } }".to_owned(), json!({ "i": 1 }), false),
        (
            format!("query ($i: ID!) {{ nodes(ids: [{}]) {{ id }} }}", "$i,".repeat(12)),
            json!({ "i": 1 }),
            true,
        ),
        // What is skipped counts too.
        ("{ me { memberships(first: 11) @skip(if: true) { totalCount } } }".to_owned(), json!({}), true),
    ];
    for (query, variables, refused) in cases {
        let answer = ask(&app, &query, variables.clone()).await;
        if refused {
            assert_refused(&answer, "MAX_COMPLEXITY", &query);
        } else {
            assert_eq!(answer.status, 200, "{query} {variables}: {}", answer.text);
        }
    }
    // Only the operation that runs is paid for when its cost depends on variables.
    let two =
        "query A($f: Int) { me { memberships(first: $f) { totalCount } } } query B { __typename }";
    for (name, variables, status) in
        [("A", json!({ "f": 10 }), 200), ("A", json!({ "f": 11 }), 400), ("B", json!({}), 200)]
    {
        let token = app.token("user_a");
        let request = json!({ "query": two, "operationName": name, "variables": variables });
        assert_eq!(app.graphql(Some(&token), request).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn directives_on_one_element() {
    let (_database, app) = sqlite(&[("MAX_DIRECTIVES", "1")]).await;
    for (query, refused) in [
        ("{ __typename @skip(if: false) }", false),
        ("{ __typename @skip(if: false) @include(if: true) }", true),
        ("{ ... @skip(if: false) @include(if: true) { __typename } }", true),
        ("{ ...F @skip(if: false) @include(if: true) } fragment F on Query { __typename }", true),
        ("query @a @b { __typename }", true),
        ("{ ...F } fragment F on Query @a @b { __typename }", true),
        ("query ($v: Int @a @b) { __typename }", true),
    ] {
        let answer = ask(&app, query, json!({})).await;
        assert_eq!(is_refused(&answer, "MAX_DIRECTIVES"), refused, "{query}: {}", answer.text);
    }
    let (_database, app) = sqlite(&[]).await;
    for (count, refused) in [(5, false), (6, true), (1500, true)] {
        let answer =
            ask(&app, &format!("{{ __typename {} }}", "@a ".repeat(count)), json!({})).await;
        assert_eq!(is_refused(&answer, "MAX_DIRECTIVES"), refused, "{count}");
    }
}

#[tokio::test]
async fn operations_in_one_document() {
    let (_database, app) = sqlite(&[("MAX_OPERATIONS", "2")]).await;
    for (count, refused) in [(1, false), (2, false), (3, true), (700, true)] {
        let query: String = (0..count).map(|n| format!("query A{n}{{__typename}}")).collect();
        let answer = app.graphql(None, json!({ "query": query, "operationName": "A0" })).await;
        if refused {
            assert_refused(&answer, "MAX_OPERATIONS", &count.to_string());
        } else {
            assert_eq!(answer.status, 200);
        }
    }
}

#[tokio::test]
async fn introspection_lists_in_each_other() {
    let (_database, app) = sqlite(&[]).await;
    for (query, refused) in [
        ("{ __schema { types { fields { name } } } }", false),
        ("{ __schema { types { fields { type { fields { name } } } } } }", false),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            true,
        ),
        (
            "{ __type(name: \"User\") { fields { type { interfaces { possibleTypes { name } } } } } }",
            true,
        ),
    ] {
        let answer = ask(&app, query, json!({})).await;
        assert_eq!(answer.status == 400, refused, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn bytes_of_the_text() {
    let (_database, app) = sqlite(&[("MAX_QUERY_BYTES", "100")]).await;
    for (length, refused) in [(99, false), (100, false), (101, true), (100_000, true)] {
        let query = format!("{{__typename}}{}", " ".repeat(length - 12));
        assert_eq!(query.len(), length);
        let answer = ask(&app, &query, json!({})).await;
        if refused {
            assert_refused(&answer, "MAX_QUERY_BYTES", &length.to_string());
        } else {
            assert_eq!(answer.status, 200, "{length}: {}", answer.text);
        }
        if length < 1000 {
            let answer = Ask::get(&[("query", &query)]).with("accept", GQL).send(&app).await;
            assert_eq!(is_refused(&answer, "MAX_QUERY_BYTES"), refused, "GET {length}");
        }
    }
    // Bytes, not characters.
    let query = format!("{{__typename}} #{}", "é".repeat(43));
    assert_eq!(query.len(), 100);
    assert_eq!(ask(&app, &query, json!({})).await.status, 200);
    assert_refused(&ask(&app, &format!("{query} "), json!({})).await, "MAX_QUERY_BYTES", "101");
}

#[tokio::test]
async fn bytes_of_the_body_however_it_is_sent() {
    let (_database, app) = sqlite(&[("MAX_BODY_BYTES", "1024")]).await;
    for (length, status) in [(1023, 200), (1024, 200), (1025, 413), (1_000_000, 413)] {
        let body = r#"{"query":"{ __typename }"}"#;
        let body = format!("{body}{}", " ".repeat(length - body.len()));
        let whole = Ask::post(body.clone()).with("accept", GQL).send(&app).await;
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            body.as_bytes().chunks(100).map(|piece| Ok(piece.to_vec())).collect();
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", GQL)
            .body(Body::from_stream(futures_util::stream::iter(pieces)))
            .unwrap();
        let streamed = app.send(request).await;
        for (answer, how) in [(whole, "whole"), (streamed, "streamed")] {
            assert_eq!(answer.status, status, "{length} {how}: {}", answer.text);
            if status == 413 {
                assert_eq!(answer.code(), "BAD_REQUEST", "{length} {how}");
                assert!(answer.text.contains("MAX_BODY_BYTES"), "{length} {how}");
            }
        }
    }
    let token = app.token("user_a");
    for (length, status) in [(1024, 200), (1025, 413)] {
        let notes = "x".repeat(length - r#"{"notes":""}"#.len());
        let answer = app
            .rest("PATCH", "/api/v1/users/me", Some(&token), Some(json!({ "notes": notes })))
            .await;
        assert_eq!(answer.status, status, "{length}: {}", answer.text);
    }
}

#[tokio::test]
async fn header_fields_and_targets() {
    let (_database, app) = sqlite(&[]).await;
    let fields = |count: usize| {
        // Content-Type and Accept are two.
        (0..count - 2).fold(Ask::query("{ __typename }").with("accept", GQL), |ask, n| {
            ask.with(&format!("x-{n}"), "1")
        })
    };
    let bytes = |count: usize| {
        let taken = "content-typeapplication/jsonaccept".len() + GQL.len() + "x-large".len();
        Ask::query("{ __typename }").with("accept", GQL).with("x-large", "x".repeat(count - taken))
    };
    let target = |count: usize| {
        let start = "/graphqlquery={__typename}&x=".len();
        let uri = format!("/graphql?query={{__typename}}&x={}", "x".repeat(count - start));
        Ask::other("GET", &uri).with("accept", GQL)
    };
    for (ask, status) in [
        (fields(100), 200),
        (fields(101), 431),
        (bytes(64 * 1024), 200),
        (bytes(64 * 1024 + 1), 431),
        (target(60 * 1024), 200),
        (target(60 * 1024 + 1), 414),
        (fields(101).with("authorization", "Bearer x"), 431),
    ] {
        let answer = ask.send(&app).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if status != 200 {
            assert_eq!(answer.code(), "BAD_REQUEST");
            assert_eq!(answer.header("content-type"), format!("{GQL}; charset=utf-8"));
        }
    }
    // The REST face says it in its own words.
    let path = format!("/api/v1/users/me?{}", "x".repeat(61_500));
    let answer = app.rest("GET", &path, None, None).await;
    assert_eq!(answer.status, 414);
    assert!(answer.json()["detail"].is_string());
}

#[tokio::test]
async fn default_limits_let_tools_introspect() {
    let (_database, app) = sqlite(&[]).await;
    let answer = app.query(None, INTROSPECTION).await;
    let types = answer.data()["__schema"]["types"].as_array().unwrap().len();
    assert!(types > 20, "{types}");
    let all = "{ me { memberships(first: 50) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { id } } nodes { id role displayName email name preferredName isViewer createdAt updatedAt
        organization { id name viewerRole clerkOrganizationId createdAt updatedAt } } } } }";
    assert_eq!(ask(&app, all, json!({})).await.status, 200);
}

/// What `getIntrospectionQuery()` of graphql-js returns with every option on.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { description queryType { name kind } mutationType { name kind }
    subscriptionType { name kind } types { ...FullType } directives { name description isRepeatable locations
    args(includeDeprecated: true) { ...InputValue } } } }
    fragment FullType on __Type { kind name description specifiedByURL isOneOf fields(includeDeprecated: true) { name description
    args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
    inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";
