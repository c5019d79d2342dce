//! `deleteUser`: who may, what goes with a user and what stays, and what others see.

use axum::{
    body::Body,
    http::{Request, header},
};
use chrono::TimeDelta;
use mission_control::model::{OrganizationId, Role, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::seed::{
    Presence, eventually, found, found_mirrored, join, presence, promote, redacted, sign_in,
};
use crate::support::{Fault, TestApp, Token, both, noon, start};

const DELETE: &str =
    "mutation { deleteUser { deletedUserId deletedOrganizationIds clerkDeletion } }";

/// Role by address in one organization, as one of its members sees it.
async fn roles(app: &TestApp, viewer: &str, organization: OrganizationId) -> Value {
    let query = format!(
        "{{ organization(id: \"{organization}\") {{ members {{ nodes {{ email role }} }} }} }}"
    );
    let data = app.query(Some(&app.token(viewer)), &query).await.data();
    let Some(nodes) = data["organization"]["members"]["nodes"].as_array() else {
        return Value::Null;
    };
    let role = |node: &Value| {
        let email = node["email"].as_str().unwrap();
        (email.split('@').next().unwrap().replace("user_", ""), node["role"].clone())
    };
    nodes.iter().map(role).collect::<serde_json::Map<_, _>>().into()
}

both! {
    async fn the_whole_reply_of_delete_user(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let id = sign_in(&app, "user_a").await;
        let token = app.token("user_a");
        let me = app.query(Some(&token), "{ me { activeOrganization { id } } }").await.data();
        let answer = app.query(Some(&token), DELETE).await;
        assert_eq!(answer.json(), json!({ "data": { "deleteUser": {
            "deletedUserId": id, "deletedOrganizationIds": [me["me"]["activeOrganization"]["id"]],
            "clerkDeletion": "DELETED",
        } } }));
        for table in ["users", "organizations", "organization_members", "revoked_sessions"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
        assert_eq!(database.count("tombstones WHERE permanent").await, 1);
        assert_eq!(app.query(Some(&token), DELETE).await.status, 401, "there is nobody left to repeat it");
    }
}

both! {
    async fn the_clerk_user_can_be_kept(database) {
        for (index, input) in ["{ deleteFromClerk: false }", "{ userId: null, deleteFromClerk: false }"].into_iter().enumerate() {
            let app = start(&database).await;
            let user = format!("user_{index}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            let id = sign_in(&app, &user).await;
            let query = format!("mutation {{ deleteUser(input: {input}) {{ deletedUserId deletedOrganizationIds clerkDeletion }} }}");
            let answer = app.query(Some(&app.token(&user)), &query).await;
            let payload = answer.data()["deleteUser"].clone();
            assert_eq!(payload["clerkDeletion"], "KEPT");
            assert_eq!(payload["deletedUserId"], json!(id));
            assert_eq!((app.clerk.deletes(), app.clerk.has_user(&user)), (0, true));
            assert_eq!(database.count("tombstones WHERE permanent").await, 0);
            let later = Token::complete(&user, noon() + TimeDelta::seconds(11));
            app.clock.advance(TimeDelta::seconds(11));
            assert_eq!(app.query(Some(&later), "{ me { id } }").await.status, 401, "the session that asked");
            let other = later.claim("sid", "sess_other");
            let me = app.query(Some(&other), "{ me { id } }").await.data();
            assert_ne!(me["me"]["id"], json!(id), "a new account");
        }
    }
}

both! {
    async fn variables_that_were_not_sent_leave_the_defaults(database) {
        let app = start(&database).await;
        let query = "mutation($u: ID, $d: Boolean!, $i: DeleteUserInput) { deleteUser(input: { userId: $u, deleteFromClerk: $d }) { clerkDeletion } }";
        let unused = query.replace(", $i: DeleteUserInput", "");
        let whole = "mutation($i: DeleteUserInput) { deleteUser(input: $i) { clerkDeletion } }";
        let default = "mutation($d: Boolean! = false) { deleteUser(input: { deleteFromClerk: $d }) { clerkDeletion } }";
        let nullable = "mutation($d: Boolean) { deleteUser(input: { deleteFromClerk: $d }) { clerkDeletion } }";
        for (index, (query, variables, expected)) in [
            (unused.as_str(), json!({ "d": true }), "DELETED"),
            (unused.as_str(), json!({ "d": false, "u": null }), "KEPT"),
            (whole, json!({}), "DELETED"),
            (whole, json!({ "i": null }), "DELETED"),
            (whole, json!({ "i": {} }), "DELETED"),
            (whole, json!({ "i": { "deleteFromClerk": false } }), "KEPT"),
            (default, json!({}), "KEPT"),
            (default, json!({ "d": true }), "DELETED"),
            (nullable, json!({}), "DELETED"),
            (nullable, json!({ "d": false }), "KEPT"),
        ]
        .into_iter()
        .enumerate()
        {
            let user = format!("user_{index}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            let answer = app.graphql(Some(&app.token(&user)), json!({ "query": query, "variables": variables })).await;
            assert_eq!(answer.data()["deleteUser"]["clerkDeletion"], expected, "{query} {variables}");
        }
        sign_in(&app, "user_z").await;
        let answer = app.graphql(Some(&app.token("user_z")), json!({ "query": nullable, "variables": { "d": null } })).await;
        assert!(answer.json()["data"]["deleteUser"].is_null(), "{}", answer.text);
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
        assert_eq!(presence(&app, "user_z").await, Presence::Here);
    }
}

both! {
    async fn somebody_who_never_came_before_can_go_at_once(database) {
        let app = start(&database).await;
        for (user, is_rest) in [("user_a", false), ("user_b", true)] {
            app.clerk.add_user(user, Some("a@example.com"), Some("Ada"));
            let token = app.token(user);
            if is_rest {
                let answer = app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await;
                assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "ok": true })));
            } else {
                assert_eq!(app.query(Some(&token), DELETE).await.data()["deleteUser"]["clerkDeletion"], "DELETED");
            }
            assert!(!app.clerk.has_user(user));
            assert_eq!(app.query(Some(&token), "{ me { id } }").await.status, 401);
        }
        assert_eq!(database.count("users").await, 0);
    }
}

