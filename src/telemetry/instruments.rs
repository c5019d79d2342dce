//! What modules count and measure by themselves, to be registered by whoever builds the server. Cheap to
//! clone; clones count together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

/// Upper bounds of times, in seconds: from a look-up in memory to a request that is given up.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of sizes of batches.
const SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];

/// A histogram of times.
pub(super) fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn sizes() -> Histogram {
    Histogram::new(SIZES)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Call {
    call: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallOutcome {
    call: &'static str,
    outcome: &'static str,
}

/// Calls to another service: how they end, and how long they take.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    pub(super) outcomes: Family<CallOutcome, Counter>,
    pub(super) seconds: Family<Call, Histogram, fn() -> Histogram>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { outcomes: Family::default(), seconds: Family::new_with_constructor(seconds) }
    }
}

impl Calls {
    /// Notes the end of a call. Both words are few and fixed.
    pub(crate) fn observe(&self, call: &'static str, outcome: &'static str, took: Duration) {
        self.outcomes.get_or_create(&CallOutcome { call, outcome }).inc();
        self.seconds.get_or_create(&Call { call }).observe(took.as_secs_f64());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Batch {
    of: &'static str,
}

/// How many questions one statement answers.
#[derive(Debug, Clone)]
pub(crate) struct Batches(pub(super) Family<Batch, Histogram, fn() -> Histogram>);

impl Default for Batches {
    fn default() -> Self {
        Self(Family::new_with_constructor(sizes))
    }
}

impl Batches {
    /// Notes a batch.
    pub(crate) fn observe(&self, of: &'static str, size: usize) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.0.get_or_create(&Batch { of }).observe(size.into());
    }
}

/// How many are waiting for something now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<AtomicI64>);

impl Waiting {
    /// Counts somebody for as long as the answer lives.
    pub(crate) fn enter(&self) -> Waiter<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiter(&self.0)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Somebody who waits.
pub(crate) struct Waiter<'a>(&'a AtomicI64);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Look-ups in a memory: found and not found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits(Arc<[AtomicU64; 2]>);

impl Hits {
    /// Notes whether something was found, and hands it on.
    pub(crate) fn count<T>(&self, found: Option<T>) -> Option<T> {
        let [missed, hit] = &*self.0;
        let counter = if found.is_some() { hit } else { missed };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// How many were found, and how many not.
    pub(crate) fn numbers(&self) -> (u64, u64) {
        let [missed, hit] = &*self.0;
        (hit.load(Ordering::Relaxed), missed.load(Ordering::Relaxed))
    }
}
