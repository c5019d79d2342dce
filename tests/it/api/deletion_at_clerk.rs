//! `deleteUser` and what Clerk makes of it: whatever Clerk answers, or does not, nothing is lost and
//! repeating is safe.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::future::join_all;
use mission_control::store::tombstones::{TombstoneKind, find_tombstone};
use serde_json::{Value, json};

use super::seed::{Presence, eventually, exhaust, presence, sign_in};
use crate::support::{
    Answer, Fault, TestApp, TestDatabase, Token, both, deliver, event, start, start_with_webhooks,
};

const DELETE: &str = "mutation { deleteUser { clerkDeletion deletedOrganizationIds } }";
const UNAVAILABLE: &str =
    "The identity provider could not delete the user now. Nothing is lost; try again.";

/// What a deletion comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The caller is told so, and the account is gone.
    Done(&'static str),
    /// The caller is to try again, and the account is as before.
    Undone,
    /// The caller is to try again, and the account waits for the background job.
    Open,
}

fn assert_told(answer: &Answer, is_rest: bool, outcome: Outcome, case: &str) {
    let (status, body) = (answer.status.as_u16(), answer.json());
    match (outcome, is_rest) {
        (Outcome::Done(_), true) => {
            assert_eq!((status, body), (200, json!({ "ok": true })), "{case}")
        }
        (Outcome::Done(expected), false) => {
            let payload = &body["data"]["deleteUser"];
            assert_eq!(payload["clerkDeletion"], expected, "{case}: {body}");
            assert_eq!(payload["deletedOrganizationIds"].as_array().unwrap().len(), 1, "{case}");
        }
        (Outcome::Undone | Outcome::Open, true) => {
            assert_eq!(
                (status, answer.refusal()),
                (502, json!({ "detail": UNAVAILABLE })),
                "{case}"
            );
        }
        (Outcome::Undone | Outcome::Open, false) => {
            assert_eq!(status, 200, "{case}: {body}");
            assert_eq!(body["data"], Value::Null, "{case}");
            let error = &body["errors"][0];
            assert_eq!(error["message"], UNAVAILABLE, "{case}");
            assert_eq!(error["path"], json!(["deleteUser"]), "{case}");
            assert_eq!(error["extensions"]["code"], "IDENTITY_PROVIDER_UNAVAILABLE", "{case}");
        }
    }
}

async fn delete(app: &TestApp, token: &Token, is_rest: bool) -> Answer {
    if is_rest {
        app.rest("DELETE", "/api/v1/users/me", Some(token), None).await
    } else {
        app.query(Some(token), DELETE).await
    }
}

/// Whether a tombstone says that the user is gone for ever.
async fn is_buried(app: &TestApp, user: &str) -> bool {
    let mut reader = app.app.state.accounts.store().read().await.unwrap();
    let tombstone = find_tombstone(reader.conn(), TombstoneKind::User, user).await.unwrap();
    tombstone.is_some_and(|tombstone| tombstone.is_permanent)
}

/// Checks what is left of an account, and that a repeated deletion ends well.
async fn assert_left(app: &TestApp, token: &Token, user: &str, outcome: Outcome, case: &str) {
    let expected = match outcome {
        Outcome::Done(_) => Presence::Gone,
        Outcome::Undone => Presence::Here,
        Outcome::Open => Presence::Marked,
    };
    assert_eq!(presence(app, user).await, expected, "{case}");
    assert_eq!(is_buried(app, user).await, expected == Presence::Gone, "{case}");
    let me =
        app.query(Some(token), "{ me { clerkUserId notes memberships { totalCount } } }").await;
    if expected == Presence::Here {
        let whole =
            json!({ "clerkUserId": user, "notes": "kept", "memberships": { "totalCount": 1 } });
        assert_eq!(me.data()["me"], whole, "{case}");
    } else {
        assert_eq!((me.status.as_u16(), me.code().as_str()), (401, "UNAUTHENTICATED"), "{case}");
    }
    app.clerk.on_delete(None);
    app.clerk.on_read(None);
    let is_known = app.clerk.has_user(user);
    let again = delete(app, token, false).await;
    if expected == Presence::Gone {
        assert_eq!(again.status, 401, "{case}");
    } else {
        let known = if is_known { "DELETED" } else { "ALREADY_ABSENT" };
        assert_eq!(
            again.json()["data"]["deleteUser"]["clerkDeletion"],
            known,
            "{case}: {}",
            again.text
        );
    }
    assert_eq!(presence(app, user).await, Presence::Gone, "{case}");
    assert!(is_buried(app, user).await, "{case}");
}

