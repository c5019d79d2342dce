//! One first request per user at a time, within this instance. A page load sends several requests at
//! once; without this each would ask Clerk for the same profile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock per Clerk id. Only users that do not exist yet take it.
#[derive(Default)]
pub(super) struct FirstRequests {
    locks: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

impl FirstRequests {
    /// Waits until no other first request of this user is under way here.
    pub(super) async fn enter(&self, clerk_user_id: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks();
            if let Some(lock) = locks.get(clerk_user_id).and_then(Weak::upgrade) {
                lock
            } else {
                // Whoever adds one sweeps, so that the map never outgrows what is in use.
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
