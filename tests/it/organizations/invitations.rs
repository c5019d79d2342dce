//! Invitations: what is stored and shown of one, for how long it counts, and how often.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::people::{
    accept, bring_in, change, found, invite, roles, signed_in, stored, text, verified,
};
use crate::{
    api::seed::redacted,
    support::{TestApp, Token, both, start},
};

const UNKNOWN: &str =
    "There is no such open invitation: it was accepted, revoked or replaced, or it has expired.";

/// The open invitations into an organization, as an admin sees them.
async fn open(app: &TestApp, token: &Token, organization: &str) -> Value {
    let query = format!(
        "{{ organization(id: \"{organization}\") {{ invitations {{ totalCount nodes {{ email role invitedBy }} }} }} }}"
    );
    app.query(Some(token), &query).await.data()["organization"]["invitations"].clone()
}

async fn assert_unknown(app: &TestApp, token: &Token, invitation: &str, case: &str) {
    let answer = accept(app, token, invitation).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{case}: {}", answer.text);
    assert_eq!(answer.json()["errors"][0]["message"], UNKNOWN, "{case}");
    let path = "/api/v1/organizations/invites/accept";
    let answer = app.rest("POST", path, Some(token), Some(json!({ "token": invitation }))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.refusal()),
        (404, json!({ "detail": UNKNOWN })),
        "{case}"
    );
}

both! {
    async fn an_invitation_is_shown_once_listed_without_its_token_and_accepted_once(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let field = format!("createInvitation(input: {{ organizationId: \"{id}\", email: \" User_Bob@Example.com \", role: ADMIN }}) \
            {{ invitation {{ id email role invitedBy organizationName createdAt expiresAt }} token userErrors {{ code }} }}");
        let payload = change(&app, &ada, &field).await;
        let token = text(&payload["token"]);
        assert_eq!(token.len(), 43);
        let invitation = json!({ "id": "[id]", "email": "user_bob@example.com", "role": "ADMIN", "invitedBy": "Sample Person",
            "organizationName": "Engine", "createdAt": "2026-11-01T12:00:00.000Z", "expiresAt": "2026-11-08T12:00:00.000Z" });
        assert_eq!(redacted(payload["invitation"].clone()), invitation);
        // Nothing stored holds the token, in whole or in part.
        let columns = "SELECT token_hash FROM organization_invitations";
        let hashes = database.texts(columns).await;
        assert_eq!(hashes.len(), 1);
        assert!(hashes[0].len() == 43 && hashes[0] != token);
        assert!(!stored(&database).await.join(" ").contains(&token[..8]));
        // He sees it, and is no member before he accepts.
        let bob = signed_in(&app, "user_bob").await;
        let query = "{ me { memberships { totalCount } invitations { totalCount nodes { id email role invitedBy organizationName createdAt expiresAt } \
            edges { cursor } pageInfo { hasNextPage hasPreviousPage } } } }";
        let (answer, statements) = app.statements(app.query(Some(&bob), query)).await;
        let data = answer.data();
        assert_eq!(statements, 2, "one more than without the invitations");
        assert_eq!(redacted(data["me"]["invitations"]["nodes"].clone()), json!([invitation]));
        assert_eq!((&data["me"]["memberships"]["totalCount"], &data["me"]["invitations"]["totalCount"]), (&json!(1), &json!(1)));
        // Somebody else who has the token is told why it does not help.
        let eve = signed_in(&app, "user_eve").await;
        let refused = accept(&app, &eve, &token).await;
        assert_eq!(refused.code(), "FORBIDDEN", "{}", refused.text);
        assert!(!refused.text.contains("user_bob"), "{}", refused.text);
        let field = format!("acceptInvitation(input: {{ token: \"{token}\" }}) {{ member {{ id role isViewer organization {{ id name }} }} \
            user {{ activeOrganization {{ name }} memberships {{ totalCount }} invitations {{ totalCount }} }} userErrors {{ code }} }}");
        let accepted = change(&app, &bob, &field).await;
        assert_eq!(redacted(accepted), json!({
            "member": { "id": "[id]", "role": "ADMIN", "isViewer": true, "organization": { "id": "[id]", "name": "Engine" } },
            "user": { "activeOrganization": { "name": "Engine" }, "memberships": { "totalCount": 2 }, "invitations": { "totalCount": 0 } },
            "userErrors": [],
        }));
        assert_unknown(&app, &bob, &token, "used").await;
        assert_eq!(database.count("organization_invitations").await, 0);
        assert_eq!(roles(&app, &ada, &id).await, ["user_ada OWNER", "user_bob ADMIN"]);
    }
}