/// One case on both faces, with a Clerk of its own each.
async fn run(
    database: &TestDatabase,
    index: usize,
    case: (Option<Fault>, Option<Fault>, bool, Outcome),
) {
    let (on_delete, on_read, is_known, outcome) = case;
    for is_rest in [false, true] {
        let app = start(database).await;
        let prefix = if is_known { "user_known" } else { "user_absent" };
        let user = format!("{prefix}_{index}_{is_rest}");
        let label = format!("{case:?} rest: {is_rest}");
        if is_known {
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
        }
        let token = app.token(&user);
        let notes = "mutation { updateProfile(input: { notes: \"kept\" }) { user { id } } }";
        app.query(Some(&token), notes).await.data();
        app.clerk.on_delete(on_delete);
        app.clerk.on_read(on_read);
        let started = Instant::now();
        let answer = delete(&app, &token, is_rest).await;
        let took = started.elapsed();
        assert!(
            took < Duration::from_millis(9500),
            "{label}: within the time limit, not after {took:?}"
        );
        assert_told(&answer, is_rest, outcome, &label);
        let still_known = app.clerk.has_user(&user);
        if matches!(on_delete, Some(Fault::SilenceAfterwards | Fault::Broken))
            || outcome == Outcome::Done("DELETED")
        {
            assert!(!still_known, "{label}");
        }
        assert_eq!(app.clerk.deletes(), 1, "{label}: asked once");
        assert_left(&app, &token, &user, outcome, &label).await;
        if outcome != Outcome::Done("ALREADY_ABSENT") {
            assert!(!app.clerk.has_user(&user), "{label}");
        }
    }
}

both! {
    async fn whatever_clerk_answers_nothing_is_lost(database) {
        use Fault::*;
        use Outcome::*;
        let status = |status| Some(Status(status, "some_code"));
        let cases = [
            (None, None, true, Done("DELETED")),
            (None, None, false, Done("ALREADY_ABSENT")),
            (Some(Status(404, "resource_not_found")), None, true, Done("ALREADY_ABSENT")),
            (Some(Status(404, "RESOURCE_NOT_FOUND")), None, true, Done("ALREADY_ABSENT")),
            // Definitely not done.
            (Some(Status(404, "session_not_found")), status(500), true, Undone),
            (Some(ForeignNotFound), status(500), true, Undone),
            (Some(Status(401, "clerk_key_invalid")), status(401), true, Undone),
            (Some(Status(403, "quota_exceeded")), status(403), true, Undone),
            (Some(RetryAfter(429, 7)), Some(RetryAfter(429, 7)), true, Undone),
            // Not known until the user is asked for.
            (status(500), None, true, Undone),
            (status(500), None, false, Done("DELETED")),
            (status(500), status(503), true, Open),
            (status(503), status(401), true, Open),
            (status(502), Some(ForeignNotFound), true, Open),
            (status(418), None, true, Undone),
            (Some(Gibberish), None, true, Undone),
            (Some(Gibberish), Some(Gibberish), true, Open),
            (Some(Huge), None, true, Undone),
            (Some(Elsewhere), None, true, Undone),
            (Some(Elsewhere), Some(Elsewhere), true, Open),
            (Some(Broken), None, true, Done("DELETED")),
        ];
        for (index, case) in cases.into_iter().enumerate() {
            run(&database, index, case).await;
        }
    }
}

