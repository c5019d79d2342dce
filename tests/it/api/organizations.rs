//! `organization`, `members` and `memberships`: pages of people and of organizations.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use mission_control::model::{MembershipId, OrganizationId, Role};
use serde_json::{Value, json};

use super::seed::{crowd, found, found_many, found_mirrored, join, sign_in};
use crate::support::{TestApp, Token, both, start};

const CONNECTION: &str = "totalCount nodes { id } edges { cursor node { id } } \
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

/// One page of an organization's members.
async fn page(
    app: &TestApp,
    token: &Token,
    id: OrganizationId,
    first: usize,
    after: Option<&str>,
) -> Value {
    let body = json!({
        "query": format!("query($id: ID!, $first: Int!, $after: String) {{ \
            organization(id: $id) {{ members(first: $first, after: $after) {{ {CONNECTION} }} }} }}"),
        "variables": { "id": id, "first": first, "after": after },
    });
    app.graphql(Some(token), body).await.data()["organization"]["members"].clone()
}

/// Walks a list from page to page and answers the ids in order, having checked each page.
async fn walk(
    app: &TestApp,
    token: &Token,
    id: OrganizationId,
    first: usize,
    total: usize,
) -> Vec<String> {
    let mut ids = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = page(app, token, id, first, after.as_deref()).await;
        let nodes = page["nodes"].as_array().unwrap();
        let edges = page["edges"].as_array().unwrap();
        let edge_nodes: Vec<_> = edges.iter().map(|edge| edge["node"].clone()).collect();
        assert_eq!(nodes, &edge_nodes, "edges and nodes are the same");
        assert_eq!(page["totalCount"], total);
        let info = &page["pageInfo"];
        assert_eq!(
            info["startCursor"],
            edges.first().map_or(Value::Null, |edge| edge["cursor"].clone())
        );
        assert_eq!(
            info["endCursor"],
            edges.last().map_or(Value::Null, |edge| edge["cursor"].clone())
        );
        assert_eq!(info["hasPreviousPage"], after.is_some());
        ids.extend(nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        assert_eq!(info["hasNextPage"], ids.len() < total, "{} of {total}", ids.len());
        assert_eq!(nodes.len(), first.min(total - (ids.len() - nodes.len())));
        if ids.len() >= total {
            return ids;
        }
        after = info["endCursor"].as_str().map(str::to_owned);
    }
}

both! {
    async fn pages_follow_each_other_whatever_their_size(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let id = found(&app, "Shared", &[(alice, Role::Owner)]).await;
        // All at the same instant, then one a microsecond later and one long before.
        crowd(&app, id, 6).await;
        app.clock.advance(TimeDelta::microseconds(1));
        let bob = sign_in(&app, "user_bob").await;
        join(&app, id, &[(bob, Role::Member)]).await;
        app.clock.advance(TimeDelta::days(-400));
        let carol = sign_in(&app, "user_carol").await;
        join(&app, id, &[(carol, Role::Member)]).await;
        app.clock.advance(TimeDelta::days(400));
        let token = app.token("user_alice");
        let all = walk(&app, &token, id, 100, 9).await;
        assert_eq!(all.len(), 9);
        let members = app.query(Some(&token), &format!(
            "{{ organization(id: \"{id}\") {{ members {{ nodes {{ id createdAt email }} }} }} }}"
        )).await.data()["organization"]["members"]["nodes"].clone();
        assert_eq!(members[0]["email"], "user_carol@example.com", "the longest-standing one first");
        assert_eq!(members[8]["email"], "user_bob@example.com");
        let among_ties: Vec<_> = all[1..8].to_vec();
        assert!(among_ties.is_sorted(), "ties by id: {among_ties:?}");
        for size in [1, 2, 3, 4, 8, 9, 10] {
            assert_eq!(walk(&app, &token, id, size, 9).await, all, "{size} at a time");
        }
    }
}

both! {
    async fn behind_the_last_member_is_an_empty_page(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let id = found(&app, "Shared", &[(alice, Role::Owner)]).await;
        let token = app.token("user_alice");
        let first = page(&app, &token, id, 1, None).await;
        let cursor = first["pageInfo"]["endCursor"].as_str().unwrap();
        let last = page(&app, &token, id, 1, Some(cursor)).await;
        assert_eq!(last, json!({
            "totalCount": 1, "nodes": [], "edges": [], "pageInfo": {
                "hasNextPage": false, "hasPreviousPage": true, "startCursor": null, "endCursor": null,
            },
        }));
    }
}

