//! The key set that signs session tokens: fetched in the background, kept while Clerk is down,
//! replaced whole, and never fetched more often because of bad tokens. Knows nothing of
//! claims.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    http::{ClerkHttp, EXCHANGE_TIMEOUT},
    key::VerifyingKey,
    key_set::KeySet,
};
use crate::{clock::Clock, telemetry::traces};

/// A set younger than this is not fetched again, so a removed key dies within that time.
const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(5);
/// A set older than this is not used any more, however long Clerk has been down.
const UNUSABLE_AFTER: TimeDelta = TimeDelta::hours(24);
/// At least this long between two fetches that unknown key ids cause.
const UNKNOWN_KEY_COOL_DOWN: TimeDelta = TimeDelta::seconds(30);
/// `Retry-After` is honoured up to this.
const MAX_RETRY_PAUSE: Duration = Duration::from_hours(1);
/// The same while there is no set at all, because then nobody can sign in.
const MAX_RETRY_PAUSE_WITHOUT_KEYS: Duration = Duration::from_mins(1);
/// No refresh is ever further away than this.
const MAX_REFRESH_DISTANCE: TimeDelta = TimeDelta::hours(1);
/// How often [`RemoteKeySet::keep_fresh`] looks whether something is due.
const SCHEDULE_INTERVAL: Duration = Duration::from_millis(500);

/// Where verifying keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// One configured key, whatever the key id says; no network.
    Configured(Arc<VerifyingKey>),
    /// The key set of a Clerk instance.
    Remote(Arc<RemoteKeySet>),
}

/// No key set has been loaded, or the last one is too old: a token can be neither accepted nor
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysUnavailable;

impl KeySource {
    /// The key with this (well-formed) id; `None` when Clerk does not publish it.
    pub(crate) async fn find(
        &self,
        key_id: &str,
    ) -> Result<Option<Arc<VerifyingKey>>, KeysUnavailable> {
        match self {
            Self::Configured(key) => Ok(Some(key.clone())),
            Self::Remote(set) => set.find(key_id).await,
        }
    }

    /// Changes whenever the keys do; what was verified under another generation must be verified
    /// again.
    pub(crate) fn generation(&self) -> Result<u64, KeysUnavailable> {
        match self {
            Self::Configured(_) => Ok(0),
            Self::Remote(set) => {
                set.usable().map(|loaded| loaded.generation).ok_or(KeysUnavailable)
            }
        }
    }
}

/// The key set of one Clerk instance, reached with that instance's secret key.
pub struct RemoteKeySet {
    http: ClerkHttp,
    clock: Arc<dyn Clock>,
    /// A clock difference to Clerk beyond this is worth a warning.
    leeway: TimeDelta,
    loaded: ArcSwapOption<Loaded>,
    /// Held while a fetch is under way: there is never a second one.
    schedule: Arc<Mutex<Schedule>>,
    attempts: AtomicU64,
    failed_attempts: AtomicU64,
}

struct Loaded {
    keys: KeySet,
    fetched_at: DateTime<Utc>,
    generation: u64,
}

struct Schedule {
    /// When the background looks again.
    next_refresh: DateTime<Utc>,
    /// When an unknown key id may cause a fetch again.
    next_for_unknown: DateTime<Utc>,
    failures: u32,
}

impl RemoteKeySet {
    /// A key set that has not been fetched yet; [`RemoteKeySet::keep_fresh`] does that.
    pub(crate) fn new(http: ClerkHttp, clock: Arc<dyn Clock>, leeway: TimeDelta) -> Arc<Self> {
        Arc::new(Self {
            http,
            clock,
            leeway,
            loaded: ArcSwapOption::empty(),
            schedule: Arc::new(Mutex::new(Schedule {
                next_refresh: DateTime::<Utc>::MIN_UTC,
                next_for_unknown: DateTime::<Utc>::MIN_UTC,
                failures: 0,
            })),
            attempts: AtomicU64::new(0),
            failed_attempts: AtomicU64::new(0),
        })
    }

    /// How old the set is; `None` before the first one.
    pub fn age(&self) -> Option<TimeDelta> {
        self.loaded.load().as_ref().map(|loaded| self.clock.now() - loaded.fetched_at)
    }

    /// How many fetches there have been, failed ones included.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// How many of them brought no usable set.
    pub(crate) fn failed_attempts(&self) -> u64 {
        self.failed_attempts.load(Ordering::Relaxed)
    }

