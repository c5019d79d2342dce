//! Sessions whose token is good and that do not count all the same: deleted, signed out, banned, being
//! deleted, gone.

use chrono::{DateTime, TimeDelta, Utc};
use mission_control::{
    clock::Clock,
    model::{AttemptId, UserId},
    store::users::{self, DeletionMark},
};
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp, TestDatabase, Token, WEBHOOK_SECRET, both, deliver, event, noon, start,
    start_with_webhooks, user_object,
};

const KEEP: &str =
    "mutation { deleteUser(input: { deleteFromClerk: false }) { clerkDeletion deletedUserId } }";
const DELETE: &str = "mutation { deleteUser { clerkDeletion deletedUserId } }";

/// Every way in that is not the deletion of the account.
async fn assert_refused(app: &TestApp, token: &Token, reason: &str) {
    let before = app.refusals(reason);
    let mut requests = 0;
    for query in [
        "{ me { id email memberships { totalCount } } }",
        "{ serverInfo { name } me { id } }",
        "{ node(id: \"018f0000-0000-7000-8000-000000000000\") { id } }",
        "{ nodes(ids: []) { id } }",
        "{ organization(id: \"018f0000-0000-7000-8000-000000000000\") { id } }",
        "mutation { bootstrap { created } }",
        "mutation { updateProfile(input: { name: \"x\" }) { user { id } } }",
        "mutation { createOrganization(input: { name: \"x\" }) { organization { id } } }",
        "mutation { leaveOrganization(input: { organizationId: \"x\" }) { user { id } } }",
        "mutation { acceptInvitation(input: { token: \"x\" }) { member { id } } }",
        "{ me { invitations { totalCount } } }",
    ] {
        assert_uniform(&app.query(Some(token), query).await, query);
        requests += 1;
    }
    for (method, path, body) in [
        ("POST", "/api/v1/auth/bootstrap", None),
        ("GET", "/api/v1/users/me", None),
        ("PATCH", "/api/v1/users/me", Some(json!({ "name": "x" }))),
        ("POST", "/api/v1/organizations", Some(json!({ "name": "x" }))),
        ("GET", "/api/v1/organizations/me/list", None),
        ("GET", "/api/v1/organizations/me/members", None),
        ("DELETE", "/api/v1/organizations/me", None),
        ("POST", "/api/v1/organizations/invites/accept", Some(json!({ "token": "x" }))),
        ("GET", "/api/v1/boards", None),
    ] {
        assert_uniform_rest(&app.rest(method, path, Some(token), body).await, path);
        requests += 1;
    }
    assert_eq!(app.refusals(reason), before + requests, "{}", app.app.metrics.render());
}

fn assert_uniform(answer: &Answer, door: &str) {
    assert_eq!(answer.status, 401, "{door}: {}", answer.text);
    let body =
        r#"{"errors":[{"message":"Not authenticated","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
    assert_eq!(answer.text, body, "{door}");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{door}");
    assert!(!answer.header("x-request-id").is_empty(), "{door}");
}

