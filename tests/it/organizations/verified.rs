//! Accepting takes the invited address, verified: by the token's claim, by what Clerk said before, or by what it
//! says when it is asked.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::people::{accept, found, invite, signed_in, text, verified as vouched};
use crate::support::{TestApp, both, start, user_object};

const WHY: &str = "verified one of your account";

/// What the token says about the address, what Clerk's API says when it is asked, and whether that is enough.
struct Case {
    name: &'static str,
    claims: &'static [(&'static str, &'static str)],
    at_clerk: Option<(&'static str, &'static str)>,
    expected: bool,
    asks: usize,
}

const INVITED: &str = "bob@example.com";

const CASES: [Case; 9] = [
    Case {
        name: "claimed and vouched for",
        claims: &[("email", INVITED), ("email_verified", "true")],
        at_clerk: None,
        expected: true,
        asks: 0,
    },
    Case {
        name: "claimed in capitals",
        claims: &[("email", "BOB@Example.com"), ("email_verified", "true")],
        at_clerk: None,
        expected: true,
        asks: 0,
    },
    Case {
        name: "claimed, verified at Clerk",
        claims: &[("email", INVITED)],
        at_clerk: Some((INVITED, "verified")),
        expected: true,
        asks: 1,
    },
    Case {
        name: "claimed, not verified at Clerk",
        claims: &[("email", INVITED)],
        at_clerk: Some((INVITED, "unverified")),
        expected: false,
        asks: 1,
    },
    Case {
        name: "claimed, another one at Clerk",
        claims: &[("email", INVITED)],
        at_clerk: Some(("eve@example.com", "verified")),
        expected: false,
        asks: 1,
    },
    Case {
        name: "claimed, none at Clerk",
        claims: &[("email", INVITED)],
        at_clerk: None,
        expected: false,
        asks: 1,
    },
    Case {
        name: "another one claimed and vouched for",
        claims: &[("email", "eve@example.com"), ("email_verified", "true")],
        at_clerk: Some(("eve@example.com", "verified")),
        expected: false,
        asks: 1,
    },
    Case {
        name: "another one claimed, the invited one at Clerk",
        claims: &[("email", "old@example.com"), ("email_verified", "true")],
        at_clerk: Some((INVITED, "verified")),
        expected: true,
        asks: 1,
    },
    Case {
        name: "vouched for in a text",
        claims: &[("email", INVITED), ("email_verified", "\"true\"")],
        at_clerk: Some((INVITED, "unverified")),
        expected: false,
        asks: 1,
    },
];

both! {
    async fn only_the_verified_address_may_accept(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        for (number, case) in CASES.iter().enumerate() {
            let name = case.name;
            let user = format!("user_b{number}");
            let (_, invitation) = invite(&app, &ada, &id, INVITED, "MEMBER").await;
            let mut token = app.token(&user).without("email");
            for (claim, value) in case.claims {
                let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
                token = token.claim(claim, value);
            }
            match case.at_clerk {
                Some((email, status)) => add_with_status(&app, &user, email, status),
                None => app.clerk.add_user(&user, None, None),
            }
            app.query(Some(&token), "{ me { id } }").await.data();
            let reads = app.clerk.reads();
            let answer = accept(&app, &token, &invitation).await;
            assert_eq!(app.clerk.reads() - reads, case.asks, "{name}");
            if case.expected {
                let data = answer.data();
                let member = &data["acceptInvitation"]["member"];
                assert_eq!(member["role"], "MEMBER", "{name}");
                let remove = format!("mutation {{ removeMember(input: {{ membershipId: \"{}\" }}) {{ deletedMembershipId }} }}", text(&member["id"]));
                app.query(Some(&ada), &remove).await.data();
                continue;
            }
            assert_eq!(answer.code(), "FORBIDDEN", "{name}: {}", answer.text);
            assert!(answer.text.contains(WHY) && !answer.text.contains('@'), "{name}: {}", answer.text);
            // Clerk is not asked again for each try.
            let path = "/api/v1/organizations/invites/accept";
            let answer = app.rest("POST", path, Some(&token), Some(json!({ "token": invitation }))).await;
            assert_eq!(answer.status, 403, "{name}: {}", answer.text);
            assert!(answer.refusal()["detail"].as_str().unwrap().contains(WHY), "{name}");
            assert_eq!(app.clerk.reads() - reads, case.asks, "{name}");
        }
    }
}

fn add_with_status(app: &TestApp, user: &str, email: &str, status: &str) {
    let mut object = user_object(user, Some(email), Some("Bob"), 1_789_999_999_456);
    object["email_addresses"][0]["verification"]["status"] = status.into();
    app.clerk.put_user(object);
}

both! {
    async fn what_clerk_said_once_is_remembered_and_who_verifies_late_tries_again(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let first = found(&app, &ada, "One").await;
        let second = found(&app, &ada, "Two").await;
        let (_, one) = invite(&app, &ada, &first, INVITED, "MEMBER").await;
        let (_, two) = invite(&app, &ada, &second, INVITED, "MEMBER").await;
        add_with_status(&app, "user_bob", INVITED, "unverified");
        let bob = app.token("user_bob").claim("email", INVITED);
        app.query(Some(&bob), "{ me { id } }").await.data();
        let listed = "{ me { invitations { totalCount } } }";
        assert_eq!(app.query(Some(&bob), listed).await.data()["me"]["invitations"]["totalCount"], 0);
        assert_eq!(accept(&app, &bob, &one).await.code(), "FORBIDDEN");
        add_with_status(&app, "user_bob", INVITED, "verified");
        assert_eq!(accept(&app, &bob, &one).await.code(), "FORBIDDEN", "Clerk was asked a moment ago");
        app.clock.advance(TimeDelta::seconds(10));
        let reads = app.clerk.reads();
        accept(&app, &bob, &one).await.data();
        assert_eq!(app.query(Some(&bob), listed).await.data()["me"]["invitations"]["totalCount"], 1);
        accept(&app, &bob, &two).await.data();
        assert_eq!(app.clerk.reads() - reads, 1);
    }
}

both! {
    async fn a_first_request_with_open_invitations_joins_nothing(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        invite(&app, &ada, &id, "user_bob@example.com", "OWNER").await;
        let bob = vouched(&app, "user_bob");
        let query = "mutation { bootstrap { created user { activeOrganization { name } memberships { totalCount } \
            invitations { totalCount nodes { organizationName role invitedBy } } } } }";
        let data = app.query(Some(&bob), query).await.data();
        assert_eq!(data["bootstrap"], json!({ "created": true, "user": {
            "activeOrganization": { "name": "Personal" }, "memberships": { "totalCount": 1 },
            "invitations": { "totalCount": 1, "nodes": [{ "organizationName": "Engine", "role": "OWNER", "invitedBy": "Sample Person" }] },
        } }));
        // An address that nobody vouches for is shown nothing.
        let eve = app.token("user_eve").claim("email", "user_bob@example.com");
        let data = app.query(Some(&eve), "{ me { invitations { totalCount nodes { id } } } }").await.data();
        assert_eq!(data["me"]["invitations"], json!({ "totalCount": 0, "nodes": Value::Array(Vec::new()) }));
    }
}
