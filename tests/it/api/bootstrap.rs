//! `bootstrap`, `me` and `serverInfo`: the first things a client asks.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::seed::{redacted, sign_in};
use crate::support::{Fault, Token, both, noon, start};

const EVERYTHING: &str = "id clerkUserId email name preferredName displayName pronouns timezone \
    notes context isSuperAdmin createdAt updatedAt \
    activeOrganization { id clerkOrganizationId name viewerRole createdAt updatedAt \
        members { totalCount nodes { displayName } } } \
    memberships { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } \
        edges { cursor node { id } } \
        nodes { id role name preferredName displayName email isViewer createdAt updatedAt \
            organization { id name } } }";

fn everything() -> Value {
    json!({
        "id": "[id]", "clerkUserId": "user_a", "email": "user_a@example.com",
        "name": "Sample Person", "preferredName": null, "displayName": "Sample Person",
        "pronouns": null, "timezone": null, "notes": null, "context": null, "isSuperAdmin": false,
        "createdAt": "2026-11-01T12:00:00.000Z", "updatedAt": "2026-11-01T12:00:00.000Z",
        "activeOrganization": {
            "id": "[id]", "clerkOrganizationId": null, "name": "Personal", "viewerRole": "OWNER",
            "createdAt": "2026-11-01T12:00:00.000Z", "updatedAt": "2026-11-01T12:00:00.000Z",
            "members": { "totalCount": 1, "nodes": [{ "displayName": "Sample Person" }] },
        },
        "memberships": {
            "totalCount": 1,
            "pageInfo": {
                "hasNextPage": false, "hasPreviousPage": false, "startCursor": "[cursor]",
                "endCursor": "[cursor]",
            },
            "edges": [{ "cursor": "[cursor]", "node": { "id": "[id]" } }],
            "nodes": [{
                "id": "[id]", "role": "OWNER", "name": "Sample Person", "preferredName": null,
                "displayName": "Sample Person", "email": "user_a@example.com", "isViewer": true,
                "createdAt": "2026-11-01T12:00:00.000Z", "updatedAt": "2026-11-01T12:00:00.000Z",
                "organization": { "id": "[id]", "name": "Personal" },
            }],
        },
    })
}

both! {
    async fn the_whole_reply_of_me(database) {
        let app = start(&database).await;
        let answer = app.query(Some(&app.token("user_a")), &format!("{{ me {{ {EVERYTHING} }} }}")).await;
        assert_eq!(redacted(answer.json()), json!({ "data": { "me": everything() } }));
    }
}

both! {
    async fn the_whole_reply_of_bootstrap(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let query = format!("mutation {{ bootstrap {{ created user {{ {EVERYTHING} }} }} }}");
        let first = app.query(Some(&token), &query).await.json();
        let payload = |created| json!({ "created": created, "user": everything() });
        assert_eq!(redacted(first.clone()), json!({ "data": { "bootstrap": payload(true) } }));
        let second = app.query(Some(&token), &query).await.json();
        assert_eq!(redacted(second.clone()), json!({ "data": { "bootstrap": payload(false) } }));
        let user = |reply: &Value| reply["data"]["bootstrap"]["user"].clone();
        assert_eq!(user(&first), user(&second), "the same rows, the same ids");
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 1, "{table}");
        }
    }
}

both! {
    async fn the_whole_reply_of_server_info(database) {
        let app = start(&database).await;
        let query = "{ serverInfo { name version authMode } __typename }";
        let expected = json!({ "data": {
            "serverInfo": {
                "name": "Mission Control", "version": env!("CARGO_PKG_VERSION"), "authMode": "CLERK",
            },
            "__typename": "Query",
        } });
        for token in [None, Some(app.token("user_a"))] {
            let (answer, statements) = app.statements(app.query(token.as_ref(), query)).await;
            assert_eq!(answer.json(), expected);
            assert_eq!(statements, 0, "it asks nobody");
        }
        assert_eq!(database.count("users").await, 0);
    }
}

