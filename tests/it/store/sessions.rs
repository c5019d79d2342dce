//! Revoked sessions: what was revoked for longer stays so, and nothing is forgotten too early.

use mission_control::store::{
    sessions::{end_session, expire_revocations, revoke_session},
    users::{Lookup, find_standing},
};

use super::sample::{at, commit, read, rows};
use crate::support::{TestDatabase, both};

async fn is_revoked(database: &TestDatabase, session_id: Option<&str>) -> bool {
    let lookup = Lookup { session_id, ..Lookup::of_user("user_a") };
    read!(database.store, conn => find_standing(conn, lookup)).unwrap().is_session_revoked
}

both! {
    async fn the_later_of_two_expiries_counts_and_an_end_ends_a_revocation(database) {
        // Expiries of two ends (`None`: a revocation of a session that lives on), and the last instant at which
        // the session is still refused after everything expired was swept (`None`: for ever).
        let cases = [
            (Some(10), Some(20), Some(19)),
            (Some(20), Some(10), Some(19)),
            (Some(20), Some(20), Some(19)),
            (Some(20), None, None),
            (None, Some(20), Some(19)),
            (None, None, None),
            (Some(500_000), Some(500_001), Some(500_000)),
            (Some(1_000_000), Some(999_999), Some(999_999)),
        ];
        for (first, second, last) in cases {
            let session = "sess_a";
            for expiry in [first, second] {
                if let Some(expiry) = expiry {
                    commit!(database.store, conn => end_session(conn, session, at(0), at(expiry)));
                } else {
                    commit!(database.store, conn => revoke_session(conn, session, at(0)));
                }
            }
            assert!(is_revoked(&database, Some(session)).await);
            let still = last.map_or(at(i64::from(u32::MAX)), at);
            assert_eq!(commit!(database.store, conn => expire_revocations(conn, still)), 0);
            assert!(is_revoked(&database, Some(session)).await, "{first:?}, {second:?}");
            if let Some(last) = last {
                assert_eq!(
                    commit!(database.store, conn => expire_revocations(conn, at(last + 1))),
                    1
                );
                assert!(!is_revoked(&database, Some(session)).await, "{first:?}, {second:?}");
            }
            database.execute("DELETE FROM revoked_sessions").await;
        }
    }
}

both! {
    async fn a_revocation_is_about_one_session(database) {
        commit!(database.store, conn => end_session(conn, "sess_a", at(0), at(5)));
        commit!(database.store, conn => end_session(conn, "sess_b", at(0), at(6)));
        commit!(database.store, conn => revoke_session(conn, "sess_c", at(0)));
        assert!(is_revoked(&database, Some("sess_a")).await);
        assert!(!is_revoked(&database, Some("sess_d")).await);
        assert!(!is_revoked(&database, None).await, "a token without a session id");
        assert_eq!(commit!(database.store, conn => expire_revocations(conn, at(5))), 1);
        assert!(!is_revoked(&database, Some("sess_a")).await);
        assert!(is_revoked(&database, Some("sess_b")).await);
        assert_eq!(rows(&database).await, [("revoked_sessions", 2)]);
    }
}