both! {
    async fn an_invitation_counts_no_more_once_it_is_revoked_replaced_or_too_old(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let bob = signed_in(&app, "user_bob").await;
        let (revoked, token) = invite(&app, &ada, &id, "user_bob@example.com", "MEMBER").await;
        let revoke = format!("revokeInvitation(input: {{ invitationId: \"{revoked}\" }}) {{ deletedInvitationId userErrors {{ code }} }}");
        assert_eq!(change(&app, &ada, &revoke).await, json!({ "deletedInvitationId": revoked, "userErrors": [] }));
        assert_unknown(&app, &bob, &token, "revoked").await;
        let again = app.query(Some(&ada), &format!("mutation {{ {revoke} }}")).await;
        assert_eq!(again.code(), "BAD_USER_INPUT", "{}", again.text);

        let (first, replaced) = invite(&app, &ada, &id, "USER_BOB@example.com", "MEMBER").await;
        let (second, token) = invite(&app, &ada, &id, "user_bob@example.com", "ADMIN").await;
        assert_ne!(first, second);
        assert_unknown(&app, &bob, &replaced, "replaced").await;
        assert_eq!(open(&app, &ada, &id).await, json!({ "totalCount": 1, "nodes": [
            { "email": "user_bob@example.com", "role": "ADMIN", "invitedBy": "Sample Person" }] }));

        // Open to its last microsecond.
        app.advance(TimeDelta::days(7) - TimeDelta::microseconds(1)).await;
        let ada = verified(&app, "user_ada");
        let bob = verified(&app, "user_bob");
        assert_eq!(open(&app, &ada, &id).await["totalCount"], 1);
        app.advance(TimeDelta::microseconds(1)).await;
        assert_eq!(open(&app, &ada, &id).await["totalCount"], 0);
        let data = app.query(Some(&bob), "{ me { invitations { totalCount } } }").await.data();
        assert_eq!(data["me"]["invitations"]["totalCount"], 0);
        assert_unknown(&app, &bob, &token, "expired").await;
        let revoke = format!("mutation {{ revokeInvitation(input: {{ invitationId: \"{second}\" }}) {{ deletedInvitationId }} }}");
        assert_eq!(app.query(Some(&ada), &revoke).await.code(), "BAD_USER_INPUT");
        assert_eq!(database.count("organization_invitations").await, 1);
        app.app.state.accounts.expire().await.unwrap();
        assert_eq!(database.count("organization_invitations").await, 0);

        let (_, token) = invite(&app, &ada, &id, "user_bob@example.com", "MEMBER").await;
        change(&app, &ada, &format!("deleteOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedOrganizationId }}")).await;
        assert_unknown(&app, &bob, &token, "its organization was deleted").await;
        for made_up in ["", "x", &"A".repeat(43), &"A".repeat(44), &"é".repeat(43), &"A".repeat(10_000)] {
            assert_unknown(&app, &bob, made_up, made_up).await;
        }
    }
}