both! {
    async fn the_best_name_is_shown_everywhere(database) {
        let app = start(&database).await;
        let shown = "displayName memberships { nodes { displayName } }";
        // Name and address as Clerk knows them, the preferred name, what is shown.
        let cases = [
            (Some("alex@example.com"), Some("Alex Chen"), Some("Al"), "Al"),
            (Some("alex@example.com"), Some("Alex Chen"), None, "Alex Chen"),
            (Some("alex.c@example.com"), None, None, "alex.c"),
            (None, Some("Alex Chen"), None, "Alex Chen"),
            (None, None, None, "User"),
        ];
        for (index, (email, name, preferred, expected)) in cases.into_iter().enumerate() {
            let id = format!("user_{index}");
            app.clerk.add_user(&id, email, name);
            let token = Token::new(&id, noon());
            let body = json!({
                "query": format!("mutation($n: String) {{ updateProfile(input: {{ preferredName: $n }}) \
                    {{ user {{ {shown} }} }} }}"),
                "variables": { "n": preferred },
            });
            let updated = app.graphql(Some(&token), body).await.data()["updateProfile"]["user"].clone();
            let me = app.query(Some(&token), &format!("{{ me {{ {shown} }} }}")).await.data()["me"].clone();
            for user in [updated, me] {
                assert_eq!(user["displayName"], expected, "{id}");
                assert_eq!(user["memberships"]["nodes"][0]["displayName"], expected, "{id}");
            }
        }
    }
}

both! {
    async fn times_have_three_digits_and_a_z(database) {
        let app = start(&database).await;
        for (index, (micros, expected)) in [
            (0, "2026-11-01T12:00:00.000Z"),
            (1, "2026-11-01T12:00:00.000Z"),
            (999_999, "2026-11-01T12:00:00.999Z"),
            (120_000, "2026-11-01T12:00:00.120Z"),
        ]
        .into_iter()
        .enumerate()
        {
            app.clock.set(noon() + TimeDelta::microseconds(micros));
            let token = app.token(&format!("user_{index}"));
            let me = app.query(Some(&token), "{ me { createdAt } }").await.data();
            assert_eq!(me["me"]["createdAt"], expected, "{micros}");
        }
    }
}

both! {
    async fn bootstrap_asks_clerk_again_but_not_at_once(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", None, Some("Ada"));
        let token = || Token::new("user_a", {
            use mission_control::clock::Clock;
            app.clock.now()
        });
        let bootstrap = "mutation { bootstrap { created user { email name } } }";
        let created = app.query(Some(&token()), bootstrap).await.data();
        assert_eq!(created["bootstrap"]["user"], json!({ "email": null, "name": "Ada" }));
        assert_eq!(app.clerk.reads(), 1);
        app.clerk.add_user("user_a", Some("ada@example.com"), Some("Ada"));
        // Seconds since the first call, the operation, how many calls there were by then.
        let me = "{ me { id } }";
        for (seconds, query, reads) in
            [(9, me, 1), (9, bootstrap, 1), (10, me, 1), (10, bootstrap, 2), (200, me, 2), (200, bootstrap, 2)]
        {
            app.clock.set(noon() + TimeDelta::seconds(seconds));
            app.query(Some(&token()), query).await.data();
            assert_eq!(app.clerk.reads(), reads, "after {seconds} s: {query}");
        }
        let user = app.query(Some(&token()), "{ me { email } }").await.data();
        assert_eq!(user["me"]["email"], "ada@example.com");
    }
}

both! {
    async fn bootstrap_works_while_clerk_does_not(database) {
        let app = start(&database).await;
        app.clerk.on_read(Some(Fault::Status(500, "internal_clerk_error")));
        let query = "mutation { bootstrap { created user { email name displayName } } }";
        let answer = app.query(Some(&Token::new("user_a", noon())), query).await;
        assert_eq!(answer.json(), json!({ "data": { "bootstrap": {
            "created": true, "user": { "email": null, "name": null, "displayName": "User" },
        } } }));
    }
}

both! {
    async fn everything_in_one_query_is_about_one_user(database) {
        let app = start(&database).await;
        let id = sign_in(&app, "user_a").await.to_string();
        let query = format!(
            "{{ a: me {{ id }} b: me {{ id memberships {{ totalCount }} }} \
             c: node(id: \"{id}\") {{ id ... on User {{ displayName }} }} }}"
        );
        let expected = json!({
            "a": { "id": id }, "b": { "id": id, "memberships": { "totalCount": 1 } },
            "c": { "id": id, "displayName": "Sample Person" },
        });
        assert_eq!(app.query(Some(&app.token("user_a")), &query).await.data(), expected);
    }
}
