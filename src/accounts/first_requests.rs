//! One first request per user at a time, within this instance. A page load sends several requests at
//! once; without this each would ask Clerk for the same profile. Users whom Clerk refuses have no row
//! that could hold a back-off, so the refusal is remembered here for a moment.

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::OwnedMutexGuard;

use super::{SessionRefusal, turns::Turns};

/// How long a refusal counts without asking Clerk again.
const REFUSAL_MEMORY: TimeDelta = TimeDelta::seconds(10);
/// Refusals remembered at most.
const MAX_REFUSALS: usize = 1024;

/// A turn per Clerk id. Only users that do not exist yet take it.
pub(super) struct FirstRequests {
    turns: Turns<String>,
    refusals: Cache<String, (SessionRefusal, DateTime<Utc>)>,
}

impl Default for FirstRequests {
    fn default() -> Self {
        Self { turns: Turns::default(), refusals: Cache::new(MAX_REFUSALS) }
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
        self.turns.take(clerk_user_id.to_owned()).await
    }
}
