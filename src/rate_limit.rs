//! How often in a minute each of many may do something. Knows neither who they are nor what it is.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::DateTime;
use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::StateStore,
};
use quick_cache::unsync::Cache;

/// How many are remembered at once. Beyond it those that asked least recently are forgotten, which lets
/// them start anew: memory is bounded whoever asks.
const MAX_KEYS: usize = 65_536;

/// A limit for each key, as a bucket that holds a minute's worth and fills steadily (GCRA).
pub(crate) struct RateLimit<K, C = SinceStart>(
    RateLimiter<K, Recent<K>, C, NoOpMiddleware<C::Instant>>,
)
where
    K: Hash + Eq + Clone,
    C: Clock;

/// For how many whole seconds somebody has to wait, at least one: the value of `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub(crate) u64);

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// A limit of so many in a minute.
    pub(crate) fn per_minute(most: NonZeroU32) -> Self {
        Self::by_clock(most, SinceStart(Instant::now()))
    }
}

impl<K: Hash + Eq + Clone, C: Clock> RateLimit<K, C> {
    /// A limit of so many in a minute of a clock.
    pub(crate) fn by_clock(most: NonZeroU32, clock: C) -> Self {
        Self(RateLimiter::new(Quota::per_minute(most), Recent::new(), clock))
    }

    /// Counts one more, or says when the next one may be.
    pub(crate) fn admit(&self, key: &K) -> Result<(), Wait> {
        self.0.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.0.clock().now());
            Wait((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
        })
    }
}

/// What is left of the budget of those that asked recently.
struct Recent<K>(Mutex<Cache<K, Nanos>>);

impl<K: Hash + Eq + Clone> Recent<K> {
    fn new() -> Self {
        Self(Mutex::new(Cache::new(MAX_KEYS)))
    }
}

impl<K: Hash + Eq + Clone> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // Nothing can panic between the changes made under this lock.
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcome, state) = decide(states.get(key).copied())?;
        states.insert(key.clone(), state);
        Ok(outcome)
    }
}

/// The time since the limit was made. Monotonic: a clock that is set back must not lock anybody out.
#[derive(Clone)]
pub(crate) struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The clock that the rest of the crate goes by. Set back, it makes everybody wait until it is where it was: for what
/// may be left out.
#[derive(Clone)]
pub(crate) struct WallClock(pub(crate) Arc<dyn crate::clock::Clock>);

impl Clock for WallClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        (self.0.now() - DateTime::UNIX_EPOCH).to_std().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limit<K: Hash + Eq + Clone>(
        per_minute: u32,
    ) -> (RateLimit<K, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (RateLimit::by_clock(NonZeroU32::new(per_minute).unwrap(), clock.clone()), clock)
    }

    #[test]
    fn a_minute_s_worth_at_once_and_then_one_at_a_time() {
        let (limit, clock) = limit(6);
        for _ in 0..6 {
            assert_eq!(limit.admit(&"a"), Ok(()));
        }
        assert_eq!(limit.admit(&"a"), Err(Wait(10)));
        assert_eq!(limit.admit(&"b"), Ok(()), "another");
        clock.advance(Duration::from_millis(9_500));
        assert_eq!(limit.admit(&"a"), Err(Wait(1)));
        clock.advance(Duration::from_millis(500));
        assert_eq!(limit.admit(&"a"), Ok(()), "as announced");
        assert_eq!(limit.admit(&"a"), Err(Wait(10)), "asking in vain costs nothing");
        clock.advance(Duration::from_hours(1));
        for _ in 0..6 {
            assert_eq!(limit.admit(&"a"), Ok(()));
        }
        assert!(limit.admit(&"a").is_err(), "nothing is saved up beyond a minute's worth");
    }

    #[test]
    fn a_hundred_thousand_who_ask_once_take_bounded_memory() {
        let (limit, _clock) = limit(1);
        let regular = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!(limit.admit(&regular), Ok(()));
        for number in 0..100_000_u32 {
            let address = Ipv4Addr::from_bits(0x0a00_0000 + number);
            assert_eq!(limit.admit(&address), Ok(()), "{address}");
            assert_eq!(limit.admit(&address), Err(Wait(60)), "{address}");
            if number % 1_000 == 0 {
                assert!(limit.admit(&regular).is_err(), "who goes on is not forgotten");
            }
        }
        let remembered = limit.0.into_state_store().0.into_inner().unwrap();
        assert!(remembered.len() <= MAX_KEYS);
        assert!(remembered.len() > MAX_KEYS / 2);
    }
}
