//! What is counted and measured, and that alerts and dashboard ask for what there is.

use std::collections::BTreeSet;

use mission_control::clock::Clock;
use serde_json::{Value, json};

use crate::support::{
    Fault, TestApp, Token, both, deliver, event, start, start_with_webhooks, user_object,
};

/// The value of one sample, or of the sum of all that begin so.
fn sample(app: &TestApp, prefix: &str) -> f64 {
    let text = app.app.metrics.render();
    let lines =
        text.lines().filter_map(|line| line.strip_prefix(&format!("mission_control_{prefix}")));
    lines.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

both! {
    async fn requests_are_counted_by_operation_and_outcome(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let count = |operation: &str, outcome: &str| {
            sample(&app, &format!("requests_total{{operation=\"{operation}\",outcome=\"{outcome}\"}}"))
        };
        for (query, operation, outcome) in [
            ("query AnyNameAtAll { me { id } }", "me", "ok"),
            ("mutation { bootstrap { created } }", "bootstrap", "ok"),
            ("{ me { id } serverInfo { name } }", "several", "ok"),
            ("{ __schema { types { name } } }", "introspection", "ok"),
            ("{ nodes(ids: [\"x\", \"x\"], first: 1) { id } }", "graphql", "bad_request"),
            ("{ organization(id: \"x\") { id } }", "organization", "ok"),
            ("{ me { memberships(first: 100000) { totalCount } } }", "me", "errors"),
            ("{ me { memberships(first: 0) { totalCount } } }", "me", "errors"),
            ("nonsense {", "graphql", "bad_request"),
        ] {
            let before = count(operation, outcome);
            app.query(Some(&token), query).await;
            assert_eq!(count(operation, outcome), before + 1.0, "{query}: {}", app.app.metrics.render());
        }
        app.query(None, "{ me { id } }").await;
        assert_eq!(count("me", "unauthenticated"), 1.0);
        app.query(Some(&token.clone().claim("exp", 1)), "{ me { id } }").await;
        assert_eq!(count("graphql", "unauthenticated"), 1.0, "not even read");
        for (method, path, operation, outcome) in [
            ("GET", "/api/v1/users/me", "GET /users/me", "ok"),
            ("PATCH", "/api/v1/users/me", "PATCH /users/me", "bad_request"),
            ("POST", "/api/v1/auth/bootstrap", "POST /auth/bootstrap", "ok"),
            ("GET", "/healthz", "health", "ok"),
            ("GET", "/nowhere/somebody/made/up", "none", "bad_request"),
            ("POST", "/api/v1/webhooks/clerk", "webhook", "bad_request"),
        ] {
            app.rest(method, path, Some(&token), None).await;
            assert_eq!(count(operation, outcome), 1.0, "{path}: {}", app.app.metrics.render());
        }
        let timed = sample(&app, "request_duration_seconds_count{operation=\"me\"}");
        assert_eq!(timed, count("me", "ok") + count("me", "errors") + count("me", "unauthenticated"));
        let largest = sample(&app, "request_duration_seconds_bucket{le=\"+Inf\",operation=\"me\"}");
        assert_eq!(largest, timed);
    }
}

both! {
    async fn names_of_clients_make_no_series(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        app.query(Some(&token), "query Warm { me { id } }").await;
        let series = || app.app.metrics.render().lines().count();
        let before = series();
        for number in 0..50 {
            app.query(Some(&token), &format!("query Name{number} {{ a{number}: me {{ id }} }}")).await;
            app.rest("GET", &format!("/api/v1/users/me?x={number}"), None, None).await;
            app.rest("GET", &format!("/made/up/{number}"), None, None).await;
        }
        // Those of two routes that were not asked for before, with their buckets.
        assert!(series() < before + 40, "{}", app.app.metrics.render());
    }
}

both! {
    async fn keys_clerk_database_and_memories_show_themselves(database) {
        let app = start(&database).await;
        assert_eq!(sample(&app, "key_set_fetches_total{outcome=\"usable\"}"), 1.0);
        assert_eq!(sample(&app, "clerk_calls_total{call=\"key_set\",outcome=\"ok\"}"), 1.0);
        app.advance(chrono::TimeDelta::seconds(100)).await;
        assert_eq!(sample(&app, "key_set_age_seconds"), 100.0);
        app.clerk.on_keys(Some(Fault::Status(500, "internal_clerk_error")));
        app.advance(chrono::TimeDelta::seconds(201)).await;
        assert_eq!(sample(&app, "key_set_fetches_total{outcome=\"failed\"}"), 1.0);
        assert_eq!(sample(&app, "clerk_calls_total{call=\"key_set\",outcome=\"failed\"}"), 1.0);
        assert_eq!(sample(&app, "key_set_age_seconds"), 301.0, "the old set is kept");

        // Who has no address is looked up at Clerk.
        for (fault, outcome) in [
            (Some(Fault::RetryAfter(429, 60)), "rate_limited"),
            (Some(Fault::Status(401, "clerk_key_invalid")), "refused"),
            (None, "not_found"),
        ] {
            app.clerk.on_read(fault);
            app.query(Some(&Token::new("user_a", app.clock.now())), "{ me { id } }").await;
            app.advance(chrono::TimeDelta::minutes(10)).await;
            let name = format!("clerk_calls_total{{call=\"read_user\",outcome=\"{outcome}\"}}");
            if outcome != "not_found" {
                assert_eq!(sample(&app, &name), 1.0, "{outcome}: {}", app.app.metrics.render());
            }
        }
        assert!(sample(&app, "clerk_call_duration_seconds_count{call=\"read_user\"}") >= 2.0);

        let token = app.token("user_b");
        for _ in 0..3 {
            app.query(Some(&token), "{ me { id } }").await.data();
        }
        assert_eq!(sample(&app, "token_lookups_total{outcome=\"hit\"}"), 2.0);
        assert!(sample(&app, "document_lookups_total{outcome=\"hit\"}") >= 2.0);
        assert!(sample(&app, "document_lookups_total{outcome=\"miss\"}") >= 1.0);
        assert!(sample(&app, "database_connections_open{") >= 1.0);
        assert_eq!(sample(&app, "database_waiting"), 0.0);
        assert!(sample(&app, "database_batch_size_count{of=\"lookup\"}") >= 3.0);
        let before = sample(&app, "database_statements_total");
        app.query(Some(&token), "{ me { id } }").await.data();
        assert_eq!(sample(&app, "database_statements_total"), before + 1.0);
        let own = app.query(Some(&token), "{ me { id activeOrganization { id } } }").await.data();
        let ids = [&own["me"]["id"], &own["me"]["activeOrganization"]["id"], &json!("unknown")];
        let nodes = format!("{{ nodes(ids: [{}, {}, {}]) {{ id }} }}", ids[0], ids[1], ids[2]);
        let before = sample(&app, "database_batch_size_sum{of=\"organizations\"}");
        app.query(Some(&token), &nodes).await.data();
        assert_eq!(sample(&app, "database_batch_size_sum{of=\"organizations\"}"), before + 1.0);
        let kind = if database.is_postgres() { "PostgreSQL" } else { "SQLite" };
        let text = app.app.metrics.render();
        assert!(text.contains(&format!("database=\"{kind}\"}} 1")), "{text}");
    }
}

both! {
    async fn connections_that_somebody_has_are_in_use(database) {
        let app = start(&database).await;
        let in_use = || sample(&app, "database_connections_in_use{");
        // A connection that was given back is looked at first.
        while in_use() > 0.0 {
            tokio::task::yield_now().await;
        }
        let store = app.app.state.accounts.store();
        let writing = store.begin().await.unwrap();
        let reading = store.read().await.unwrap();
        assert_eq!(in_use(), 2.0, "{}", app.app.metrics.render());
        // Somebody who has to wait for one.
        let mut all = vec![reading];
        let other = store.clone();
        let waiting = tokio::spawn(async move { other.begin().await.map(drop) });
        if !database.is_postgres() {
            while sample(&app, "database_waiting") < 1.0 {
                tokio::task::yield_now().await;
            }
        }
        drop(writing);
        waiting.await.unwrap().unwrap();
        all.clear();
        while in_use() > 0.0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(sample(&app, "database_waiting"), 0.0);
    }
}

both! {
    async fn how_late_an_event_arrives_is_measured(database) {
        let app = start_with_webhooks(&database).await;
        let mut late = event("user.updated", user_object("user_a", None, None, 1_700_000_000_000));
        let happened = app.clock.now() - chrono::TimeDelta::seconds(40);
        late["timestamp"] = happened.timestamp_millis().into();
        assert_eq!(deliver(&app, "msg_1", &late).await.status, 204);
        assert_eq!(sample(&app, "webhook_lag_seconds_sum"), 40.0);
        assert_eq!(sample(&app, "webhook_lag_seconds_bucket{le=\"15.0\"}"), 0.0);
        assert_eq!(sample(&app, "webhook_lag_seconds_bucket{le=\"60.0\"}"), 1.0);
        // One without a time is applied all the same.
        late["timestamp"] = json!("x");
        assert_eq!(deliver(&app, "msg_2", &late).await.status, 204);
        assert_eq!(sample(&app, "webhook_lag_seconds_count"), 1.0);
    }
}

/// The names of our metrics in a text of expressions.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_')
        .filter(|word| word.starts_with("mission_control_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn alerts_dashboard_and_guide_name_metrics_that_exist() {
    let database = crate::support::TestDatabase::sqlite().await;
    let app = start_with_webhooks(&database).await;
    // Series appear with their first event.
    let token = Token::new("user_a", app.clock.now());
    app.clerk.add_user("user_a", Some("a@x.test"), Some("Ada"));
    app.query(
        Some(&token),
        "{ me { memberships(first: 5) { nodes { organization { members(first: 5) { nodes { role } } } } } } }",
    )
    .await;
    let mut message = event("session.revoked", json!({ "id": "sess_user_a", "user_id": "user_a" }));
    message["timestamp"] = app.clock.now().timestamp_millis().into();
    assert_eq!(deliver(&app, "msg_1", &message).await.status, 204);
    assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 401);
    let known = names(&app.app.metrics.render());
    let dashboard = include_str!("../../../deploy/grafana/mission-control.json");
    let parsed: Value = serde_json::from_str(dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 20);
    let mut named = BTreeSet::new();
    for (file, text) in [
        ("alerts", include_str!("../../../deploy/prometheus/alerts.yml")),
        ("dashboard", dashboard),
        ("guide", include_str!("../../../docs/operations.md")),
        ("security guide", include_str!("../../../docs/security.md")),
    ] {
        let missing: Vec<_> =
            names(text).into_iter().filter(|name| !known.contains(name)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
        named.extend(names(text));
    }
    // And the guide explains everything there is.
    let guide = names(include_str!("../../../docs/operations.md"));
    let bare = |name: &str| {
        let ending = ["_total", "_bucket", "_sum", "_count"]
            .into_iter()
            .find_map(|end| name.strip_suffix(end));
        ending.unwrap_or(name).to_owned()
    };
    let guide: BTreeSet<_> = guide.iter().map(|name| bare(name)).collect();
    let unexplained: BTreeSet<_> =
        known.iter().map(|name| bare(name)).filter(|name| !guide.contains(name)).collect();
    assert!(unexplained.is_empty(), "docs/operations.md: {unexplained:?}");
    // Each alert is explained too.
    let alerts = include_str!("../../../deploy/prometheus/alerts.yml");
    let alerts: Vec<_> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10);
    for alert in alerts {
        assert!(
            include_str!("../../../docs/operations.md").contains(&format!("`{alert}`")),
            "{alert}"
        );
        assert!(
            include_str!("../../../deploy/prometheus/alerts.test.yml").contains(alert),
            "{alert} is not tested"
        );
    }
}