both! {
    async fn of_a_member_the_role_only_rises(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let email = "user_bob@example.com";
        for (role, invited, expected) in [
            ("MEMBER", "ADMIN", "ADMIN"), ("ADMIN", "MEMBER", "ADMIN"), ("ADMIN", "OWNER", "OWNER"), ("OWNER", "MEMBER", "OWNER"),
        ] {
            // Invited before becoming a member in another way.
            let (_, token) = invite(&app, &ada, &id, email, invited).await;
            let (bob, membership) = bring_in_again(&app, &ada, &id, role).await;
            let data = accept(&app, &bob, &token).await.data();
            let member = &data["acceptInvitation"]["member"];
            assert_eq!((&member["role"], &member["id"]), (&json!(expected), &json!(membership)), "{role} {invited}");
            change(&app, &ada, &format!("removeMember(input: {{ membershipId: \"{membership}\" }}) {{ deletedMembershipId }}")).await;
        }
        // An address of a member is not invited.
        bring_in(&app, &ada, &id, "user_bob", "MEMBER").await;
        let field = format!("createInvitation(input: {{ organizationId: \"{id}\", email: \"User_Bob@example.com\", role: OWNER }}) \
            {{ invitation {{ id }} token userErrors {{ code field }} }}");
        assert_eq!(change(&app, &ada, &field).await, json!({ "invitation": null, "token": null,
            "userErrors": [{ "code": "ALREADY_MEMBER", "field": ["input", "email"] }] }));
    }
}

/// Makes `user_bob` a member while an invitation for him is open: with one for another address of his.
async fn bring_in_again(app: &TestApp, ada: &Token, id: &str, role: &str) -> (Token, String) {
    let other =
        app.token("user_bob").claim("email", "bob@elsewhere.example").claim("email_verified", true);
    let (_, token) = invite(app, ada, id, "bob@elsewhere.example", role).await;
    app.clock.advance(TimeDelta::seconds(1));
    let other = other.shifted(TimeDelta::seconds(1));
    app.query(Some(&other), "{ me { id } }").await.data();
    let data = accept(app, &other, &token).await.data();
    let membership = text(&data["acceptInvitation"]["member"]["id"]);
    app.clock.advance(TimeDelta::seconds(1));
    let bob = verified(app, "user_bob");
    let data = app.query(Some(&bob), "{ me { email } }").await.data();
    assert_eq!(data["me"]["email"], "user_bob@example.com");
    (bob, membership)
}

both! {
    async fn a_hundred_are_open_at_most_and_pages_go_from_the_newest(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        for number in 0..100 {
            invite(&app, &ada, &id, &format!("guest{number}@example.com"), "MEMBER").await;
        }
        let field = |email: &str| format!("createInvitation(input: {{ organizationId: \"{id}\", email: \"{email}\", role: MEMBER }}) \
            {{ token userErrors {{ code field message }} }}");
        let refused = change(&app, &ada, &field("one.more@example.com")).await;
        assert_eq!((&refused["token"], &refused["userErrors"][0]["code"]), (&Value::Null, &json!("TOO_MANY")));
        assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("100"), "{refused}");
        // Replacing one is possible.
        assert!(change(&app, &ada, &field("guest7@example.com")).await["token"].is_string());
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let body = json!({ "variables": { "id": id, "after": after },
                "query": "query($id: ID!, $after: String) { organization(id: $id) { invitations(first: 33, after: $after) { totalCount \
                    nodes { email } edges { cursor node { email } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }" });
            let (answer, statements) = app.statements(app.graphql(Some(&ada), body)).await;
            let page = answer.data()["organization"]["invitations"].clone();
            assert_eq!((statements, &page["totalCount"]), (3, &json!(100)), "user, organization, invitations");
            let nodes = page["nodes"].as_array().unwrap();
            let edges: Vec<_> = page["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect();
            assert_eq!(&edges, nodes);
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
            seen.extend(nodes.iter().map(|node| text(&node["email"])));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let mut expected: Vec<_> = (0..100).rev().filter(|number| *number != 7).map(|number| format!("guest{number}@example.com")).collect();
        expected.insert(0, "guest7@example.com".to_owned());
        assert_eq!(seen, expected);
        // Expired ones make room.
        app.advance(TimeDelta::days(7)).await;
        let ada = verified(&app, "user_ada");
        assert!(change(&app, &ada, &field("one.more@example.com")).await["token"].is_string());
        for (arguments, field) in [("first: 0", "invitations"), ("first: 101", "invitations"), ("after: \"x\"", "invitations")] {
            for query in [format!("{{ organization(id: \"{id}\") {{ {field}({arguments}) {{ totalCount }} }} }}"), format!("{{ me {{ {field}({arguments}) {{ totalCount }} }} }}")] {
                assert_eq!(app.query(Some(&ada), &query).await.code(), "BAD_USER_INPUT", "{query}");
            }
        }
    }
}

