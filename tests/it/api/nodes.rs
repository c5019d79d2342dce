//! `node` and `nodes`: who may see what. Whatever the caller may not see is `null`, in the same words
//! as what does not exist.

use mission_control::model::{OrganizationId, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use super::seed::{found, promote, redacted, sign_in};
use crate::support::{TestApp, Token, both, start};

/// The membership of the caller in the first organization of this name.
async fn membership_in(app: &TestApp, token: &Token, name: &str) -> String {
    let query = "{ me { memberships { nodes { id organization { name } } } } }";
    let data = app.query(Some(token), query).await.data();
    let nodes = data["me"]["memberships"]["nodes"].as_array().unwrap().clone();
    let found = nodes.iter().find(|node| node["organization"]["name"] == name).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

/// The member with this address, as `token` sees the organization.
async fn member_with(app: &TestApp, token: &Token, id: OrganizationId, email: &str) -> String {
    let query =
        format!("{{ organization(id: \"{id}\") {{ members {{ nodes {{ id email }} }} }} }}");
    let data = app.query(Some(token), &query).await.data();
    let nodes = data["organization"]["members"]["nodes"].as_array().unwrap().clone();
    nodes.iter().find(|node| node["email"] == email).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The type of what an id stands for, asked one by one and all together.
async fn types(app: &TestApp, token: &Token, ids: &[String]) -> Vec<Value> {
    let body = json!({
        "query": "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        "variables": { "ids": ids },
    });
    let together = app.graphql(Some(token), body).await.data()["nodes"].as_array().unwrap().clone();
    for (id, found) in ids.iter().zip(&together) {
        let body = json!({
            "query": "query($id: ID!) { node(id: $id) { __typename id } }",
            "variables": { "id": id },
        });
        let alone = app.graphql(Some(token), body).await.json();
        assert_eq!(alone, json!({ "data": { "node": found } }));
        assert!(found.is_null() || found["id"] == *id);
    }
    together.into_iter().map(|node| node["__typename"].clone()).collect()
}

both! {
    async fn everybody_sees_what_they_share(database) {
        let app = start(&database).await;
        let (alice, bob, carol) =
            (sign_in(&app, "user_alice").await, sign_in(&app, "user_bob").await, sign_in(&app, "user_carol").await);
        let shared = found(&app, "Shared", &[(alice, Role::Owner), (bob, Role::Member)]).await;
        let foreign = found(&app, "Foreign", &[(bob, Role::Owner), (carol, Role::Member)]).await;
        let (as_alice, as_bob) = (app.token("user_alice"), app.token("user_bob"));
        let ids = [
            alice.to_string(),
            bob.to_string(),
            shared.to_string(),
            foreign.to_string(),
            membership_in(&app, &as_alice, "Personal").await,
            membership_in(&app, &as_alice, "Shared").await,
            member_with(&app, &as_alice, shared, "user_bob@example.com").await,
            membership_in(&app, &as_bob, "Foreign").await,
            membership_in(&app, &as_bob, "Personal").await,
            member_with(&app, &as_bob, foreign, "user_carol@example.com").await,
            Uuid::now_v7().to_string(),
        ];
        let (user, organization, member) =
            (json!("User"), json!("Organization"), json!("OrganizationMember"));
        let nothing = Value::Null;
        let expected = [
            user.clone(), nothing.clone(), organization.clone(), nothing.clone(), member.clone(),
            member.clone(), member.clone(), nothing.clone(), nothing.clone(), nothing.clone(),
            nothing.clone(),
        ];
        assert_eq!(types(&app, &as_alice, &ids).await, expected);
        // A super admin sees people, and no more of organizations than before.
        promote(&app, alice).await;
        let mut as_super_admin = expected.clone();
        as_super_admin[1] = user;
        assert_eq!(types(&app, &as_alice, &ids).await, as_super_admin);
        let acting = app.token("user_alice").claim("act", json!({ "sub": "user_support" }));
        assert_eq!(types(&app, &acting, &ids).await, expected, "never super admin while impersonated");
    }
}

both! {
    async fn a_foreign_id_reads_as_one_nobody_has(database) {
        let app = start(&database).await;
        sign_in(&app, "user_alice").await;
        let bob = sign_in(&app, "user_bob").await;
        let foreign = found(&app, "Foreign", &[(bob, Role::Owner)]).await;
        let token = app.token("user_alice");
        let ask = async |id: &str| {
            let body = json!({
                "query": "query($id: ID!, $ids: [ID!]!) { organization(id: $id) { name } \
                    node(id: $id) { id ... on User { email } ... on Organization { name } } \
                    nodes(ids: $ids) { id } }",
                "variables": { "id": id, "ids": [id, id] },
            });
            let answer = app.graphql(Some(&token), body).await;
            (answer.status, answer.text)
        };
        let absent = ask(&Uuid::now_v7().to_string()).await;
        assert_eq!(absent.1, r#"{"data":{"organization":null,"node":null,"nodes":[null,null]}}"#);
        let padded = format!(" {bob}");
        let foreign = foreign.to_string();
        let (bob, compact) = (bob.to_string(), bob.0.simple().to_string());
        let braced = format!("{{{bob}}}");
        let long = "x".repeat(10_000);
        for id in [
            foreign.as_str(), &bob, &padded, &compact, &braced, &long, "", "x", "null", "0", "1",
            "00000000-0000-0000-0000-000000000000", "user_bob", "org_bob", "'; DROP TABLE users; --",
            "\u{0}", "🦀",
        ] {
            assert_eq!(ask(id).await, absent, "{id:?}");
        }
        let answer = app.query(Some(&token), "{ organization(id: 5) { name } node(id: 5) { id } }").await;
        assert_eq!(answer.data(), json!({ "organization": null, "node": null }));
        // Neither does an id of one kind stand for another.
        let personal = app.query(Some(&token), "{ me { id activeOrganization { id } } }").await.data();
        for id in [&personal["me"]["id"]] {
            let query = format!("{{ organization(id: {id}) {{ name }} }}");
            assert_eq!(app.query(Some(&token), &query).await.data(), json!({ "organization": null }));
        }
    }
}

both! {
    async fn nodes_come_in_the_order_asked_for_up_to_a_hundred(database) {
        let app = start(&database).await;
        let me = sign_in(&app, "user_alice").await.to_string();
        let token = app.token("user_alice");
        let membership = membership_in(&app, &token, "Personal").await;
        let ask = async |ids: Vec<String>| {
            let body = json!({
                "query": "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", "variables": { "ids": ids },
            });
            app.graphql(Some(&token), body).await
        };
        let some = vec![membership.clone(), "x".to_owned(), me.clone(), membership.clone(), me.clone()];
        let nodes = ask(some).await.data()["nodes"].clone();
        let of = |id: &String| json!({ "id": id });
        assert_eq!(nodes, json!([of(&membership), null, of(&me), of(&membership), of(&me)]));
        assert_eq!(ask(Vec::new()).await.data(), json!({ "nodes": [] }));
        let hundred = ask(vec![me.clone(); 100]).await.data()["nodes"].clone();
        assert_eq!(hundred.as_array().unwrap().len(), 100);
        let answer = ask(vec![me.clone(); 101]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(redacted(answer.json()), json!({
            "data": null,
            "errors": [{
                "message": "`ids` holds 101; ask for at most 100 at once.",
                "locations": [{ "line": 1, "column": 23 }],
                "path": ["nodes"],
                "extensions": { "code": "BAD_USER_INPUT", "requestId": "[request]" },
            }],
        }));
    }
}

both! {
    async fn the_whole_reply_of_node(database) {
        let app = start(&database).await;
        let (alice, bob) = (sign_in(&app, "user_alice").await, sign_in(&app, "user_bob").await);
        let shared = found(&app, "Shared", &[(bob, Role::Owner), (alice, Role::Admin)]).await;
        let token = app.token("user_alice");
        let of_bob = member_with(&app, &token, shared, "user_bob@example.com").await;
        let query = format!(
            "query {{ nodes(ids: [\"{alice}\", \"{shared}\", \"{of_bob}\", \"{bob}\"]) {{ __typename id \
             ... on User {{ clerkUserId isSuperAdmin }} \
             ... on Organization {{ name viewerRole clerkOrganizationId }} \
             ... on OrganizationMember {{ role isViewer email displayName organization {{ id viewerRole }} }} }} }}"
        );
        let answer = app.query(Some(&token), &query).await;
        assert_eq!(answer.json(), json!({ "data": { "nodes": [
            { "__typename": "User", "id": alice, "clerkUserId": "user_alice", "isSuperAdmin": false },
            {
                "__typename": "Organization", "id": shared, "name": "Shared", "viewerRole": "ADMIN",
                "clerkOrganizationId": null,
            },
            {
                "__typename": "OrganizationMember", "id": of_bob, "role": "OWNER", "isViewer": false,
                "email": "user_bob@example.com", "displayName": "Sample Person",
                "organization": { "id": shared, "viewerRole": "ADMIN" },
            },
            null,
        ] } }));
    }
}

both! {
    async fn a_super_admin_reads_people_and_of_their_organizations_the_shared_ones(database) {
        let app = start(&database).await;
        let (admin, bob) = (sign_in(&app, "user_admin").await, sign_in(&app, "user_bob").await);
        promote(&app, admin).await;
        let token = app.token("user_admin");
        let query = format!(
            "{{ node(id: \"{bob}\") {{ ... on User {{ clerkUserId email isSuperAdmin \
             activeOrganization {{ name viewerRole }} \
             memberships {{ totalCount nodes {{ isViewer role organization {{ name viewerRole }} }} }} }} }} }}"
        );
        let ask = async || app.query(Some(&token), &query).await.data()["node"].clone();
        let nothing_shared = json!({
            "clerkUserId": "user_bob", "email": "user_bob@example.com", "isSuperAdmin": false,
            "activeOrganization": null, "memberships": { "totalCount": 0, "nodes": [] },
        });
        assert_eq!(ask().await, nothing_shared);
        let shared = found(&app, "Shared", &[(bob, Role::Admin), (admin, Role::Member)]).await;
        found(&app, "Foreign", &[(bob, Role::Owner)]).await;
        let seen = json!({ "totalCount": 1, "nodes": [{
            "isViewer": false, "role": "ADMIN",
            "organization": { "name": "Shared", "viewerRole": "MEMBER" },
        }] });
        // Bob works in the personal organization, which nobody else sees.
        let user = ask().await;
        assert_eq!(user["memberships"], seen);
        assert_eq!(user["activeOrganization"], Value::Null, "not the next best one");
        database.execute(&format!("UPDATE users SET active_organization_id = '{shared}' WHERE id = '{bob}'")).await;
        let user = ask().await;
        assert_eq!(user["memberships"], seen);
        assert_eq!(user["activeOrganization"], json!({ "name": "Shared", "viewerRole": "MEMBER" }));
        // The own account through the same door is whole.
        let own = query.replace(&bob.to_string(), &admin.to_string());
        let own = app.query(Some(&token), &own).await.data()["node"].clone();
        assert_eq!(own["activeOrganization"], json!({ "name": "Personal", "viewerRole": "OWNER" }));
        assert_eq!(own["isSuperAdmin"], true);
        assert_eq!(own["memberships"]["totalCount"], 2);
    }
}

both! {
    async fn a_person_and_an_organization_asked_for_together_keep_their_lists_apart(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let query = "{ me { id memberships { nodes { organization { id } } } } }";
        let me = app.query(Some(&token), query).await.data()["me"].take();
        let organization = &me["memberships"]["nodes"][0]["organization"]["id"];
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { \
            ... on User { memberships(first: 1) { totalCount nodes { id } pageInfo { hasNextPage } } } \
            ... on Organization { members(first: 1) { totalCount nodes { id } pageInfo { hasNextPage } } } } }";
        let body = json!({ "query": query, "variables": { "ids": [me["id"], organization] } });
        let nodes = app.graphql(Some(&token), body).await.data()["nodes"].take();
        for list in [&nodes[0]["memberships"], &nodes[1]["members"]] {
            assert_eq!(list["totalCount"], 1, "{nodes}");
            assert_eq!(list["nodes"].as_array().unwrap().len(), 1, "{nodes}");
            assert_eq!(list["pageInfo"]["hasNextPage"], false, "{nodes}");
        }
    }
}
