//! Whether the database can be used, asked at most once a second.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

use crate::store::Store;

/// How long `/readyz` answers from what it last heard of the database. However often it is asked, and by
/// whomever (it needs no token), the database is asked no more than once in this time.
pub const CHECK_HOLDS: Duration = Duration::from_secs(1);

/// What was last heard of the database, and when.
#[derive(Default)]
pub(crate) struct DatabaseCheck(Mutex<Option<(Instant, &'static str)>>);

impl DatabaseCheck {
    /// `ok`, or what is wrong with the database. Who asks while the database is being asked waits for that
    /// answer.
    pub(crate) async fn verdict(&self, store: &Store) -> &'static str {
        let mut last = self.0.lock().await;
        if let Some((heard, verdict)) = *last
            && heard.elapsed() < CHECK_HOLDS
        {
            return verdict;
        }
        let verdict = match store.is_current().await {
            Ok(true) => "ok",
            Ok(false) => "migrations are missing",
            Err(error) => {
                tracing::warn!(%error, "not ready: the database cannot answer");
                "unreachable"
            }
        };
        *last = Some((Instant::now(), verdict));
        verdict
    }
}
