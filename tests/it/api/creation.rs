//! The first request of a user, and the profile that Clerk is asked for when the token does not say it.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use mission_control::clock::Clock;
use serde_json::{Value, json};

use crate::support::{Answer, Fault, TestApp, TestDatabase, Token, both, noon, start};

const ME: &str = "{ me { email name displayName isSuperAdmin activeOrganization { name } \
                   memberships { totalCount nodes { role organization { name } } } } }";

/// A token that says neither address nor name.
fn bare(app: &TestApp, user: &str) -> Token {
    Token::new(user, app.clock.now())
}

/// Address and name of the caller, after a request with a bare token.
async fn profile(app: &TestApp, user: &str) -> (Value, Value) {
    let data = app.query(Some(&bare(app, user)), "{ me { email name } }").await.data();
    (data["me"]["email"].clone(), data["me"]["name"].clone())
}

async fn assert_rows(database: &TestDatabase, expected: i64) {
    for table in ["users", "organizations", "organization_members"] {
        assert_eq!(database.count(table).await, expected, "{table}");
    }
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text);
    let body =
        r#"{"errors":[{"message":"Not authenticated","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
    assert_eq!(answer.text, body);
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
}

both! {
    async fn complete_claims_need_no_clerk(database) {
        let app = start(&database).await;
        app.clerk.on_read(Some(Fault::Status(500, "internal_clerk_error")));
        let token = bare(&app, "user_a")
            .claim("primary_email_address", " Ada@Example.COM ")
            .claim("given_name", "Ada")
            .claim("family_name", "Lovelace");
        let expected = json!({
            "email": "ada@example.com", "name": "Ada Lovelace", "displayName": "Ada Lovelace",
            "isSuperAdmin": false, "activeOrganization": { "name": "Personal" },
            "memberships": { "totalCount": 1, "nodes": [
                { "role": "OWNER", "organization": { "name": "Personal" } },
            ] },
        });
        assert_eq!(app.query(Some(&token), ME).await.data()["me"], expected);
        assert_rows(&database, 1).await;
        assert_eq!(app.clerk.reads(), 0);
        // Nothing is left to try later either.
        app.clock.advance(TimeDelta::hours(1));
        let token = bare(&app, "user_a");
        assert_eq!(app.query(Some(&token), ME).await.data()["me"], expected);
        assert_eq!(app.clerk.reads(), 0);
    }
}

both! {
    async fn every_door_creates(database) {
        let app = start(&database).await;
        let token = |user: &str| app.token(user);
        let bootstrap = "mutation { bootstrap { created user { clerkUserId } } }";
        for created in [true, false] {
            let answer = app.query(Some(&token("user_a")), bootstrap).await.data();
            let expected = json!({ "created": created, "user": { "clerkUserId": "user_a" } });
            assert_eq!(answer["bootstrap"], expected);
        }
        let update = "mutation { updateProfile(input: { notes: \"x\" }) { user { clerkUserId } } }";
        app.query(Some(&token("user_b")), update).await.data();
        let node = "{ node(id: \"018f0000-0000-7000-8000-000000000000\") { id } }";
        assert_eq!(app.query(Some(&token("user_c")), node).await.data()["node"], Value::Null);
        for (user, method, path, body) in [
            ("user_d", "POST", "/api/v1/auth/bootstrap", None),
            ("user_e", "GET", "/api/v1/users/me", None),
            ("user_f", "PATCH", "/api/v1/users/me", Some(json!({ "notes": "x" }))),
        ] {
            let answer = app.rest(method, path, Some(&token(user)), body).await;
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
            assert_eq!(answer.json()["clerk_user_id"], user);
        }
        assert_rows(&database, 6).await;
        // What needs no user creates none.
        app.query(Some(&token("user_g")), "{ serverInfo { name } }").await.data();
        assert_rows(&database, 6).await;
    }
}

