//! An organization from its founding to its end, as its people go through it.

use mission_control::{
    model::{Role, UserId},
    store::memberships::{NewMembership, insert_membership},
};
use serde_json::{Value, json};

use super::people::{bring_in, change, found, roles, signed_in, stored, text};
use crate::{
    api::seed::{found_many, redacted},
    support::{TestApp, Token, both, start},
};

const MISTAKE: &str = "userErrors { code field message }";

async fn me(app: &TestApp, token: &Token) -> Value {
    let query = "{ me { activeOrganization { id name } memberships { nodes { role organization { name } } } } }";
    app.query(Some(token), query).await.data()["me"].clone()
}

both! {
    async fn founding_naming_and_deleting(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let field = "createOrganization(input: { name: \"  Engine  \" }) { organization { id name viewerRole \
            clerkOrganizationId members { totalCount nodes { role isViewer } } invitations { totalCount } } \
            user { activeOrganization { name } memberships { totalCount } } userErrors { code } }";
        let created = change(&app, &ada, field).await;
        assert_eq!(redacted(created.clone()), json!({
            "organization": { "id": "[id]", "name": "Engine", "viewerRole": "OWNER", "clerkOrganizationId": null,
                "members": { "totalCount": 1, "nodes": [{ "role": "OWNER", "isViewer": true }] },
                "invitations": { "totalCount": 0 } },
            "user": { "activeOrganization": { "name": "Engine" }, "memberships": { "totalCount": 2 } },
            "userErrors": [],
        }));
        let id = text(&created["organization"]["id"]);
        // The same name twice is a mistake of hers, and says nothing about anybody else's.
        for name in ["engine", " ENGINE", "personal"] {
            let field = format!("createOrganization(input: {{ name: \"{name}\" }}) {{ organization {{ id }} user {{ id }} {MISTAKE} }}");
            let refused = change(&app, &ada, &field).await;
            assert_eq!(refused, json!({ "organization": null, "user": null, "userErrors": [{
                "code": "TAKEN", "field": ["input", "name"],
                "message": "Another organization of yours has this name. Choose a different one.",
            }] }), "{name}");
        }
        let bob = signed_in(&app, "user_bob").await;
        found(&app, &bob, "Engine").await;
        for (name, code) in [(String::new(), "INVALID"), (" ".to_owned(), "INVALID"), ("x".repeat(121), "TOO_LONG"), ("a\\nb".to_owned(), "INVALID")] {
            for field in [
                format!("createOrganization(input: {{ name: \"{name}\" }}) {{ organization {{ id }} {MISTAKE} }}"),
                format!("updateOrganization(input: {{ organizationId: \"{id}\", name: \"{name}\" }}) {{ organization {{ id }} {MISTAKE} }}"),
            ] {
                let refused = change(&app, &ada, &field).await;
                assert_eq!(refused["organization"], Value::Null);
                assert_eq!(refused["userErrors"][0]["code"], code, "{field}");
                assert_eq!(refused["userErrors"][0]["field"], json!(["input", "name"]));
            }
        }
        let rename = |name: &str| format!("updateOrganization(input: {{ organizationId: \"{id}\", name: \"{name}\" }}) {{ organization {{ name }} {MISTAKE} }}");
        assert_eq!(change(&app, &ada, &rename("Personal")).await["userErrors"][0]["code"], "TAKEN");
        // Its own name, and another spelling of it.
        assert_eq!(change(&app, &ada, &rename("ENGINE")).await["organization"]["name"], "ENGINE");
        assert_eq!(me(&app, &ada).await["activeOrganization"]["name"], "ENGINE");
        let field = format!("deleteOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedOrganizationId user {{ activeOrganization {{ name }} memberships {{ totalCount }} }} userErrors {{ code }} }}");
        let deleted = change(&app, &ada, &field).await;
        assert_eq!(deleted, json!({ "deletedOrganizationId": id, "userErrors": [],
            "user": { "activeOrganization": { "name": "Personal" }, "memberships": { "totalCount": 1 } } }));
        let again = app.query(Some(&ada), &format!("mutation {{ {field} }}")).await;
        assert_eq!(again.code(), "BAD_USER_INPUT", "{}", again.text);
    }
}