both! {
    async fn an_impossible_page_is_the_fault_of_its_field(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let id = found(&app, "Shared", &[(alice, Role::Owner)]).await;
        let token = app.token("user_alice");
        let invented = |micros: i64, id: [u8; 16]| {
            let mut bytes = [0; 24];
            bytes[..8].copy_from_slice(&micros.to_be_bytes());
            bytes[8..].copy_from_slice(&id);
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let some_id = *MembershipId::generate().0.as_bytes();
        let long = "A".repeat(10_000);
        let mut arguments = vec![
            "first: 0".to_owned(), "first: -1".to_owned(), "first: 101".to_owned(),
            "first: 2147483647".to_owned(), "first: -2147483648".to_owned(),
            "after: \"\"".to_owned(), "after: \"x\"".to_owned(), "after: \"MTA=\"".to_owned(),
            format!("after: \"{long}\""), format!("after: \"{alice}\""), format!("first: 101, after: \"{long}\""),
        ];
        // Shaped like a cursor: not an id of ours, or a time no membership has.
        for cursor in [
            invented(0, [0; 16]), invented(i64::MAX, some_id), invented(i64::MIN, some_id),
            // The years -100000, 0, 1969 and 10000.
            invented(-3_217_862_419_200_000_000, some_id), invented(-62_167_219_200_000_000, some_id),
            invented(-1, some_id), invented(253_402_300_800_000_000, some_id),
        ] {
            arguments.push(format!("after: \"{cursor}\""));
        }
        for arguments in arguments {
            let query = format!("{{ organization(id: \"{id}\") {{ members({arguments}) {{ totalCount }} }} }}");
            let answer = app.query(Some(&token), &query).await;
            let body = answer.json();
            assert_eq!(answer.status, 200, "{arguments:.80}: {}", answer.text);
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{arguments:.80}: {}", answer.text);
            assert_eq!(body["errors"][0]["path"], json!(["organization", "members"]), "{arguments:.80}");
            assert_eq!(body["data"], json!({ "organization": null }), "{arguments:.80}");
            let query = format!("{{ me {{ memberships({arguments}) {{ totalCount }} }} }}");
            let answer = app.query(Some(&token), &query).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (200, "BAD_USER_INPUT"), "{arguments:.80}");
            assert_eq!(answer.json()["data"], Value::Null, "`me` is never null");
        }
        // Not a whole number of 32 bits: refused with the same code, wherever it is found.
        for first in ["2147483648", "1.5", "1e1", "\"5\"", "true", "null"] {
            let query = format!("{{ me {{ memberships(first: {first}) {{ totalCount }} }} }}");
            let answer = app.query(Some(&token), &query).await;
            assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code().as_str()), "{}", answer.text);
            let body = json!({
                "query": "query($first: Int!) { me { memberships(first: $first) { totalCount } } }",
                "variables": { "first": serde_json::from_str::<Value>(first).unwrap() },
            });
            let answer = app.graphql(Some(&token), body).await;
            if first == "1e1" {
                continue; // JSON knows no difference between this and a fraction.
            }
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "BAD_USER_INPUT"), "{first}: {}", answer.text);
        }
    }
}

both! {
    async fn a_page_argument_that_was_not_sent_takes_its_default(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        found_many(&app, 59, alice).await;
        let token = app.token("user_alice");
        let query = "query($first: Int = 7, $after: String) { me { memberships(first: $first, after: $after) { nodes { id } } } }";
        let bare = "query($first: Int, $after: String) { me { memberships(first: $first, after: $after) { nodes { id } } } }";
        for (query, variables, expected) in [
            (query, json!({}), 7),
            (query, json!({ "first": 3 }), 3),
            (query, json!({ "first": 3, "after": null }), 3),
            (query, json!({ "after": null }), 7),
            (bare, json!({}), 50),
            (query, json!({}), 7),
        ] {
            let answer = app.graphql(Some(&token), json!({ "query": query, "variables": variables })).await;
            let data = answer.data();
            let nodes = data["me"]["memberships"]["nodes"].as_array().unwrap();
            assert_eq!(nodes.len(), expected, "{variables}");
        }
    }
}

both! {
    async fn memberships_are_whole_around_the_number_that_is_loaded_with_the_user(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let token = app.token("user_alice");
        let mut names = vec!["Personal".to_owned()];
        for more in [98, 1, 1, 1, 1, 60] {
            app.clock.advance(TimeDelta::milliseconds(1));
            found_many(&app, more, alice).await;
            names.extend((0..more).map(|index| format!("Group {index}")));
            for size in [1, 60, 99, 100] {
                let mut found = Vec::new();
                let mut after = Value::Null;
                while found.len() < names.len() {
                    let body = json!({
                        "query": "query($first: Int!, $after: String) { me { \
                            activeOrganization { name } memberships(first: $first, after: $after) { \
                            totalCount pageInfo { hasNextPage hasPreviousPage endCursor } \
                            nodes { organization { name } } } } }",
                        "variables": { "first": size, "after": after },
                    });
                    let me = app.graphql(Some(&token), body).await.data()["me"].clone();
                    assert_eq!(me["activeOrganization"]["name"], "Personal");
                    let page = &me["memberships"];
                    assert_eq!(page["totalCount"], names.len());
                    assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
                    let nodes = page["nodes"].as_array().unwrap();
                    found.extend(nodes.iter().map(|node| node["organization"]["name"].as_str().unwrap().to_owned()));
                    assert_eq!(page["pageInfo"]["hasNextPage"], found.len() < names.len());
                    after = page["pageInfo"]["endCursor"].clone();
                    if size == 1 && found.len() == 3 {
                        break; // The rest of so many pages would show nothing new.
                    }
                }
                assert_eq!(found, names[..found.len()], "{size} of {}", names.len());
            }
        }
    }
}

