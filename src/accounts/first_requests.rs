//! One first request per user at a time, within this instance. A page load sends several requests at
//! once; without this each would ask Clerk for the same profile. Users whom Clerk refuses have no row
//! that could hold a back-off, so the refusal is remembered here for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::SessionRefusal;

/// How long a refusal counts without asking Clerk again.
const REFUSAL_MEMORY: TimeDelta = TimeDelta::seconds(10);
/// Refusals remembered at most.
const MAX_REFUSALS: usize = 1024;

/// A lock per Clerk id. Only users that do not exist yet take it.
pub(super) struct FirstRequests {
    locks: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
    refusals: Cache<String, (SessionRefusal, DateTime<Utc>)>,
}

impl Default for FirstRequests {
    fn default() -> Self {
        Self { locks: Mutex::default(), refusals: Cache::new(MAX_REFUSALS) }
    }
}

impl FirstRequests {
    /// Why Clerk's answer of a moment ago refused this user, if it did.
    pub(super) fn recent_refusal(
        &self,
        clerk_user_id: &str,
        now: DateTime<Utc>,
    ) -> Option<SessionRefusal> {
        let (refusal, at) = self.refusals.get(clerk_user_id)?;
        // A clock that was set back must not prolong it.
        ((now - at).abs() < REFUSAL_MEMORY).then_some(refusal)
    }

    /// Remembers that Clerk's answer refused this user.
    pub(super) fn remember(
        &self,
        clerk_user_id: &str,
        refusal: SessionRefusal,
        now: DateTime<Utc>,
    ) {
        self.refusals.insert(clerk_user_id.to_owned(), (refusal, now));
    }

    /// Waits until no other first request of this user is under way here.
    pub(super) async fn enter(&self, clerk_user_id: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks();
            if let Some(lock) = locks.get(clerk_user_id).and_then(Weak::upgrade) {
                lock
            } else {
                // Adding a lock sweeps out those no longer held, so that the map never outgrows what is in use.
                locks.retain(|_, lock| lock.strong_count() > 0);
                let lock = Arc::new(AsyncMutex::new(()));
                locks.insert(clerk_user_id.to_owned(), Arc::downgrade(&lock));
                lock
            }
        };
        lock.lock_owned().await
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<String, Weak<AsyncMutex<()>>>> {
        // Nothing can panic between the changes made under this lock.
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_user_waits_and_another_does_not() {
        let first_requests = FirstRequests::default();
        let held = first_requests.enter("user_a").await;
        let _other = first_requests.enter("user_b").await;
        let second = first_requests.enter("user_a");
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(held);
        drop(second.await);
        let _third = first_requests.enter("user_c").await;
        assert!(!first_requests.locks().contains_key("user_a"), "released locks are swept");
    }
}
