//! The key set as the running server uses it: fetched rarely whatever people send, kept while Clerk is
//! down, replaced whole.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, header},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{FutureExt, future::join_all};
use mission_control::clock::Clock;
use serde_json::{Value, json};

use crate::support::{Answer, Fault, StandInClerk, TestApp, TestDatabase, Token};

const FIRST: &str = "ins_2SampleTest";
const SECOND: &str = "ins_2SampleOther";

/// The test keys with these ids.
fn keys(ids: &[&str]) -> Value {
    let mut set: Value = serde_json::from_str(include_str!("../../keys/jwks.json")).unwrap();
    set["keys"].as_array_mut().unwrap().retain(|key| ids.contains(&key["kid"].as_str().unwrap()));
    set
}

/// A token signed with the first key.
fn first(now: DateTime<Utc>) -> String {
    Token::complete("user_a", now).sign()
}

/// A token signed with the second key.
fn second(now: DateTime<Utc>) -> String {
    let token = Token::complete("user_a", now).header("kid", SECOND);
    token.sign_with(include_str!("../../keys/other-rsa.pem"))
}

/// A token whose key nobody publishes; each has another.
fn unknown(now: DateTime<Utc>, number: usize) -> String {
    Token::complete("user_a", now).header("kid", format!("ins_{number}")).sign()
}

async fn read(app: &TestApp, token: &str) -> Answer {
    let request = Request::get("/api/v1/users/me")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    app.send(request).await
}

/// The status of a request with a token of the first key, issued now.
async fn status(app: &TestApp) -> u16 {
    read(app, &first(app.clock.now())).await.status.as_u16()
}

/// Sends tokens with unknown key ids, one after the other.
async fn send_unknown(app: &TestApp, count: usize) {
    for number in 0..count {
        let answer = read(app, &unknown(app.clock.now(), number)).await;
        assert_eq!(answer.status, 401);
    }
}

/// Waits for something that another task is about to do.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect(what);
}

async fn start() -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[]).await;
    assert_eq!(app.clerk.key_fetches(), 1);
    (database, app)
}

/// A server whose first fetch met `fault`.
async fn start_with(database: &TestDatabase, fault: Fault) -> TestApp {
    let clerk = StandInClerk::start().await;
    clerk.on_keys(Some(fault));
    TestApp::with_clerk(database, clerk, &[]).await
}

#[tokio::test]
async fn a_set_is_fresh_for_five_minutes() {
    let (_database, app) = start().await;
    for (step, fetches) in [
        (TimeDelta::zero(), 1),
        (TimeDelta::minutes(5) - TimeDelta::microseconds(1), 1),
        (TimeDelta::microseconds(1), 2),
        (TimeDelta::zero(), 2),
        (TimeDelta::seconds(299), 2),
        (TimeDelta::seconds(1), 3),
    ] {
        app.clock.advance(step);
        app.refresh_keys().await;
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), fetches);
        assert_eq!(status(&app).await, 200);
    }
}

#[tokio::test]
async fn unknown_key_ids_cost_one_fetch_in_thirty_seconds() {
    let (_database, app) = start().await;
    send_unknown(&app, 50).await;
    assert_eq!(app.clerk.key_fetches(), 2);
    app.clock.advance(TimeDelta::seconds(30) - TimeDelta::microseconds(1));
    send_unknown(&app, 50).await;
    assert_eq!(app.clerk.key_fetches(), 2);
    app.clock.advance(TimeDelta::microseconds(1));
    send_unknown(&app, 50).await;
    assert_eq!(app.clerk.key_fetches(), 3);
    assert_eq!(app.counted("unknown_key"), 150);
    for _ in 0..100 {
        app.clock.advance(TimeDelta::seconds(10));
        send_unknown(&app, 3).await;
    }
    assert_eq!(app.clerk.key_fetches(), 3 + 34 - 1, "1000 seconds");
}

