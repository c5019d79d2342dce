//! The life of an account: everything that writes. Called alike by GraphQL, by REST and by the
//! background job; knows sessions, Clerk and the store, but neither GraphQL nor HTTP.

mod back_off;
mod background;
mod creation;
mod deletion;
mod error;
mod events;
mod first_requests;
mod mirror;
mod new_account;
mod profile_changes;
mod resolution;
mod standing;
mod sync;

use std::sync::Arc;

use chrono::TimeDelta;

pub(crate) use deletion::{ClerkOutcome, DeletedAccount, DeletionRequest, Target};
pub(crate) use error::{AccountError, SessionRefusal};
pub(crate) use events::Applied;
pub(crate) use profile_changes::{Mistake, MistakeKind, ProfileInput};
pub(crate) use resolution::{ResolveOptions, ResolvedUser};
pub(crate) use sync::{Difference, Kind, Report};
pub use sync::{SyncOptions, SyncScope};

use self::first_requests::FirstRequests;
use crate::{
    clerk::api::ClerkApi,
    clock::Clock,
    store::{Store, users::Lookups},
    telemetry::Metrics,
};

/// The account functions of one server.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    lookups: Lookups,
    clock: Arc<dyn Clock>,
    /// `None` without a secret key: then nothing is asked of Clerk, nor deleted there.
    clerk: Option<ClerkApi>,
    /// Tolerated clock difference to Clerk.
    leeway: TimeDelta,
    first_requests: Arc<FirstRequests>,
    metrics: Arc<Metrics>,
}

impl Accounts {
    /// `leeway` is the tolerance of the token checks; tombstones use the same.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        clerk: Option<ClerkApi>,
        leeway: TimeDelta,
        metrics: Arc<Metrics>,
    ) -> Self {
        let lookups = Lookups::new(store.clone());
        Self { store, lookups, clock, clerk, leeway, first_requests: Arc::default(), metrics }
    }

    /// The time all of them go by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The database, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Counts a refusal on its way out. Every function that can refuse a session passes its outcome
    /// through here, because clients are never told the reason.
    fn counted<T>(&self, outcome: Result<T, AccountError>) -> Result<T, AccountError> {
        if let Err(AccountError::Refused(refusal)) = &outcome {
            self.metrics.count_refusal(refusal.reason());
        }
        outcome
    }
}