both! {
    async fn incomplete_claims_cost_one_call_outside_any_transaction(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("Ada@Example.com"), Some("Ada"));
        app.clerk.on_read(Some(Fault::Held));
        let others = async {
            while app.clerk.reads() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // While Clerk thinks, somebody else is created: no lock is held.
            let token = app.token("user_b");
            let other = app.query(Some(&token), "{ me { id } }");
            let other = tokio::time::timeout(Duration::from_secs(3), other).await;
            other.expect("nobody waits").data();
            assert_rows(&database, 1).await;
            app.clerk.on_read(None);
        };
        let (found, ()) = tokio::join!(profile(&app, "user_a"), others);
        assert_eq!(found, (json!("ada@example.com"), json!("Ada")));
        assert_eq!(profile(&app, "user_a").await, (json!("ada@example.com"), json!("Ada")));
        assert_eq!(app.clerk.reads(), 1);
        assert_rows(&database, 2).await;
    }
}

both! {
    async fn each_missing_half_is_asked_for_and_the_token_keeps_its_own(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("api@example.com"), Some("Api"));
        app.clerk.add_user("user_b", Some("api@example.com"), Some("Api"));
        // Clerk's answer is from before the tokens were issued.
        let token = bare(&app, "user_a").claim("email", "claim@example.com");
        let data = app.query(Some(&token), "{ me { email name } }").await.data();
        assert_eq!(data["me"], json!({ "email": "claim@example.com", "name": "Api" }));
        let token = bare(&app, "user_b").claim("name", "Claim");
        let data = app.query(Some(&token), "{ me { email name } }").await.data();
        assert_eq!(data["me"], json!({ "email": "api@example.com", "name": "Claim" }));
        assert_eq!(app.clerk.reads(), 2);
    }
}

both! {
    async fn many_first_requests_make_one_user_and_one_call_per_instance(database) {
        let one = start(&database).await;
        let two = one.second_instance(&database).await;
        one.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let token = bare(&one, "user_a");
        let requests = (0..40).map(|number| {
            let app = if number % 2 == 0 { &one } else { &two };
            app.query(Some(&token), ME)
        });
        for answer in join_all(requests).await {
            assert_eq!(answer.data()["me"]["name"], "Ada");
        }
        assert_rows(&database, 1).await;
        assert!(one.clerk.reads() <= 2, "{}", one.clerk.reads());
    }
}

/// Everything that can go wrong at Clerk short of a definite "there is no such user".
const OUTAGES: [Fault; 6] = [
    Fault::Status(503, "service_unavailable"),
    Fault::Status(401, "clerk_key_invalid"),
    Fault::RetryAfter(429, 60),
    Fault::ForeignNotFound,
    Fault::Gibberish,
    Fault::Elsewhere,
];

both! {
    async fn an_outage_at_clerk_does_not_keep_anybody_out(database) {
        let app = start(&database).await;
        for (number, fault) in OUTAGES.into_iter().enumerate() {
            let user = format!("user_{number}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            app.clerk.on_read(Some(fault));
            assert_eq!(profile(&app, &user).await, (Value::Null, Value::Null), "{fault:?}");
            let calls = app.clerk.reads();
            profile(&app, &user).await;
            assert_eq!(app.clerk.reads(), calls, "{fault:?}: not at every request");
        }
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::minutes(1));
        for number in 0..OUTAGES.len() {
            let user = format!("user_{number}");
            let found = profile(&app, &user).await;
            assert_eq!(found, (json!("a@example.com"), json!("Ada")), "{user}");
        }
        assert_eq!(app.clerk.visits_elsewhere(), 0);
    }
}

both! {
    async fn nobody_listening_at_clerk_is_an_outage_too(database) {
        let app = start(&database).await;
        app.clerk.stop().await;
        assert_eq!(profile(&app, "user_a").await, (Value::Null, Value::Null));
        let data = app.query(Some(&bare(&app, "user_a")), ME).await.data();
        assert_eq!(data["me"]["displayName"], "User");
        assert_rows(&database, 1).await;
    }
}