both! {
    async fn silence_is_answered_in_time(database) {
        use Fault::*;
        use Outcome::*;
        let cases = [
            (Some(Silence), None, true, Undone),
            (Some(SilenceAfterwards), None, true, Done("DELETED")),
            (Some(Silence), Some(Silence), true, Open),
        ];
        join_all(cases.into_iter().enumerate().map(|(index, case)| run(&database, index, case))).await;
    }
}

both! {
    async fn done_but_not_heard_of_is_found_out_later(database) {
        for (index, fault) in [Fault::Broken, Fault::Status(500, "internal_clerk_error")].into_iter().enumerate() {
            let app = start(&database).await;
            let user = format!("user_{index}");
            sign_in(&app, &user).await;
            if fault != Fault::Broken {
                // Clerk did it, and only the answer went wrong.
                assert!(!app.clerk.has_user(&user));
            }
            app.clerk.on_delete(Some(fault));
            app.clerk.on_read(Some(Fault::Status(500, "internal_clerk_error")));
            let answer = delete(&app, &app.token(&user), false).await;
            assert_told(&answer, false, Outcome::Open, &user);
            assert_eq!(presence(&app, &user).await, Presence::Marked);
            app.clerk.on_delete(None);
            app.clerk.on_read(None);
            let again = delete(&app, &app.token(&user), false).await;
            assert_told(&again, false, Outcome::Done("ALREADY_ABSENT"), &user);
            assert!(is_buried(&app, &user).await);
        }
    }
}

both! {
    async fn a_refused_connection_undoes_the_mark(database) {
        let settings = [
            ("CLERK_API_URL", "http://127.0.0.1:1"),
            ("CLERK_JWT_KEY", include_str!("../../keys/test-rsa.pub.pem")),
        ];
        let app = TestApp::start(&database, &settings).await;
        for (user, is_rest) in [("user_a", false), ("user_b", true)] {
            sign_in(&app, user).await;
            let answer = delete(&app, &app.token(user), is_rest).await;
            assert_told(&answer, is_rest, Outcome::Undone, user);
            assert_eq!(presence(&app, user).await, Presence::Here);
        }
    }
}

/// Leaves the deletion of a new user open: Clerk says nothing anybody could conclude from.
async fn leave_open(app: &TestApp, user: &str) {
    app.clerk.add_user(user, Some("a@example.com"), Some("Ada"));
    sign_in(app, user).await;
    app.clerk.on_delete(Some(Fault::Status(500, "internal_clerk_error")));
    app.clerk.on_read(Some(Fault::Status(500, "internal_clerk_error")));
    let answer = delete(app, &app.token(user), false).await;
    assert_told(&answer, false, Outcome::Open, user);
}

