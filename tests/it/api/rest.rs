//! The REST face: the operations of the product text, in snake case, for clients of the original.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

use super::seed::{Presence, presence, promote, redacted, sign_in};
use crate::support::{Answer, TestApp, Token, both, start};

const ME: &str = "/api/v1/users/me";
const BOOTSTRAP: &str = "/api/v1/auth/bootstrap";

/// A PATCH with this body and this media type.
async fn patch(
    app: &TestApp,
    token: &Token,
    media_type: Option<&str>,
    body: impl Into<Body>,
) -> Answer {
    let mut request =
        Request::patch(ME).header(header::AUTHORIZATION, format!("Bearer {}", token.sign()));
    if let Some(media_type) = media_type {
        request = request.header(header::CONTENT_TYPE, media_type);
    }
    app.send(request.body(body.into()).unwrap()).await
}

fn assert_plain(answer: &Answer, case: &str) {
    assert_eq!(answer.header("content-type"), "application/json", "{case}");
    assert_eq!(answer.header("cache-control"), "no-store", "{case}");
    assert!(!answer.header("x-request-id").is_empty(), "{case}");
}

both! {
    async fn the_ten_fields_of_the_product_text(database) {
        let app = start(&database).await;
        let token = app.token("user_2abcXYZ").claim("email", "Alex@Example.com").claim("name", "Alex Chen");
        let created = app.rest("POST", BOOTSTRAP, Some(&token), None).await;
        let profile = |preferred: Value| json!({
            "id": "[id]", "clerk_user_id": "user_2abcXYZ", "email": "alex@example.com",
            "name": "Alex Chen", "preferred_name": preferred, "pronouns": null, "timezone": null,
            "notes": null, "context": null, "is_super_admin": false,
        });
        assert_eq!((created.status.as_u16(), redacted(created.json())), (200, profile(Value::Null)));
        assert_plain(&created, "bootstrap");
        // In the order of the text, too.
        let names: Vec<_> = created.text.split('"').filter(|part| profile(Value::Null).get(part).is_some()).collect();
        assert_eq!(names, [
            "id", "clerk_user_id", "email", "name", "preferred_name", "pronouns", "timezone",
            "notes", "context", "is_super_admin",
        ]);
        let again = app.rest("POST", BOOTSTRAP, Some(&token), None).await;
        let read = app.rest("GET", ME, Some(&token), None).await;
        for answer in [&again, &read] {
            assert_eq!((answer.status.as_u16(), answer.json()), (200, created.json()));
        }
        assert_plain(&read, "GET");
        let changed = app.rest("PATCH", ME, Some(&token), Some(json!({ "preferred_name": "Alex" }))).await;
        assert_eq!((changed.status.as_u16(), redacted(changed.json())), (200, profile("Alex".into())));
        assert_plain(&changed, "PATCH");
        let graphql = app.query(Some(&token), "{ me { id preferredName } }").await.data();
        assert_eq!(graphql["me"], json!({ "id": changed.json()["id"], "preferredName": "Alex" }));
        let deleted = app.rest("DELETE", ME, Some(&token), None).await;
        assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (200, r#"{"ok":true}"#));
        assert_plain(&deleted, "DELETE");
        assert_eq!(presence(&app, "user_2abcXYZ").await, Presence::Gone);
    }
}

both! {
    async fn a_super_admin_is_shown_as_one_unless_impersonated(database) {
        let app = start(&database).await;
        let id = sign_in(&app, "user_a").await;
        promote(&app, id).await;
        let token = app.token("user_a");
        let impersonated = token.clone().claim("act", json!({ "sub": "user_support" }));
        for (token, expected) in [(token, true), (impersonated, false)] {
            for (method, path) in [("GET", ME), ("POST", BOOTSTRAP)] {
                let answer = app.rest(method, path, Some(&token), None).await;
                assert_eq!(answer.json()["is_super_admin"], expected, "{method}");
            }
        }
        let act = app.token("user_a").claim("act", json!({ "sub": "user_support" }));
        let answer = app.rest("DELETE", ME, Some(&act), None).await;
        let detail = json!({ "detail": "An impersonated session cannot delete an account." });
        assert_eq!((answer.status.as_u16(), answer.refusal()), (403, detail));
        assert_plain(&answer, "403");
    }
}

both! {
    async fn a_patch_keeps_clears_and_sets(database) {
        let app = start(&database).await;
        let token = app.token("user_a").without("name");
        app.clerk.add_user("user_a", Some("user_a@example.com"), None);
        let all = json!({
            "name": "Alex Chen", "preferred_name": "Al", "pronouns": "they/them",
            "timezone": "Europe/Berlin", "notes": "n", "context": "c",
        });
        for (changes, expected) in [
            (all.clone(), all.clone()),
            (json!({}), all.clone()),
            (json!({ "notes": null }), json!({ "notes": null })),
            (json!({ "name": "  Ada ", "timezone": "asia/TOKYO" }), json!({ "name": "Ada", "timezone": "Asia/Tokyo" })),
            (json!({ "context": "a\r\nb", "pronouns": "" }), json!({ "context": "a\nb", "pronouns": null })),
        ] {
            let before = app.rest("PATCH", ME, Some(&token), Some(all.clone())).await;
            let mut profile = before.json();
            for (name, value) in expected.as_object().unwrap() {
                profile[name] = value.clone();
            }
            let answer = app.rest("PATCH", ME, Some(&token), Some(changes.clone())).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (200, profile.clone()), "{changes}");
            assert_eq!(app.rest("GET", ME, Some(&token), None).await.json(), profile);
        }
    }
}

