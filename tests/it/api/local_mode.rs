//! Local mode: one shared token, one user, and nobody else's Clerk.

use axum::{
    body::Body,
    http::{HeaderValue, Request, header},
};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestDatabase, both, noon};

const TOKEN: &str = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb";
const ME: &str = "{ me { id clerkUserId email name displayName notes isSuperAdmin \
                   activeOrganization { name } memberships { totalCount nodes { role } } } }";

fn token() -> String {
    format!("{TOKEN}-local")
}

async fn local(database: &TestDatabase) -> TestApp {
    let token = token();
    let settings = [("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", token.as_str())];
    TestApp::start(database, &settings).await
}

async fn send(app: &TestApp, method: &str, uri: &str, token: &[&str], body: Value) -> Answer {
    let mut request =
        Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, "application/json");
    for token in token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        request = request.header(header::AUTHORIZATION, value);
    }
    app.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn query(app: &TestApp, query: &str) -> Value {
    send(app, "POST", "/graphql", &[&token()], json!({ "query": query })).await.data()
}

both! {
    async fn the_shared_token_is_one_user(database) {
        let app = local(&database).await;
        let me = query(&app, ME).await["me"].clone();
        assert_eq!(me["clerkUserId"], "local-auth-user");
        assert_eq!(me["email"], "admin@home.local");
        assert_eq!((&me["name"], &me["displayName"]), (&json!("Local User"), &json!("Local User")));
        assert_eq!(me["isSuperAdmin"], false);
        assert_eq!(me["activeOrganization"]["name"], "Personal");
        assert_eq!(me["memberships"], json!({ "totalCount": 1, "nodes": [{ "role": "OWNER" }] }));
        let two = local(&database).await;
        let (again, statements) = two.statements(query(&two, ME)).await;
        assert_eq!((again, statements), (json!({ "me": me }), 1));
        assert_eq!(database.count("users").await, 1);

        let answer = send(&app, "GET", "/api/v1/users/me", &[&token()], Value::Null).await;
        assert_eq!(answer.json(), json!({
            "id": me["id"], "clerk_user_id": "local-auth-user", "email": "admin@home.local",
            "name": "Local User", "preferred_name": null, "pronouns": null, "timezone": null,
            "notes": null, "context": null, "is_super_admin": false,
        }));
        assert_eq!((app.clerk.key_fetches(), app.clerk.reads()), (0, 0));
    }
}

#[tokio::test]
async fn anything_else_is_refused_alike() {
    let database = TestDatabase::sqlite().await;
    let app = local(&database).await;
    let good = token();
    let session_token = crate::support::Token::complete("user_a", noon()).sign();
    let cases: [(&str, &[&str], &str); 8] = [
        ("too short", &[&good[..good.len() - 1]], "wrong_token"),
        ("too long", &[&format!("{good}x")], "wrong_token"),
        ("another case", &[&good.to_uppercase()], "wrong_token"),
        ("one letter", &["x"], "wrong_token"),
        ("a session token of Clerk's", &[&session_token], "wrong_token"),
        ("twice", &[&good, &good], "several_headers"),
        ("with text after it", &[&format!("{good} x")], "not_one_token"),
        ("nothing", &[], "anonymous"),
    ];
    for (name, sent, reason) in cases {
        let counted = app.counted(reason);
        let challenge = if sent.is_empty() { "Bearer" } else { r#"Bearer error="invalid_token""# };
        let body = json!({ "query": ME });
        let (answer, statements) = app.statements(send(&app, "POST", "/graphql", sent, body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "UNAUTHENTICATED"),
            "{name}"
        );
        assert_eq!(answer.header("www-authenticate"), challenge, "{name}");
        let rest = send(&app, "GET", "/api/v1/users/me", sent, Value::Null).await;
        assert_eq!(rest.status, 401, "{name}");
        assert_eq!(rest.text, r#"{"detail":"Not authenticated"}"#, "{name}");
        assert_eq!(rest.header("www-authenticate"), challenge, "{name}");
        assert_eq!((statements, app.counted(reason)), (0, counted + 2), "{name}");
    }
    assert_eq!(database.count("users").await, 0);
}

both! {
    async fn deleting_the_account_starts_an_empty_one(database) {
        let app = local(&database).await;
        let update = "mutation { updateProfile(input: { notes: \"mine\", name: \"Me\" }) { user { id } } }";
        let first = query(&app, update).await["updateProfile"]["user"]["id"].clone();
        assert_eq!(query(&app, ME).await["me"]["name"], "Me", "a name only fills an empty place");
        let deleted = "mutation { deleteUser { deletedUserId clerkDeletion deletedOrganizationIds } }";
        let deleted = query(&app, deleted).await["deleteUser"].clone();
        assert_eq!((&deleted["deletedUserId"], &deleted["clerkDeletion"]), (&first, &json!("KEPT")));
        assert_eq!(deleted["deletedOrganizationIds"].as_array().unwrap().len(), 1);
        for table in
            ["users", "organizations", "organization_members", "tombstones", "revoked_sessions"]
        {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
        let me = query(&app, ME).await["me"].clone();
        assert_ne!(me["id"], first);
        assert_eq!((&me["name"], &me["notes"]), (&json!("Local User"), &Value::Null));

        let answer = send(&app, "DELETE", "/api/v1/users/me", &[&token()], Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "ok": true })));
        assert_eq!(database.count("users").await, 0);
        let answer = send(&app, "POST", "/api/v1/auth/bootstrap", &[&token()], Value::Null).await;
        assert_eq!(answer.json()["name"], "Local User");
    }
}

both! {
    async fn a_cleared_name_is_filled_again_and_nobody_is_asked(database) {
        let app = local(&database).await;
        let clear = "mutation { updateProfile(input: { name: null }) { user { name } } }";
        assert_eq!(query(&app, clear).await["updateProfile"]["user"]["name"], Value::Null);
        assert_eq!(query(&app, ME).await["me"]["name"], "Local User");
        assert_eq!(app.clerk.reads(), 0);
    }
}

#[tokio::test]
async fn the_server_says_which_mode_it_is_in_and_is_ready_without_keys() {
    let database = TestDatabase::sqlite().await;
    let app = local(&database).await;
    let data = app.query(None, "{ serverInfo { authMode name } }").await.data();
    assert_eq!(data["serverInfo"]["authMode"], "LOCAL");
    let ready = app.rest("GET", "/readyz", None, None).await;
    assert_eq!((ready.status.as_u16(), ready.json()["checks"]["keys"].clone()), (200, json!("ok")));
    let clerk = TestApp::start(&database, &[]).await;
    let data = clerk.query(None, "{ serverInfo { authMode } }").await.data();
    assert_eq!(data["serverInfo"]["authMode"], "CLERK");
}