both! {
    async fn the_back_off_doubles_and_is_shared(database) {
        let one = start(&database).await;
        let two = one.second_instance(&database).await;
        // Refused at once, so each try is one call.
        one.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
        assert_eq!(profile(&one, "user_a").await, (Value::Null, Value::Null));
        let mut calls = 1;
        assert_eq!(one.clerk.reads(), calls);
        for minutes in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440] {
            one.clock.advance(TimeDelta::minutes(minutes) - TimeDelta::microseconds(1));
            // More than five minutes may have passed, and more than a day in all.
            one.refresh_keys().await;
            two.refresh_keys().await;
            for app in [&two, &one] {
                profile(app, "user_a").await;
            }
            assert_eq!(one.clerk.reads(), calls, "before {minutes} minutes");
            one.clock.advance(TimeDelta::microseconds(1));
            for app in [&two, &one, &two] {
                profile(app, "user_a").await;
            }
            calls += 1;
            assert_eq!(one.clerk.reads(), calls, "after {minutes} minutes");
        }
        one.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        one.clerk.on_read(None);
        one.clock.advance(TimeDelta::days(1));
        one.refresh_keys().await;
        two.refresh_keys().await;
        assert_eq!(profile(&two, "user_a").await, (json!("a@example.com"), json!("Ada")));
        one.clock.advance(TimeDelta::days(2));
        one.refresh_keys().await;
        let (_, statements) = one.statements(profile(&one, "user_a")).await;
        assert_eq!((one.clerk.reads(), statements), (calls + 1, 1), "complete, so never again");
    }
}

both! {
    async fn several_at_once_share_one_later_call(database) {
        let app = start(&database).await;
        app.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
        profile(&app, "user_a").await;
        app.clock.advance(TimeDelta::minutes(1));
        join_all((0..20).map(|_| profile(&app, "user_a"))).await;
        assert_eq!(app.clerk.reads(), 2);
    }
}

both! {
    async fn a_user_without_address_at_clerk_is_asked_about_with_the_same_back_off(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", None, Some("Ada"));
        for minutes in [0, 1, 2, 4] {
            app.clock.advance(TimeDelta::minutes(minutes));
            app.refresh_keys().await;
            for _ in 0..3 {
                assert_eq!(profile(&app, "user_a").await, (Value::Null, json!("Ada")));
            }
        }
        assert_eq!(app.clerk.reads(), 4);
    }
}

both! {
    async fn bootstrap_ignores_the_back_off_once_in_ten_seconds(database) {
        let app = start(&database).await;
        app.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
        profile(&app, "user_a").await;
        let mut calls = 1;
        let nearly = TimeDelta::seconds(10) - TimeDelta::microseconds(1);
        for round in 0..4 {
            app.clock.advance(nearly);
            bootstrap(&app, round).await;
            assert_eq!(app.clerk.reads(), calls, "{round}: before ten seconds");
            app.clock.advance(TimeDelta::microseconds(1));
            profile(&app, "user_a").await;
            assert_eq!(app.clerk.reads(), calls, "{round}: not for anything but bootstrap");
            bootstrap(&app, round).await;
            bootstrap(&app, round + 1).await;
            calls += 1;
            assert_eq!(app.clerk.reads(), calls, "{round}: after ten seconds");
        }
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::seconds(10));
        assert_eq!(bootstrap(&app, 0).await, (json!("a@example.com"), json!("Ada")));
        let (_, statements) = app.statements(bootstrap(&app, 0)).await;
        assert_eq!((app.clerk.reads(), statements), (calls + 1, 1));
    }
}

/// Bootstraps over one face or the other.
async fn bootstrap(app: &TestApp, face: u32) -> (Value, Value) {
    let token = bare(app, "user_a");
    let user = if face.is_multiple_of(2) {
        let query = "mutation { bootstrap { user { email name } } }";
        app.query(Some(&token), query).await.data()["bootstrap"]["user"].clone()
    } else {
        app.rest("POST", "/api/v1/auth/bootstrap", Some(&token), None).await.json()
    };
    (user["email"].clone(), user["name"].clone())
}