    /// Fetches whenever a refresh is due, until the task is aborted.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(SCHEDULE_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.refresh_if_due().await;
        }
    }

    /// Fetches if the set is older than five minutes, or the pause after a failure is over.
    pub async fn refresh_if_due(self: &Arc<Self>) {
        let schedule = self.schedule.clone().lock_owned().await;
        if is_due(schedule.next_refresh, self.clock.now()) {
            self.fetch(schedule).await;
        }
    }

    async fn find(
        self: &Arc<Self>,
        key_id: &str,
    ) -> Result<Option<Arc<VerifyingKey>>, KeysUnavailable> {
        if self.usable().is_none() {
            // The schedule is locked while a fetch is under way: wait for the end of the first one.
            let _ = tokio::time::timeout(EXCHANGE_TIMEOUT, self.schedule.lock()).await;
        }
        let loaded = self.usable().ok_or(KeysUnavailable)?;
        if let Some(key) = loaded.keys.find(key_id) {
            return Ok(Some(key.clone()));
        }
        self.refresh_for_unknown_key().await;
        let loaded = self.usable().ok_or(KeysUnavailable)?;
        Ok(loaded.keys.find(key_id).cloned())
    }

    /// The one fetch per cool-down that an unknown key id may cause; requests that come while it is
    /// under way wait for it.
    async fn refresh_for_unknown_key(self: &Arc<Self>) {
        let seen = self.attempts();
        let mut schedule = self.schedule.clone().lock_owned().await;
        let now = self.clock.now();
        if self.attempts() == seen && is_due(schedule.next_for_unknown, now) {
            schedule.next_for_unknown = now + UNKNOWN_KEY_COOL_DOWN;
            self.fetch(schedule).await;
        }
    }

    fn usable(&self) -> Option<Arc<Loaded>> {
        self.loaded
            .load_full()
            .filter(|loaded| self.clock.now() - loaded.fetched_at < UNUSABLE_AFTER)
    }

    /// Fetches in a task of its own: a client that hangs up must not stop it half way, after the
    /// cool-down has begun.
    async fn fetch(self: &Arc<Self>, schedule: OwnedMutexGuard<Schedule>) {
        let this = self.clone();
        let fetch = async move { this.fetch_under(schedule).await };
        let task = tokio::spawn(traces::carried(fetch));
        if let Err(error) = task.await {
            tracing::error!(%error, "the key set fetch ended unexpectedly");
        }
    }

    async fn fetch_under(&self, mut schedule: OwnedMutexGuard<Schedule>) {
        let outcome = self.request().await;
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now();
        match outcome {
            Ok(keys) => {
                self.replace(keys, now);
                schedule.failures = 0;
                schedule.next_refresh = now + REFRESH_AFTER;
            }
            Err((reason, retry_after)) => {
                self.failed_attempts.fetch_add(1, Ordering::Relaxed);
                // 1, 2, 4, 8, 16, then every 30 seconds.
                let pause =
                    Duration::from_secs(1 << schedule.failures.min(5)).min(Duration::from_secs(30));
                let longest = match self.usable() {
                    Some(_) => MAX_RETRY_PAUSE,
                    None => MAX_RETRY_PAUSE_WITHOUT_KEYS,
                };
                let pause = pause.max(retry_after.unwrap_or_default()).min(longest);
                let pause = TimeDelta::from_std(pause).unwrap_or(UNKNOWN_KEY_COOL_DOWN);
                schedule.failures = schedule.failures.saturating_add(1);
                schedule.next_refresh = now + pause;
                schedule.next_for_unknown =
                    schedule.next_for_unknown.max(now + pause.max(UNKNOWN_KEY_COOL_DOWN));
                tracing::warn!(
                    reason,
                    failures = schedule.failures,
                    age_seconds = self.age().map(|age| age.num_seconds()),
                    "the key set could not be fetched from Clerk"
                );
            }
        }
    }

    async fn request(&self) -> Result<KeySet, (String, Option<Duration>)> {
        let reply = self
            .http
            .send(Method::GET, &["jwks"])
            .await
            .map_err(|error| (error.to_string(), None))?;
        if reply.status != StatusCode::OK {
            return Err((format!("status {}", reply.status.as_u16()), reply.retry_after));
        }
        if let Some(date) = reply.date {
            // The header counts whole seconds, so half of one either way means nothing.
            let difference = self.clock.now() - date;
            if difference.abs() > self.leeway + TimeDelta::seconds(1) {
                tracing::warn!(
                    seconds = difference.num_seconds(),
                    "this machine's clock differs from Clerk's by more than CLERK_LEEWAY"
                );
            }
        }
        KeySet::parse(&reply.body).map_err(|fault| (fault.to_string(), None))
    }

    fn replace(&self, keys: KeySet, now: DateTime<Utc>) {
        let before = self.loaded.load_full();
        let generation = match &before {
            Some(before) if before.keys == keys => before.generation,
            Some(before) => before.generation + 1,
            None => 1,
        };
        if before.is_none_or(|before| before.generation != generation) {
            tracing::info!(generation, "key set loaded from Clerk");
            for key in keys.ignored() {
                tracing::warn!(%key, "a published key is not used");
            }
        }
        self.loaded.store(Some(Arc::new(Loaded { keys, fetched_at: now, generation })));
    }
}

/// Whether a moment that was set has come. No pause is longer than [`MAX_REFRESH_DISTANCE`]: when it seems to
/// be, the clock was set back meanwhile.
fn is_due(moment: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now >= moment || moment - now > MAX_REFRESH_DISTANCE
}
