//! `updateProfile`: absent keeps, `null` clears, a value sets; all mistakes at once or all changes.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::seed::{redacted, sign_in};
use crate::support::{TestApp, TestDatabase, Token, both, noon, start};

const FIELDS: &str = "name preferredName pronouns timezone notes context";

/// What every field holds before a change.
fn before() -> Value {
    json!({
        "name": "Alex Chen", "preferredName": "Al", "pronouns": "they/them",
        "timezone": "Europe/Berlin", "notes": "some notes", "context": "some context",
    })
}

/// A user with a value in every field. The tokens used here carry no name, so that a cleared one stays
/// cleared.
async fn alex(database: &TestDatabase) -> (TestApp, Token) {
    let app = start(database).await;
    app.clerk.add_user("user_alex", Some("alex@example.com"), None);
    let token = Token::new("user_alex", noon()).claim("email", "alex@example.com");
    reset(&app, &token).await;
    (app, token)
}

async fn reset(app: &TestApp, token: &Token) {
    let body = json!({
        "query": format!("mutation($input: UpdateProfileInput!) \
            {{ updateProfile(input: $input) {{ user {{ {FIELDS} }} userErrors {{ code }} }} }}"),
        "variables": { "input": before() },
    });
    let data = app.graphql(Some(token), body).await.data();
    assert_eq!(data["updateProfile"], json!({ "user": before(), "userErrors": [] }));
}

async fn profile(app: &TestApp, token: &Token) -> Value {
    app.query(Some(token), &format!("{{ me {{ {FIELDS} }} }}")).await.data()["me"].clone()
}

/// `before` with other values in some fields.
fn with(changes: Value) -> Value {
    let mut profile = before();
    for (name, value) in changes.as_object().unwrap() {
        profile[name] = value.clone();
    }
    profile
}

both! {
    async fn the_whole_reply_of_update_profile(database) {
        let (app, token) = alex(&database).await;
        app.clock.advance(TimeDelta::seconds(1));
        let query = "mutation { updateProfile(input: { preferredName: \" Lex \", notes: null, timezone: \"asia/tokyo\" }) { \
            user { id clerkUserId email name preferredName displayName pronouns timezone notes context \
                isSuperAdmin createdAt updatedAt } \
            userErrors { code field message } } }";
        let answer = app.query(Some(&token), query).await;
        assert_eq!(redacted(answer.json()), json!({ "data": { "updateProfile": {
            "user": {
                "id": "[id]", "clerkUserId": "user_alex", "email": "alex@example.com",
                "name": "Alex Chen", "preferredName": "Lex", "displayName": "Lex",
                "pronouns": "they/them", "timezone": "Asia/Tokyo", "notes": null,
                "context": "some context", "isSuperAdmin": false,
                "createdAt": "2026-11-01T12:00:00.000Z", "updatedAt": "2026-11-01T12:00:01.000Z",
            },
            "userErrors": [],
        } } }));
    }
}

