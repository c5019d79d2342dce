//! Nobody comes back: live tokens and late events against a deletion, all at once.

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{both, deliver, event, start_with_webhooks, user_object};

/// Deletions tried.
const TRIES: usize = 100;

both! {
    async fn live_tokens_and_late_events_bring_nobody_back(database) {
        let app = start_with_webhooks(&database).await;
        let other = app.second_instance(&database).await;
        for number in 0..TRIES {
            let user = format!("user_{number}");
            let token = app.token(&user);
            // Every other user is deleted before the first request has been served.
            if number % 2 == 0 {
                app.query(Some(&token), "{ me { id } }").await.data();
            }
            let deleted = event("user.deleted", json!({ "id": user, "deleted": true }));
            let saved = event("user.updated", user_object(&user, Some("a@x.test"), None, 1000));
            let message = |kind: &str| format!("msg_{kind}_{number}");
            let requests = (0..4).map(|index| {
                let app = if index % 2 == 0 { &app } else { &other };
                app.query(Some(&token), "{ me { id } }")
            });
            let messages = (message("deleted"), message("early"), message("late"));
            let (answers, deletion, early) = futures_util::join!(
                join_all(requests),
                deliver(&app, &messages.0, &deleted),
                deliver(&app, &messages.1, &saved),
            );
            assert_eq!(deletion.status, StatusCode::NO_CONTENT);
            assert_eq!(early.status, StatusCode::NO_CONTENT);
            for answer in answers {
                assert!(matches!(answer.status.as_u16(), 200 | 401), "{}", answer.text);
            }
            let late = deliver(&app, &messages.2, &saved).await;
            assert_eq!(late.status, StatusCode::NO_CONTENT);
            for app in [&app, &other] {
                let answer = app.query(Some(&token), "{ me { id } }").await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{user}");
            }
        }
        for table in ["users", "organizations", "organization_members"] {
            assert_eq!(database.count(table).await, 0, "{table}");
        }
    }
}