#[tokio::test]
async fn the_pause_holds_after_a_failure_too() {
    for fault in [
        Fault::Status(500, "internal_clerk_error"),
        Fault::Status(401, "clerk_key_invalid"),
        Fault::Gibberish,
        Fault::Elsewhere,
    ] {
        let (_database, app) = start().await;
        app.clerk.on_keys(Some(fault));
        send_unknown(&app, 50).await;
        assert_eq!(app.clerk.key_fetches(), 2, "{fault:?}");
        app.clock.advance(TimeDelta::seconds(30) - TimeDelta::microseconds(1));
        send_unknown(&app, 50).await;
        assert_eq!(app.clerk.key_fetches(), 2, "{fault:?}");
        app.clock.advance(TimeDelta::microseconds(1));
        send_unknown(&app, 50).await;
        assert_eq!(app.clerk.key_fetches(), 3, "{fault:?}");
        assert_eq!(status(&app).await, 200, "{fault:?}: the set in use stays");
    }
}

#[tokio::test]
async fn a_new_key_is_found_by_the_first_token_signed_with_it() {
    let (_database, app) = start().await;
    app.clerk.publish(keys(&[FIRST]));
    app.clock.advance(TimeDelta::minutes(5));
    app.refresh_keys().await;
    assert_eq!(read(&app, &second(app.clock.now())).await.status, 401);
    assert_eq!(app.clerk.key_fetches(), 3);
    app.clerk.publish(keys(&[FIRST, SECOND]));
    app.clock.advance(TimeDelta::seconds(30));
    assert_eq!(read(&app, &second(app.clock.now())).await.status, 200);
    assert_eq!(app.clerk.key_fetches(), 4);
}

#[tokio::test]
async fn a_hundred_at_once_wait_for_one_fetch() {
    let (_database, app) = start().await;
    // Half of them name a key that the fetch will bring, half one that nobody has.
    let mut renamed = keys(&[FIRST]);
    renamed["keys"][0]["kid"] = json!("ins_New");
    app.clerk.publish(renamed);
    app.clerk.on_keys(Some(Fault::Held));
    let new = Token::complete("user_a", app.clock.now()).header("kid", "ins_New").sign();
    let requests = (0..100).map(|number| {
        let token = if number % 2 == 0 { new.clone() } else { unknown(app.clock.now(), number) };
        let app = &app;
        async move { read(app, &token).await.status.as_u16() }
    });
    let mut all = Box::pin(join_all(requests));
    // Everybody has come before anybody is answered.
    assert!((&mut all).now_or_never().is_none());
    app.clerk.on_keys(None);
    let statuses = all.await;
    let expected: Vec<_> = (0..100).map(|number| if number % 2 == 0 { 200 } else { 401 }).collect();
    assert_eq!(statuses, expected);
    assert_eq!(app.clerk.key_fetches(), 2);
}

#[tokio::test]
async fn the_set_serves_a_day_while_clerk_is_down() {
    for stop in [true, false] {
        let (_database, app) = start().await;
        let loaded_at = app.clock.now();
        if stop {
            app.clerk.stop().await;
        } else {
            app.clerk.on_keys(Some(Fault::Status(503, "service_unavailable")));
        }
        for hours in [1, 6, 23] {
            app.clock.set(loaded_at + TimeDelta::hours(hours));
            app.refresh_keys().await;
            assert_eq!(status(&app).await, 200, "{hours} hours");
        }
        let long_lived = Token::complete("user_a", loaded_at)
            .claim("exp", loaded_at.timestamp() + 30 * 3600)
            .sign();
        app.clock.set(loaded_at + TimeDelta::hours(24) - TimeDelta::microseconds(1));
        assert_eq!(read(&app, &long_lived).await.status, 200);
        assert_eq!(app.rest("GET", "/readyz", None, None).await.status, 200);
        app.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(read(&app, &long_lived).await.status, 503, "remembered, but under old keys");
        assert_eq!(status(&app).await, 503);
        assert_eq!(app.rest("GET", "/readyz", None, None).await.status, 503);
        if !stop {
            app.clerk.on_keys(None);
            app.refresh_keys().await;
            assert_eq!(status(&app).await, 200, "no restart");
            assert_eq!(read(&app, &long_lived).await.status, 200);
        }
    }
}

