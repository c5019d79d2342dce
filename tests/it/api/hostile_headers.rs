//! What strangers write into headers and cursors means nothing unless it is exactly right: tokens,
//! signatures of webhooks, origins, media types, positions in a list. Each property is tried on random
//! values near the right one; `PROPTEST_CASES` tries more of them.

use axum::{
    body::Body,
    http::{HeaderValue, Request, request::Builder},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mission_control::{
    clerk::webhook::{WebhookSecret, sign},
    clock::Clock,
};
use proptest::{prelude::*, test_runner::TestCaseResult};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{
    Answer, TestApp, TestDatabase, WEBHOOK_SECRET, event, for_all, start, start_with_webhooks,
    user_object,
};

const CASES: u32 = 300;
const GQL: &str = "application/graphql-response+json";
const LISTED: &str = "https://app.example.com";

/// A server for the many requests of one property.
struct Bench {
    runtime: Runtime,
    app: TestApp,
    database: TestDatabase,
}

impl Bench {
    fn start(settings: &[(&str, &str)]) -> Self {
        let runtime = Runtime::new().unwrap();
        let (database, app) = runtime.block_on(async {
            let database = TestDatabase::sqlite().await;
            let app = TestApp::start(&database, settings).await;
            (database, app)
        });
        Self { runtime, app, database }
    }

    fn send(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(self.app.send(request))
    }
}

/// Adds a header field, unless no server could be sent it.
fn with(request: Builder, name: &str, value: &[u8]) -> Builder {
    match HeaderValue::from_bytes(value) {
        Ok(value) => request.header(name, value),
        Err(_) => request,
    }
}

fn query(query: &str) -> Body {
    Body::from(json!({ "query": query }).to_string())
}

/// What may be done to a text.
#[derive(Clone, Debug)]
enum Change {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Repeat,
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes that can stand in a header, those of base64 and separators among them more often.
    let byte =
        || prop_oneof![3 => prop::sample::select(&b"AZaz09-_.=+/ ,;v1\t"[..]), 1 => 0x20..=0xff_u8];
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (index(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (index(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        2 => index().prop_map(Change::Remove),
        1 => index().prop_map(Change::Cut),
        1 => Just(Change::Repeat),
    ]
}

fn apply(changes: &[Change], text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Replace(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Change::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Repeat => bytes.extend(bytes.clone()),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..4)
}

/// The one answer to every token that is not right.
fn check_unauthenticated(answer: &Answer) -> TestCaseResult {
    let body = json!({
        "errors": [{ "message": "Not authenticated", "extensions": { "code": "UNAUTHENTICATED" } }]
    });
    prop_assert_eq!(answer.status.as_u16(), 401, "{}", answer.text);
    prop_assert_eq!(answer.json(), body);
    prop_assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    Ok(())
}

fn ask_for_id(bench: &Bench, authorizations: &[Vec<u8>]) -> (Answer, u64) {
    let mut request =
        Request::post("/graphql").header("content-type", "application/json").header("accept", GQL);
    for value in authorizations {
        request = with(request, "authorization", value);
    }
    let request = request.body(query("{ me { id } }")).unwrap();
    bench.runtime.block_on(bench.app.statements(bench.app.send(request)))
}

#[test]
fn a_token_that_is_changed_anywhere_is_no_token() {
    let bench = Bench::start(&[]);
    let token = bench.app.token("user_a").sign();
    for_all(CASES, &changes(), |changes| {
        let changed = apply(&changes, &token);
        // White space around a header's value is not part of it.
        let is_the_same = changed.trim_ascii() == token.as_bytes();
        let value = [b"Bearer ".as_slice(), &changed].concat();
        if is_the_same || HeaderValue::from_bytes(&value).is_err() {
            return Ok(());
        }
        let (answer, statements) = ask_for_id(&bench, &[value]);
        prop_assert_eq!(statements, 0, "a bad token costs nothing");
        check_unauthenticated(&answer)
    });
}

#[test]
fn parts_of_good_tokens_make_no_token() {
    let bench = Bench::start(&[]);
    let tokens: Vec<String> = ["user_a", "user_b"]
        .into_iter()
        .map(|user| bench.app.token(user).sign())
        .chain([bench.app.token("user_a").header("alg", "none").sign()])
        .collect();
    let mut parts: Vec<String> =
        tokens.iter().flat_map(|token| token.split('.')).map(str::to_owned).collect();
    parts.extend(["", "e30", "bnVsbA", "W10", "x", "=", "eyJhbGciOiJub25lIn0"].map(str::to_owned));
    let scheme =
        prop::sample::select(vec!["Bearer ", "bearer ", "Bearer", "Basic ", "", "Bearer Bearer "]);
    let token = prop::collection::vec(prop::sample::select(parts), 1..5);
    let values = prop::collection::vec((scheme, token), 1..3);
    for_all(CASES, &values, |values| {
        let is_right = |(scheme, token): &(&str, Vec<String>)| {
            scheme.eq_ignore_ascii_case("bearer ") && tokens[..2].contains(&token.join("."))
        };
        let sent: Vec<Vec<u8>> = values
            .iter()
            .map(|(scheme, token)| format!("{scheme}{}", token.join(".")).into_bytes())
            .collect();
        let (answer, statements) = ask_for_id(&bench, &sent);
        if values.len() == 1 && is_right(&values[0]) {
            prop_assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
            return Ok(());
        }
        prop_assert_eq!(statements, 0, "a bad token costs nothing");
        check_unauthenticated(&answer)
    });
}

#[test]
fn a_webhook_that_is_changed_anywhere_changes_nothing() {
    let runtime = Runtime::new().unwrap();
    let (database, app) = runtime.block_on(async {
        let database = TestDatabase::sqlite().await;
        let app = start_with_webhooks(&database).await;
        (database, app)
    });
    let bench = Bench { runtime, app, database };
    let id = "msg_2abc";
    let now = bench.app.clock.now().timestamp();
    let body =
        event("user.created", user_object("user_w", None, Some("W"), now * 1000)).to_string();
    let secret = WebhookSecret::parse(WEBHOOK_SECRET).unwrap();
    let signature = sign(&secret, id, now, body.as_bytes());
    let right = [id.to_owned(), now.to_string(), signature, body];

    for_all(CASES, &(0..4_usize, changes(), any::<bool>()), |(which, changes, is_twice)| {
        let mut sent = right.clone().map(String::into_bytes);
        sent[which] = apply(&changes, &right[which]);
        let is_sendable = sent[..3].iter().all(|value| HeaderValue::from_bytes(value).is_ok());
        let is_the_same = (0..3).all(|at| sent[at].trim_ascii() == right[at].as_bytes())
            && sent[3] == right[3].as_bytes();
        // Signatures are a list with spaces; the right one counts wherever it stands.
        let is_among = which == 2
            && sent[2].split(|byte| *byte == b' ').any(|part| part == right[2].as_bytes());
        if !is_sendable || is_the_same || is_among {
            return Ok(());
        }
        let mut request = Request::post("/api/v1/webhooks/clerk");
        for (name, value) in ["svix-id", "svix-timestamp", "svix-signature"].iter().zip(&sent) {
            request = with(request, name, value);
        }
        if is_twice && which < 3 {
            let name = ["svix-id", "svix-timestamp", "svix-signature"][which];
            request = with(request, name, right[which].as_bytes());
        }
        let answer = bench.send(request.body(Body::from(sent[3].clone())).unwrap());
        prop_assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
        Ok(())
    });
    let stored = |table| bench.runtime.block_on(bench.database.count(table));
    assert_eq!((stored("webhook_messages"), stored("users")), (0, 0));

    let mut request = Request::post("/api/v1/webhooks/clerk");
    for (name, value) in ["svix-id", "svix-timestamp", "svix-signature"].iter().zip(&right) {
        request = request.header(*name, value);
    }
    let answer = bench.send(request.body(Body::from(right[3].clone())).unwrap());
    assert_eq!(answer.status.as_u16(), 204, "what was not changed is taken: {}", answer.text);
    assert_eq!((stored("webhook_messages"), stored("users")), (1, 1));
}

#[test]
fn the_right_signature_counts_among_any_others() {
    let runtime = Runtime::new().unwrap();
    let (database, app) = runtime.block_on(async {
        let database = TestDatabase::sqlite().await;
        let app = start_with_webhooks(&database).await;
        (database, app)
    });
    let bench = Bench { runtime, app, database };
    let now = bench.app.clock.now().timestamp();
    let secret = WebhookSecret::parse(WEBHOOK_SECRET).unwrap();
    let other =
        prop_oneof!["v1,[A-Za-z0-9+/]{0,50}={0,2}", "v[0-9]a?,[A-Za-z0-9+/=]{0,20}", "[!-~]{1,20}"];
    let list = (prop::collection::vec(other, 0..6), any::<prop::sample::Index>(), any::<bool>());
    for_all(CASES, &list, |(mut list, at, is_right)| {
        let body = event("nothing.known", json!({})).to_string();
        let id = "msg_list";
        if is_right {
            list.insert(at.index(list.len() + 1), sign(&secret, id, now, body.as_bytes()));
        }
        let request = Request::post("/api/v1/webhooks/clerk")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", list.join(" "));
        let answer = bench.send(request.body(Body::from(body)).unwrap());
        prop_assert_eq!(
            answer.status.as_u16(),
            if is_right { 204 } else { 400 },
            "{}",
            answer.text
        );
        Ok(())
    });
}

/// Origins that look like the listed one.
fn origin() -> impl Strategy<Value = Vec<u8>> {
    let listed = LISTED.to_owned();
    prop_oneof![
        Just(listed.clone().into_bytes()),
        changes().prop_map(move |changes| apply(&changes, &listed)),
        prop::sample::select(vec![
            "null",
            "*",
            "",
            "https://app.example.com.evil.example",
            "https://app.example.com:443",
            "https://app.example.com/",
            "HTTPS://APP.EXAMPLE.COM",
            "http://app.example.com",
            "https://evil.example/https://app.example.com",
            "https://app.example.com, https://app.example.com",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(0x20..=0xff_u8, 0..40),
    ]
}

#[test]
fn only_the_listed_origin_is_ever_allowed() {
    let bench = Bench::start(&[("CORS_ORIGINS", LISTED)]);
    let asked = prop::collection::vec(0x20..=0xff_u8, 0..60);
    let method = prop::sample::select(vec!["OPTIONS", "POST", "GET", "DELETE"]);
    let strategy = (method, prop::collection::vec(origin(), 0..3), asked);
    for_all(CASES, &strategy, |(method, origins, asked)| {
        let mut request = Request::builder().method(method).uri("/graphql?query={__typename}");
        for origin in &origins {
            request = with(request, "origin", origin);
        }
        request = with(request, "access-control-request-method", &asked);
        request = with(request, "access-control-request-headers", &asked);
        let request = request.body(Body::empty()).unwrap();
        let sent: Vec<_> = request.headers().get_all("origin").iter().cloned().collect();
        let answer = bench.send(request);
        let is_listed = sent.len() == 1 && sent[0] == LISTED;
        let allowed = answer.headers.get("access-control-allow-origin");
        prop_assert_eq!(allowed, is_listed.then(|| &sent[0]));
        let fields =
            answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
        prop_assert!(is_listed || fields.count() == 0, "{:?}", answer.headers);
        let varies = answer.headers.get_all("vary").iter();
        prop_assert!(varies.into_iter().any(|value| value.to_str().unwrap().contains("Origin")));
        Ok(())
    });
}

#[test]
fn an_answer_has_a_media_type_that_was_asked_for() {
    let bench = Bench::start(&[]);
    let range = prop::sample::select(vec![
        "*/*",
        "application/*",
        "application/json",
        GQL,
        "text/html",
        "text/plain",
        "APPLICATION/JSON",
    ]);
    let weight = (0..=10_u32).prop_map(|tenths| format!("{}.{}", tenths / 10, tenths % 10));
    let ranges = prop::collection::vec((range, prop::option::of(weight)), 0..6);
    for_all(CASES, &ranges, |ranges| {
        let list: Vec<String> = ranges
            .iter()
            .map(|(range, weight)| match weight {
                Some(weight) => format!("{range};q={weight}"),
                None => (*range).to_owned(),
            })
            .collect();
        // The most specific range decides (RFC 9110, section 12.5.1); of equal ones the best.
        let best = |names: &[&str]| {
            let weights = ranges
                .iter()
                .filter(|(range, _)| names.iter().any(|name| range.eq_ignore_ascii_case(name)))
                .map(|(_, weight)| {
                    weight.as_deref().map_or(1.0, |weight| weight.parse::<f64>().unwrap())
                });
            weights.reduce(f64::max)
        };
        let json = best(&["application/json"])
            .or_else(|| best(&["application/*"]))
            .or_else(|| best(&["*/*"]))
            .unwrap_or(0.0);
        let gql = best(&[GQL]).unwrap_or(0.0);
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", list.join(", "));
        let answer = bench.send(request.body(query("{ __typename }")).unwrap());
        let (status, media_type) = match (gql > 0.0, json > 0.0) {
            _ if ranges.is_empty() => (200, "application/json"),
            (false, false) => (406, "application/json"),
            (true, _) if gql >= json => (200, GQL),
            _ => (200, "application/json"),
        };
        prop_assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        prop_assert_eq!(answer.header("content-type"), format!("{media_type}; charset=utf-8"));
        Ok(())
    });
}

#[test]
fn accept_and_content_type_may_be_anything() {
    let bench = Bench::start(&[]);
    let near = |text: &'static str| changes().prop_map(move |changes| apply(&changes, text));
    let accept = prop_oneof![
        near("application/graphql-response+json, application/json;q=0.9, */*;q=0.1"),
        prop::collection::vec(0x20..=0xff_u8, 0..60),
    ];
    let content_type = prop_oneof![
        near("application/json; charset=utf-8"),
        Just(b"application/json".to_vec()),
        prop::collection::vec(0x20..=0xff_u8, 0..60),
    ];
    for_all(CASES, &(accept, content_type), |(accept, content_type)| {
        let request = with(Request::post("/graphql"), "accept", &accept);
        let request = with(request, "content-type", &content_type);
        let answer = bench.send(request.body(query("{ __typename }")).unwrap());
        let status = answer.status.as_u16();
        prop_assert!([200, 406, 415].contains(&status), "{}", answer.text);
        let shown = answer.header("content-type");
        let known = [GQL, "application/json"].map(|name| format!("{name}; charset=utf-8"));
        prop_assert!(known.iter().any(|name| name == shown), "{}", shown);
        if status == 200 {
            let start = content_type.trim_ascii_start().to_ascii_lowercase();
            prop_assert!(start.starts_with(b"application/json"), "no other body is read");
        }
        Ok(())
    });
}

/// Cursors of 24 bytes with any content, real ones that were changed, and texts that are none.
fn cursor(real: String) -> impl Strategy<Value = String> {
    let time = prop_oneof![
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        // Around the years 1970 and 9999, in microseconds.
        -1_000_000..1_000_000_i64,
        253_402_300_799_000_000..253_402_300_801_000_000_i64,
    ];
    let bytes = (time, any::<[u8; 16]>()).prop_map(|(time, id)| {
        URL_SAFE_NO_PAD.encode([time.to_be_bytes().as_slice(), &id].concat())
    });
    prop_oneof![
        3 => bytes,
        2 => changes().prop_map(move |changes| {
            String::from_utf8_lossy(&apply(&changes, &real)).into_owned()
        }),
        1 => any::<String>(),
    ]
}

/// Any cursor is answered with a page or as a value to correct, never as a fault of the server, whose
/// database holds fewer times than a cursor can name.
fn any_cursor(database: impl AsyncFnOnce() -> TestDatabase) {
    let runtime = Runtime::new().unwrap();
    let (_database, app) = runtime.block_on(async {
        let database = database().await;
        let app = start(&database).await;
        (database, app)
    });
    let token = app.token("user_a");
    let text = "query($v: String) { me { id memberships(after: $v) { totalCount pageInfo { endCursor } } } }";
    let ask = |cursor: &Value| {
        let request = json!({ "query": text, "variables": { "v": cursor } });
        runtime.block_on(app.graphql(Some(&token), request))
    };
    let page = ask(&Value::Null).data()["me"]["memberships"].clone();
    let real = page["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    for_all(CASES, &cursor(real), |cursor| {
        let answer = ask(&json!(cursor));
        let body = answer.json();
        prop_assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
        if body["errors"].is_null() {
            prop_assert_eq!(&body["data"]["me"]["memberships"]["totalCount"], &json!(1));
        } else {
            prop_assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
            prop_assert_eq!(&body["errors"][0]["path"], &json!(["me", "memberships"]));
        }
        Ok(())
    });
}

#[test]
fn any_cursor_is_a_position_or_refused_on_sqlite() {
    any_cursor(TestDatabase::sqlite);
}

#[test]
fn any_cursor_is_a_position_or_refused_on_postgres() {
    any_cursor(TestDatabase::postgres);
}