both! {
    async fn the_background_job_ends_what_was_left_open(database) {
        let refused = Some(Fault::Status(401, "clerk_key_invalid"));
        let busy = Some(Fault::RetryAfter(429, 1));
        let broken = Some(Fault::Status(500, "internal_clerk_error"));
        let (here, gone, marked) = (Presence::Here, Presence::Gone, Presence::Marked);
        // What Clerk does a minute later, whether it has the user then, and what becomes of the account.
        let cases = [
            (None, None, true, gone),
            (None, None, false, gone),
            (broken, None, true, here),
            (broken, None, false, gone),
            (broken, broken, true, marked),
            (refused, None, true, here),
            (busy, None, true, here),
            // The first attempt may have been successful: a refusal of the second says nothing.
            (busy, None, false, gone),
            (refused, None, false, gone),
            (refused, refused, true, marked),
            (Some(Fault::ForeignNotFound), None, false, gone),
        ];
        for (index, (on_delete, on_read, is_known, expected)) in cases.into_iter().enumerate() {
            let app = start(&database).await;
            let user = format!("user_{index}");
            leave_open(&app, &user).await;
            if !is_known {
                app.clerk.remove_user(&user);
            }
            app.clerk.on_delete(on_delete);
            app.clerk.on_read(on_read);
            app.clock.advance(TimeDelta::milliseconds(59_999));
            app.app.state.accounts.finish_deletions().await.unwrap();
            assert_eq!((presence(&app, &user).await, app.clerk.deletes()), (marked, 1), "not yet");
            app.clock.advance(TimeDelta::milliseconds(1_001));
            app.app.state.accounts.finish_deletions().await.unwrap();
            assert_eq!(presence(&app, &user).await, expected, "case {index}");
            assert_eq!(is_buried(&app, &user).await, expected == gone, "case {index}");
            assert_eq!(app.clerk.deletes(), 2);
            if expected == marked {
                // And on it goes, once a minute, until there is an answer.
                app.app.state.accounts.finish_deletions().await.unwrap();
                assert_eq!(app.clerk.deletes(), 2, "the mark is new again");
                app.clerk.on_delete(None);
                app.clock.advance(TimeDelta::seconds(61));
                app.app.state.accounts.finish_deletions().await.unwrap();
                assert_eq!((presence(&app, &user).await, app.clerk.has_user(&user)), (gone, false));
            }
            database.execute("DELETE FROM users").await;
        }
    }
}

both! {
    async fn every_session_that_asked_is_gone_when_the_clerk_user_is_kept(database) {
        let app = start(&database).await;
        leave_open(&app, "user_a").await;
        // Again, from another session, and now without Clerk.
        let second = app.token("user_a").claim("sid", "sess_second");
        let keep = "mutation { deleteUser(input: { deleteFromClerk: false }) { clerkDeletion } }";
        let data = app.query(Some(&second), keep).await.data();
        assert_eq!(data["deleteUser"]["clerkDeletion"], "KEPT");
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::seconds(3600));
        app.refresh_keys().await;
        for session in ["sess_user_a", "sess_second"] {
            let later = app.token("user_a").claim("sid", session);
            assert_eq!(app.query(Some(&later), "{ me { id } }").await.status, 401, "{session}");
        }
        let third = app.token("user_a").claim("sid", "sess_third");
        app.query(Some(&third), "{ me { id } }").await.data();
    }
}

both! {
    async fn two_instances_share_the_work(database) {
        let app = start(&database).await;
        let other = app.second_instance(&database).await;
        for index in 0..3 {
            leave_open(&app, &format!("user_{index}")).await;
        }
        app.clerk.on_delete(None);
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::seconds(61));
        let (one, two) = tokio::join!(
            app.app.state.accounts.finish_deletions(),
            other.app.state.accounts.finish_deletions(),
        );
        one.and(two).unwrap();
        assert_eq!(app.clerk.deletes(), 3 + 3, "each once");
        assert_eq!(database.count("users").await, 0);
        assert_eq!(database.count("tombstones").await, 3);
    }
}

both! {
    async fn an_interrupted_deletion_that_keeps_the_clerk_user_is_finished_so(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        sign_in(&app, "user_a").await;
        // As a process leaves it that dies between the mark and the rest.
        database.execute(
            "UPDATE users SET deletion_marked_at = created_at, deletion_from_clerk = FALSE, \
             deletion_sessions = 'sess_user_a', deletion_attempt = '018f0000-0000-7000-8000-000000000000'",
        ).await;
        app.clock.advance(TimeDelta::seconds(61));
        app.app.state.accounts.finish_deletions().await.unwrap();
        assert_eq!(presence(&app, "user_a").await, Presence::Gone);
        assert!(!is_buried(&app, "user_a").await);
        assert_eq!((app.clerk.deletes(), app.clerk.has_user("user_a")), (0, true));
        let me = "{ me { memberships { totalCount } } }";
        let asking = app.token("user_a").shifted(TimeDelta::seconds(3600));
        app.clock.advance(TimeDelta::seconds(3600));
        assert_eq!(app.query(Some(&asking), me).await.status, 401, "the session that asked");
        let later = app.token("user_a").claim("sid", "sess_later");
        assert_eq!(app.query(Some(&later), me).await.data()["me"]["memberships"]["totalCount"], 1);
    }
}