fn assert_uniform_rest(answer: &Answer, door: &str) {
    assert_eq!(answer.status, 401, "{door}: {}", answer.text);
    assert_eq!(answer.text, r#"{"detail":"Not authenticated"}"#, "{door}");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{door}");
}

async fn assert_deletion_refused(app: &TestApp, token: &Token) {
    assert_uniform(&app.query(Some(token), DELETE).await, "deleteUser");
    assert_uniform_rest(&app.rest("DELETE", "/api/v1/users/me", Some(token), None).await, "DELETE");
}

/// The user's id, created if need be.
async fn id(app: &TestApp, token: &Token) -> String {
    let data = app.query(Some(token), "{ me { id } }").await.data();
    data["me"]["id"].as_str().unwrap().to_owned()
}

/// A complete token with a chosen issue time and session.
fn issued(at: DateTime<Utc>, session: &str) -> Token {
    Token::complete("user_a", at).claim("sid", session)
}

both! {
    async fn gone_at_clerk_is_gone_for_ever(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", None, None);
        let token = app.token("user_a");
        id(&app, &token).await;
        let data = app.query(Some(&token), DELETE).await.data();
        assert_eq!(data["deleteUser"]["clerkDeletion"], "DELETED");
        assert_refused(&app, &token, "user_deleted").await;
        assert_deletion_refused(&app, &token).await;
        for later in [TimeDelta::seconds(11), TimeDelta::days(400)] {
            app.advance(later).await;
            let other = issued(app.clock.now(), "sess_other");
            assert_refused(&app, &other, "user_deleted").await;
            assert_refused(&app, &other.without("sid"), "user_deleted").await;
        }
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
        assert_eq!(app.clerk.reads(), 0, "a tombstone answers before Clerk is asked");
    }
}

both! {
    async fn kept_at_clerk_a_later_session_starts_an_empty_account(database) {
        for (setting, accepted_from) in [("10", 11), ("1.5", 2), ("0", 1)] {
            let app = TestApp::start(&database, &[("CLERK_LEEWAY", setting)]).await;
            let user = format!("user_{}", accepted_from);
            let token = |at: DateTime<Utc>, session: &str| {
                Token::complete(&user, at).claim("sid", format!("{session}_{user}"))
            };
            let asking = token(noon(), "sess_asking");
            let first = id(&app, &asking).await;
            let notes = "mutation { updateProfile(input: { notes: \"mine\" }) { user { id } } }";
            app.query(Some(&asking), notes).await.data();
            let data = app.query(Some(&asking), KEEP).await.data();
            assert_eq!(data["deleteUser"]["clerkDeletion"], "KEPT", "{setting}");
            assert_eq!(data["deleteUser"]["deletedUserId"], first);

            app.clock.advance(TimeDelta::seconds(30));
            for seconds in [-5, 0, accepted_from - 1] {
                let at = noon() + TimeDelta::seconds(seconds);
                assert_refused(&app, &token(at, "sess_other"), "user_deleted").await;
            }
            let later = token(noon() + TimeDelta::seconds(accepted_from), "sess_other");
            let query = "{ me { id notes memberships { totalCount } } }";
            let account = app.query(Some(&later), query).await.data()["me"].clone();
            assert_ne!(account["id"], json!(first), "{setting}");
            assert_eq!(account["notes"], Value::Null);
            assert_eq!(account["memberships"]["totalCount"], 1);

            // The tombstone outlives the new account: old tokens and the session that asked are
            // refused for ever.
            assert_refused(&app, &token(noon(), "sess_other"), "user_deleted").await;
            app.advance(TimeDelta::days(365)).await;
            let same_session = token(app.clock.now(), "sess_asking");
            assert_refused(&app, &same_session, "session_revoked").await;
            assert_deletion_refused(&app, &same_session).await;
            assert_eq!(id(&app, &token(app.clock.now(), "sess_other")).await, account["id"]);
        }
        assert_eq!(database.count("tombstones").await, 3);
    }
}

both! {
    async fn a_token_without_issue_time_cannot_show_that_it_is_later(database) {
        let app = TestApp::start(&database, &[("CLERK_VERIFY_IAT", "false")]).await;
        let token = app.token("user_a");
        id(&app, &token.clone().without("iat")).await;
        app.query(Some(&token), KEEP).await.data();
        app.advance(TimeDelta::days(1)).await;
        let later = issued(app.clock.now(), "sess_other");
        assert_refused(&app, &later.clone().without("iat"), "user_deleted").await;
        id(&app, &later).await;
        assert_refused(&app, &later.without("iat"), "user_deleted").await;
    }
}

both! {
    async fn a_deletion_at_clerk_makes_a_kept_tombstone_permanent(database) {
        let app = start_with_webhooks(&database).await;
        let token = app.token("user_a");
        id(&app, &token).await;
        app.query(Some(&token), KEEP).await.data();
        app.advance(TimeDelta::minutes(1)).await;
        let later = issued(app.clock.now(), "sess_other");
        id(&app, &later).await;
        let deleted = event("user.deleted", json!({ "id": "user_a", "deleted": true }));
        assert_eq!(deliver(&app, "msg_1", &deleted).await.status, 204);
        app.advance(TimeDelta::minutes(1)).await;
        assert_refused(&app, &issued(app.clock.now(), "sess_third"), "user_deleted").await;
        assert_eq!(database.count("users").await, 0);
    }
}

both! {
    async fn a_session_signed_out_at_clerk_ends_here_on_every_instance(database) {
        let app = start_with_webhooks(&database).await;
        let two = app.second_instance(&database).await;
        for (number, kind) in ["session.ended", "session.removed", "session.revoked"].iter().enumerate() {
            let session = format!("sess_{number}");
            let token = issued(app.clock.now(), &session);
            id(&app, &token).await;
            id(&two, &token).await;
            let data = json!({ "id": session, "user_id": "user_a", "status": "revoked" });
            deliver(&app, &format!("msg_{number}"), &event(kind, data)).await;
            for instance in [&app, &two] {
                assert_refused(instance, &token, "session_revoked").await;
                assert_deletion_refused(instance, &token).await;
                // Other sessions, and tokens that name none, are not concerned.
                id(instance, &issued(app.clock.now(), "sess_other")).await;
                id(instance, &token.clone().without("sid")).await;
            }
        }
        assert_eq!(database.count("users").await, 1);
    }
}

both! {
    async fn a_session_that_ended_before_the_first_request_is_refused(database) {
        let app = start_with_webhooks(&database).await;
        let data = json!({ "id": "sess_user_a", "user_id": "user_a", "status": "ended" });
        deliver(&app, "msg_1", &event("session.ended", data)).await;
        assert_refused(&app, &Token::new("user_a", noon()), "session_revoked").await;
        // The event names the user, so the user exists; the session counts for nothing all the same.
        assert_eq!((database.count("users").await, app.clerk.reads()), (1, 0));
    }
}

both! {
    async fn a_ban_holds_until_it_is_lifted(database) {
        let app = start_with_webhooks(&database).await;
        let two = app.second_instance(&database).await;
        let token = app.token("user_a");
        let before = id(&app, &token).await;
        let at = noon().timestamp_millis();
        for (number, banned) in [true, false].into_iter().enumerate() {
            let mut user = user_object("user_a", None, None, at + i64::try_from(number).unwrap());
            user["banned"] = json!(banned);
            user["email_addresses"] = json!([{ "email_address": "a@example.com" }]);
            deliver(&app, &format!("msg_{number}"), &event("user.updated", user)).await;
            for instance in [&app, &two] {
                if banned {
                    assert_refused(instance, &token, "user_banned").await;
                    assert_deletion_refused(instance, &token).await;
                } else {
                    assert_eq!(id(instance, &token).await, before);
                }
            }
        }
        // A locked user may come in: that is Clerk's matter, and temporary.
        let mut user = user_object("user_a", None, None, at + 5);
        user["locked"] = json!(true);
        deliver(&app, "msg_locked", &event("user.updated", user)).await;
        assert_eq!(id(&app, &token).await, before);
    }
}

both! {
    async fn a_ban_that_only_the_profile_call_reveals_counts_at_once(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", None, Some("Ada"));
        let bare = || Token::new("user_a", app.clock.now());
        id(&app, &bare()).await;
        app.clerk.put_user(json!({
            "id": "user_a", "banned": true, "updated_at": noon().timestamp_millis(),
        }));
        app.advance(TimeDelta::minutes(1)).await;
        assert_refused(&app, &bare(), "user_banned").await;
    }
}

/// Marks a user as if a deletion were under way on another instance.
async fn mark(app: &TestApp, user: &str) {
    let store = app.app.state.accounts.store();
    let mut tx = store.begin().await.unwrap();
    let mark = DeletionMark {
        user_id: UserId::parse(user).unwrap(),
        clerk_user_id: "user_a".to_owned(),
        attempt: AttemptId::generate(),
        from_clerk: true,
        sessions: vec!["sess_user_a".to_owned()],
        marked_at: app.clock.now(),
    };
    assert!(users::mark_deletion(tx.conn(), &mark).await.unwrap());
    tx.commit().await.unwrap();
}

both! {
    async fn while_an_account_is_being_deleted_only_that_may_be_repeated(database) {
        for over_rest in [false, true] {
            let app = start(&database).await;
            let user = format!("user_{over_rest}");
            let token = app.token(&user);
            let user_id = id(&app, &token).await;
            mark(&app, &user_id).await;
            assert_refused(&app, &token, "user_being_deleted").await;
            // A changed address is not taken over either.
            assert_refused(&app, &token.clone().claim("email", "b@example.com"), "user_being_deleted").await;
            if over_rest {
                let answer = app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await;
                assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "ok": true })));
            } else {
                let data = app.query(Some(&token), DELETE).await.data();
                assert_eq!(data["deleteUser"]["deletedUserId"], user_id);
            }
            assert_refused(&app, &token, "user_deleted").await;
        }
        assert_eq!(database.count("users").await, 0);
    }
}