both! {
    async fn what_was_not_sent_is_kept_in_every_spelling(database) {
        let (app, token) = alex(&database).await;
        let two = "mutation($n: String, $t: String) { updateProfile(input: { name: $n, timezone: $t }) { userErrors { code } } }";
        let whole = "mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { userErrors { code } } }";
        let default = "mutation($n: String = \"Default\", $t: String = null) { updateProfile(input: { name: $n, timezone: $t }) { userErrors { code } } }";
        let whole_default = "mutation($i: UpdateProfileInput! = { name: \"Default\", notes: null }) { updateProfile(input: $i) { userErrors { code } } }";
        let fragment = "mutation($n: String, $t: String) { ...F } fragment F on Mutation { updateProfile(input: { name: $n, timezone: $t }) { userErrors { code } } }";
        let named = "mutation A($n: String) { updateProfile(input: { name: $n }) { userErrors { code } } } \
            mutation B($t: String) { updateProfile(input: { timezone: $t }) { userErrors { code } } }";
        let null = Value::Null;
        let cases = [
            (two, json!({}), json!({})),
            (two, json!({ "n": "N" }), json!({ "name": "N" })),
            (two, json!({ "t": "UTC" }), json!({ "timezone": "UTC" })),
            (two, json!({ "n": null }), json!({ "name": null })),
            (two, json!({ "t": null, "n": "N" }), json!({ "name": "N", "timezone": null })),
            (two, json!({ "n": "N", "unknown": 1 }), json!({ "name": "N" })),
            (fragment, json!({ "n": "N" }), json!({ "name": "N" })),
            (fragment, json!({ "t": null }), json!({ "timezone": null })),
            (whole, json!({ "i": {} }), json!({})),
            (whole, json!({ "i": { "name": "N" } }), json!({ "name": "N" })),
            (whole, json!({ "i": { "notes": null } }), json!({ "notes": null })),
            (whole, json!({ "i": { "context": "C", "pronouns": null } }), json!({ "context": "C", "pronouns": null })),
            (default, json!({}), json!({ "name": "Default", "timezone": null })),
            (default, json!({ "n": "N" }), json!({ "name": "N", "timezone": null })),
            (default, json!({ "n": null, "t": "UTC" }), json!({ "name": null, "timezone": "UTC" })),
            (whole_default, json!({}), json!({ "name": "Default", "notes": null })),
            (whole_default, json!({ "i": { "pronouns": "P" } }), json!({ "pronouns": "P" })),
            (named, json!({ "n": "N" }), json!({ "name": "N" })),
            (named, json!({}), json!({})),
        ];
        // The texts are known from the second round on, whatever came before: forwards and backwards.
        let rounds = [0, 1, 2].map(|round| {
            let mut order: Vec<usize> = (0..cases.len()).collect();
            if round == 1 {
                order.reverse();
            }
            order
        });
        for index in rounds.into_iter().flatten() {
            let (query, variables, changes) = &cases[index];
            let mut body = json!({ "query": query, "variables": variables });
            if *query == named {
                body["operationName"] = "A".into();
            }
            let data = app.graphql(Some(&token), body).await.data();
            assert_eq!(data["updateProfile"]["userErrors"], json!([]));
            assert_eq!(profile(&app, &token).await, with(changes.clone()), "{query} {variables}");
            reset(&app, &token).await;
        }
        // The other operation of the same text, with the same variables.
        let body = json!({ "query": named, "variables": { "n": "N", "t": null }, "operationName": "B" });
        app.graphql(Some(&token), body).await.data();
        assert_eq!(profile(&app, &token).await, with(json!({ "timezone": null })));
        assert_ne!(null, profile(&app, &token).await["name"]);
    }
}

both! {
    async fn values_are_tidied(database) {
        let (app, token) = alex(&database).await;
        let long_name = "🦀".repeat(200);
        let padded = format!("\u{2003}{long_name}\n");
        let long_text = "é\n".repeat(4_999) + "éé";
        let cases = [
            ("name", json!("  Ada  Lovelace\t"), json!("Ada  Lovelace")),
            ("name", json!(padded), json!(long_name)),
            ("name", json!("   \u{a0}\r\n "), Value::Null),
            ("name", json!(""), Value::Null),
            ("preferredName", json!("\u{3000}あ\u{3000}"), json!("あ")),
            ("pronouns", json!(" she/her "), json!("she/her")),
            ("timezone", json!(" america/NEW_york "), json!("America/New_York")),
            ("timezone", json!("utc"), json!("UTC")),
            ("timezone", json!("etc/gmt+5"), json!("Etc/GMT+5")),
            ("timezone", json!("  "), Value::Null),
            ("notes", json!("one\r\ntwo\tthree\r\n\r\nfour\r\n"), json!("one\ntwo\tthree\n\nfour")),
            ("context", json!(long_text), json!(long_text)),
            ("context", json!("\u{2028}\u{feff}'; DROP TABLE users; --"), json!("\u{feff}'; DROP TABLE users; --")),
        ];
        for (field, sent, stored) in cases {
            let body = json!({
                "query": format!("mutation($v: String) {{ updateProfile(input: {{ {field}: $v }}) {{ user {{ {field} }} userErrors {{ message }} }} }}"),
                "variables": { "v": sent },
            });
            let data = app.graphql(Some(&token), body).await.data();
            let mut user = json!({});
            user[field] = stored.clone();
            assert_eq!(data["updateProfile"], json!({ "user": user, "userErrors": [] }), "{field} {sent}");
            assert_eq!(profile(&app, &token).await[field], stored);
        }
    }
}

