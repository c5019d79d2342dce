//! The life of an account: everything that writes. Called alike by GraphQL, by REST and by the
//! background job; knows sessions, Clerk and the store, but neither GraphQL nor HTTP.

mod active;
mod authority;
mod back_off;
mod background;
mod caller;
mod creation;
mod deletion;
mod error;
mod events;
mod first_requests;
mod invitations;
mod members;
mod mirror;
mod mistake;
mod new_account;
mod organizations;
mod profile_changes;
mod purge;
mod resolution;
mod standing;
mod sync;
mod turns;

use std::{num::NonZeroU32, sync::Arc};

use chrono::TimeDelta;
use tokio::sync::OwnedMutexGuard;

pub(crate) use active::{active_among, is_all};
pub(crate) use deletion::{ClerkOutcome, DeletedAccount, DeletionRequest, Target};
pub(crate) use error::{AccountError, SessionRefusal};
pub(crate) use events::Applied;
pub(crate) use invitations::{InvitationRequest, IssuedInvitation};
pub(crate) use members::MemberTarget;
pub(crate) use mistake::{Mistake, MistakeKind};
pub(crate) use profile_changes::ProfileInput;
pub(crate) use resolution::{ResolveOptions, ResolvedUser};
pub(crate) use sync::{Difference, Kind, Report};
pub use sync::{SyncOptions, SyncScope};

use self::{first_requests::FirstRequests, turns::Turns};
use crate::{
    auth::Session,
    clerk::api::ClerkApi,
    clock::Clock,
    model::{User, UserId},
    rate_limit::{RateLimit, WallClock},
    store::{Store, users::Lookups},
    telemetry::Metrics,
};

/// How often one user, by Clerk id, may do something.
#[derive(Default)]
struct UserLimits {
    writes: Option<RateLimit<Box<str>>>,
    first_sign_ins: Option<RateLimit<Box<str>>>,
}

impl UserLimits {
    fn new(per_minute: Option<NonZeroU32>) -> Self {
        Self {
            writes: per_minute.map(RateLimit::per_minute),
            first_sign_ins: per_minute.map(RateLimit::per_minute),
        }
    }
}

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
    /// By Clerk id.
    writes: Arc<Turns<Box<str>>>,
    limits: Arc<UserLimits>,
    /// Whose organization was stored in the last minute because a session token names it.
    noted_organizations: Arc<RateLimit<UserId, WallClock>>,
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
        let noted_organizations = RateLimit::by_clock(NonZeroU32::MIN, WallClock(clock.clone()));
        Self {
            store,
            lookups,
            clock,
            clerk,
            leeway,
            first_requests: Arc::default(),
            writes: Arc::default(),
            limits: Arc::default(),
            noted_organizations: Arc::new(noted_organizations),
            metrics,
        }
    }

    /// Lets each user do so many mutations a minute (`RATE_LIMIT_USER`), and so many first sign-ins besides.
    #[must_use]
    pub(crate) fn limited(self, per_minute: Option<NonZeroU32>) -> Self {
        Self { limits: Arc::new(UserLimits::new(per_minute)), ..self }
    }

    /// Counts a request that is to change something.
    ///
    /// # Errors
    /// [`AccountError::RateLimited`] when the user has made too many of them.
    pub(crate) fn admit_write(&self, session: &Session) -> Result<(), AccountError> {
        self.limited_by(self.limits.writes.as_ref(), session)
    }

    /// Waits until no other write of this user is under way here: nobody's writes keep the others' waiting,
    /// however many they are.
    async fn turn_of(&self, user: &User) -> OwnedMutexGuard<()> {
        self.writes.take(user.clerk_user_id.as_str().into()).await
    }

    fn limited_by(
        &self,
        limit: Option<&RateLimit<Box<str>>>,
        session: &Session,
    ) -> Result<(), AccountError> {
        let Some(limit) = limit else { return Ok(()) };
        limit.admit(&session.clerk_user_id().into()).map_err(|wait| {
            self.metrics.count_refusal("rate_limited");
            wait.into()
        })
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