both! {
    async fn what_goes_with_a_user_and_who_succeeds(database) {
        let app = start(&database).await;
        let mut ids = Vec::new();
        for name in ["user_a", "user_b", "user_c", "user_d"] {
            ids.push(sign_in(&app, name).await);
        }
        let [a, b, c, d]: [UserId; 4] = ids.try_into().unwrap();
        // A minute apart, the first in the list first.
        let group = async |name: &str, members: &[(UserId, Role)]| {
            let id = found(&app, name, &[]).await;
            for member in members {
                app.clock.advance(TimeDelta::seconds(1));
                join(&app, id, &[*member]).await;
            }
            id
        };
        use Role::{Admin, Member, Owner};
        let mine = group("Mine", &[(a, Owner)]).await;
        let as_guest = group("Alone as a member", &[(a, Member)]).await;
        let admins = group("Admins", &[(a, Owner), (b, Member), (c, Admin), (d, Admin)]).await;
        let members = group("Members", &[(c, Member), (b, Member), (a, Owner)]).await;
        let owned = group("Two owners", &[(b, Admin), (a, Owner), (c, Owner)]).await;
        let guest = group("Guest", &[(d, Owner), (a, Member), (b, Member)]).await;
        let others = group("Others", &[(b, Member), (c, Member)]).await;
        let team = found_mirrored(&app, "Team", "org_team", &[(a, Owner), (b, Member)]).await;
        let alone = found_mirrored(&app, "Alone at Clerk", "org_alone", &[(a, Owner)]).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let token = app.token("user_a");
        let personal = app.query(Some(&token), "{ me { activeOrganization { id } } }").await.data();
        let personal = personal["me"]["activeOrganization"]["id"].as_str().unwrap().to_owned();
        app.clock.advance(TimeDelta::seconds(1));
        let answer = app.query(Some(&app.token("user_a")), DELETE).await;
        let payload = answer.data()["deleteUser"].clone();
        let mut deleted: Vec<_> = payload["deletedOrganizationIds"].as_array().unwrap().clone();
        deleted.sort_by_key(ToString::to_string);
        let mut expected = [json!(personal), json!(mine), json!(as_guest)];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(deleted, expected);
        let [owner_role, admin, member] = ["OWNER", "ADMIN", "MEMBER"];
        for (viewer, id, expected) in [
            ("user_b", admins, json!({ "b": member, "c": owner_role, "d": admin })),
            ("user_b", members, json!({ "b": member, "c": owner_role })),
            ("user_b", owned, json!({ "b": admin, "c": owner_role })),
            ("user_b", guest, json!({ "d": owner_role, "b": member })),
            ("user_b", others, json!({ "b": member, "c": member })),
            // Clerk's events alone decide there.
            ("user_b", team, json!({ "b": member })),
            ("user_b", alone, Value::Null),
        ] {
            assert_eq!(roles(&app, viewer, id).await, expected, "{id}");
        }
        // Three personal ones, five shared, two mirrored.
        assert_eq!(database.count("organizations").await, 3 + 5 + 2);
        assert_eq!(database.number(&format!("SELECT COUNT(*) FROM organizations WHERE id = '{alone}'")).await, 1);
        assert_eq!(database.count("users").await, 3);
        // Who succeeded was changed then.
        let query = format!("{{ organization(id: \"{members}\") {{ members {{ nodes {{ role createdAt updatedAt }} }} }} }}");
        let nodes = app.query(Some(&app.token("user_c")), &query).await.data()["organization"]["members"]["nodes"].clone();
        assert_eq!(nodes[0]["role"], "OWNER");
        assert_ne!(nodes[0]["createdAt"], nodes[0]["updatedAt"]);
        assert_eq!(nodes[1]["createdAt"], nodes[1]["updatedAt"]);
    }
}