both! {
    async fn a_client_that_hangs_up_does_not_lose_the_deletion(database) {
        let app = start(&database).await;
        for is_rest in [false, true] {
            let user = format!("user_{is_rest}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            sign_in(&app, &user).await;
            let token = app.token(&user);
            app.clerk.on_delete(Some(Fault::Held));
            let asked = app.clerk.deletes();
            {
                let request = delete(&app, &token, is_rest);
                tokio::pin!(request);
                tokio::select! {
                    answer = &mut request => panic!("answered although Clerk was not: {}", answer.text),
                    () = eventually(async || app.clerk.deletes() > asked) => {}
                }
            }
            assert_eq!(presence(&app, &user).await, Presence::Marked);
            assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 401);
            app.clerk.on_delete(None);
            eventually(async || presence(&app, &user).await == Presence::Gone).await;
            assert!(is_buried(&app, &user).await);
        }
    }
}

both! {
    async fn two_deletions_at_once_both_succeed(database) {
        let app = start(&database).await;
        let other = app.second_instance(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        sign_in(&app, "user_a").await;
        let token = app.token("user_a");
        app.clerk.on_delete(Some(Fault::Held));
        let (one, two, ()) = tokio::join!(
            delete(&app, &token, false),
            delete(&other, &token, false),
            async {
                eventually(async || app.clerk.deletes() == 2).await;
                app.clerk.on_delete(None);
            },
        );
        let (one, two) = (one.data()["deleteUser"].clone(), two.data()["deleteUser"].clone());
        assert_eq!(one["deletedOrganizationIds"], two["deletedOrganizationIds"]);
        let mut outcomes = [one, two].map(|payload| payload["clerkDeletion"].to_string());
        outcomes.sort();
        assert_eq!(outcomes, ["\"ALREADY_ABSENT\"", "\"DELETED\""]);
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
        assert_eq!(database.count("tombstones").await, 1);
    }
}

both! {
    async fn a_refusal_does_not_undo_somebody_elses_attempt(database) {
        let app = start(&database).await;
        let other = app.second_instance(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        sign_in(&app, "user_a").await;
        let token = app.token("user_a");
        // The first attempt reaches Clerk and hears nothing; the second one is refused meanwhile, and
        // nobody can say whether the user is still there.
        app.clerk.on_delete(Some(Fault::Held));
        app.clerk.on_read(Some(Fault::Status(500, "internal_clerk_error")));
        let second = async {
            eventually(async || app.clerk.deletes() == 1).await;
            let second = delete(&other, &token, false);
            tokio::pin!(second);
            tokio::select! {
                _ = &mut second => panic!("Clerk has not answered"),
                () = eventually(async || app.clerk.deletes() == 2) => {}
            }
            app.clerk.on_delete(Some(Fault::RetryAfter(429, 1)));
            second.await
        };
        let (first, second) = tokio::join!(delete(&app, &token, false), second);
        // Refused itself, the first one knows that its own attempt did nothing, but the mark is no longer
        // its own.
        assert_told(&first, false, Outcome::Undone, "the first");
        assert_told(&second, false, Outcome::Open, "the second");
        assert_eq!(presence(&app, "user_a").await, Presence::Marked);
        app.clerk.on_delete(None);
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::seconds(61));
        app.app.state.accounts.finish_deletions().await.unwrap();
        assert_eq!(presence(&app, "user_a").await, Presence::Gone);
    }
}

both! {
    async fn clerks_own_event_may_come_first(database) {
        let app = start_with_webhooks(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let id = sign_in(&app, "user_a").await;
        let token = app.token("user_a");
        let organization = app.query(Some(&token), "{ me { activeOrganization { id } } }").await.data();
        app.clerk.on_delete(Some(Fault::Held));
        let query = "mutation { deleteUser { deletedUserId deletedOrganizationIds clerkDeletion } }";
        let (answer, ()) = tokio::join!(app.query(Some(&token), query), async {
            eventually(async || app.clerk.deletes() == 1).await;
            let gone = event("user.deleted", json!({ "id": "user_a", "object": "user", "deleted": true }));
            assert_eq!(deliver(&app, "msg_1", &gone).await.status, 204);
            assert_eq!(presence(&app, "user_a").await, Presence::Gone);
            app.clerk.on_delete(None);
        });
        assert_eq!(answer.json(), json!({ "data": { "deleteUser": {
            "deletedUserId": id,
            "deletedOrganizationIds": [organization["me"]["activeOrganization"]["id"]],
            "clerkDeletion": "DELETED",
        } } }));
    }
}

both! {
    async fn a_time_limit_that_is_shorter_than_clerks_loses_nothing(database) {
        let app = TestApp::start(&database, &[("EXECUTION_TIMEOUT", "0.3")]).await;
        for is_rest in [false, true] {
            let user = format!("user_{is_rest}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            sign_in(&app, &user).await;
            app.clerk.on_delete(Some(Fault::Held));
            let answer = delete(&app, &app.token(&user), is_rest).await;
            assert_eq!(answer.status, 503, "{}", answer.text);
            if !is_rest {
                assert_eq!(answer.code(), "TIMEOUT");
            }
            assert_eq!(presence(&app, &user).await, Presence::Marked);
            app.clerk.on_delete(None);
            eventually(async || presence(&app, &user).await == Presence::Gone).await;
        }
    }
}

both! {
    async fn a_database_that_is_gone_after_the_mark_leaves_it_to_the_background_job(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        sign_in(&app, "user_a").await;
        let token = app.token("user_a");
        app.clerk.on_delete(Some(Fault::Held));
        let store = app.app.state.accounts.store();
        let (answer, held) = tokio::join!(app.query(Some(&token), DELETE), async {
            eventually(async || app.clerk.deletes() == 1).await;
            let held = exhaust(store).await;
            app.clerk.on_delete(None);
            held
        });
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["data"]), (200, &Value::Null), "{body}");
        assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE");
        assert_eq!(body["errors"][0]["path"], json!(["deleteUser"]));
        drop(held);
        assert_eq!(presence(&app, "user_a").await, Presence::Marked);
        assert!(!app.clerk.has_user("user_a"));
        app.clock.advance(TimeDelta::seconds(61));
        app.app.state.accounts.finish_deletions().await.unwrap();
        assert_eq!(presence(&app, "user_a").await, Presence::Gone);
        assert!(is_buried(&app, "user_a").await);
    }
}

both! {
    async fn a_database_that_is_gone_before_the_mark_replaces_the_answer(database) {
        let app = start(&database).await;
        sign_in(&app, "user_a").await;
        let token = app.token("user_a");
        let held = exhaust(app.app.state.accounts.store()).await;
        let (graphql, rest) = tokio::join!(delete(&app, &token, false), delete(&app, &token, true));
        drop(held);
        assert_eq!((graphql.status.as_u16(), graphql.code().as_str()), (503, "SERVICE_UNAVAILABLE"), "{}", graphql.text);
        assert!(graphql.json().get("data").is_none(), "{}", graphql.text);
        assert_eq!(graphql.header("retry-after"), "2");
        assert_eq!((rest.status.as_u16(), rest.header("retry-after")), (503, "2"), "{}", rest.text);
        assert_eq!(presence(&app, "user_a").await, Presence::Here);
        assert_eq!(app.clerk.deletes(), 0);
    }
}
