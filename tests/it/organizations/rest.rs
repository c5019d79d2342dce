//! The routes that the original's front end calls, in its shapes.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

use super::people::{bring_in, found, invite, signed_in, text, verified};
use crate::{
    api::seed::redacted,
    support::{Answer, TestApp, Token, both, start},
};

const BASE: &str = "/api/v1/organizations";

async fn ask(
    app: &TestApp,
    token: &Token,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let path = if path.starts_with("/api") { path.to_owned() } else { format!("{BASE}{path}") };
    app.rest(method, &path, Some(token), body).await
}

/// The same, which must succeed.
async fn done(
    app: &TestApp,
    token: &Token,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Value {
    let answer = ask(app, token, method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json", "{method} {path}");
    assert_eq!(answer.header("cache-control"), "no-store", "{method} {path}");
    answer.json()
}

/// The names of an object's members, in the order in which they came.
fn names(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

both! {
    async fn every_route_answers_in_the_shape_of_the_original(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let organization = json!({ "id": "[id]", "name": "Engine", "created_at": "2026-11-01T12:00:00.000Z", "updated_at": "2026-11-01T12:00:00.000Z" });
        let created = done(&app, &ada, "POST", "", Some(json!({ "name": " Engine " }))).await;
        assert_eq!(redacted(created.clone()), organization);
        assert_eq!(done(&app, &ada, "GET", "/me", None).await, created);
        let list = done(&app, &ada, "GET", "/me/list", None).await;
        assert_eq!(redacted(list.clone()), json!([
            { "id": "[id]", "name": "Engine", "role": "owner", "is_active": true },
            { "id": "[id]", "name": "Personal", "role": "owner", "is_active": false },
        ]));
        let switched = done(&app, &ada, "PATCH", "/me/active", Some(json!({ "organization_id": list[1]["id"] }))).await;
        assert_eq!((&switched["name"], &switched["id"]), (&json!("Personal"), &list[1]["id"]));
        assert_eq!(done(&app, &ada, "GET", "/me/list", None).await[1]["is_active"], true);
        done(&app, &ada, "PATCH", "/me/active", Some(json!({ "organization_id": created["id"] }))).await;
        let own = ask(&app, &ada, "GET", "/me/member", None).await;
        let member = |role: &str, email: &str| json!({
            "id": "[id]", "organization_id": "[id]", "user_id": "[id]", "role": role, "all_boards_read": role != "member",
            "all_boards_write": role != "member", "created_at": "2026-11-01T12:00:00.000Z", "updated_at": "2026-11-01T12:00:00.000Z",
            "user": { "id": "[id]", "email": email, "name": "Sample Person", "preferred_name": null }, "board_access": [],
        });
        assert_eq!(redacted(own.json()), member("owner", "user_ada@example.com"));
        let known = ["id", "organization_id", "user_id", "role", "all_boards_read", "all_boards_write", "created_at", "updated_at", "user"];
        let found: Vec<_> = names(&own.text).into_iter().filter(|name| known.contains(name)).collect();
        assert_eq!(&found[..9], known, "in this order");

        let invited = json!({ "invited_email": " User_Bob@example.com", "role": "admin", "all_boards_read": false, "board_access": [] });
        let issued = done(&app, &ada, "POST", "/me/invites", Some(invited)).await;
        let token = text(&issued["token"]);
        let invite = |token: &str| json!({
            "id": "[id]", "organization_id": "[id]", "invited_email": "user_bob@example.com", "role": "admin", "all_boards_read": true,
            "all_boards_write": true, "token": token, "created_by_user_id": "[id]", "accepted_by_user_id": null, "accepted_at": null,
            "created_at": "2026-11-01T12:00:00.000Z", "updated_at": "2026-11-01T12:00:00.000Z", "expires_at": "2026-11-08T12:00:00.000Z",
        });
        assert_eq!(redacted(issued.clone()), invite(&token));
        let page = done(&app, &ada, "GET", "/me/invites", None).await;
        assert_eq!(redacted(page), json!({ "items": [invite("")], "total": 1, "limit": 200, "offset": 0 }));
        let bob = signed_in(&app, "user_bob").await;
        let joined = done(&app, &bob, "POST", "/invites/accept", Some(json!({ "token": token }))).await;
        assert_eq!(redacted(joined.clone()), member("admin", "user_bob@example.com"));
        assert_eq!(done(&app, &bob, "GET", "/me", None).await["name"], "Engine");
        let page = done(&app, &ada, "GET", "/me/members", None).await;
        assert_eq!(redacted(page), json!({ "items": [member("owner", "user_ada@example.com"), member("admin", "user_bob@example.com")],
            "total": 2, "limit": 200, "offset": 0 }));
        let path = format!("/me/members/{}", text(&joined["id"]));
        assert_eq!(done(&app, &ada, "GET", &path, None).await, joined);
        let changed = done(&app, &ada, "PATCH", &path, Some(json!({ "role": "member" }))).await;
        assert_eq!(redacted(changed), member("member", "user_bob@example.com"));
        let answer = ask(&app, &ada, "PUT", &format!("{path}/access"), Some(json!({}))).await;
        assert_eq!(answer.status, 501);
        assert!(answer.refusal()["detail"].as_str().unwrap().contains("boards"), "{}", answer.text);
        assert_eq!(done(&app, &ada, "DELETE", &path, None).await, json!({ "ok": true }));
        let issued = done(&app, &ada, "POST", "/me/invites", Some(json!({ "invited_email": "x@example.com" }))).await;
        assert_eq!(issued["role"], "member");
        let revoked = done(&app, &ada, "DELETE", &format!("/me/invites/{}", text(&issued["id"])), None).await;
        assert_eq!((&revoked["id"], &revoked["token"]), (&issued["id"], &json!("")));
        assert_eq!(done(&app, &ada, "GET", "/api/v1/boards?limit=200", None).await, json!({ "items": [], "total": 0, "limit": 200, "offset": 0 }));
        assert_eq!(done(&app, &ada, "DELETE", "/me", None).await, json!({ "ok": true }));
        assert_eq!(done(&app, &ada, "GET", "/me", None).await["name"], "Personal", "repaired to the oldest");
    }
}

both! {
    async fn pages_are_ordered_by_address_and_then_by_name(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_m").await;
        let id = found(&app, &ada, "Engine").await;
        for user in ["user_z", "user_b", "user_ä", "user_Y", "user_a"] {
            let plain = user.replace('ä', "ae");
            bring_in(&app, &ada, &id, &plain, "MEMBER").await;
        }
        // Two without an address, told apart by their names, and without regard to letter case.
        for (user, name) in [("user_a", "bea"), ("user_b", "Abe")] {
            database.execute(&format!("UPDATE users SET email = NULL, name = '{name}' WHERE clerk_user_id = '{user}'")).await;
        }
        let path = "/api/v1/organizations/me/members?limit=2&offset=";
        let mut seen = Vec::new();
        for offset in [0, 2, 4, 6] {
            let page = done(&app, &ada, "GET", &format!("{path}{offset}"), None).await;
            assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(6), &json!(2), &json!(offset)));
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| {
                item["user"]["email"].as_str().unwrap_or(item["user"]["name"].as_str().unwrap()).to_owned()
            }));
        }
        assert_eq!(seen, ["Abe", "bea", "user_ae@example.com", "user_m@example.com", "user_y@example.com", "user_z@example.com"]);
        for number in 0..3 {
            invite(&app, &ada, &id, &format!("guest{number}@example.com"), "MEMBER").await;
        }
        let page = done(&app, &ada, "GET", "/me/invites?offset=1&limit=1", None).await;
        assert_eq!((&page["total"], &page["items"][0]["invited_email"]), (&json!(3), &json!("guest1@example.com")), "newest first");
        let page = done(&app, &ada, "GET", "/me/invites?offset=3", None).await;
        assert_eq!(page, json!({ "items": [], "total": 3, "limit": 200, "offset": 3 }));
    }
}

