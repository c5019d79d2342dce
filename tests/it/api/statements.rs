//! What a query costs: as many statements as it has levels, however many rows there are.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use mission_control::{
    auth::Authentication,
    graphql::{GraphqlRequest, Viewer},
    model::Role,
};
use serde_json::{Value, json};

use super::seed::{crowd, exhaust, found, found_many, join, promote, sign_in};
use crate::support::{TestApp, both, start};

/// Runs a query and answers its data and how many statements it took.
async fn cost(app: &TestApp, clerk_user_id: &str, body: Value) -> (Value, u64) {
    let token = app.token(clerk_user_id);
    let (answer, statements) = app.statements(app.graphql(Some(&token), body)).await;
    (answer.data(), statements)
}

both! {
    async fn a_typical_me_is_one_statement_up_to_a_hundred_memberships(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let query = json!({ "query": "{ me { id email name displayName isSuperAdmin createdAt \
            activeOrganization { id name viewerRole } ...More } } \
            fragment More on User { all: memberships(first: 100) { totalCount \
                pageInfo { hasNextPage endCursor } edges { cursor } \
                nodes { id role displayName isViewer organization { id clerkOrganizationId name viewerRole } } } \
            few: memberships(first: 2) { totalCount nodes { id } } }" });
        for (more, total, expected) in [(0, 1, 1), (1, 2, 1), (97, 99, 1), (1, 100, 1), (1, 101, 2), (1, 102, 2)] {
            found_many(&app, more, alice).await;
            let (data, statements) = cost(&app, "user_alice", query.clone()).await;
            let all = &data["me"]["all"];
            assert_eq!(all["totalCount"], total);
            assert_eq!(data["me"]["few"]["totalCount"], total);
            assert_eq!(all["nodes"].as_array().unwrap().len(), total.min(100));
            assert_eq!(statements, expected, "{total} memberships; from 101 on they are counted");
        }
    }
}

both! {
    async fn members_cost_the_same_whether_few_or_many(database) {
        let app = TestApp::start(&database, &[("MAX_COMPLEXITY", "10000000")]).await;
        let alice = sign_in(&app, "user_alice").await;
        let query = |first: usize| json!({ "query": format!(
            "{{ me {{ memberships(first: {first}) {{ totalCount nodes {{ displayName isViewer organization {{ name viewerRole \
             members(first: {first}) {{ totalCount nodes {{ displayName email isViewer organization {{ name \
             members(first: {first}) {{ totalCount nodes {{ displayName organization {{ viewerRole }} }} }} }} }} }} }} }} }} }} }}"
        ) });
        let (_, one) = cost(&app, "user_alice", query(1)).await;
        let organizations = found_many(&app, 99, alice).await;
        for id in organizations.iter().take(3) {
            join(&app, *id, &[]).await;
        }
        let people = crowd(&app, organizations[0], 99).await;
        for id in &organizations[1..3] {
            let members: Vec<_> = people.iter().map(|person| (*person, Role::Member)).collect();
            join(&app, *id, &members).await;
        }
        for first in [1, 50, 100] {
            let (data, statements) = cost(&app, "user_alice", query(first)).await;
            let nodes = data["me"]["memberships"]["nodes"].as_array().unwrap();
            assert_eq!(nodes.len(), first);
            // Cut off, a list is counted as well: once for each level.
            let expected = if first == 100 { one } else { one + 2 };
            assert!(statements <= expected, "{first} at a time: {statements} statements, {one} for one");
            if first > 1 {
                let members = &nodes[1]["organization"]["members"];
                assert_eq!(members["totalCount"], 100);
                let again = &members["nodes"][first - 1]["organization"]["members"];
                assert_eq!(again["nodes"].as_array().unwrap().len(), first);
                assert_eq!(again["totalCount"], 100);
            }
        }
        assert_eq!(one, 2, "the user with memberships, the members; asked again on the next level they are known");
    }
}

both! {
    async fn fifty_members_with_their_organizations_cost_what_one_costs(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let small = found(&app, "Small", &[(alice, Role::Owner)]).await;
        let large = found(&app, "Large", &[(alice, Role::Owner)]).await;
        crowd(&app, large, 49).await;
        let query = |id| json!({
            "query": "query($id: ID!) { organization(id: $id) { name members { totalCount nodes { \
                id role displayName email isViewer organization { id name viewerRole } } } } }",
            "variables": { "id": id },
        });
        let (data, few) = cost(&app, "user_alice", query(small)).await;
        assert_eq!(data["organization"]["members"]["totalCount"], 1);
        let (data, many) = cost(&app, "user_alice", query(large)).await;
        assert_eq!(data["organization"]["members"]["totalCount"], 50);
        assert_eq!((few, many), (3, 3), "the user, the organization, the members");
    }
}