both! {
    async fn all_mistakes_come_at_once_and_nothing_changes(database) {
        let (app, token) = alex(&database).await;
        let updated_at = app.query(Some(&token), "{ me { updatedAt } }").await.data();
        app.clock.advance(TimeDelta::seconds(1));
        let cases = [
            (json!({ "timezone": "Mars/Olympus", "name": "Fine" }), vec![("timezone", "UNKNOWN_TIMEZONE")]),
            (json!({ "timezone": "Europe", "notes": null }), vec![("timezone", "UNKNOWN_TIMEZONE")]),
            (json!({ "timezone": "+02:00" }), vec![("timezone", "UNKNOWN_TIMEZONE")]),
            (json!({ "name": "a\u{0}b" }), vec![("name", "INVALID")]),
            (json!({ "name": "a\nb", "preferredName": "a\tb" }), vec![("name", "INVALID"), ("preferredName", "INVALID")]),
            (json!({ "notes": "a\rb", "context": "a\u{1b}b" }), vec![("notes", "INVALID"), ("context", "INVALID")]),
            (json!({ "pronouns": "a\u{7f}b" }), vec![("pronouns", "INVALID")]),
            (json!({ "pronouns": "a\u{85}b" }), vec![("pronouns", "INVALID")]),
            (
                json!({
                    "name": "n".repeat(201), "preferredName": "é".repeat(101), "pronouns": "🦀".repeat(101),
                    "timezone": "Nowhere", "notes": "n".repeat(10_001), "context": "a\u{0}",
                }),
                vec![
                    ("name", "TOO_LONG"), ("preferredName", "TOO_LONG"), ("pronouns", "TOO_LONG"),
                    ("timezone", "UNKNOWN_TIMEZONE"), ("notes", "TOO_LONG"), ("context", "INVALID"),
                ],
            ),
        ];
        for (input, expected) in cases {
            let body = json!({
                "query": "mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { user { id } userErrors { code field message } } }",
                "variables": { "i": input },
            });
            let payload = app.graphql(Some(&token), body).await.data()["updateProfile"].clone();
            assert_eq!(payload["user"], Value::Null);
            let mistakes = payload["userErrors"].as_array().unwrap();
            let found: Vec<_> = mistakes.iter().map(|m| json!({ "code": m["code"], "field": m["field"] })).collect();
            let expected: Vec<_> = expected.iter().map(|(field, code)| json!({ "code": code, "field": ["input", field] })).collect();
            assert_eq!(found, expected, "{input:.100}");
            assert!(mistakes.iter().all(|m| m["message"].as_str().unwrap().len() > 20));
            assert_eq!(profile(&app, &token).await, before());
        }
        assert_eq!(app.query(Some(&token), "{ me { updatedAt } }").await.data(), updated_at);
    }
}

both! {
    async fn the_time_of_change_is_that_of_a_change(database) {
        let (app, token) = alex(&database).await;
        let cases = [
            ("{}", false),
            ("{ name: \"Alex Chen\" }", false),
            ("{ name: \"  Alex Chen \", timezone: \"EUROPE/berlin\" }", false),
            ("{ name: \"Alex Chen\", notes: \"other\" }", true),
            ("{ notes: \"other\" }", false),
            ("{ notes: null }", true),
            ("{ notes: null }", false),
            ("{ notes: \" \" }", false),
            ("{ pronouns: \"Mars\", timezone: \"Mars\" }", false),
        ];
        let mut last = noon();
        for (input, changes) in cases {
            app.clock.advance(TimeDelta::seconds(1));
            if changes {
                use mission_control::clock::Clock;
                last = app.clock.now();
            }
            let query = format!("mutation {{ updateProfile(input: {input}) {{ user {{ updatedAt }} }} }}");
            app.query(Some(&token), &query).await.data();
            let me = app.query(Some(&token), "{ me { updatedAt createdAt } }").await.data();
            let expected = last.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            assert_eq!(me["me"], json!({ "updatedAt": expected, "createdAt": "2026-11-01T12:00:00.000Z" }), "{input}");
        }
    }
}

