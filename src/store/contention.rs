//! Running a transaction again that another one got in the way of. Knows no table.

use std::{future::Future, time::Duration};

use uuid::Uuid;

use super::StoreError;

/// How often a transaction runs, at most.
const MAX_ATTEMPTS: u32 = 5;
/// Before the second attempt waits at most this long, doubled with each one after it.
const FIRST_PAUSE_MS: u128 = 10;

/// An error that may stand for [`StoreError::Contention`].
pub(crate) trait Contended {
    /// Whether the same transaction may succeed when it is run again.
    fn is_contention(&self) -> bool;
}

impl Contended for StoreError {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Contention(_))
    }
}

/// Runs a whole transaction, from its beginning to its commit, and again after a serialisation failure or
/// a deadlock (40001, 40P01): nothing of it has happened then. `transaction` has no effect outside the
/// database.
pub(crate) async fn retry<T, E, F>(mut transaction: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: Contended,
{
    for attempt in 1..MAX_ATTEMPTS {
        match transaction().await {
            Err(error) if error.is_contention() => {
                // Jitter, so that those who met do not meet again.
                let longest = FIRST_PAUSE_MS << attempt;
                let pause = u64::try_from(Uuid::new_v4().as_u128() % longest).unwrap_or(0);
                tracing::debug!(attempt, "a transaction met another one and is run again");
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
    transaction().await
}