both! {
    async fn a_shared_personal_organization_outlives_its_person(database) {
        let app = start(&database).await;
        let (_, b) = (sign_in(&app, "user_a").await, sign_in(&app, "user_b").await);
        let token = app.token("user_a");
        let personal = app.query(Some(&token), "{ me { activeOrganization { id } } }").await.data();
        let personal = OrganizationId::parse(personal["me"]["activeOrganization"]["id"].as_str().unwrap()).unwrap();
        join(&app, personal, &[(b, Role::Member)]).await;
        let payload = app.query(Some(&token), DELETE).await.data()["deleteUser"].clone();
        assert_eq!(payload["deletedOrganizationIds"], json!([]));
        assert_eq!(roles(&app, "user_b", personal).await, json!({ "b": "OWNER" }));
    }
}

both! {
    async fn others_see_the_member_until_the_account_is_gone(database) {
        let app = start(&database).await;
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Ada"));
        let (a, b) = (sign_in(&app, "user_a").await, sign_in(&app, "user_b").await);
        let shared = found(&app, "Shared", &[(a, Role::Owner), (b, Role::Member)]).await;
        app.clerk.on_delete(Some(Fault::Held));
        let token = app.token("user_a");
        let (answer, ()) = tokio::join!(app.query(Some(&token), DELETE), async {
            eventually(async || app.clerk.deletes() == 1).await;
            assert_eq!(roles(&app, "user_b", shared).await, json!({ "a": "OWNER", "b": "MEMBER" }));
            // Whoever is about to be gone is refused everything but this.
            for query in [
                "{ me { id } }", "mutation { bootstrap { created } }",
                "mutation { updateProfile(input: { name: \"x\" }) { user { id } } }",
            ] {
                assert_eq!(app.query(Some(&token), query).await.status, 401, "{query}");
            }
            for (method, path) in [("GET", "/api/v1/users/me"), ("POST", "/api/v1/auth/bootstrap")] {
                assert_eq!(app.rest(method, path, Some(&token), None).await.status, 401, "{path}");
            }
            app.clerk.on_delete(None);
        });
        assert_eq!(answer.data()["deleteUser"]["clerkDeletion"], "DELETED");
        assert_eq!(roles(&app, "user_b", shared).await, json!({ "b": "OWNER" }));
    }
}

