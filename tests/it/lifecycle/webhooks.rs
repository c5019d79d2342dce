//! The webhook endpoint, and what each event changes.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use mission_control::clock::Clock;
use serde_json::{Value, json};

use crate::support::{
    TestApp, TestDatabase, both, deliver, event, membership_object, organization_object, start,
    start_with_webhooks, user_object,
};

const DONE: StatusCode = StatusCode::NO_CONTENT;

async fn apply(app: &TestApp, message: &str, kind: &str, data: Value) {
    let answer = deliver(app, message, &event(kind, data)).await;
    assert_eq!(answer.status, DONE, "{kind}: {}", answer.text);
    assert_eq!(answer.text, "");
}

async fn me(app: &TestApp, user: &str) -> Value {
    let query = "{ me { email name activeOrganization { name } \
                 memberships { nodes { role organization { name clerkOrganizationId } } } } }";
    app.query(Some(&app.token(user).without("email").without("name")), query).await.data()["me"]
        .take()
}

/// Every vector: right and wrong signatures, times, headers and secrets.
#[tokio::test]
async fn signatures_are_checked_as_the_vectors_say() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/svix.json")).unwrap();
    let variants = vectors["variants"].as_array().unwrap();
    assert!(variants.len() > 30);
    for variant in variants {
        let name = variant["name"].as_str().unwrap();
        let Some(body) = variant["body"].as_str() else { continue };
        let secrets: Vec<_> =
            variant["secrets"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        let secrets = secrets.join(",");
        let database = TestDatabase::sqlite().await;
        let app = TestApp::start(&database, &[("CLERK_WEBHOOK_SIGNING_SECRET", &secrets)]).await;
        app.clock
            .set(chrono::DateTime::from_timestamp(variant["now"].as_i64().unwrap(), 0).unwrap());
        let mut request = Request::post("/api/v1/webhooks/clerk");
        let mut is_sendable = true;
        for (header, value) in variant["headers"].as_object().unwrap() {
            let values = match value {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            for value in values {
                let value = axum::http::HeaderValue::from_str(value.as_str().unwrap());
                is_sendable &= value.is_ok();
                if let Ok(value) = value {
                    request = request.header(header, value);
                }
            }
        }
        if !is_sendable {
            continue;
        }
        let answer = app.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        let is_valid = variant["expect"] == "valid";
        // A body that is signed and is no event of ours is still a message received.
        assert_eq!(answer.status != StatusCode::BAD_REQUEST, is_valid, "{name}: {}", answer.text);
        assert_eq!(database.count("webhook_messages").await > 0, is_valid, "{name}");
    }
}

both! {
    async fn the_route_is_not_there_without_a_secret(database) {
        let app = start(&database).await;
        let answer = deliver(&app, "msg_1", &event("user.deleted", json!({ "id": "user_a" }))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(database.count("tombstones").await, 0);
    }
}

both! {
    async fn bad_messages_change_nothing(database) {
        let app = start_with_webhooks(&database).await;
        let get = app.rest("GET", "/api/v1/webhooks/clerk", None, None).await;
        assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
        let unsigned = app.rest("POST", "/api/v1/webhooks/clerk", None, Some(json!({}))).await;
        assert_eq!(unsigned.status, StatusCode::BAD_REQUEST);
        let long = json!({ "type": "user.created", "data": "x".repeat(1024 * 1024) });
        let refused = deliver(&app, "msg_1", &long).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        // No setting moves this bound.
        assert_eq!(
            refused.refusal(),
            json!({ "detail": "The message is longer than any of Clerk's (1 MiB)." })
        );
        // Signed, but not as it should be: sending these again would not make them better.
        let cases = [
            json!({ "type": "user.created", "data": {} }),
            json!({ "type": "user.created", "data": { "id": 7 } }),
            json!({ "type": "user.created" }),
            json!({ "type": "organizationMembership.created", "data": { "id": "orgmem_1" } }),
            json!({ "type": "session.revoked", "data": null }),
            json!({ "type": "email.created", "data": { "id": "ema_1" } }),
            json!({ "data": {} }),
        ];
        for (index, case) in cases.iter().enumerate() {
            let answer = deliver(&app, &format!("msg_{index}"), case).await;
            assert_eq!(answer.status, DONE, "{case}");
        }
        for table in ["users", "organizations", "tombstones", "revoked_sessions"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
    }
}

both! {
    async fn a_message_has_its_effect_once(database) {
        let app = start_with_webhooks(&database).await;
        apply(&app, "msg_1", "user.created", user_object("user_a", Some("a@x.test"), Some("Ada"), 1000)).await;
        assert_eq!(database.count("users").await, 1);
        database.execute("DELETE FROM users").await;
        // Replayed days later under the same id, with a fresh signature.
        app.clock.advance(TimeDelta::days(3));
        apply(&app, "msg_1", "user.created", user_object("user_a", Some("a@x.test"), Some("Ada"), 1000)).await;
        assert_eq!(database.count("users").await, 0);
        // Forgotten after a month.
        app.clock.advance(TimeDelta::days(28));
        app.app.state.accounts.expire().await.unwrap();
        assert_eq!(database.count("webhook_messages").await, 0);
    }
}

both! {
    async fn user_events_create_update_and_clear(database) {
        let app = start_with_webhooks(&database).await;
        apply(&app, "m1", "user.created", user_object("user_a", Some("A@x.test"), Some("Ada"), 1000)).await;
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 1, "{table}: the account is whole from the start");
        }
        let ada = me(&app, "user_a").await;
        assert_eq!(ada["email"], "a@x.test");
        assert_eq!(ada["memberships"]["nodes"][0]["role"], "OWNER");
        assert_eq!(app.clerk.reads(), 0, "the event was complete");
        apply(&app, "m3", "user.updated", user_object("user_a", Some("c@x.test"), Some("Countess"), 3000)).await;
        apply(&app, "m2", "user.updated", user_object("user_a", Some("b@x.test"), Some("Bea"), 2000)).await;
        let ada = me(&app, "user_a").await;
        assert_eq!(ada["email"], "c@x.test", "an older event changes nothing");
        assert_eq!(ada["name"], "Ada", "a name only fills an empty place");
        apply(&app, "m4", "user.updated", user_object("user_a", None, None, 4000)).await;
        app.clerk.add_user("user_a", None, Some("Ada"));
        assert_eq!(me(&app, "user_a").await["email"], Value::Null, "no address is left");
    }
}

both! {
    async fn a_ban_counts_at_once_and_can_be_lifted(database) {
        let app = start_with_webhooks(&database).await;
        let token = app.token("user_a");
        app.query(Some(&token), "{ me { id } }").await.data();
        let mut user = user_object("user_a", Some("a@x.test"), None, 1000);
        user["banned"] = true.into();
        apply(&app, "m1", "user.updated", user.clone()).await;
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, StatusCode::UNAUTHORIZED);
        user["banned"] = false.into();
        user["updated_at"] = 2000.into();
        apply(&app, "m2", "user.updated", user).await;
        app.query(Some(&token), "{ me { id } }").await.data();
    }
}