both! {
    async fn a_faulty_patch_changes_nothing_and_says_everything(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let before = app.rest("POST", BOOTSTRAP, Some(&token), None).await.json();
        let long = "x".repeat(101);
        for (changes, expected) in [
            (json!({ "timezone": "Mars", "notes": "n" }), vec![("timezone", "UNKNOWN_TIMEZONE")]),
            (json!({ "name": 5, "notes": "n" }), vec![("name", "INVALID")]),
            (json!({ "name": ["x"], "notes": {}, "pronouns": true, "context": 0.5 }), vec![
                ("name", "INVALID"), ("pronouns", "INVALID"), ("notes", "INVALID"), ("context", "INVALID"),
            ]),
            // Faults of every kind at once, in the order of the fields.
            (json!({ "context": "a\u{0}", "timezone": "Mars", "pronouns": 1, "preferred_name": long, "email": "x@example.com" }), vec![
                ("preferred_name", "TOO_LONG"), ("pronouns", "INVALID"), ("timezone", "UNKNOWN_TIMEZONE"),
                ("context", "INVALID"), ("email", "INVALID"),
            ]),
            (json!({ "preferredName": "x" }), vec![("preferredName", "INVALID")]),
            (json!({ "id": "x", "notes": "n" }), vec![("id", "INVALID")]),
            (json!({ "is_super_admin": true, "clerk_user_id": "user_b" }), vec![
                ("clerk_user_id", "INVALID"), ("is_super_admin", "INVALID"),
            ]),
        ] {
            let answer = app.rest("PATCH", ME, Some(&token), Some(changes.clone())).await;
            assert_eq!(answer.status, 422, "{changes}: {}", answer.text);
            assert_plain(&answer, "422");
            let body = answer.refusal();
            let faults = body["detail"].as_array().unwrap();
            let found: Vec<_> = faults.iter().map(|f| (f["field"].as_str().unwrap(), f["code"].as_str().unwrap())).collect();
            assert_eq!(found, expected, "{changes}");
            for fault in faults {
                assert_eq!(fault.as_object().unwrap().len(), 6);
                // As the original's front end reads them.
                assert_eq!(fault["msg"], fault["message"]);
                assert_eq!(fault["loc"], json!(["body", fault["field"]]));
                let is_long = fault["code"] == "TOO_LONG";
                assert_eq!(fault["type"], if is_long { "string_too_long" } else { "value_error" });
                assert!(fault["message"].as_str().unwrap().len() > 20, "{fault}");
            }
            assert_eq!(app.rest("GET", ME, Some(&token), None).await.json(), before, "{changes}");
        }
        // However many, however long the names are: the answer stays short.
        let many: serde_json::Map<_, _> = (0..5000).map(|n| (format!("{n}{}", "x".repeat(20)), Value::Null)).collect();
        let mut many = Value::Object(many);
        many["y".repeat(10_000)] = Value::Null;
        let answer = app.rest("PATCH", ME, Some(&token), Some(many)).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text.len() < 4096, "{}", answer.text.len());
    }
}

both! {
    async fn what_is_no_change_at_all_is_refused(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let before = app.rest("POST", BOOTSTRAP, Some(&token), None).await.json();
        let json = Some("application/json");
        let unsupported = "Send the body as application/json in UTF-8.";
        for (media_type, body, status, detail) in [
            (json, "", 400, "The body is not JSON: line 1, column 0."),
            (json, "{", 400, "The body is not JSON: line 1, column 1."),
            (json, "{\"name\": \"x\",}", 400, "The body is not JSON: line 1, column 14."),
            (json, "{\"name\": \"x\"} x", 400, "The body is not JSON: line 1, column 15."),
            (json, "[]", 422, "The body must be a JSON object."),
            (json, "[{\"name\": \"x\"}]", 422, "The body must be a JSON object."),
            (json, "null", 422, "The body must be a JSON object."),
            (json, "\"name\"", 422, "The body must be a JSON object."),
            (None, "{\"name\": \"x\"}", 415, unsupported),
            (Some("text/plain"), "{\"name\": \"x\"}", 415, unsupported),
            (Some("application/json; charset=latin1"), "{\"name\": \"x\"}", 415, unsupported),
            (Some("application/x-www-form-urlencoded"), "name=x", 415, unsupported),
        ] {
            let answer = patch(&app, &token, media_type, body).await;
            let case = format!("{media_type:?} {body}");
            assert_eq!((answer.status.as_u16(), answer.refusal()), (status, json!({ "detail": detail })), "{case}");
            assert_plain(&answer, &case);
        }
        let answer = patch(&app, &token, json, vec![0x22, 0xff, 0x22]).await;
        assert_eq!(answer.status, 400, "not UTF-8: {}", answer.text);
        let answer = patch(&app, &token, json, "[".repeat(100_000)).await;
        assert_eq!(answer.status, 400, "nested without end: {}", answer.text);
        let answer = patch(&app, &token, json, format!("{{\"notes\": \"{}\"}}", "x".repeat(256 * 1024))).await;
        assert_eq!((answer.status.as_u16(), answer.refusal()), (413, json!({
            "detail": "The body is longer than allowed (MAX_BODY_BYTES).",
        })));
        assert_plain(&answer, "413");
        let answer = patch(&app, &token, Some("Application/JSON; charset=\"UTF-8\""), "{}").await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, before.clone()));
        assert_eq!(app.rest("GET", ME, Some(&token), None).await.json(), before);
    }
}

