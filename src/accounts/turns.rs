//! One at a time for each key, within this instance.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock per key, for as long as somebody holds it or waits for it.
pub(super) struct Turns<K> {
    locks: Mutex<HashMap<K, Weak<AsyncMutex<()>>>>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self { locks: Mutex::default() }
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits until nobody else has the turn of this key. Those that wait are served in order.
    pub(super) async fn take(&self, key: K) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks();
            if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
                lock
            } else {
                // Adding a lock sweeps out those no longer held, so that the map never outgrows what is in use.
                locks.retain(|_, lock| lock.strong_count() > 0);
                let lock = Arc::new(AsyncMutex::new(()));
                locks.insert(key, Arc::downgrade(&lock));
                lock
            }
        };
        lock.lock_owned().await
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<K, Weak<AsyncMutex<()>>>> {
        // Nothing can panic between the changes made under this lock.
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_user_waits_and_another_does_not() {
        let turns = Turns::default();
        let held = turns.take("user_a").await;
        let _other = turns.take("user_b").await;
        let second = turns.take("user_a");
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(held);
        drop(second.await);
        let _third = turns.take("user_c").await;
        assert!(!turns.locks().contains_key("user_a"), "released locks are swept");
    }
}