both! {
    async fn a_deleted_user_stays_deleted(database) {
        let app = start_with_webhooks(&database).await;
        let token = app.token("user_a");
        app.query(Some(&token), "{ me { id } }").await.data();
        apply(&app, "m1", "user.deleted", json!({ "id": "user_a", "object": "user", "deleted": true })).await;
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, StatusCode::UNAUTHORIZED);
        let late = user_object("user_a", Some("a@x.test"), Some("Ada"), 9_999_999_999_999);
        apply(&app, "m2", "user.created", late.clone()).await;
        apply(&app, "m3", "user.updated", late).await;
        app.advance(TimeDelta::days(400)).await;
        let later = app.token("user_a");
        assert_eq!(app.query(Some(&later), "{ me { id } }").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(database.count("users").await, 0);
        // A user nobody has seen is remembered too.
        apply(&app, "m4", "user.deleted", json!({ "id": "user_b" })).await;
        let token = app.token("user_b");
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, StatusCode::UNAUTHORIZED);
    }
}

both! {
    async fn a_session_that_asked_for_a_deletion_is_forgotten_a_day_after_its_end(database) {
        let app = start_with_webhooks(&database).await;
        let keep = "mutation { deleteUser(input: { deleteFromClerk: false }) { clerkDeletion } }";
        app.query(Some(&app.token("user_a")), keep).await.data();
        for hours in [0, 24 * 365] {
            app.clock.advance(TimeDelta::hours(hours));
            app.app.state.accounts.expire().await.unwrap();
            assert_eq!(database.count("revoked_sessions").await, 1, "it may live on at Clerk");
        }
        let session = json!({ "id": "sess_user_a", "user_id": "user_a", "status": "ended" });
        apply(&app, "m", "session.ended", session).await;
        for (hours, left) in [(23, 1), (1, 0)] {
            app.clock.advance(TimeDelta::hours(hours));
            app.app.state.accounts.expire().await.unwrap();
            assert_eq!(database.count("revoked_sessions").await, left);
        }
    }
}

