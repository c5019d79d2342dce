//! Somebody acting as a user (`act`) may do what the user may, but not end the account, and never with
//! the powers of a super admin.

use serde_json::{Value, json};

use crate::support::{TestApp, TestDatabase, Token, both, start};

/// Somebody at Clerk acting as `user`.
fn acting_as(app: &TestApp, user: &str) -> Token {
    let act =
        json!({ "iss": "https://dashboard.clerk.com", "sid": "sess_1", "sub": "user_support" });
    app.token(user).claim("act", act)
}

async fn id(app: &TestApp, user: &str) -> String {
    let data = app.query(Some(&app.token(user)), "{ me { id } }").await.data();
    data["me"]["id"].as_str().unwrap().to_owned()
}

async fn promote(database: &TestDatabase, user: &str) {
    let sql = format!("UPDATE users SET is_super_admin = TRUE WHERE clerk_user_id = '{user}'");
    database.execute(&sql).await;
}

both! {
    async fn reading_and_changing_the_profile_is_allowed(database) {
        let app = start(&database).await;
        let token = acting_as(&app, "user_a");
        let query = "mutation { bootstrap { created user { clerkUserId email } } }";
        let expected = json!({ "bootstrap": { "created": true,
            "user": { "clerkUserId": "user_a", "email": "user_a@example.com" } } });
        assert_eq!(app.query(Some(&token), query).await.data(), expected);
        let query = "mutation { updateProfile(input: { notes: \"support was here\" }) \
                     { user { notes } userErrors { code } } }";
        let data = app.query(Some(&token), query).await.data();
        assert_eq!(data["updateProfile"]["user"]["notes"], "support was here");
        let changes = Some(json!({ "pronouns": "they/them" }));
        let answer = app.rest("PATCH", "/api/v1/users/me", Some(&token), changes).await;
        assert_eq!(answer.json()["pronouns"], "they/them");
        let data = app.query(Some(&app.token("user_a")), "{ me { notes } }").await.data();
        assert_eq!(data["me"]["notes"], "support was here", "it is the same account");
        assert_eq!(database.count("users").await, 1);
    }
}

both! {
    async fn deleting_the_account_is_not(database) {
        let app = start(&database).await;
        let own = id(&app, "user_a").await;
        let other = id(&app, "user_b").await;
        promote(&database, "user_a").await;
        app.clerk.add_user("user_a", None, None);
        let shapes = [json!({ "sub": "user_support" }), json!({}), json!("someone"), json!(true)];
        for act in shapes {
            let token = app.token("user_a").claim("act", act.clone());
            for arguments in [
                String::new(),
                "(input: { deleteFromClerk: false })".to_owned(),
                format!("(input: {{ userId: \"{own}\" }})"),
                format!("(input: {{ userId: \"{other}\" }})"),
                "(input: { userId: \"nobody\" })".to_owned(),
            ] {
                let query = format!("mutation {{ deleteUser{arguments} {{ deletedUserId }} }}");
                let answer = app.query(Some(&token), &query).await;
                assert_eq!(answer.status, 200, "{act} {arguments}: {}", answer.text);
                assert_eq!(answer.code(), "FORBIDDEN", "{act} {arguments}");
                assert_eq!(answer.json()["data"], Value::Null);
            }
            let answer = app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await;
            assert_eq!(answer.status, 403, "{act}: {}", answer.text);
            assert!(answer.json()["detail"].is_string());
        }
        let marked = "SELECT COUNT(*) FROM users WHERE deletion_marked_at IS NOT NULL";
        assert_eq!(database.number(marked).await, 0);
        assert_eq!((database.count("users").await, app.clerk.deletes()), (2, 0));
        // `null` is nobody: an ordinary session.
        let token = app.token("user_b").claim("act", Value::Null);
        app.clerk.add_user("user_b", None, None);
        let answer = app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

both! {
    async fn a_super_admin_is_none_while_somebody_acts_as_them(database) {
        let app = start(&database).await;
        let own = id(&app, "user_a").await;
        let other = id(&app, "user_b").await;
        promote(&database, "user_a").await;
        let query = format!(
            "{{ me {{ isSuperAdmin }} own: node(id: \"{own}\") {{ ... on User {{ isSuperAdmin }} }} \
             other: node(id: \"{other}\") {{ ... on User {{ email }} }} \
             list: nodes(ids: [\"{other}\"]) {{ id }} }}"
        );
        let data = app.query(Some(&app.token("user_a")), &query).await.data();
        assert_eq!(data, json!({
            "me": { "isSuperAdmin": true }, "own": { "isSuperAdmin": true },
            "other": { "email": "user_b@example.com" }, "list": [{ "id": other }],
        }));
        let token = acting_as(&app, "user_a");
        let data = app.query(Some(&token), &query).await.data();
        assert_eq!(data, json!({
            "me": { "isSuperAdmin": false }, "own": { "isSuperAdmin": false },
            "other": null, "list": [null],
        }));
        let query = "mutation { bootstrap { user { isSuperAdmin } } \
                     updateProfile(input: { notes: \"x\" }) { user { isSuperAdmin } } }";
        let data = app.query(Some(&token), query).await.data();
        assert_eq!(data["bootstrap"]["user"]["isSuperAdmin"], false);
        assert_eq!(data["updateProfile"]["user"]["isSuperAdmin"], false);
        for (method, path, body) in [
            ("GET", "/api/v1/users/me", None),
            ("POST", "/api/v1/auth/bootstrap", None),
            ("PATCH", "/api/v1/users/me", Some(json!({ "notes": "y" }))),
        ] {
            let answer = app.rest(method, path, Some(&token), body).await;
            assert_eq!(answer.json()["is_super_admin"], false, "{method} {path}");
        }
        let answer = app.rest("GET", "/api/v1/users/me", Some(&app.token("user_a")), None).await;
        assert_eq!(answer.json()["is_super_admin"], true, "the person itself still is one");
    }
}