both! {
    async fn one_person_owns_a_hundred_organizations(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let data = app.query(Some(&ada), "{ me { id } }").await.data();
        let id = UserId::parse(data["me"]["id"].as_str().unwrap()).unwrap();
        let organizations = found_many(&app, 98, id).await;
        // As a member they do not count.
        let field = "createOrganization(input: { name: \"One\" }) { organization { name } userErrors { code message } }";
        assert_eq!(change(&app, &ada, field).await["organization"]["name"], "One");
        database.execute("UPDATE organization_members SET role = 'owner'").await;
        let field = "createOrganization(input: { name: \"Two\" }) { organization { name } userErrors { code message } }";
        let refused = change(&app, &ada, field).await;
        assert_eq!(refused["userErrors"][0]["code"], "TOO_MANY", "{refused}");
        assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("100"));
        let delete = format!("deleteOrganization(input: {{ organizationId: \"{}\" }}) {{ userErrors {{ code }} }}", organizations[0]);
        change(&app, &ada, &delete).await;
        assert_eq!(change(&app, &ada, field).await["organization"]["name"], "Two");
    }
}

both! {
    async fn members_rise_fall_and_go(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let (bob, bobs) = bring_in(&app, &ada, &id, "user_bob", "MEMBER").await;
        let (cyd, cyds) = bring_in(&app, &ada, &id, "user_cyd", "ADMIN").await;
        assert_eq!(roles(&app, &bob, &id).await, ["user_ada OWNER", "user_bob MEMBER", "user_cyd ADMIN"]);
        assert_eq!(me(&app, &bob).await["activeOrganization"]["id"], id, "who accepts works there");
        let set = |membership: &str, role: &str| format!(
            "updateMemberRole(input: {{ membershipId: \"{membership}\", role: {role} }}) {{ member {{ id role }} {MISTAKE} }}");
        let raised = change(&app, &cyd, &set(&bobs, "ADMIN")).await;
        assert_eq!(raised, json!({ "member": { "id": bobs, "role": "ADMIN" }, "userErrors": [] }));
        // It counts at once: he may invite, then he may not.
        let invitation = format!("mutation {{ createInvitation(input: {{ organizationId: \"{id}\", email: \"x@example.com\", role: MEMBER }}) {{ token }} }}");
        app.query(Some(&bob), &invitation).await.data();
        change(&app, &ada, &set(&bobs, "MEMBER")).await;
        assert_eq!(app.query(Some(&bob), &invitation).await.code(), "FORBIDDEN");
        // Her own role, as its only owner, and as one of two.
        let data = app.query(Some(&ada), &format!("{{ organization(id: \"{id}\") {{ members(first: 1) {{ nodes {{ id }} }} }} }}")).await.data();
        let adas = text(&data["organization"]["members"]["nodes"][0]["id"]);
        let refused = change(&app, &ada, &set(&adas, "ADMIN")).await;
        assert_eq!(refused, json!({ "member": null, "userErrors": [{
            "code": "LAST_OWNER", "field": ["input", "role"], "message": "Organization must have at least one owner",
        }] }));
        let leave = format!("leaveOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedMembershipId user {{ activeOrganization {{ name }} }} {MISTAKE} }}");
        let refused = change(&app, &ada, &leave).await;
        assert_eq!((&refused["deletedMembershipId"], &refused["userErrors"][0]["code"]), (&Value::Null, &json!("LAST_OWNER")));
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "organizationId"]));
        change(&app, &ada, &set(&cyds, "OWNER")).await;
        let left = change(&app, &ada, &leave).await;
        assert_eq!(left, json!({ "deletedMembershipId": adas, "user": { "activeOrganization": { "name": "Personal" } }, "userErrors": [] }));
        assert_eq!(roles(&app, &ada, &id).await, Vec::<String>::new(), "as if it did not exist");
        let remove = format!("removeMember(input: {{ membershipId: \"{bobs}\" }}) {{ deletedMembershipId userErrors {{ code }} }}");
        assert_eq!(change(&app, &cyd, &remove).await, json!({ "deletedMembershipId": bobs, "userErrors": [] }));
        let query = format!("{{ organization(id: \"{id}\") {{ id }} me {{ activeOrganization {{ name }} }} }}");
        let data = app.query(Some(&bob), &query).await.data();
        assert_eq!(data, json!({ "organization": null, "me": { "activeOrganization": { "name": "Personal" } } }));
        assert_eq!(roles(&app, &cyd, &id).await, ["user_cyd OWNER"]);
        let again = app.query(Some(&cyd), &format!("mutation {{ {remove} }}")).await;
        assert_eq!(again.code(), "BAD_USER_INPUT");
    }
}