both! {
    async fn later_fields_of_the_same_document_are_not_authenticated(database) {
        let app = start(&database).await;
        for (index, (before, after)) in [
            ("", "bootstrap { created }"),
            ("first: bootstrap { created }", "bootstrap { created }"),
            ("", "bootstrap: updateProfile(input: { notes: \"late\" }) { user { id } }"),
            ("", "bootstrap: deleteUser { clerkDeletion }"),
        ]
        .into_iter()
        .enumerate()
        {
            let user = format!("user_{index}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            sign_in(&app, &user).await;
            let query = format!("mutation {{ {before} deleteUser {{ clerkDeletion }} {after} }}");
            let answer = app.query(Some(&app.token(&user)), &query).await;
            let body = redacted(answer.json());
            assert_eq!(answer.status, 200, "{body}");
            assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{body}");
            let error = &body["errors"][0];
            assert_eq!((&error["message"], &error["path"]), (&json!("Not authenticated"), &json!(["bootstrap"])));
            assert_eq!(error["extensions"], json!({ "code": "UNAUTHENTICATED", "requestId": "[request]" }));
            assert_eq!(body["data"], Value::Null, "no field of a mutation may be null");
            assert_eq!(presence(&app, &user).await, Presence::Gone);
        }
        assert_eq!(database.count("users").await, 0);
    }
}

both! {
    async fn in_local_mode_the_same_document_starts_no_new_account_either(database) {
        let secret = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local";
        let app =
            TestApp::start(&database, &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", secret)]).await;
        for before in ["", "first: bootstrap { created }"] {
            let query = format!("mutation {{ {before} deleteUser {{ clerkDeletion }} bootstrap {{ created }} }}");
            let request = Request::post("/graphql")
                .header(header::AUTHORIZATION, format!("Bearer {secret}"))
                .header(header::CONTENT_TYPE, "application/json");
            let body = Body::from(json!({ "query": query }).to_string());
            let answer = app.send(request.body(body).unwrap()).await;
            let body = answer.json();
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{body}");
            assert_eq!(body["errors"][0]["path"], json!(["bootstrap"]));
            // Only the next request starts an empty account.
            assert_eq!(database.count("users").await, 0);
        }
    }
}

both! {
    async fn a_failed_deletion_leaves_the_rest_of_the_document_alone(database) {
        let app = start(&database).await;
        let query = "mutation { deleteUser { clerkDeletion } \
            updateProfile(input: { notes: \"still here\" }) { user { notes } } }";
        let code = |answer: &crate::support::Answer, index: usize| {
            let error = answer.json()["errors"][index].clone();
            (error["path"][0].as_str().unwrap_or_default().to_owned(), error["extensions"]["code"].clone())
        };
        // Undone: the next field works.
        sign_in(&app, "user_a").await;
        app.clerk.on_delete(Some(Fault::Status(401, "clerk_key_invalid")));
        let answer = app.query(Some(&app.token("user_a")), query).await;
        assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 1, "{}", answer.text);
        assert_eq!(code(&answer, 0), ("deleteUser".to_owned(), json!("IDENTITY_PROVIDER_UNAVAILABLE")));
        let me = app.query(Some(&app.token("user_a")), "{ me { notes } }").await.data();
        assert_eq!(me["me"]["notes"], "still here");
        // Open: the next field is refused, and the first one is still told why.
        app.clerk.on_delete(Some(Fault::Status(500, "internal_clerk_error")));
        app.clerk.on_read(Some(Fault::Status(500, "internal_clerk_error")));
        for before in ["", "bootstrap { created }"] {
            let user = format!("user_{}", before.len());
            sign_in(&app, &user).await;
            let query = query.replace("mutation {", &format!("mutation {{ {before}"));
            let answer = app.query(Some(&app.token(&user)), &query).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(code(&answer, 0), ("deleteUser".to_owned(), json!("IDENTITY_PROVIDER_UNAVAILABLE")));
            assert_eq!(code(&answer, 1), ("updateProfile".to_owned(), json!("UNAUTHENTICATED")));
            assert_eq!(presence(&app, &user).await, Presence::Marked);
        }
    }
}

both! {
    async fn nobody_elses_account_without_being_super_admin(database) {
        let app = start(&database).await;
        let (alice, bob) = (sign_in(&app, "user_alice").await, sign_in(&app, "user_bob").await);
        found(&app, "Shared", &[(alice, Role::Owner), (bob, Role::Member)]).await;
        let ask = async |token: &Token, id: &str| {
            let body = json!({
                "query": "mutation($id: ID) { deleteUser(input: { userId: $id }) { deletedUserId clerkDeletion } }",
                "variables": { "id": id },
            });
            app.graphql(Some(token), body).await
        };
        let refused = redacted(ask(&app.token("user_alice"), &bob.to_string()).await.json());
        assert_eq!(refused, json!({ "data": null, "errors": [{
            "message": "Only a super admin may delete another user.",
            "locations": [{ "line": 1, "column": 21 }], "path": ["deleteUser"],
            "extensions": { "code": "FORBIDDEN", "requestId": "[request]" },
        }] }));
        for id in [Uuid::now_v7().to_string(), String::new(), "x".to_owned(), "user_bob".to_owned(), format!(" {alice}")] {
            let answer = ask(&app.token("user_alice"), &id).await;
            assert_eq!((answer.status.as_u16(), redacted(answer.json())), (200, refused.clone()), "{id:?}");
        }
        assert_eq!(database.count("users").await, 2);
        promote(&app, alice).await;
        let impersonated = app.token("user_alice").claim("act", json!({ "sub": "user_support" }));
        for id in [alice, bob] {
            assert_eq!(ask(&impersonated, &id.to_string()).await.code(), "FORBIDDEN");
        }
        assert_eq!(app.clerk.deletes(), 0);
        assert_eq!(database.count("users").await, 2);
    }
}

both! {
    async fn a_super_admin_deletes_others_and_goes_on(database) {
        let app = start(&database).await;
        let admin = sign_in(&app, "user_admin").await;
        promote(&app, admin).await;
        let token = app.token("user_admin");
        for (index, (from_clerk, outcome)) in [(true, "DELETED"), (false, "KEPT")].into_iter().enumerate() {
            let user = format!("user_{index}");
            app.clerk.add_user(&user, Some("a@example.com"), Some("Ada"));
            let id = sign_in(&app, &user).await;
            let shared = found(&app, "Shared", &[(id, Role::Owner), (admin, Role::Member)]).await;
            let query = format!(
                "mutation {{ before: bootstrap {{ user {{ memberships {{ totalCount }} }} }} \
                 deleteUser(input: {{ userId: \"{id}\", deleteFromClerk: {from_clerk} }}) {{ deletedUserId clerkDeletion }} \
                 after: bootstrap {{ user {{ memberships {{ nodes {{ role organization {{ viewerRole members {{ totalCount }} }} }} }} }} }} }}"
            );
            let data = app.query(Some(&token), &query).await.data();
            assert_eq!(data["deleteUser"], json!({ "deletedUserId": id, "clerkDeletion": outcome }));
            let memberships = data["after"]["user"]["memberships"]["nodes"].as_array().unwrap().clone();
            assert_eq!(memberships.len(), index + 2);
            for membership in memberships {
                // The super admin succeeded in what was shared.
                assert_eq!(membership, json!({ "role": "OWNER", "organization": {
                    "viewerRole": "OWNER", "members": { "totalCount": 1 },
                } }));
            }
            assert_eq!(roles(&app, "user_admin", shared).await, json!({ "admin": "OWNER" }));
            assert_eq!(app.query(Some(&app.token(&user)), "{ me { id } }").await.status, 401);
            assert_eq!(app.clerk.has_user(&user), !from_clerk);
        }
        assert_eq!(database.count("revoked_sessions").await, 0, "no session asked for its own account");
        assert_eq!(app.query(Some(&token), "{ me { isSuperAdmin } }").await.data()["me"]["isSuperAdmin"], true);
        for id in [Uuid::now_v7().to_string(), "x".to_owned()] {
            let query = format!("mutation {{ deleteUser(input: {{ userId: \"{id}\" }}) {{ clerkDeletion }} }}");
            assert_eq!(app.query(Some(&token), &query).await.code(), "BAD_USER_INPUT");
        }
        // The own id is the own account.
        app.clerk.add_user("user_admin", Some("a@example.com"), Some("Ada"));
        let query = format!("mutation {{ deleteUser(input: {{ userId: \"{admin}\" }}) {{ deletedUserId }} bootstrap {{ created }} }}");
        let answer = app.query(Some(&token), &query).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.text);
        assert_eq!(presence(&app, "user_admin").await, Presence::Gone);
    }
}