both! {
    async fn mutations_of_one_document_run_in_order(database) {
        let (app, token) = alex(&database).await;
        let shown = "user { preferredName displayName memberships { nodes { displayName } } }";
        let query = format!(
            "mutation {{ \
             one: updateProfile(input: {{ preferredName: \"One\" }}) {{ {shown} }} \
             bad: updateProfile(input: {{ preferredName: \"Bad\", timezone: \"Mars\" }}) {{ user {{ id }} userErrors {{ code }} }} \
             two: updateProfile(input: {{ pronouns: \"x\" }}) {{ {shown} }} \
             boot: bootstrap {{ {shown} }} \
             three: updateProfile(input: {{ preferredName: null }}) {{ {shown} }} \
             four: updateProfile(input: {{ preferredName: \"Four\" }}) {{ {shown} }} }}"
        );
        let as_named = |preferred: Value, shown: &str| json!({ "user": {
            "preferredName": preferred, "displayName": shown,
            "memberships": { "nodes": [{ "displayName": shown }] },
        } });
        let answer = app.query(Some(&token), &query).await;
        assert_eq!(answer.data(), json!({
            "one": as_named("One".into(), "One"),
            "bad": { "user": null, "userErrors": [{ "code": "UNKNOWN_TIMEZONE" }] },
            "two": as_named("One".into(), "One"),
            "boot": as_named("One".into(), "One"),
            "three": as_named(Value::Null, "Alex Chen"),
            "four": as_named("Four".into(), "Four"),
        }));
        assert_eq!(profile(&app, &token).await["preferredName"], "Four");
    }
}

both! {
    async fn a_cleared_name_is_filled_again_by_clerk(database) {
        let app = start(&database).await;
        sign_in(&app, "user_alex").await;
        let token = app.token("user_alex");
        let set = |name: &str| format!("mutation {{ updateProfile(input: {{ name: {name} }}) {{ user {{ name }} }} }}");
        app.query(Some(&token), &set("\"My own\"")).await.data();
        let me = async || app.query(Some(&token), "{ me { name } }").await.data()["me"]["name"].clone();
        assert_eq!(me().await, "My own", "a name that is there is never replaced");
        let cleared = app.query(Some(&token), &set("null")).await.data();
        assert_eq!(cleared["updateProfile"]["user"]["name"], Value::Null);
        assert_eq!(me().await, "Sample Person");
    }
}

both! {
    async fn concurrent_changes_of_different_fields_all_stay(database) {
        let (app, token) = alex(&database).await;
        let other = app.second_instance(&database).await;
        let change = async |app: &TestApp, field: &str, value: String| {
            let body = json!({
                "query": format!("mutation($v: String) {{ updateProfile(input: {{ {field}: $v }}) {{ userErrors {{ code }} }} }}"),
                "variables": { "v": value },
            });
            app.graphql(Some(&token), body).await.data();
        };
        for round in 0..5 {
            let value = |field: &str| format!("{field} {round}");
            tokio::join!(
                change(&app, "name", value("name")),
                change(&other, "preferredName", value("preferredName")),
                change(&app, "pronouns", value("pronouns")),
                change(&other, "notes", value("notes")),
                change(&app, "context", value("context")),
            );
            let expected: Value = ["name", "preferredName", "pronouns", "notes", "context"]
                .into_iter()
                .map(|field| (field.to_owned(), Value::from(value(field))))
                .collect::<serde_json::Map<_, _>>()
                .into();
            assert_eq!(profile(&app, &token).await, with(expected));
        }
        // Of two values for one field one stays, and both callers are answered.
        for round in 0..5 {
            tokio::join!(change(&app, "notes", format!("a{round}")), change(&other, "notes", format!("b{round}")));
            let notes = profile(&app, &token).await["notes"].clone();
            assert!(notes == format!("a{round}") || notes == format!("b{round}"));
        }
    }
}

both! {
    async fn an_account_that_vanishes_in_the_middle_is_not_authenticated(database) {
        use std::sync::Arc;
        use axum::http::{HeaderMap, HeaderValue, header};
        use mission_control::{auth::Authentication, graphql::{GraphqlRequest, Viewer}};

        let (app, token) = alex(&database).await;
        let state = &app.app.state;
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", token.sign())).unwrap());
        for gone in ["UPDATE users SET deletion_marked_at = created_at, deletion_from_clerk = TRUE", "DELETE FROM users"] {
            database.execute("UPDATE users SET deletion_marked_at = NULL").await;
            let Authentication::SignedIn(session) = state.authenticator.authenticate(&headers).await else {
                panic!("the token is good");
            };
            let viewer = Arc::new(Viewer::new(state.accounts.clone(), Some(session)));
            viewer.resolved(false).await.unwrap();
            database.execute(gone).await;
            let query = "mutation { updateProfile(input: { notes: \"late\" }) { userErrors { code } } }".to_owned();
            let request = GraphqlRequest { query, ..GraphqlRequest::default() };
            let response = state.pipeline.answer(request, viewer.clone()).await.unwrap();
            let response = serde_json::to_value(&response).unwrap();
            assert!(viewer.failure().is_none());
            assert_eq!(response["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{response}");
            assert_eq!(response["data"], Value::Null);
        }
    }
}