both! {
    async fn the_active_organization_is_a_current_one(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let query = "{ me { activeOrganization { name clerkOrganizationId viewerRole } } }";
        let active = async |token: &Token| {
            let data = app.query(Some(token), query).await.data();
            data["me"]["activeOrganization"]["name"].as_str().map(str::to_owned)
        };
        let plain = app.token("user_alice");
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(active(&plain).await, named("Personal"), "no stored value: the oldest membership");
        app.clock.advance(TimeDelta::seconds(1));
        found_many(&app, 150, alice).await;
        app.clock.advance(TimeDelta::seconds(1));
        let team = found_mirrored(&app, "Team", "org_team", &[(alice, Role::Member)]).await;
        found_mirrored(&app, "Strangers", "org_strangers", &[]).await;
        let with = |organization: &str| plain.clone().organization(organization, "admin");
        assert_eq!(active(&with("org_strangers")).await, named("Personal"), "not a member there");
        assert_eq!(active(&with("org_nowhere")).await, named("Personal"), "nobody has heard of it");
        assert_eq!(active(&with("org_team")).await, named("Team"), "behind the first hundred");
        let data = app.query(Some(&with("org_team")), query).await.data();
        assert_eq!(
            data["me"]["activeOrganization"],
            json!({ "name": "Team", "clerkOrganizationId": "org_team", "viewerRole": "MEMBER" }),
            "a token grants no role"
        );
        assert_eq!(active(&plain).await, named("Team"), "a token without one changes nothing");
        assert_eq!(active(&with("org_strangers")).await, named("Team"));
        database.execute(&format!("DELETE FROM organization_members WHERE organization_id = '{team}'")).await;
        assert_eq!(active(&plain).await, named("Personal"), "a lost membership");
        database.execute(&format!("DELETE FROM organization_members WHERE user_id = '{alice}'")).await;
        assert_eq!(active(&plain).await, None, "no membership at all");
    }
}

both! {
    async fn the_caller_is_told_apart(database) {
        let app = start(&database).await;
        let (alice, bob) = (sign_in(&app, "user_alice").await, sign_in(&app, "user_bob").await);
        let id = found(&app, "Shared", &[(alice, Role::Admin), (bob, Role::Owner)]).await;
        let query = format!("{{ organization(id: \"{id}\") {{ viewerRole members {{ nodes {{ email role isViewer organization {{ viewerRole }} }} }} }} }}");
        for (name, role, is_alice) in [("user_alice", "ADMIN", true), ("user_bob", "OWNER", false)] {
            let answer = app.query(Some(&app.token(name)), &query).await;
            let organization = json!({ "viewerRole": role });
            assert_eq!(answer.json(), json!({ "data": { "organization": { "viewerRole": role, "members": { "nodes": [
                { "email": "user_alice@example.com", "role": "ADMIN", "isViewer": is_alice, "organization": organization },
                { "email": "user_bob@example.com", "role": "OWNER", "isViewer": !is_alice, "organization": organization },
            ] } } } }));
        }
        let answer = app.query(Some(&{ sign_in(&app, "user_carol").await; app.token("user_carol") }), &query).await;
        assert_eq!(answer.json(), json!({ "data": { "organization": null } }));
    }
}

both! {
    async fn counts_of_different_lists_in_one_query(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let one = found(&app, "One", &[(alice, Role::Owner)]).await;
        let bob = sign_in(&app, "user_bob").await;
        let two = found(&app, "Two", &[(alice, Role::Owner), (bob, Role::Member)]).await;
        crowd(&app, one, 3).await;
        let token = app.token("user_alice");
        let first = app.query(Some(&token), "{ me { memberships(first: 1) { pageInfo { endCursor } } } }").await;
        let cursor = &first.data()["me"]["memberships"]["pageInfo"]["endCursor"];
        // Two organizations and a person are counted in one statement, in no particular order.
        let query = format!(
            "{{ people: me {{ memberships {{ nodes {{ organization {{ name members(first: 1) {{ totalCount }} }} }} }} }} \
             own: me {{ memberships(first: 1, after: {cursor}) {{ totalCount }} }} }}"
        );
        let counted = |name: &str, count: i32| json!({ "organization": {
            "name": name, "members": { "totalCount": count },
        } });
        let expected = json!({
            "people": { "memberships": { "nodes": [
                counted("Personal", 1), counted("One", 4), counted("Two", 2),
            ] } },
            "own": { "memberships": { "totalCount": 3 } },
        });
        for _ in 0..12 {
            let (answer, statements) = app.statements(app.query(Some(&token), &query)).await;
            assert_eq!(answer.data(), expected, "{two}");
            assert!(statements <= 4, "the user, two slices, the counts: {statements}");
        }
    }
}