both! {
    async fn a_refused_request_asks_once_whatever_it_asks_for(database) {
        let app = start(&database).await;
        let node = "node(id: \"018f0000-0000-7000-8000-000000000000\") { id }";
        let fields: Vec<_> = (0..20).map(|n| format!("f{n}: {node}")).collect();
        let query = format!("{{ {} }}", fields.join(" "));
        let token = Token::new("user_unknown", noon());
        let (answer, statements) = app.statements(app.query(Some(&token), &query)).await;
        assert_uniform(&answer, "nodes");
        assert_eq!(app.clerk.reads(), 1);
        assert_eq!(statements, 2, "found nobody, twice: before and after waiting for others");
        assert_eq!(app.refusals("user_unknown_at_clerk"), 1);
    }
}

mod vanishing {
    use super::*;

    /// From now on a user row is gone the moment somebody wants to change it: as if a deletion on
    /// another instance had come between finding the user and the change.
    async fn let_users_vanish(database: &TestDatabase, with_tombstone: bool) {
        let bury = if with_tombstone {
            "INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at) \
             VALUES ('user', OLD.clerk_user_id, TRUE, '2026-11-01T12:00:00+00:00');"
        } else {
            ""
        };
        let go = format!("DELETE FROM users WHERE id = OLD.id; {bury}");
        if database.is_postgres() {
            let function = format!(
                "CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN {go} RETURN NULL; END $$"
            );
            database.execute(&function).await;
            let trigger = "CREATE TRIGGER vanish BEFORE UPDATE ON users \
                           FOR EACH ROW EXECUTE FUNCTION vanish()";
            database.execute(trigger).await;
        } else {
            let trigger = format!(
                "CREATE TRIGGER vanish BEFORE UPDATE ON users BEGIN {go} SELECT RAISE(IGNORE); END"
            );
            database.execute(&trigger).await;
        }
    }

