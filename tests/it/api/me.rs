//! From a session token to a user.

use serde_json::json;

use crate::support::{both, start};

both! {
    async fn the_first_request_creates_and_the_second_finds(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let query = "{ me { email name memberships { totalCount nodes { role organization { name } } } } }";
        let expected = json!({ "me": {
            "email": "user_a@example.com", "name": "Sample Person",
            "memberships": { "totalCount": 1, "nodes": [
                { "role": "OWNER", "organization": { "name": "Personal" } },
            ] },
        } });
        assert_eq!(app.query(Some(&token), query).await.data(), expected);
        let (answer, statements) = app.statements(app.query(Some(&token), query)).await;
        assert_eq!(answer.data(), expected);
        assert_eq!(statements, 1, "nothing has changed: one statement");
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 1, "{table}");
        }
        assert_eq!(app.clerk.reads(), 0, "the claims were complete");
    }
}