#[tokio::test]
async fn without_a_set_the_answer_is_503_and_never_401() {
    for fault in [
        Fault::Status(500, "internal_clerk_error"),
        Fault::Status(401, "clerk_key_invalid"),
        Fault::RetryAfter(429, 1),
        Fault::ForeignNotFound,
        Fault::Gibberish,
        Fault::Elsewhere,
        Fault::Huge,
    ] {
        let database = TestDatabase::sqlite().await;
        let app = start_with(&database, fault).await;
        assert_eq!(app.clerk.key_fetches(), 1);
        let token = app.token("user_a");
        let (_, statements) = app.statements(assert_unavailable(&app, &token)).await;
        assert_eq!(statements, 0, "{fault:?}");
        assert_eq!(app.clerk.key_fetches(), 1, "{fault:?}: requests do not make Clerk's day worse");
        assert!(app.counted("keys_unavailable") > 0);

        // What can be judged without keys is.
        assert_eq!(read(&app, "nonsense").await.status, 401, "{fault:?}");
        let template = token.clone().header("cat", "cl_B7d4PD222AAA").sign();
        assert_eq!(read(&app, &template).await.status, 401, "{fault:?}");
        assert_eq!(app.query(None, "{ serverInfo { name } }").await.status, 200, "{fault:?}");
        assert_eq!(app.query(None, "{ me { id } }").await.status, 401, "{fault:?}");
        let ready = app.rest("GET", "/readyz", None, None).await;
        assert_eq!(ready.status, 503, "{fault:?}");
        assert_eq!(ready.json()["checks"]["keys"], "not loaded", "{fault:?}");
        assert_eq!(app.rest("GET", "/healthz", None, None).await.status, 200);

        // Clerk comes back, and nobody restarts anything.
        app.clerk.on_keys(None);
        app.clock.advance(TimeDelta::seconds(1));
        app.refresh_keys().await;
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 200, "{fault:?}");
        assert_eq!(app.rest("GET", "/readyz", None, None).await.status, 200, "{fault:?}");
    }
}

async fn assert_unavailable(app: &TestApp, token: &Token) {
    for query in ["{ me { id } }", "{ serverInfo { name } }", "mutation { bootstrap { created } }"]
    {
        let answer = app.query(Some(token), query).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.code(), "SERVICE_UNAVAILABLE");
        assert!(answer.json()["data"].is_null());
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(answer.header("www-authenticate"), "");
    }
    for (method, path) in [
        ("POST", "/api/v1/auth/bootstrap"),
        ("GET", "/api/v1/users/me"),
        ("PATCH", "/api/v1/users/me"),
        ("DELETE", "/api/v1/users/me"),
    ] {
        let answer = app.rest(method, path, Some(token), None).await;
        assert_eq!(answer.status, 503, "{method} {path}: {}", answer.text);
        assert!(answer.json()["detail"].is_string());
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(answer.header("www-authenticate"), "");
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_the_same() {
    let database = TestDatabase::sqlite().await;
    let clerk = StandInClerk::start().await;
    clerk.stop().await;
    let app = TestApp::with_clerk(&database, clerk, &[]).await;
    assert_unavailable(&app, &app.token("user_a")).await;
}

#[tokio::test]
async fn a_failed_first_fetch_is_repeated_soon_and_then_more_rarely() {
    let database = TestDatabase::sqlite().await;
    let app = start_with(&database, Fault::Status(500, "internal_clerk_error")).await;
    let mut fetches = 1;
    for pause in [1, 2, 4, 8, 16, 30, 30, 30] {
        app.clock.advance(TimeDelta::seconds(pause) - TimeDelta::microseconds(1));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), fetches, "before {pause} seconds");
        app.clock.advance(TimeDelta::microseconds(1));
        app.refresh_keys().await;
        fetches += 1;
        assert_eq!(app.clerk.key_fetches(), fetches, "after {pause} seconds");
    }
    // One success, and the counting begins anew.
    app.clerk.on_keys(None);
    app.clock.advance(TimeDelta::seconds(30));
    app.refresh_keys().await;
    app.clerk.on_keys(Some(Fault::Status(500, "internal_clerk_error")));
    app.clock.advance(TimeDelta::minutes(5));
    app.refresh_keys().await;
    app.clock.advance(TimeDelta::seconds(1));
    app.refresh_keys().await;
    assert_eq!(app.clerk.key_fetches(), fetches + 3);
}