both! {
    async fn an_invitation_does_not_say_whether_the_address_belongs_to_a_user(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        signed_in(&app, "user_bob").await;
        let id = found(&app, &ada, "Engine").await;
        let mut answers = Vec::new();
        for email in ["user_bob@example.com", "user_xyz@example.com"] {
            let query = format!("mutation {{ createInvitation(input: {{ organizationId: \"{id}\", email: \"{email}\", role: MEMBER }}) \
                {{ invitation {{ id role invitedBy createdAt expiresAt }} userErrors {{ code }} }} }}");
            let (answer, statements) = app.statements(app.query(Some(&ada), &query)).await;
            answers.push((redacted(answer.data()), statements));
        }
        assert_eq!(answers[0], answers[1]);
        for email in ["", "x", "@", "a@", "@b", "a b@example.com", &format!("{}@example.com", "x".repeat(320))] {
            let field = format!("createInvitation(input: {{ organizationId: \"{id}\", email: \"{email}\", role: MEMBER }}) {{ token userErrors {{ code field }} }}");
            let refused = change(&app, &ada, &field).await;
            assert_eq!(refused, json!({ "token": null, "userErrors": [{ "code": "INVALID", "field": ["input", "email"] }] }), "{email}");
        }
    }
}

both! {
    async fn what_a_purged_person_invited_stays_without_the_name(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let (bob, _) = bring_in(&app, &ada, &id, "user_bob", "ADMIN").await;
        let (_, token) = invite(&app, &bob, &id, "user_cyd@example.com", "MEMBER").await;
        let (_, own) = invite(&app, &bob, &own(&app, &bob).await, "user_cyd@example.com", "MEMBER").await;
        app.clerk.add_user("user_bob", None, None);
        assert_eq!(app.rest("DELETE", "/api/v1/users/me", Some(&bob), None).await.status, 200);
        assert_eq!(open(&app, &ada, &id).await["nodes"], json!([{ "email": "user_cyd@example.com", "role": "MEMBER", "invitedBy": null }]));
        let cyd = signed_in(&app, "user_cyd").await;
        assert_unknown(&app, &cyd, &own, "its organization went with him").await;
        let data = accept(&app, &cyd, &token).await.data();
        assert_eq!(data["acceptInvitation"]["member"]["role"], "MEMBER");
    }
}

/// Somebody's personal organization.
async fn own(app: &TestApp, token: &Token) -> String {
    let data = app
        .query(Some(token), "{ me { memberships(first: 1) { nodes { organization { id } } } } }")
        .await
        .data();
    text(&data["me"]["memberships"]["nodes"][0]["organization"]["id"])
}

both! {
    async fn a_super_admin_sees_nobody_elses_invitations(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let bob = signed_in(&app, "user_bob").await;
        let bobs = text(&app.query(Some(&bob), "{ me { id } }").await.data()["me"]["id"]);
        let (invitation, _) = invite(&app, &ada, &id, "user_bob@example.com", "MEMBER").await;
        let root = signed_in(&app, "user_root").await;
        database.execute("UPDATE users SET is_super_admin = TRUE WHERE clerk_user_id = 'user_root'").await;
        let query = format!("{{ person: node(id: \"{bobs}\") {{ ... on User {{ email invitations {{ totalCount }} }} }} \
            organization(id: \"{id}\") {{ id }} invitation: node(id: \"{invitation}\") {{ id }} }}");
        let data = app.query(Some(&root), &query).await.data();
        assert_eq!(data, json!({ "person": { "email": "user_bob@example.com", "invitations": { "totalCount": 0 } }, "organization": null, "invitation": null }));
        let revoke = format!("mutation {{ revokeInvitation(input: {{ invitationId: \"{invitation}\" }}) {{ deletedInvitationId }} }}");
        assert_eq!(app.query(Some(&root), &revoke).await.code(), "BAD_USER_INPUT");
        assert_eq!(app.query(Some(&bob), "{ me { invitations { totalCount } } }").await.data()["me"]["invitations"]["totalCount"], 1);
    }
}