    both! {
        async fn while_an_address_is_taken_over(database) {
            let app = start(&database).await;
            id(&app, &app.token("user_a")).await;
            let_users_vanish(&database, true).await;
            app.clock.advance(TimeDelta::seconds(5));
            let changed = app.token("user_a").claim("email", "new@example.com");
            assert_uniform(&app.query(Some(&changed), "{ me { id } }").await, "me");
            assert_uniform(&app.query(Some(&changed), "{ me { id } }").await, "me again");
            assert_eq!(database.count("users").await, 0);
        }
    }

    both! {
        async fn without_a_trace_and_then_the_user_is_a_new_one(database) {
            let app = start(&database).await;
            let before = id(&app, &app.token("user_a")).await;
            let_users_vanish(&database, false).await;
            app.clock.advance(TimeDelta::seconds(5));
            let changed = app.token("user_a").claim("email", "new@example.com");
            let data = app.query(Some(&changed), "{ me { id email } }").await.data();
            assert_ne!(data["me"]["id"], json!(before));
            assert_eq!(data["me"]["email"], "new@example.com");
        }
    }

    both! {
        async fn while_the_profile_is_changed(database) {
            let app = start(&database).await;
            for user in ["user_a", "user_b"] {
                id(&app, &app.token(user)).await;
            }
            let_users_vanish(&database, true).await;
            let changes = Some(json!({ "name": "New" }));
            let token = app.token("user_a");
            let answer = app.rest("PATCH", "/api/v1/users/me", Some(&token), changes).await;
            assert_uniform_rest(&answer, "PATCH");
            // Here the user had been resolved, so the answer says which field failed.
            let query = "mutation { updateProfile(input: { name: \"New\" }) { user { id } } }";
            let answer = app.query(Some(&app.token("user_b")), query).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (200, "UNAUTHENTICATED"));
            assert_eq!(answer.json()["errors"][0]["path"], json!(["updateProfile"]));
            assert_eq!(app.refusals("user_vanished"), 2);
        }
    }

    both! {
        async fn while_the_account_is_deleted(database) {
            let app = start(&database).await;
            for user in ["user_a", "user_b"] {
                id(&app, &app.token(user)).await;
            }
            let_users_vanish(&database, true).await;
            assert_uniform(&app.query(Some(&app.token("user_a")), DELETE).await, "deleteUser");
            let token = app.token("user_b");
            let answer = app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await;
            assert_uniform_rest(&answer, "DELETE");
            assert_eq!(app.clerk.deletes(), 0);
        }
    }

    both! {
        async fn while_clerk_is_asked_for_the_profile(database) {
            use crate::support::Fault;

            let settings = [("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET)];
            let app = TestApp::start(&database, &settings).await;
            app.clerk.add_user("user_a", None, Some("Ada"));
            let bare = || Token::new("user_a", app.clock.now());
            id(&app, &bare()).await;
            app.clock.advance(TimeDelta::minutes(1));
            app.clerk.on_read(Some(Fault::Held));
            let token = bare();
            let deletion = async {
                while app.clerk.reads() < 2 {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                let data = json!({ "id": "user_a", "object": "user", "deleted": true });
                deliver(&app, "msg_1", &event("user.deleted", data)).await;
                app.clerk.on_read(None);
            };
            let (answer, ()) = tokio::join!(app.query(Some(&token), "{ me { id } }"), deletion);
            assert_uniform(&answer, "me");

            // The same for somebody who was about to be created.
            app.clerk.on_read(Some(Fault::Held));
            app.clerk.add_user("user_b", None, Some("Bob"));
            let token = Token::new("user_b", app.clock.now());
            let deletion = async {
                while app.clerk.reads() < 3 {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                let data = json!({ "id": "user_b", "object": "user", "deleted": true });
                deliver(&app, "msg_2", &event("user.deleted", data)).await;
                app.clerk.on_read(None);
            };
            let (answer, ()) = tokio::join!(app.query(Some(&token), "{ me { id } }"), deletion);
            assert_uniform(&answer, "me");
            assert_eq!(database.count("users").await, 0);
        }
    }
}
