//! Who and what is refused before anything is executed: callers without a valid session token, a Clerk or a
//! database that is out of reach, an execution that takes too long.

use serde_json::json;

use super::ask::{Ask, GQL, JSON, check_answer, sqlite};
use crate::support::{Fault, TestApp, TestDatabase, Token, both, noon, start};

#[tokio::test]
async fn anonymous_requests_get_what_is_public_and_nothing_else() {
    let (_database, app) = sqlite(&[]).await;
    for (query, is_public) in [
        ("{ __typename }", true),
        ("{ serverInfo { name version authMode } }", true),
        ("{ __schema { queryType { name } } }", true),
        ("{ __type(name: \"User\") { name } }", true),
        ("{ ...F } fragment F on Query { serverInfo { name } ... { __typename } }", true),
        ("mutation { __typename }", true),
        ("query A { serverInfo { name } }", true),
        ("{ me { id } }", false),
        ("{ serverInfo { name } me { id } }", false),
        ("{ serverInfo: me { id } }", false),
        ("{ me @skip(if: true) { id } }", false),
        ("{ me @include(if: false) { id } serverInfo { name } }", false),
        ("{ ...F @skip(if: true) } fragment F on Query { me { id } }", false),
        ("{ node(id: 1) { id } }", false),
        ("mutation { bootstrap { created } }", false),
        ("mutation { updateProfile(input: {}) { userErrors { code } } }", false),
        ("mutation { deleteUser { deletedUserId } }", false),
    ] {
        let answer = Ask::query(query).send(&app).await;
        if is_public {
            assert!(answer.data().is_object(), "{query}");
        } else {
            check_answer(&answer, JSON, 401, "UNAUTHENTICATED", query);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{query}");
        }
    }
}

#[tokio::test]
async fn every_bad_token_is_the_same_401_whatever_is_asked() {
    let (database, app) = sqlite(&[]).await;
    let good = app.token("user_a");
    let signed = good.sign();
    let now = noon().timestamp();
    let mut authorizations: Vec<(&str, Vec<String>)> = vec![
        ("another scheme", vec![format!("Basic {signed}")]),
        ("no scheme", vec![signed.clone()]),
        ("no token", vec!["Bearer".to_owned()]),
        ("empty token", vec!["Bearer ".to_owned()]),
        ("empty", vec![String::new()]),
        ("two parts", vec!["Bearer a.b".to_owned()]),
        ("four parts", vec![format!("Bearer {signed}.x")]),
        ("two tokens", vec![format!("Bearer {signed} {signed}")]),
        ("two fields", vec![format!("Bearer {signed}"), format!("Bearer {signed}")]),
        ("over 16 KiB", vec![format!("Bearer {}.b.c", "a".repeat(17_000))]),
        ("not ASCII", vec!["Bearer \u{e4}.\u{e4}.\u{e4}".to_owned()]),
        ("signature cut", vec![format!("Bearer {}", &signed[..signed.len() - 8])]),
        (
            "signed by another key",
            vec![format!("Bearer {}", good.sign_with(include_str!("../../keys/other-rsa.pem")))],
        ),
    ];
    for (situation, token) in [
        ("alg none", good.clone().header("alg", "none")),
        ("alg HS256", good.clone().header("alg", "HS256")),
        ("alg RS512", good.clone().header("alg", "RS512")),
        ("unknown key", good.clone().header("kid", "ins_0000000000000000000000000")),
        ("jku", good.clone().header("kid", "ins_1").header("jku", "http://127.0.0.1:1/")),
        ("expired", good.clone().claim("exp", now - 10)),
        ("not yet valid", good.clone().claim("nbf", now + 11)),
        ("no sub", good.clone().without("sub")),
        ("no exp", good.clone().without("exp")),
        ("no iat", good.clone().without("iat")),
    ] {
        authorizations.push((situation, vec![format!("Bearer {}", token.sign())]));
    }
    let before = app.app.state.accounts.store().statements();
    for (situation, values) in authorizations {
        for query in ["{ me { id } }", "{ __typename }", "{ serverInfo { name } }"] {
            for media_type in [GQL, JSON] {
                let mut ask = Ask::query(query).with("accept", media_type);
                for value in &values {
                    ask = ask.with("authorization", value.as_str());
                }
                let answer = ask.send(&app).await;
                check_answer(&answer, media_type, 401, "UNAUTHENTICATED", situation);
                let challenge = answer.header("www-authenticate");
                assert_eq!(challenge, "Bearer error=\"invalid_token\"", "{situation}");
            }
        }
    }
    assert_eq!(app.app.state.accounts.store().statements(), before, "no database call");
    assert_eq!(database.count("users").await, 0);
    // Nowhere but in the header.
    let in_url =
        Ask::get(&[("query", "{ me { id } }"), ("access_token", &signed), ("token", &signed)]);
    assert_eq!(in_url.send(&app).await.status, 401);
    let cookie = Ask::query("{ me { id } }").with("cookie", format!("__session={signed}"));
    assert_eq!(cookie.send(&app).await.status, 401);
}