both! {
    async fn paths_and_methods_that_are_not_there(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        for path in ["/api/v1/users", "/api/v1/users/me/", "/api/v1/users/1", "/api/v2/users/me", "/nowhere", "/api/v1/auth"] {
            for method in ["GET", "POST", "DELETE"] {
                let answer = app.rest(method, path, Some(&token), None).await;
                let expected = (404, json!({ "detail": "Not Found" }));
                assert_eq!((answer.status.as_u16(), answer.refusal()), expected, "{method} {path}");
                assert_plain(&answer, path);
            }
        }
        for (path, methods, allowed) in [
            (ME, ["POST", "PUT"], ["DELETE", "GET", "HEAD", "PATCH"].as_slice()),
            (BOOTSTRAP, ["GET", "DELETE"], ["POST"].as_slice()),
        ] {
            for method in methods {
                let answer = app.rest(method, path, Some(&token), None).await;
                let expected = (405, json!({ "detail": "Method Not Allowed" }));
                assert_eq!((answer.status.as_u16(), answer.refusal()), expected, "{method} {path}");
                let mut allow: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
                allow.sort_unstable();
                assert_eq!(allow, allowed, "{method} {path}");
                assert_plain(&answer, path);
            }
        }
        assert_eq!(database.count("users").await, 0, "nobody was created on the way");
    }
}

both! {
    async fn no_token_no_answer(database) {
        let app = start(&database).await;
        let cases = [("GET", ME), ("PATCH", ME), ("DELETE", ME), ("POST", BOOTSTRAP)];
        for (method, path) in cases {
            for (token, challenge) in [
                (None, "Bearer"),
                (Some(app.token("user_a").claim("exp", 0)), "Bearer error=\"invalid_token\""),
            ] {
                let answer = app.rest(method, path, token.as_ref(), None).await;
                let expected = (401, r#"{"detail":"Not authenticated"}"#);
                assert_eq!((answer.status.as_u16(), answer.text.as_str()), expected, "{method}");
                assert_eq!(answer.header("www-authenticate"), challenge);
                assert_plain(&answer, method);
            }
        }
        assert_eq!(database.count("users").await, 0);
    }
}

both! {
    async fn a_sane_request_id_is_kept(database) {
        let app = start(&database).await;
        let token = app.token("user_a").sign();
        let longest = "a".repeat(128);
        let too_long = "a".repeat(129);
        for (sent, is_kept) in [
            ("abc", true), ("0190f7a2-1111-7000-8000-000000000000", true), ("Root=1-67891233-abcdef", true),
            ("a/b+c:d_e.f", true), (longest.as_str(), true),
            ("", false), (too_long.as_str(), false), ("a b", false), ("a\"b", false), ("{{7*7}}", false), ("<b>", false),
            ("a\u{e9}", false),
        ] {
            for path in [ME, "/nowhere", "/graphql"] {
                let request = Request::get(path)
                    .header("x-request-id", sent.as_bytes())
                    .header(header::AUTHORIZATION, format!("Bearer {token}"));
                let answer = app.send(request.body(Body::empty()).unwrap()).await;
                let id = answer.header("x-request-id");
                if is_kept {
                    assert_eq!(id, sent, "{path}");
                } else {
                    assert!(uuid::Uuid::try_parse(id).is_ok(), "{sent:.20}: {id}");
                }
            }
        }
        // Errors of a field carry the same name.
        let body = json!({ "query": "{ nodes(ids: [], x: 1) { id } }" }).to_string();
        let request = Request::post("/graphql")
            .header("x-request-id", "abc")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        let answer = app.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.json()["errors"][0]["extensions"]["requestId"], "abc", "{}", answer.text);
        assert_eq!(answer.header("x-request-id"), "abc");
    }
}
