//! Time as a parameter. Nothing else in the crate asks the system what time it is, so every rule
//! that depends on time (expiry, back-off, tombstones) can be tested at its exact edge.

use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The current time, truncated to microseconds: PostgreSQL keeps no more, and a value must
    /// compare equal to itself after a trip through either database.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> DateTime<Utc> {
        truncate(Utc::now())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(ArcSwap<DateTime<Utc>>);

impl ManualClock {
    /// A clock standing at `start`.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self(ArcSwap::from_pointee(truncate(start)))
    }

    /// Moves the clock by `step`, which may be negative.
    pub fn advance(&self, step: TimeDelta) {
        let moved = truncate(**self.0.load() + step);
        self.0.store(Arc::new(moved));
    }

    /// Sets the clock to `to`.
    pub fn set(&self, to: DateTime<Utc>) {
        self.0.store(Arc::new(truncate(to)));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        **self.0.load()
    }
}

/// Cuts a time to whole microseconds.
pub(crate) fn truncate(time: DateTime<Utc>) -> DateTime<Utc> {
    // Only fails for times outside the years 1677 to 2262, which no clock shows.
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_microseconds() {
        let fine = DateTime::from_timestamp(1_790_000_000, 123_456_789).unwrap_or_default();
        assert_eq!(truncate(fine).timestamp_subsec_nanos(), 123_456_000);
        let clock = ManualClock::new(fine);
        assert_eq!(clock.now(), truncate(fine));
        clock.advance(TimeDelta::nanoseconds(-1));
        assert_eq!(clock.now().timestamp_subsec_nanos(), 123_455_000);
    }
}