both! {
    async fn who_belongs_nowhere_gets_a_personal_organization_again(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let before = me(&app, &ada).await;
        let personal = text(&before["activeOrganization"]["id"]);
        let delete = format!("deleteOrganization(input: {{ organizationId: \"{personal}\" }}) {{ user {{ activeOrganization {{ id }} }} userErrors {{ code }} }}");
        assert_eq!(change(&app, &ada, &delete).await["user"]["activeOrganization"], Value::Null);
        assert_eq!(me(&app, &ada).await, json!({ "activeOrganization": null, "memberships": { "nodes": [] } }));
        let answer = app.rest("GET", "/api/v1/organizations/me", Some(&ada), None).await;
        assert_eq!(answer.status, 404, "{}", answer.text);
        assert!(answer.text.contains("bootstrap"), "{}", answer.text);
        let bootstrap = "mutation { bootstrap { created user { activeOrganization { name viewerRole } memberships { totalCount } } } }";
        let data = app.query(Some(&ada), bootstrap).await.data();
        let expected = json!({ "bootstrap": { "created": false, "user": {
            "activeOrganization": { "name": "Personal", "viewerRole": "OWNER" }, "memberships": { "totalCount": 1 } } } });
        assert_eq!(data, expected);
        // Who has left it to somebody else has none of their own either.
        let (bob, bobs) = bring_in(&app, &ada, &text(&me(&app, &ada).await["activeOrganization"]["id"]), "user_bob", "ADMIN").await;
        change(&app, &ada, &format!("updateMemberRole(input: {{ membershipId: \"{bobs}\", role: OWNER }}) {{ userErrors {{ code }} }}")).await;
        let id = text(&me(&app, &bob).await["activeOrganization"]["id"]);
        change(&app, &ada, &format!("leaveOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedMembershipId }}")).await;
        let answer = app.rest("POST", "/api/v1/auth/bootstrap", Some(&ada), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(me(&app, &ada).await["memberships"]["nodes"], json!([{ "role": "OWNER", "organization": { "name": "Personal" } }]));
        assert_eq!(me(&app, &bob).await["memberships"]["nodes"].as_array().unwrap().len(), 2);
        let (data, statements) = app.statements(app.query(Some(&ada), bootstrap)).await;
        assert_eq!((data.data(), statements), (expected, 1), "and one statement when there is nothing to do");
    }
}

both! {
    async fn a_person_with_more_organizations_than_come_along_works_in_one_of_them(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let data = app.query(Some(&ada), "{ me { id } }").await.data();
        let id = UserId::parse(data["me"]["id"].as_str().unwrap()).unwrap();
        let organizations = found_many(&app, 150, id).await;
        let last = organizations.last().unwrap();
        let path = "/api/v1/organizations/me/active";
        let answer = app.rest("PATCH", path, Some(&ada), Some(json!({ "organization_id": last }))).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["name"]), (200, &json!("Group 149")));
        let answer = app.rest("GET", "/api/v1/organizations/me", Some(&ada), None).await;
        assert_eq!(answer.json()["id"], json!(last));
        let list = app.rest("GET", "/api/v1/organizations/me/list", Some(&ada), None).await.json();
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 151);
        let active: Vec<_> = list.iter().filter(|one| one["is_active"] == true).map(|one| &one["name"]).collect();
        assert_eq!(active, ["Group 149"]);
        let names: Vec<_> = list.iter().map(|one| one["name"].as_str().unwrap().to_lowercase()).collect();
        assert!(names.is_sorted(), "{names:?}");
        let answer = app.rest("GET", "/api/v1/organizations/me/member", Some(&ada), None).await;
        assert_eq!(answer.json()["role"], "member");
    }
}