both! {
    async fn fifty_nodes_of_all_kinds_cost_what_three_cost(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let organizations = found_many(&app, 20, alice).await;
        let people = crowd(&app, organizations[0], 10).await;
        let token = app.token("user_alice");
        let data = app.query(Some(&token), "{ me { memberships { nodes { id } } } }").await.data();
        let mut ids: Vec<String> = organizations.iter().map(ToString::to_string).collect();
        ids.extend(people.iter().map(ToString::to_string));
        let memberships = data["me"]["memberships"]["nodes"].as_array().unwrap();
        ids.extend(memberships.iter().take(15).map(|node| node["id"].as_str().unwrap().to_owned()));
        ids.extend((0..4).map(|_| uuid::Uuid::now_v7().to_string()));
        ids.push("x".to_owned());
        assert_eq!(ids.len(), 50);
        let three = vec![ids[0].clone(), ids[20].clone(), ids[30].clone()];
        let query = |ids: &[String]| json!({
            "query": "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id \
                ... on User { email } ... on Organization { name viewerRole } \
                ... on OrganizationMember { displayName organization { name } } } }",
            "variables": { "ids": ids },
        });
        for (is_super_admin, expected) in [(false, 3), (true, 4)] {
            if is_super_admin {
                promote(&app, alice).await;
            }
            let (_, few) = cost(&app, "user_alice", query(&three)).await;
            let (data, many) = cost(&app, "user_alice", query(&ids)).await;
            assert_eq!((few, many), (expected, expected));
            let found = data["nodes"].as_array().unwrap().iter().filter(|node| !node.is_null()).count();
            assert_eq!(found, if is_super_admin { 45 } else { 35 });
        }
        // The same through as many fields as there may be aliases.
        let fields: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(index, id)| format!("n{index}: node(id: \"{id}\") {{ id }}"))
            .collect();
        let body = json!({ "query": format!("{{ {} }}", fields.join(" ")) });
        let (_, statements) = cost(&app, "user_alice", body).await;
        assert_eq!(statements, 4);
    }
}

both! {
    async fn many_people_with_their_organizations_cost_what_one_costs(database) {
        let app = TestApp::start(&database, &[("MAX_COMPLEXITY", "100000")]).await;
        let admin = sign_in(&app, "user_admin").await;
        promote(&app, admin).await;
        let shared = found(&app, "Shared", &[(admin, Role::Owner)]).await;
        let people: Vec<_> = crowd(&app, shared, 30).await.iter().map(ToString::to_string).collect();
        let query = |ids: &[String]| json!({
            "query": "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { email \
                activeOrganization { name } memberships { totalCount nodes { organization { name } } } } } }",
            "variables": { "ids": ids },
        });
        let (_, one) = cost(&app, "user_admin", query(&people[..1])).await;
        let (data, many) = cost(&app, "user_admin", query(&people)).await;
        assert_eq!(one, many);
        for node in data["nodes"].as_array().unwrap() {
            assert_eq!(node["memberships"]["totalCount"], 1);
            assert_eq!(node["activeOrganization"]["name"], "Shared");
        }
    }
}

both! {
    async fn a_database_that_is_gone_in_the_middle_is_an_error_of_the_field(database) {
        let app = start(&database).await;
        let alice = sign_in(&app, "user_alice").await;
        let id = found(&app, "Shared", &[(alice, Role::Owner)]).await;
        let state = &app.app.state;
        let mut headers = HeaderMap::new();
        let token = format!("Bearer {}", app.token("user_alice").sign());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&token).unwrap());
        let Authentication::SignedIn(session) = state.authenticator.authenticate(&headers).await else {
            panic!("the token is good");
        };
        let viewer = Arc::new(Viewer::new(state.accounts.clone(), Some(session)));
        viewer.resolved(false).await.unwrap();
        let _held = exhaust(state.accounts.store()).await;
        let query = format!(
            "{{ me {{ id }} a: organization(id: \"{id}\") {{ name }} b: node(id: \"{id}\") {{ id }} \
             c: organization(id: \"x\") {{ name }} }}"
        );
        let request = GraphqlRequest { query, ..GraphqlRequest::default() };
        let response = state.pipeline.answer(request, viewer.clone()).await.unwrap();
        assert!(viewer.failure().is_none(), "the user was found: the answer stands");
        let response = serde_json::to_value(&response).unwrap();
        assert_eq!(response["data"], json!({ "me": { "id": alice }, "a": null, "b": null, "c": null }));
        let mut errors: Vec<_> = response["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["path"].to_string(), error["extensions"]["code"].as_str().unwrap()))
            .collect();
        errors.sort();
        assert_eq!(errors, [("[\"a\"]".to_owned(), "SERVICE_UNAVAILABLE"), ("[\"b\"]".to_owned(), "SERVICE_UNAVAILABLE")]);
    }
}