#[tokio::test]
async fn a_removed_key_dies_with_the_next_refresh() {
    let (_database, app) = start().await;
    app.clerk.publish(keys(&[SECOND]));
    app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(status(&app).await, 200, "not refreshed yet");
    app.refresh_keys().await;
    assert_eq!(status(&app).await, 401);
    assert_eq!(read(&app, &second(app.clock.now())).await.status, 200);
}

#[tokio::test]
async fn an_answer_without_a_usable_key_is_a_failure_and_changes_nothing() {
    let short: Value = serde_json::from_str(include_str!("../../keys/short-rsa.jwk.json")).unwrap();
    let changed = |name: &str, value: Value| {
        let mut set = keys(&[FIRST]);
        set["keys"][0][name] = value;
        set
    };
    let sets = [
        json!({ "keys": [] }),
        json!({}),
        json!([]),
        json!(null),
        json!({ "keys": null }),
        json!({ "keys": "none" }),
        json!({ "keys": [null, 5, "x", {}] }),
        json!({ "keys": [short] }),
        changed("use", json!("enc")),
        changed("alg", json!("RS512")),
        changed("kty", json!("EC")),
        changed("kid", json!("a b")),
        changed("n", json!("AQAB")),
    ];
    for set in sets {
        let (_database, app) = start().await;
        app.clerk.publish(set.clone());
        app.clock.advance(TimeDelta::minutes(5));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), 2, "{set}");
        assert_eq!(status(&app).await, 200, "{set}");
        // A failure: tried again after a second, not after five minutes.
        app.clerk.publish(keys(&[FIRST, SECOND]));
        app.clock.advance(TimeDelta::seconds(1));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), 3, "{set}");
    }
    for fault in [Fault::Gibberish, Fault::Huge, Fault::Elsewhere, Fault::ForeignNotFound] {
        let (_database, app) = start().await;
        app.clerk.on_keys(Some(fault));
        app.clock.advance(TimeDelta::minutes(5));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), 2, "{fault:?}");
        assert_eq!(app.clerk.visits_elsewhere(), 0, "{fault:?}");
        assert_eq!(status(&app).await, 200, "{fault:?}");
    }
}

#[tokio::test]
async fn unusable_entries_do_not_spoil_usable_ones() {
    let (_database, app) = start().await;
    let mut set = keys(&[FIRST]);
    let list = set["keys"].as_array_mut().unwrap();
    list.insert(
        0,
        json!({ "kty": "EC", "kid": "ins_Curve", "crv": "P-256", "x": "AA", "y": "AA" }),
    );
    list.insert(0, json!(null));
    app.clerk.publish(set);
    app.clock.advance(TimeDelta::minutes(5));
    app.refresh_keys().await;
    assert_eq!(status(&app).await, 200);
    assert_eq!(read(&app, &second(app.clock.now())).await.status, 401, "replaced, not merged");
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_an_hour() {
    for (asked, honoured) in [(0, 1), (20, 20), (120, 120), (999_999, 3600), (u64::MAX, 3600)] {
        let (_database, app) = start().await;
        app.clerk.on_keys(Some(Fault::RetryAfter(429, asked)));
        app.clock.advance(TimeDelta::minutes(5));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), 2, "{asked}");
        app.clock.advance(TimeDelta::seconds(honoured) - TimeDelta::microseconds(1));
        app.refresh_keys().await;
        if honoured >= 30 {
            send_unknown(&app, 3).await;
        }
        assert_eq!(app.clerk.key_fetches(), 2, "{asked}");
        app.clock.advance(TimeDelta::microseconds(1));
        app.refresh_keys().await;
        assert_eq!(app.clerk.key_fetches(), 3, "{asked}");
    }
}