both! {
    async fn signing_out_counts_on_every_instance(database) {
        let app = start_with_webhooks(&database).await;
        let other = app.second_instance(&database).await;
        for (index, kind) in ["session.ended", "session.removed", "session.revoked"].iter().enumerate() {
            let user = format!("user_{index}");
            let token = app.token(&user);
            other.query(Some(&token), "{ me { id } }").await.data();
            let session = json!({ "id": format!("sess_{user}"), "user_id": user, "status": "ended" });
            apply(&app, &format!("m{index}"), kind, session).await;
            let refused = other.query(Some(&token), "{ me { id } }").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{kind}");
            let fresh = app.token(&user).claim("sid", "sess_another");
            other.query(Some(&fresh), "{ me { id } }").await.data();
        }
        app.app.state.accounts.expire().await.unwrap();
        assert_eq!(database.count("revoked_sessions").await, 3, "kept for a day");
        app.clock.advance(TimeDelta::hours(24));
        app.app.state.accounts.expire().await.unwrap();
        assert_eq!(database.count("revoked_sessions").await, 0);
    }
}

both! {
    async fn organizations_are_mirrored(database) {
        let app = start_with_webhooks(&database).await;
        let acme = |name: &str, at| organization_object("org_1", name, Some("user_a"), at);
        // The membership comes before everything that it is about.
        apply(&app, "m1", "organizationMembership.created",
            membership_object("orgmem_1", organization_object("org_1", "Acme", None, 1000), "user_a", "org:admin", 1000)).await;
        apply(&app, "m2", "organization.updated", acme("Acme & Co", 3000)).await;
        apply(&app, "m3", "organization.created", acme("Acme", 1000)).await;
        apply(&app, "m4", "organizationMembership.created",
            membership_object("orgmem_2", acme("Acme", 1000), "user_b", "org:basic_member", 1500)).await;
        app.clerk.add_user("user_a", Some("a@x.test"), Some("Ada"));
        let ada = me(&app, "user_a").await;
        let nodes = &ada["memberships"]["nodes"];
        assert_eq!(nodes.as_array().unwrap().len(), 2, "the personal one and the mirrored one");
        assert_eq!(nodes[1], json!({
            "role": "OWNER", "organization": { "name": "Acme & Co", "clerkOrganizationId": "org_1" },
        }), "an admin who created it owns it");
        // The token's active organization is followed, now that the user is a member here.
        let token = app.token("user_b").organization("org_1", "admin");
        let query = "{ me { activeOrganization { name viewerRole } } }";
        assert_eq!(app.query(Some(&token), query).await.data(), json!({ "me": {
            "activeOrganization": { "name": "Acme & Co", "viewerRole": "MEMBER" },
        } }), "a claim never promotes");
        apply(&app, "m5", "organizationMembership.updated",
            membership_object("orgmem_2", acme("Acme", 1000), "user_b", "org:admin", 2500)).await;
        assert_eq!(app.query(Some(&token), query).await.data()["me"]["activeOrganization"]["viewerRole"], "ADMIN");
        apply(&app, "m6", "organizationMembership.deleted",
            membership_object("orgmem_2", acme("Acme", 1000), "user_b", "org:admin", 2500)).await;
        apply(&app, "m7", "organizationMembership.updated",
            membership_object("orgmem_2", acme("Acme", 1000), "user_b", "org:admin", 2600)).await;
        assert_eq!(app.query(Some(&token), query).await.data()["me"]["activeOrganization"]["name"], "Personal");
        apply(&app, "m8", "organizationMembership.created",
            membership_object("orgmem_3", acme("Acme", 1000), "user_b", "org:member", 4000)).await;
        assert_eq!(app.query(Some(&token), query).await.data()["me"]["activeOrganization"]["viewerRole"], "MEMBER",
            "joining again makes a new membership");
        apply(&app, "m9", "organization.deleted", json!({ "id": "org_1", "deleted": true })).await;
        apply(&app, "m10", "organization.updated", acme("Back", 9000)).await;
        assert_eq!(database.number("SELECT COUNT(*) FROM organizations WHERE clerk_organization_id IS NOT NULL").await, 0);
        assert_eq!(database.count("organization_members").await, 2, "the personal ones");
    }
}

both! {
    async fn a_failing_database_asks_for_the_message_again(database) {
        let app = start_with_webhooks(&database).await;
        database.execute("ALTER TABLE users RENAME TO users_away").await;
        let created = event("user.created", user_object("user_a", Some("a@x.test"), None, 1000));
        let answer = deliver(&app, "m1", &created).await;
        assert!(answer.status.is_server_error(), "{}", answer.status);
        database.execute("ALTER TABLE users_away RENAME TO users").await;
        assert_eq!(deliver(&app, "m1", &created).await.status, DONE);
        assert_eq!(database.count("users").await, 1, "the failed attempt did not use the message up");
        assert!(app.clock.now() > chrono::DateTime::UNIX_EPOCH);
    }
}