both! {
    async fn a_user_clerk_does_not_know_is_not_created(database) {
        let app = start(&database).await;
        for query in [ME, "mutation { bootstrap { created } }", "{ serverInfo { name } me { id } }"] {
            assert_refused(&app.query(Some(&bare(&app, "user_a")), query).await);
        }
        for (method, path) in [("POST", "/api/v1/auth/bootstrap"), ("GET", "/api/v1/users/me")] {
            let answer = app.rest(method, path, Some(&bare(&app, "user_a")), None).await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.text, r#"{"detail":"Not authenticated"}"#);
        }
        for table in ["users", "organizations", "organization_members", "tombstones", "revoked_sessions"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
        assert_eq!(app.refusals("user_unknown_at_clerk"), 5);
    }
}

both! {
    async fn a_user_banned_at_clerk_is_not_created(database) {
        let app = start(&database).await;
        app.clerk.put_user(json!({ "id": "user_a", "banned": true, "first_name": "Ada" }));
        assert_refused(&app.query(Some(&bare(&app, "user_a")), ME).await);
        assert_rows(&database, 0).await;
        assert_eq!(app.refusals("user_banned"), 1);
    }
}

both! {
    async fn a_user_refused_by_clerk_costs_one_call_in_ten_seconds(database) {
        let app = start(&database).await;
        app.clerk.put_user(json!({ "id": "user_b", "banned": true }));
        for (user, calls) in [("user_a", 1), ("user_b", 2)] {
            for _ in 0..3 {
                assert_refused(&app.query(Some(&bare(&app, user)), ME).await);
                app.clock.advance(TimeDelta::seconds(3));
            }
            assert_eq!(app.clerk.reads(), calls);
        }
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        app.clerk.add_user("user_b", Some("b@example.com"), Some("Bob"));
        app.clock.advance(TimeDelta::seconds(1));
        assert_eq!(profile(&app, "user_a").await, (json!("a@example.com"), json!("Ada")));
        assert_eq!(profile(&app, "user_b").await, (json!("b@example.com"), json!("Bob")));
        assert_eq!(app.clerk.reads(), 4);
    }
}

both! {
    async fn a_completed_profile_leaves_no_back_off_behind(database) {
        let app = start(&database).await;
        app.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
        assert_eq!(profile(&app, "user_a").await, (Value::Null, Value::Null));
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::minutes(1));
        assert_eq!(profile(&app, "user_a").await, (json!("a@example.com"), json!("Ada")));
        // Clerk's name is wanted again: not at once, so that nobody can make this server ask Clerk as
        // often as they like, but after the shortest back-off.
        let clear = "mutation { updateProfile(input: { name: null }) { user { name } } }";
        for reads in 2..5 {
            app.query(Some(&bare(&app, "user_a")), clear).await.data();
            assert_eq!(profile(&app, "user_a").await, (json!("a@example.com"), Value::Null));
            assert_eq!(app.clerk.reads(), reads);
            app.clock.advance(TimeDelta::minutes(1));
            assert_eq!(profile(&app, "user_a").await, (json!("a@example.com"), json!("Ada")));
        }
    }
}

both! {
    async fn an_existing_user_clerk_no_longer_knows_is_left_alone(database) {
        let app = start(&database).await;
        let token = app.token("user_a").without("name");
        app.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
        app.query(Some(&token), ME).await.data();
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::minutes(1));
        for _ in 0..2 {
            let found = profile(&app, "user_a").await;
            assert_eq!(found, (json!("user_a@example.com"), Value::Null));
        }
        assert_eq!(app.clerk.reads(), 2);
        assert_rows(&database, 1).await;
        assert_eq!(database.count("tombstones").await, 0);
    }
}

both! {
    async fn a_hanging_clerk_delays_a_first_request_by_five_seconds_at_most(database) {
        let app = start(&database).await;
        app.clerk.on_read(Some(Fault::Silence));
        let started = std::time::Instant::now();
        assert_eq!(profile(&app, "user_a").await, (Value::Null, Value::Null));
        let waited = started.elapsed();
        assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(8), "{waited:?}");
        // And the next one by nothing at all.
        let next = tokio::time::timeout(Duration::from_secs(3), profile(&app, "user_a")).await;
        assert!(next.is_ok());
        assert_eq!(app.clock.now(), noon());
    }
}