both! {
    async fn two_members_who_leave_at_once_leave_neither_a_ruin_nor_two_owners(database) {
        let app = start(&database).await;
        let other = app.second_instance(&database).await;
        for round in 0..5 {
            let names = ["a", "b", "c"].map(|name| format!("user_{name}{round}"));
            let mut ids = Vec::new();
            for name in &names {
                ids.push(sign_in(&app, name).await);
            }
            let two = found(&app, "Two", &[(ids[0], Role::Owner), (ids[1], Role::Member)]).await;
            let three = found(&app, "Three", &[(ids[0], Role::Owner), (ids[1], Role::Admin), (ids[2], Role::Member)]).await;
            let (token_a, token_b) = (app.token(&names[0]), app.token(&names[1]));
            let (one, another) = tokio::join!(app.query(Some(&token_a), DELETE), other.query(Some(&token_b), DELETE));
            let deleted: Vec<_> = [one, another]
                .iter()
                .flat_map(|answer| answer.data()["deleteUser"]["deletedOrganizationIds"].as_array().unwrap().clone())
                .collect();
            assert_eq!(deleted.iter().filter(|id| **id == json!(two)).count(), 1, "{deleted:?}");
            assert_eq!(roles(&app, &names[2], three).await, json!({ format!("c{round}"): "OWNER" }));
            assert_eq!(database.number(&format!("SELECT COUNT(*) FROM organizations WHERE id = '{two}'")).await, 0);
        }
    }
}