both! {
    async fn faults_say_where_and_what_in_the_words_of_the_original(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        for path in ["/me/members", "/me/invites", "/api/v1/boards"] {
            for (query, fields) in [
                ("limit=0", vec!["limit"]), ("limit=201", vec!["limit"]), ("limit=x", vec!["limit"]), ("offset=-1", vec!["offset"]),
                ("offset=1e3", vec!["offset"]), ("offset=99999999999999999999", vec!["offset"]), ("limit=&offset=", vec!["limit", "offset"]),
            ] {
                let answer = ask(&app, &ada, "GET", &format!("{path}?{query}"), None).await;
                assert_eq!(answer.status, 422, "{path} {query}: {}", answer.text);
                let body = answer.refusal();
                let faults = body["detail"].as_array().unwrap();
                let found: Vec<_> = faults.iter().map(|fault| text(&fault["field"])).collect();
                assert_eq!(found, fields, "{query}");
                for fault in faults {
                    assert_eq!(fault["loc"], json!(["query", fault["field"]]));
                    assert_eq!((&fault["msg"], &fault["type"]), (&fault["message"], &json!("value_error")));
                }
            }
        }
        let long = "x".repeat(121);
        for (method, path, body, field, code) in [
            ("POST", "", json!({}), "name", "INVALID"),
            ("POST", "", json!({ "name": 5 }), "name", "INVALID"),
            ("POST", "", json!({ "name": null }), "name", "INVALID"),
            ("POST", "", json!({ "name": " " }), "name", "INVALID"),
            ("POST", "", json!({ "name": long }), "name", "TOO_LONG"),
            ("PATCH", "/me/active", json!({}), "organization_id", "INVALID"),
            ("POST", "/me/invites", json!({ "role": "admin" }), "invited_email", "INVALID"),
            ("POST", "/me/invites", json!({ "invited_email": "nobody", "role": "admin" }), "invited_email", "INVALID"),
            ("POST", "/me/invites", json!({ "invited_email": "a@example.com", "role": "king" }), "role", "INVALID"),
            ("PATCH", "/me/members/x", json!({}), "role", "INVALID"),
            ("POST", "/invites/accept", json!({ "token": ["x"] }), "token", "INVALID"),
        ] {
            let answer = ask(&app, &ada, method, path, Some(body.clone())).await;
            assert_eq!(answer.status, 422, "{path} {body}: {}", answer.text);
            let detail = answer.refusal()["detail"].clone();
            let fault = &detail[0];
            assert_eq!((&fault["field"], &fault["code"]), (&json!(field), &json!(code)), "{path} {body}");
            assert_eq!(fault["loc"], json!(["body", field]), "{path} {body}");
            assert_eq!(fault["type"], if code == "TOO_LONG" { "string_too_long" } else { "value_error" });
            assert_eq!(fault["msg"], fault["message"]);
        }
        // What speaks against the change as such is one sentence.
        done(&app, &ada, "POST", "", Some(json!({ "name": "Engine" }))).await;
        let member = text(&done(&app, &ada, "GET", "/me/member", None).await["id"]);
        let (_, bobs) = {
            let id = text(&done(&app, &ada, "GET", "/me", None).await["id"]);
            bring_in(&app, &ada, &id, "user_bob", "ADMIN").await
        };
        for (method, path, body, status, part) in [
            ("POST", String::new(), json!({ "name": "ENGINE" }), 409, "has this name"),
            ("POST", "/me/invites".to_owned(), json!({ "invited_email": "user_bob@example.com" }), 409, "already"),
            ("PATCH", format!("/me/members/{member}"), json!({ "role": "admin" }), 422, "Organization must have at least one owner"),
            ("DELETE", format!("/me/members/{member}"), json!({}), 403, "Leave the organization instead"),
            ("DELETE", format!("/me/members/{}", uuid::Uuid::now_v7()), json!({}), 404, "no membership"),
            ("GET", "/me/members/x".to_owned(), json!({}), 404, "no membership"),
            ("DELETE", "/me/invites/x".to_owned(), json!({}), 404, "no such open invitation"),
            ("DELETE", "/me/invites/%ff".to_owned(), json!({}), 404, "no such open invitation"),
            ("GET", "/me/members/%ff%00".to_owned(), json!({}), 404, "no membership"),
            ("PATCH", "/me/members/%ff".to_owned(), json!({ "role": "admin" }), 404, "no membership"),
            ("DELETE", format!("/me/members/{}", "x".repeat(4000)), json!({}), 404, "no membership"),
            ("POST", "/invites/accept".to_owned(), json!({ "token": "x" }), 404, "no such open invitation"),
            ("PATCH", "/me/active".to_owned(), json!({ "organization_id": "x" }), 403, "not a member"),
        ] {
            let answer = ask(&app, &ada, method, &path, Some(body)).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
            let detail = answer.refusal();
            assert!(detail["detail"].as_str().unwrap().contains(part), "{method} {path}: {detail}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        done(&app, &ada, "DELETE", &format!("/me/members/{bobs}"), None).await;
        let answer = ask(&app, &ada, "DELETE", &format!("/me/members/{bobs}"), None).await;
        assert_eq!(answer.status, 404);
    }
}

both! {
    async fn what_is_of_another_organization_is_not_there(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let first = found(&app, &ada, "First").await;
        let (_, firsts) = bring_in(&app, &ada, &first, "user_bob", "MEMBER").await;
        let (invitation, _) = invite(&app, &ada, &first, "x@example.com", "MEMBER").await;
        // She owns both, and works in the second.
        found(&app, &ada, "Second").await;
        for (method, path) in [
            ("GET", format!("/me/members/{firsts}")), ("DELETE", format!("/me/members/{firsts}")),
            ("PATCH", format!("/me/members/{firsts}")), ("DELETE", format!("/me/invites/{invitation}")),
        ] {
            let answer = ask(&app, &ada, method, &path, Some(json!({ "role": "admin" }))).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
        }
        done(&app, &ada, "PATCH", "/me/active", Some(json!({ "organization_id": first }))).await;
        done(&app, &ada, "DELETE", &format!("/me/invites/{invitation}"), None).await;
        done(&app, &ada, "DELETE", &format!("/me/members/{firsts}"), None).await;
    }
}

both! {
    async fn without_a_session_and_with_a_wrong_body_every_route_refuses(database) {
        let app = start(&database).await;
        let routes = [
            ("POST", ""), ("GET", "/me/list"), ("PATCH", "/me/active"), ("GET", "/me"), ("DELETE", "/me"), ("GET", "/me/member"),
            ("GET", "/me/members"), ("GET", "/me/members/x"), ("GET", "/me/members/%ff"), ("PATCH", "/me/members/x"), ("DELETE", "/me/members/x"),
            ("PUT", "/me/members/x/access"), ("GET", "/me/invites"), ("POST", "/me/invites"), ("DELETE", "/me/invites/x"),
            ("POST", "/invites/accept"), ("GET", "/api/v1/boards"),
        ];
        for (method, path) in routes {
            let full = if path.starts_with("/api") { path.to_owned() } else { format!("{BASE}{path}") };
            for (token, challenge) in [(None, "Bearer"), (Some(app.token("user_a").claim("exp", 0)), "Bearer error=\"invalid_token\"")] {
                let (answer, statements) = app.statements(app.rest(method, &full, token.as_ref(), None)).await;
                assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, r#"{"detail":"Not authenticated"}"#), "{method} {path}");
                assert_eq!((answer.header("www-authenticate"), statements), (challenge, 0), "{method} {path}");
            }
        }
        assert_eq!(database.count("users").await, 0);
        let ada = signed_in(&app, "user_ada").await;
        for (method, path) in routes.into_iter().filter(|(method, _)| ["POST", "PATCH"].contains(method)) {
            for (media_type, body, status) in [("text/plain", "{}", 415), ("application/json", "{", 400), ("application/json", "[]", 422)] {
                let request = Request::builder().method(method).uri(format!("{BASE}{path}"))
                    .header(header::AUTHORIZATION, format!("Bearer {}", ada.sign()))
                    .header(header::CONTENT_TYPE, media_type);
                let answer = app.send(request.body(Body::from(body)).unwrap()).await;
                assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
                answer.refusal();
            }
        }
        for (method, path) in [("PUT", ""), ("GET", ""), ("POST", "/me"), ("PATCH", "/me"), ("POST", "/me/list"), ("GET", "/invites/accept"), ("POST", "/me/members")] {
            assert_eq!(ask(&app, &ada, method, path, None).await.status, 405, "{method} {path}");
        }
    }
}

both! {
    async fn a_page_costs_as_many_statements_however_long_it_is(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let path = "/api/v1/organizations/me/members";
        let (answer, one) = app.statements(app.rest("GET", path, Some(&ada), None)).await;
        assert_eq!(answer.json()["total"], 1);
        let organization = mission_control::model::OrganizationId::parse(&id).unwrap();
        crate::api::seed::crowd(&app, organization, 249).await;
        let (answer, many) = app.statements(app.rest("GET", path, Some(&ada), None)).await;
        assert_eq!((&answer.json()["total"], answer.json()["items"].as_array().unwrap().len()), (&json!(250), 200));
        assert_eq!((one, many), (3, 3), "the user with the organization, the page, the count");
        let (answer, statements) = app.statements(app.rest("GET", "/api/v1/organizations/me/list", Some(&ada), None)).await;
        assert_eq!((answer.status.as_u16(), statements), (200, 1));
        let act = verified(&app, "user_ada").claim("act", json!({ "sub": "user_support" }));
        assert_eq!(done(&app, &act, "GET", "/me", None).await["id"], json!(id));
    }
}
