//! GraphQL over HTTP: status, code, media type and header fields of every kind of answer, the order of
//! the checks, and what a request may look like.

use serde_json::{Value, json};

use super::ask::{Ask, GQL, JSON, check_answer, sqlite};
use crate::support::TestApp;

/// A situation, the status for either media type, and the code.
type Row = (&'static str, fn(&TestApp) -> Ask, u16, u16, &'static str);

#[rustfmt::skip] // One line for each situation.
const REFUSED: &[Row] = &[
    ("no body", |_| Ask::post(""), 400, 400, "BAD_REQUEST"),
    ("not JSON", |_| Ask::post("{ me }"), 400, 400, "BAD_REQUEST"),
    ("truncated", |_| Ask::post(r#"{"query":"{ __typename }""#), 400, 400, "BAD_REQUEST"),
    ("two values", |_| Ask::post(r#"{"query":"{ __typename }"} {}"#), 400, 400, "BAD_REQUEST"),
    ("not UTF-8", |_| Ask::post(&b"{\"query\":\"\xff\"}"[..]), 400, 400, "BAD_REQUEST"),
    ("a lone surrogate", |_| Ask::post(r#"{"query":"{ __typename }","operationName":"\ud800"}"#), 400, 400, "BAD_REQUEST"),
    ("UTF-16", |_| Ask::post(&b"\xff\xfe{\x00}\x00"[..]), 400, 400, "BAD_REQUEST"),
    ("a byte order mark alone", |_| Ask::post("\u{feff}"), 400, 400, "BAD_REQUEST"),
    ("an array", |_| Ask::post(r#"[{"query":"{ __typename }"}]"#), 400, 400, "BAD_REQUEST"),
    ("an empty array", |_| Ask::post("[]"), 400, 400, "BAD_REQUEST"),
    ("a string", |_| Ask::post(r#""{ __typename }""#), 400, 400, "BAD_REQUEST"),
    ("null", |_| Ask::post("null"), 400, 400, "BAD_REQUEST"),
    ("a number beyond all bounds", |_| Ask::post(r#"{"query":"{ __typename }","variables":{"a":1e999999999}}"#), 400, 400, "BAD_REQUEST"),
    ("no query", |_| Ask::post("{}"), 400, 400, "BAD_REQUEST"),
    ("query null", |_| Ask::post(r#"{"query":null}"#), 400, 400, "BAD_REQUEST"),
    ("query a number", |_| Ask::post(r#"{"query":1}"#), 400, 400, "BAD_REQUEST"),
    ("query an object", |_| Ask::post(r#"{"query":{}}"#), 400, 400, "BAD_REQUEST"),
    ("query an array", |_| Ask::post(r#"{"query":["{ __typename }"]}"#), 400, 400, "BAD_REQUEST"),
    ("operationName a number", |_| Ask::post(r#"{"query":"{ __typename }","operationName":1}"#), 400, 400, "BAD_REQUEST"),
    ("operationName an object", |_| Ask::post(r#"{"query":"{ __typename }","operationName":{}}"#), 400, 400, "BAD_REQUEST"),
    ("variables a string", |_| Ask::post(r#"{"query":"{ __typename }","variables":"{}"}"#), 400, 400, "BAD_REQUEST"),
    ("variables an array", |_| Ask::post(r#"{"query":"{ __typename }","variables":[]}"#), 400, 400, "BAD_REQUEST"),
    ("variables false", |_| Ask::post(r#"{"query":"{ __typename }","variables":false}"#), 400, 400, "BAD_REQUEST"),
    ("extensions a string", |_| Ask::post(r#"{"query":"{ __typename }","extensions":""}"#), 400, 400, "BAD_REQUEST"),
    ("extensions an array", |_| Ask::post(r#"{"query":"{ __typename }","extensions":[]}"#), 400, 400, "BAD_REQUEST"),
    ("does not parse", |_| Ask::query("{"), 400, 200, "GRAPHQL_PARSE_FAILED"),
    ("empty text", |_| Ask::query(""), 400, 200, "GRAPHQL_PARSE_FAILED"),
    ("does not validate", |_| Ask::query("{ nothing }"), 400, 200, "GRAPHQL_VALIDATION_FAILED"),
    ("over a limit", |_| Ask::query(&format!("{}{}", "{a".repeat(41), "}".repeat(41))), 400, 200, "GRAPHQL_VALIDATION_FAILED"),
    ("variable not sent", |_| Ask::query("query ($n: String!) { __type(name: $n) { name } }"), 400, 200, "BAD_USER_INPUT"),
    ("variable of the wrong type", |_| Ask::post(r#"{"query":"query ($n: String!) { __type(name: $n) { name } }","variables":{"n":1}}"#), 400, 200, "BAD_USER_INPUT"),
    ("operation unknown", |_| Ask::post(r#"{"query":"query A { __typename }","operationName":"B"}"#), 400, 200, "OPERATION_RESOLUTION_FAILURE"),
    ("operation ambiguous", |_| Ask::query("query A { __typename } query B { __typename }"), 400, 200, "OPERATION_RESOLUTION_FAILURE"),
    ("hash unknown", |_| Ask::post(format!(r#"{{"extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{}"}}}}}}"#, "0".repeat(64))), 400, 200, "PERSISTED_QUERY_NOT_FOUND"),
    ("GET without query", |_| Ask::get(&[]), 400, 400, "BAD_REQUEST"),
    ("GET with an unknown hash", |_| Ask::get(&[("extensions", &format!(r#"{{"persistedQuery":{{"version":1,"sha256Hash":"{}"}}}}"#, "0".repeat(64)))]), 400, 200, "PERSISTED_QUERY_NOT_FOUND"),
    ("GET with two queries", |_| Ask::get(&[("query", "{ __typename }"), ("query", "{ __typename }")]), 400, 400, "BAD_REQUEST"),
    ("GET with variables that are no JSON", |_| Ask::get(&[("query", "{ __typename }"), ("variables", "{")]), 400, 400, "BAD_REQUEST"),
    ("GET with variables that are no object", |_| Ask::get(&[("query", "{ __typename }"), ("variables", "[]")]), 400, 400, "BAD_REQUEST"),
    ("GET with extensions that are no object", |_| Ask::get(&[("query", "{ __typename }"), ("extensions", "1")]), 400, 400, "BAD_REQUEST"),
    ("GET with a text that does not parse", |_| Ask::get(&[("query", "{")]), 400, 200, "GRAPHQL_PARSE_FAILED"),
    ("mutation over GET", |app| Ask::get(&[("query", "mutation { bootstrap { created } }")]).token(&app.token("user_a")), 405, 405, "BAD_REQUEST"),
    ("PUT", |_| Ask::other("PUT", "/graphql"), 405, 405, "BAD_REQUEST"),
    ("PATCH", |_| Ask::other("PATCH", "/graphql"), 405, 405, "BAD_REQUEST"),
    ("DELETE", |_| Ask::other("DELETE", "/graphql"), 405, 405, "BAD_REQUEST"),
    ("OPTIONS", |_| Ask::other("OPTIONS", "/graphql"), 405, 405, "BAD_REQUEST"),
    ("TRACE", |_| Ask::other("TRACE", "/graphql"), 405, 405, "BAD_REQUEST"),
    ("a method nobody knows", |_| Ask::other("BREW", "/graphql"), 405, 405, "BAD_REQUEST"),
    ("body too large", |_| Ask::post(vec![b' '; 256 * 1024 + 1]), 413, 413, "BAD_REQUEST"),
    ("too many header fields", |_| (0..101).fold(Ask::query("{ __typename }"), |ask, n| ask.with(&format!("x-{n}"), "1")), 431, 431, "BAD_REQUEST"),
    ("header fields too large", |_| Ask::query("{ __typename }").with("x-large", "x".repeat(65_536)), 431, 431, "BAD_REQUEST"),
    ("URI too long", |_| Ask::get(&[("query", &format!("{{ __typename }} #{}", "x".repeat(61_500)))]), 414, 414, "BAD_REQUEST"),
    ("no content type", |_| Ask::query("{ __typename }").without("content-type"), 415, 415, "BAD_REQUEST"),
    ("a form", |_| Ask::query("{ __typename }").without("content-type").with("content-type", "application/x-www-form-urlencoded"), 415, 415, "BAD_REQUEST"),
    ("plain text", |_| Ask::query("{ __typename }").without("content-type").with("content-type", "text/plain"), 415, 415, "BAD_REQUEST"),
    ("plain GraphQL", |_| Ask::query("{ __typename }").without("content-type").with("content-type", "application/graphql"), 415, 415, "BAD_REQUEST"),
    ("multipart", |_| Ask::query("{ __typename }").without("content-type").with("content-type", "multipart/form-data; boundary=x"), 415, 415, "BAD_REQUEST"),
    ("the type of answers", |_| Ask::query("{ __typename }").without("content-type").with("content-type", GQL), 415, 415, "BAD_REQUEST"),
    ("another charset", |_| Ask::query("{ __typename }").without("content-type").with("content-type", "application/json; charset=utf-16"), 415, 415, "BAD_REQUEST"),
    ("two content types", |_| Ask::query("{ __typename }").with("content-type", "text/plain"), 415, 415, "BAD_REQUEST"),
    ("no token", |_| Ask::query("{ me { id } }"), 401, 401, "UNAUTHENTICATED"),
    ("no token, mutation", |_| Ask::query("mutation { bootstrap { created } }"), 401, 401, "UNAUTHENTICATED"),
    ("bad token", |_| Ask::query("{ __typename }").with("authorization", "Bearer x"), 401, 401, "UNAUTHENTICATED"),
];

#[tokio::test]
async fn every_refusal_has_its_status_code_and_header_fields() {
    let (_database, app) = sqlite(&[]).await;
    for (situation, ask, gql, json, code) in REFUSED {
        for (media_type, status) in [(GQL, *gql), (JSON, *json)] {
            let context = format!("{situation}, {media_type}");
            let answer = ask(&app).with("accept", media_type).send(&app).await;
            check_answer(&answer, media_type, status, code, &context);
            let allow = match (status, *situation) {
                (405, "mutation over GET") => "POST",
                (405, _) => "GET, POST",
                _ => "",
            };
            assert_eq!(answer.header("allow"), allow, "{context}");
        }
    }
}

#[tokio::test]
async fn what_was_executed_is_a_200_with_data() {
    let (_database, app) = sqlite(&[]).await;
    let token = app.token("user_a");
    for media_type in [GQL, JSON] {
        for (query, data, code) in [
            ("{ __typename }", json!({ "__typename": "Query" }), ""),
            ("{ node(id: \"nobody\") { id } }", json!({ "node": null }), ""),
            ("{ organization(id: \"nobody\") { id } }", json!({ "organization": null }), ""),
            ("{ nodes(ids: [1]) { id } }", json!({ "nodes": [null] }), ""),
            (
                "mutation { deleteUser(input: {userId: \"nobody\"}) { deletedUserId } }",
                Value::Null,
                "FORBIDDEN",
            ),
        ] {
            let answer =
                Ask::query(query).token(&token).with("accept", media_type).send(&app).await;
            assert_eq!(answer.status, 200, "{query}");
            assert_eq!(answer.header("content-type"), format!("{media_type}; charset=utf-8"));
            assert_eq!(answer.header("vary"), "Accept, Authorization, Origin");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(!answer.header("x-request-id").is_empty());
            let body = answer.json();
            assert_eq!(body.get("data"), Some(&data), "{query}: {}", answer.text);
            assert_eq!(answer.code(), code, "{query}");
            assert_eq!(body.get("errors").is_some(), !code.is_empty(), "{query}");
        }
    }
}

#[tokio::test]
async fn the_answer_is_in_the_type_asked_for() {
    let (_database, app) = sqlite(&[]).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (accept, expected) in [
        (vec![], Some(JSON)),
        (vec![""], Some(JSON)),
        (vec!["*/*"], Some(JSON)),
        (vec!["application/*"], Some(JSON)),
        (vec![JSON], Some(JSON)),
        (vec![GQL], Some(GQL)),
        (vec!["application/json;charset=utf-8"], Some(JSON)),
        (vec!["application/graphql-response+json; charset=utf-8"], Some(GQL)),
        (vec!["APPLICATION/GRAPHQL-RESPONSE+JSON"], Some(GQL)),
        (vec!["application/graphql-response+json,application/json;q=0.9"], Some(GQL)),
        (vec!["application/json, application/graphql-response+json"], Some(GQL)),
        (vec![JSON, GQL], Some(GQL)),
        (vec!["application/json, application/graphql-response+json;q=0.9"], Some(JSON)),
        (vec!["application/graphql-response+json;q=0.1, */*"], Some(JSON)),
        (vec!["application/json;q=0, */*"], None),
        (vec![browser], Some(JSON)),
        (vec!["text/html"], None),
        (vec!["text/plain"], None),
        (vec!["application/xml, text/*"], None),
        (vec!["application/json;q=0"], None),
        (vec!["application/graphql+json"], None),
        (vec!["nonsense"], None),
    ] {
        let mut ask = Ask::query("{ __typename }");
        for value in &accept {
            ask = ask.with("accept", *value);
        }
        let answer = ask.send(&app).await;
        match expected {
            Some(media_type) => {
                assert_eq!(answer.status, 200, "{accept:?}");
                let content_type = format!("{media_type}; charset=utf-8");
                assert_eq!(answer.header("content-type"), content_type, "{accept:?}");
            }
            None => check_answer(&answer, JSON, 406, "BAD_REQUEST", &format!("{accept:?}")),
        }
    }
}

#[tokio::test]
async fn a_body_is_json_in_utf_8() {
    let (_database, app) = sqlite(&[]).await;
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "APPLICATION/JSON",
        " application/json ",
    ] {
        let answer = Ask::query("{ __typename }")
            .without("content-type")
            .with("content-type", content_type)
            .send(&app)
            .await;
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text);
    }
}

#[tokio::test]
async fn parameters_are_read_leniently_where_that_is_safe() {
    let (_database, app) = sqlite(&[]).await;
    let type_name = "query A($n: String = \"User\") { __type(name: $n) { name } }";
    let organization = r#"{"n":"Organization"}"#;
    let encoded = |text: &str| serde_json::to_string(text).unwrap();
    let cases: Vec<(Ask, &str)> = vec![
        (Ask::post(format!(r#"{{"query":{},"unknown":[1],"id":7}}"#, encoded(type_name))), "User"),
        (
            Ask::post(format!(
                r#"{{"query":{},"operationName":null,"variables":null,"extensions":null}}"#,
                encoded(type_name)
            )),
            "User",
        ),
        (
            Ask::post(format!(
                r#" {{"query":{},"operationName":"A","variables":{organization},"extensions":{{}}}} "#,
                encoded(type_name)
            )),
            "Organization",
        ),
        // The last of two members of one name counts, as in JavaScript.
        (Ask::post(format!(r#"{{"query":"{{","query":{}}}"#, encoded(type_name))), "User"),
        (Ask::get(&[("query", type_name)]), "User"),
        (Ask::get(&[("query", type_name), ("variables", organization)]), "Organization"),
        (Ask::get(&[("query", type_name), ("operationName", "A")]), "User"),
        (Ask::get(&[("query", type_name), ("variables", "null"), ("extensions", "null")]), "User"),
        (
            Ask::get(&[
                ("query", type_name),
                ("variables", ""),
                ("operationName", ""),
                ("extensions", ""),
            ]),
            "User",
        ),
        (Ask::get(&[("query", type_name), ("unknown", "x"), ("operation_name", "B")]), "User"),
        (
            Ask::other(
                "GET",
                "/graphql?query=query+A+%7B+__type(name:%22User%22)+%7B+name+%7D+%7D&variables",
            ),
            "User",
        ),
    ];
    for (ask, expected) in cases {
        let context = format!("{} {}", ask.uri, String::from_utf8_lossy(&ask.body));
        let answer = ask.send(&app).await;
        assert_eq!(answer.data()["__type"]["name"], expected, "{context}");
    }
}

#[tokio::test]
async fn a_get_runs_queries_and_nothing_else() {
    let (database, app) = sqlite(&[]).await;
    let token = app.token("user_a");
    let answer = Ask::get(&[("query", "{ me { email } }")]).token(&token).send(&app).await;
    assert_eq!(answer.data(), json!({ "me": { "email": "user_a@example.com" } }));
    let both = "query Q { me { email } } mutation M { bootstrap { created } }";
    for (query, name, status) in [
        (both, "Q", 200),
        (both, "M", 405),
        ("mutation M { bootstrap { created } }", "", 405),
        ("mutation M { __typename }", "M", 405),
    ] {
        let answer = Ask::get(&[("query", query), ("operationName", name)]);
        let answer = answer.token(&token).send(&app).await;
        assert_eq!(answer.status, status, "{query} {name}");
        assert_eq!(answer.header("allow"), if status == 405 { "POST" } else { "" });
    }
    // A body on a GET is not looked at.
    let answer = Ask::get(&[("query", "{ __typename }")]).with("content-type", "text/plain");
    assert_eq!(answer.body("garbage").send(&app).await.status, 200);
    assert_eq!(database.count("users").await, 1);
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let (_database, app) = sqlite(&[]).await;
    let bad_token = |ask: Ask| ask.with("authorization", "Bearer nonsense");
    let plain = |ask: Ask| ask.without("content-type").with("content-type", "text/plain");
    let html = |ask: Ask| ask.with("accept", "text/plain");
    let foreign =
        |ask: Ask| ask.with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "no-cors");
    let large = || Ask::post(vec![b'['; 300 * 1024]);
    let signed = |ask: Ask| ask.token(&app.token("user_a"));
    let unknown_hash = format!(
        r#"{{"extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{:064}"}}}}}}"#,
        0
    );
    let wrong_hash = format!(
        r#"{{"query":"{}","extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{:064}"}}}}}}"#,
        "{a".repeat(41),
        0
    );
    let cases: Vec<(&str, Ask, u16, &str)> = vec![
        ("method, Accept", html(Ask::other("PUT", "/graphql")), 405, "BAD_REQUEST"),
        ("method, origin", foreign(Ask::other("PUT", "/graphql")), 405, "BAD_REQUEST"),
        ("method, token", bad_token(Ask::other("PUT", "/graphql")), 405, "BAD_REQUEST"),
        ("Accept, origin", html(foreign(Ask::query("{ me { id } }"))), 406, "BAD_REQUEST"),
        ("Accept, token", html(bad_token(Ask::query("{ me { id } }"))), 406, "BAD_REQUEST"),
        ("origin, token", foreign(bad_token(Ask::query("{ me { id } }"))), 403, "FORBIDDEN"),
        ("token, type", bad_token(plain(Ask::query("{ me { id } }"))), 401, "UNAUTHENTICATED"),
        ("token, size", bad_token(large()), 401, "UNAUTHENTICATED"),
        ("token, JSON", bad_token(Ask::post("nonsense")), 401, "UNAUTHENTICATED"),
        ("token, document", bad_token(Ask::query("{")), 401, "UNAUTHENTICATED"),
        (
            "token, mutation over GET",
            bad_token(Ask::get(&[("query", "mutation { bootstrap { created } }")])),
            401,
            "UNAUTHENTICATED",
        ),
        ("type, size", plain(large()), 415, "BAD_REQUEST"),
        ("size, JSON", large(), 413, "BAD_REQUEST"),
        ("JSON, anonymous", Ask::post("nonsense"), 400, "BAD_REQUEST"),
        (
            "parameters, hash",
            Ask::post(unknown_hash.replace("{\"ext", "{\"query\":1,\"ext")),
            400,
            "BAD_REQUEST",
        ),
        ("hash, nesting", Ask::post(wrong_hash), 400, "BAD_REQUEST"),
        ("hash, anonymous", Ask::post(unknown_hash), 200, "PERSISTED_QUERY_NOT_FOUND"),
        ("parse, anonymous", Ask::query("{ me {"), 200, "GRAPHQL_PARSE_FAILED"),
        ("validation, anonymous", Ask::query("{ me { x } }"), 200, "GRAPHQL_VALIDATION_FAILED"),
        (
            "validation, operation",
            Ask::query("query A { x } query B { me { id } }"),
            200,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "operation, GET",
            Ask::get(&[("query", "mutation A { bootstrap { created } }"), ("operationName", "B")]),
            200,
            "OPERATION_RESOLUTION_FAILURE",
        ),
        (
            "GET, anonymous",
            Ask::get(&[("query", "mutation { bootstrap { created } }")]),
            405,
            "BAD_REQUEST",
        ),
        (
            "anonymous, variables",
            Ask::query("query ($x: Boolean!) { me @skip(if: $x) { id } }"),
            401,
            "UNAUTHENTICATED",
        ),
        (
            "variables, execution",
            signed(Ask::query("query ($x: Boolean!) { me @skip(if: $x) { id } }")),
            200,
            "BAD_USER_INPUT",
        ),
    ];
    for (situation, ask, status, code) in cases {
        let answer = ask.send(&app).await;
        check_answer(&answer, JSON, status, code, situation);
    }
}