both! {
    async fn the_token_of_a_deleted_user_is_a_401_and_creates_nobody(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), None);
        let token = app.token("user_a");
        let delete = "mutation { a: bootstrap { created } deleteUser { deletedUserId } bootstrap { created } }";
        let answer = app.query(Some(&token), delete).await;
        // Once the user was known, what fails later is an error of its field.
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (200, "UNAUTHENTICATED"));
        assert_eq!(answer.json()["errors"][0]["path"], json!(["bootstrap"]));
        for query in ["{ me { id } }", "mutation { bootstrap { created } }", "{ __typename me { id } }"] {
            for media_type in [GQL, JSON] {
                let answer = Ask::query(query).token(&token).with("accept", media_type).send(&app).await;
                check_answer(&answer, media_type, 401, "UNAUTHENTICATED", query);
            }
        }
        assert_eq!(database.count("users").await, 0);
    }
}

#[tokio::test]
async fn keys_that_were_never_loaded_are_a_503() {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, &[("CLERK_API_URL", "http://127.0.0.1:9")]).await;
    let token = app.token("user_a");
    for media_type in [GQL, JSON] {
        for query in ["{ me { id } }", "{ __typename }"] {
            let answer =
                Ask::query(query).token(&token).with("accept", media_type).send(&app).await;
            check_answer(&answer, media_type, 503, "SERVICE_UNAVAILABLE", query);
        }
        // What is no token at all is known to be bad without keys.
        let answer = Ask::query("{ me { id } }").with("authorization", "Basic x");
        let answer = answer.with("accept", media_type).send(&app).await;
        check_answer(&answer, media_type, 401, "UNAUTHENTICATED", "no token");
        assert_eq!(Ask::query("{ __typename }").send(&app).await.status, 200);
    }
}

both! {
    async fn a_database_that_cannot_be_reached_is_a_503(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 200);
        app.app.state.accounts.store().close().await;
        // Somebody new has to be written down; SQLite still reads then.
        let token = app.token("user_b");
        for media_type in [GQL, JSON] {
            for query in ["{ me { id } }", "mutation { bootstrap { created } }", "{ __typename me { id } }"] {
                let answer = Ask::query(query).token(&token).with("accept", media_type).send(&app).await;
                check_answer(&answer, media_type, 503, "SERVICE_UNAVAILABLE", query);
            }
        }
        assert_eq!(app.query(None, "{ serverInfo { name } }").await.status, 200);
    }
}

both! {
    async fn execution_over_its_time_is_a_503(database) {
        let app = TestApp::start(&database, &[("EXECUTION_TIMEOUT", "0.3")]).await;
        app.clerk.on_read(Some(Fault::Silence));
        // Without a name and an address in the token, Clerk is asked, and says nothing.
        let token = Token::new("user_a", noon());
        for media_type in [GQL, JSON] {
            for query in ["{ me { id } }", "mutation { bootstrap { created } }"] {
                let answer = Ask::query(query).token(&token).with("accept", media_type).send(&app).await;
                check_answer(&answer, media_type, 503, "TIMEOUT", query);
                assert!(answer.text.contains("EXECUTION_TIMEOUT"), "{}", answer.text);
            }
        }
        app.clerk.on_read(None);
        app.clerk.add_user("user_a", Some("a@example.com"), Some("A"));
        assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 200);
    }
}