both! {
    async fn ids_that_are_none_of_ours_are_unknown(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let before = stored(&database).await;
        let unknown = uuid::Uuid::now_v7().to_string();
        for id in ["", "x", "1", "'; DROP TABLE users; --", "\\u0000", &unknown] {
            for (field, code) in [
                (format!("updateOrganization(input: {{ organizationId: \"{id}\", name: \"x\" }}) {{ organization {{ id }} }}"), "BAD_USER_INPUT"),
                (format!("deleteOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedOrganizationId }}"), "BAD_USER_INPUT"),
                (format!("setActiveOrganization(input: {{ organizationId: \"{id}\" }}) {{ user {{ id }} }}"), "FORBIDDEN"),
                (format!("leaveOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedMembershipId }}"), "BAD_USER_INPUT"),
                (format!("updateMemberRole(input: {{ membershipId: \"{id}\", role: ADMIN }}) {{ member {{ id }} }}"), "BAD_USER_INPUT"),
                (format!("removeMember(input: {{ membershipId: \"{id}\" }}) {{ deletedMembershipId }}"), "BAD_USER_INPUT"),
                (format!("createInvitation(input: {{ organizationId: \"{id}\", email: \"a@example.com\", role: MEMBER }}) {{ token }}"), "BAD_USER_INPUT"),
                (format!("revokeInvitation(input: {{ invitationId: \"{id}\" }}) {{ deletedInvitationId }}"), "BAD_USER_INPUT"),
                (format!("acceptInvitation(input: {{ token: \"{id}\" }}) {{ member {{ id }} }}"), "BAD_USER_INPUT"),
            ] {
                let answer = app.query(Some(&ada), &format!("mutation {{ {field} }}")).await;
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (200, code), "{field}: {}", answer.text);
                assert!(answer.json()["errors"][0]["message"].as_str().unwrap().len() > 30, "{}", answer.text);
            }
        }
        assert_eq!(stored(&database).await, before);
    }
}

both! {
    async fn members_that_are_shown_again_after_a_change_are_those_of_after_it(database) {
        let app = start(&database).await;
        let ada = signed_in(&app, "user_ada").await;
        let id = found(&app, &ada, "Engine").await;
        let data = app.query(Some(&ada), "{ me { id } }").await.data();
        let user_id = UserId::parse(data["me"]["id"].as_str().unwrap()).unwrap();
        let query = format!("mutation {{ \
            a: setActiveOrganization(input: {{ organizationId: \"{id}\" }}) {{ user {{ memberships {{ totalCount }} }} }} \
            b: createOrganization(input: {{ name: \"Two\" }}) {{ user {{ memberships {{ totalCount nodes {{ organization {{ name }} }} }} }} }} \
            c: updateOrganization(input: {{ organizationId: \"{id}\", name: \"Three\" }}) {{ organization {{ name }} }} \
            d: bootstrap {{ user {{ memberships {{ nodes {{ organization {{ name }} }} }} }} }} }}");
        let data = app.query(Some(&ada), &query).await.data();
        assert_eq!((&data["a"]["user"]["memberships"]["totalCount"], &data["b"]["user"]["memberships"]["totalCount"]), (&json!(2), &json!(3)));
        let names: Vec<_> = data["d"]["user"]["memberships"]["nodes"].as_array().unwrap().iter().map(|node| text(&node["organization"]["name"])).collect();
        assert_eq!(names, ["Personal", "Three", "Two"]);
        let mut tx = app.app.state.accounts.store().begin().await.unwrap();
        let again = NewMembership {
            id: mission_control::model::MembershipId::generate(),
            organization_id: mission_control::model::OrganizationId::parse(&id).unwrap(),
            user_id, role: Role::Member, now: crate::support::noon(),
        };
        assert!(!insert_membership(tx.conn(), &again).await.unwrap(), "at most one membership a pair");
    }
}
