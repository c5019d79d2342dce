//! What every answer tells browsers, whatever it is an answer to.

use serde_json::json;

use super::people::signed_in;
use crate::{
    api::ask::Ask,
    support::{TestApp, TestDatabase, both, start},
};

both! {
    async fn every_answer_has_the_security_headers(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        for (ask, status) in [
            (Ask::query("{ __typename }"), 200),
            (Ask::query("{ me { id } }"), 401),
            (Ask::post("x"), 400),
            (Ask::other("GET", "/healthz"), 200),
            (Ask::other("GET", "/readyz"), 200),
            (Ask::other("GET", "/nowhere"), 404),
            (Ask::other("PUT", "/graphql"), 405),
            (Ask::other("GET", "/api/v1/users/me"), 401),
            (Ask::other("GET", "/api/v1/users/me").token(&ada), 200),
            (Ask::other("GET", "/api/v1/organizations/me/list").token(&ada), 200),
            (Ask::other("PATCH", "/api/v1/users/me").token(&ada).body("x"), 415),
            (Ask::other("POST", "/api/v1/webhooks/clerk"), 404),
            ((0..101).fold(Ask::query("{ a }"), |ask, n| ask.with(&format!("x-{n}"), "1")), 431),
        ] {
            let uri = ask.uri.clone();
            let answer = ask.send(&app).await;
            assert_eq!(answer.status, status, "{uri}: {}", answer.text);
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{uri}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{uri}");
            assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{uri}");
        }
        // The page has a stricter policy of its own.
        let page = Ask::other("GET", "/").send(&app).await;
        assert_eq!((page.status.as_u16(), page.header("referrer-policy")), (200, "no-referrer"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    }
}

#[tokio::test]
async fn a_listed_origin_may_put() {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[("CORS_ORIGINS", "https://app.example.com")]).await;
    let preflight = Ask::other("OPTIONS", "/api/v1/organizations/me/members/x/access")
        .with("origin", "https://app.example.com")
        .with("access-control-request-method", "PUT")
        .with("access-control-request-headers", "authorization, content-type");
    let answer = preflight.send(&app).await;
    let methods = answer.header("access-control-allow-methods");
    assert!(methods.split(", ").any(|method| method == "PUT"), "{methods}");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.text, "");
    let ada = signed_in(&app, "user_ada").await;
    let put = Ask::other("PUT", "/api/v1/organizations/me/members/x/access")
        .with("origin", "https://app.example.com")
        .with("content-type", "application/json")
        .token(&ada)
        .body(json!({ "all_boards_read": true }).to_string());
    let answer = put.send(&app).await;
    assert_eq!(answer.status, 501, "{}", answer.text);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
}
