//! Page sizes given as variables, as client libraries send them: the complexity of such an operation
//! is only known once the values are.

use serde_json::{Value, json};

use crate::support::{both, start};

/// Selections that cost 1,801 for a page of 100: three of them are over the limit of 5,000.
const COSTLY: &str = "{ nodes { id role name displayName email preferredName isViewer createdAt updatedAt \
    organization { id name createdAt updatedAt viewerRole clerkOrganizationId } } totalCount }";

both! {
    async fn a_page_size_may_be_a_variable(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let me = app.query(Some(&token), "{ me { id } }").await.data()["me"]["id"].clone();
        let count = json!({ "me": { "memberships": { "totalCount": 1 } } });
        let nodes = json!({ "nodes": [{ "id": me }] });
        let page = |signature: &str| {
            format!("query {signature} {{ me {{ memberships(first: $n) {{ totalCount }} }} }}")
        };
        let in_fragment = "query($n: Int!) { me { ...F } } \
            fragment F on User { memberships(first: $n) { totalCount } }";
        let two_meanings = "query Page($n: Int!) { me { memberships(first: $n) { totalCount } } } \
            mutation Name($n: String) { updateProfile(input: { name: $n }) { user { id } } }";
        let cases: &[(&str, Option<&str>, Value, &Value)] = &[
            (&page("($n: Int!)"), None, json!({ "n": 1 }), &count),
            (&page("Named($n: Int!)"), Some("Named"), json!({ "n": 100 }), &count),
            (&page("($n: Int)"), None, json!({ "n": 1 }), &count),
            (&page("($n: Int)"), None, json!({}), &count),
            (&page("($n: Int = 1)"), None, json!({}), &count),
            (&page("($n: Int! = 1)"), None, json!({ "n": 2 }), &count),
            (in_fragment, None, json!({ "n": 1 }), &count),
            (two_meanings, Some("Page"), json!({ "n": 1 }), &count),
            ("query($n: [ID!]!) { nodes(ids: $n) { id } }", None, json!({ "n": [me] }), &nodes),
            ("query($n: ID!) { nodes(ids: [$n]) { id } }", None, json!({ "n": me }), &nodes),
        ];
        for (query, name, variables, expected) in cases {
            let body = json!({ "query": query, "operationName": name, "variables": variables });
            // The second time the document is known.
            for _ in 0..2 {
                assert_eq!(app.graphql(Some(&token), body.clone()).await.data(), **expected, "{body}");
            }
        }
    }
}

both! {
    async fn what_a_page_costs_is_decided_by_the_value_sent(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let three = |signature: &str| {
            format!(
                "query {signature} {{ me {{ a: memberships(first: $n) {COSTLY} \
                 b: memberships(first: $n) {COSTLY} c: memberships(first: $n) {COSTLY} }} }}"
            )
        };
        let (required, default) = (three("($n: Int!)"), three("($n: Int = 100)"));
        let too_complex = "The query is too complex (MAX_COMPLEXITY). Lists count as many times as \
            they may have entries: ask for smaller pages.";
        for (query, variables, expected) in [
            (&required, json!({ "n": 10 }), None),
            (&required, json!({ "n": 100 }), Some(too_complex)),
            (&default, json!({ "n": 10 }), None),
            (&default, json!({}), Some(too_complex)),
        ] {
            let answer = app.graphql(Some(&token), json!({ "query": query, "variables": variables })).await;
            match expected {
                None => assert_eq!(answer.data()["me"]["a"]["totalCount"], 1, "{variables}"),
                Some(message) => {
                    assert_eq!(answer.status, 400, "{variables}: {}", answer.text);
                    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{variables}");
                    assert_eq!(answer.json()["errors"][0]["message"], message, "{variables}");
                    assert!(answer.json().get("data").is_none());
                }
            }
        }
    }
}

both! {
    async fn a_page_size_that_is_none_is_refused(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let page = |signature: &str| {
            format!("query {signature} {{ me {{ memberships(first: $n) {{ totalCount }} }} }}")
        };
        for (signature, variables, code) in [
            ("($n: Int!)", json!({}), "BAD_USER_INPUT"),
            ("($n: Int!)", json!({ "n": "1" }), "BAD_USER_INPUT"),
            ("($n: Int!)", json!({ "n": null }), "BAD_USER_INPUT"),
            ("($n: String!)", json!({ "n": "1" }), "GRAPHQL_VALIDATION_FAILED"),
            ("($n: Int = true)", json!({ "n": 1 }), "GRAPHQL_VALIDATION_FAILED"),
            ("($m: Int)", json!({ "n": 1 }), "GRAPHQL_VALIDATION_FAILED"),
        ] {
            let body = json!({ "query": page(signature), "variables": variables });
            let answer = app.graphql(Some(&token), body).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{signature} {variables}: {}", answer.text);
        }
    }
}