#[tokio::test]
async fn clerk_hanging_delays_nobody_whose_key_is_known() {
    let (_database, app) = start().await;
    app.clerk.on_keys(Some(Fault::Held));
    app.clock.advance(TimeDelta::minutes(5));
    let mut refresh = Box::pin(app.refresh_keys());
    assert!((&mut refresh).now_or_never().is_none());
    until("the fetch", || app.clerk.key_fetches() == 2).await;
    // Never waits for anything but the database.
    let answer = tokio::time::timeout(Duration::from_secs(2), status(&app)).await;
    assert_eq!(answer, Ok(200));
    // One with an unknown key waits for the fetch that is under way, and starts none of its own.
    let mut unknown_key = Box::pin(send_unknown(&app, 1));
    assert!((&mut unknown_key).now_or_never().is_none());
    app.clerk.on_keys(None);
    refresh.await;
    unknown_key.await;
    assert_eq!(app.clerk.key_fetches(), 2);
}

#[tokio::test]
async fn the_first_requests_wait_for_the_first_fetch() {
    let database = TestDatabase::sqlite().await;
    let app = start_with(&database, Fault::Status(500, "internal_clerk_error")).await;
    app.clerk.on_keys(Some(Fault::Held));
    app.clock.advance(TimeDelta::seconds(1));
    let mut refresh = Box::pin(app.refresh_keys());
    assert!((&mut refresh).now_or_never().is_none());
    let mut request = Box::pin(status(&app));
    assert!((&mut request).now_or_never().is_none());
    app.clerk.on_keys(None);
    refresh.await;
    assert_eq!(request.await, 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_take_the_fetch_along() {
    let (_database, app) = start().await;
    app.clerk.publish(keys(&[SECOND]));
    app.clock.advance(TimeDelta::minutes(5));
    app.refresh_keys().await;
    app.clerk.publish(keys(&[FIRST, SECOND]));
    app.clerk.on_keys(Some(Fault::Held));
    let token = first(app.clock.now());
    let mut request = Box::pin(read(&app, &token));
    assert!((&mut request).now_or_never().is_none());
    until("the fetch", || app.clerk.key_fetches() == 3).await;
    drop(request);
    app.clerk.on_keys(None);
    assert_eq!(read(&app, &token).await.status, 200);
    assert_eq!(app.clerk.key_fetches(), 3, "the fetch of the one who left");
}

#[tokio::test]
async fn the_background_fetches_without_being_asked() {
    let (_database, app) = start().await;
    app.clock.advance(TimeDelta::minutes(5));
    let Some(mission_control::clerk::jwks::KeySource::Remote(set)) = app.app.state.keys.clone()
    else {
        panic!("keys come from the stand-in");
    };
    let background = tokio::spawn(set.clone().keep_fresh());
    until("a fetch", || app.clerk.key_fetches() == 2 && set.age() == Some(TimeDelta::zero())).await;
    background.abort();
    assert_eq!(set.attempts(), 2);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_a_new_key_out() {
    let (_database, app) = start().await;
    app.clerk.publish(keys(&[FIRST]));
    app.refresh_keys().await;
    send_unknown(&app, 1).await;
    let fetches = app.clerk.key_fetches();
    // The pause after an unknown key ends days from now.
    app.clock.advance(TimeDelta::days(-2));
    app.clerk.publish(keys(&[FIRST, SECOND]));
    assert_eq!(read(&app, &second(app.clock.now())).await.status, 200);
    assert_eq!(app.clerk.key_fetches(), fetches + 1);
    send_unknown(&app, 20).await;
    assert_eq!(app.clerk.key_fetches(), fetches + 1, "the pause holds again");
}
