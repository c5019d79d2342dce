//! Who is asking, and what this request has found out about them so far.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use async_graphql::Context;
use tokio::sync::Mutex;

use super::loaders::Loaders;
use crate::{
    accounts::{
        AccountError, Accounts, DeletedAccount, DeletionRequest, Mistake, ResolveOptions,
        ResolvedUser,
    },
    auth::Session,
    error::ApiError,
    model::{User, UserId},
    store::{memberships::VisibleMembership, users::ProfileChanges},
};

/// The caller of one request. Resolves its user once, on the first field that needs it. Whatever a resolver
/// writes goes through here, so that what was loaded before is dropped.
pub struct Viewer {
    accounts: Accounts,
    session: Option<Arc<Session>>,
    state: Mutex<State>,
    /// Why the user could not be resolved: then the whole answer is replaced.
    failure: OnceLock<ViewerFailure>,
    /// What the request asks for, in the metrics.
    operation: OnceLock<Arc<str>>,
    /// How many things were asked for that the caller may not see.
    unseen: AtomicUsize,
}

/// Why there is no user behind the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewerFailure(pub(crate) ApiError);

enum State {
    Unresolved,
    /// Found for a deletion that left the own account. Other fields resolve it anew, and a failure of
    /// theirs is their own: it no longer replaces the answer.
    Found,
    /// The loaders are made when a field asks for them.
    Resolved(ResolvedUser, Option<Arc<Loaders>>),
    /// The caller's own account was deleted by an earlier field of this request.
    Deleted,
}

impl State {
    /// A user of whom nothing else was loaded yet.
    const fn resolved(resolved: ResolvedUser) -> Self {
        Self::Resolved(resolved, None)
    }

    /// What every write ends with, whatever became of it: rows loaded before are not shown after. `user` is
    /// the caller as the write left them, if it changed them.
    fn forget_loaded(&mut self, user: Option<Arc<User>>) {
        if let Self::Resolved(resolved, _) = self {
            let user = user.unwrap_or_else(|| resolved.user.clone());
            // Names stand in memberships too.
            *self = Self::resolved(ResolvedUser { user, memberships: None, ..resolved.clone() });
        }
    }
}

impl Viewer {
    /// `session` is `None` for an anonymous request.
    pub fn new(accounts: Accounts, session: Option<Arc<Session>>) -> Self {
        Self {
            accounts,
            session,
            state: Mutex::new(State::Unresolved),
            failure: OnceLock::new(),
            operation: OnceLock::new(),
            unseen: AtomicUsize::new(0),
        }
    }

    /// Why the user could not be resolved, if that was tried and failed.
    pub fn failure(&self) -> Option<&ViewerFailure> {
        self.failure.get()
    }

    /// Notes what the request asks for, one of a bounded set of words.
    pub(crate) fn note_operation(&self, label: &Arc<str>) {
        let _ = self.operation.set(label.clone());
    }

    /// What the request asks for, once that is known.
    pub(crate) fn operation(&self) -> Option<Arc<str>> {
        self.operation.get().cloned()
    }

    /// Notes that something was asked for which the caller may not see, or which does not exist.
    pub(crate) fn note_unseen(&self) {
        self.unseen.fetch_add(1, Ordering::Relaxed);
    }

    /// How many things were asked for that the caller may not see, or that do not exist.
    pub(crate) fn unseen(&self) -> usize {
        self.unseen.load(Ordering::Relaxed)
    }

    /// Whether the request came without a token.
    pub(crate) const fn is_anonymous(&self) -> bool {
        self.session.is_none()
    }

    /// Counts a mutation of the user's.
    pub(crate) fn admit_mutation(&self) -> Result<(), ApiError> {
        Ok(self.accounts.admit_write(self.session()?)?)
    }

    /// The session of the request.
    pub(crate) fn session(&self) -> Result<&Arc<Session>, ApiError> {
        self.session.as_ref().ok_or_else(ApiError::unauthenticated)
    }

    /// The signed-in user. `with_memberships` asks for them in the same statement, which costs less
    /// than asking later.
    pub async fn resolved(&self, with_memberships: bool) -> Result<ResolvedUser, ApiError> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Resolved(resolved, _) => Ok(resolved.clone()),
            State::Deleted => Err(ApiError::unauthenticated()),
            State::Unresolved | State::Found => {
                let options = ResolveOptions { with_memberships, ignore_back_off: false };
                // In a box: every field of a type, one of whose fields may wait for this, has room
                // for it.
                Box::pin(self.resolve(&mut state, options)).await
            }
        }
    }

    /// Resolves the user anew, trying harder to complete the profile.
    pub(crate) async fn bootstrap(&self) -> Result<ResolvedUser, ApiError> {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Deleted) {
            return Err(ApiError::unauthenticated());
        }
        let bootstrap = async |session: &Session| self.accounts.bootstrap(session).await;
        self.settle(&mut state, bootstrap).await
    }

    async fn resolve(
        &self,
        state: &mut State,
        options: ResolveOptions,
    ) -> Result<ResolvedUser, ApiError> {
        let resolve = async |session: &Session| self.accounts.resolve(session, options).await;
        self.settle(state, resolve).await
    }

    async fn settle(
        &self,
        state: &mut State,
        resolve: impl AsyncFnOnce(&Session) -> Result<ResolvedUser, AccountError>,
    ) -> Result<ResolvedUser, ApiError> {
        if let Some(failure) = self.failure() {
            // The other fields of a refused request must not ask the database, or Clerk, again.
            return Err(failure.0.clone());
        }
        let outcome = match self.session() {
            Ok(session) => resolve(session).await.map_err(ApiError::from),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(resolved) => {
                *state = State::resolved(resolved.clone());
                Ok(resolved)
            }
            Err(error) => Err(self.fail(state, error)),
        }
    }

    /// Deletes an account. The caller's need not have been resolved: it may be marked already.
    pub(crate) async fn delete_user(
        &self,
        request: DeletionRequest,
    ) -> Result<DeletedAccount, ApiError> {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Deleted) {
            return Err(ApiError::unauthenticated());
        }
        if let Some(failure) = self.failure() {
            return Err(failure.0.clone());
        }
        let session = self.session()?;
        let caller = match self.accounts.find_deleting_user(session).await {
            Ok(caller) => caller,
            Err(error) => return Err(self.fail(&state, error.into())),
        };
        let outcome = self.accounts.delete_user(session, caller, request).await;
        state.forget_loaded(None);
        if matches!(&outcome, Err(AccountError::Refused(_))) {
            // Gone in between: as if there had been nobody to find.
            return outcome.map_err(|error| self.fail(&state, error.into()));
        }
        if matches!(&*state, State::Unresolved) {
            *state = State::Found;
        }
        let deleted = outcome?;
        if deleted.was_own {
            *state = State::Deleted;
        }
        Ok(deleted)
    }

    /// Notes why there is no user, unless there was one before.
    fn fail(&self, state: &State, error: ApiError) -> ApiError {
        if matches!(state, State::Unresolved) {
            let _ = self.failure.set(ViewerFailure(error.clone()));
        }
        error
    }

    /// Changes the caller's profile.
    pub async fn update_profile(&self, changes: &ProfileChanges) -> Result<Arc<User>, ApiError> {
        let user = self.resolved(false).await?.user;
        let mut state = self.state.lock().await;
        let outcome = self.accounts.update_profile(&user, changes).await;
        state.forget_loaded(outcome.as_ref().ok().cloned());
        Ok(outcome?)
    }

    /// Changes organizations on behalf of the caller. `change` answers what it left and the caller as stored
    /// now, or mistakes of the input, which are the inner result here.
    pub(crate) async fn change<T, F>(
        &self,
        change: impl FnOnce(Accounts, Arc<Session>, Arc<User>) -> F,
    ) -> Result<Result<T, Vec<Mistake>>, ApiError>
    where
        F: Future<Output = Result<(T, Arc<User>), AccountError>>,
    {
        let user = self.resolved(false).await?.user;
        let session = self.session()?.clone();
        let mut state = self.state.lock().await;
        // In a box, like every other rare and long way.
        let outcome = Box::pin(change(self.accounts.clone(), session, user)).await;
        state.forget_loaded(outcome.as_ref().ok().map(|(_, user)| user.clone()));
        match outcome {
            Ok((left, _)) => Ok(Ok(left)),
            Err(AccountError::Mistakes(mistakes)) => Ok(Err(mistakes)),
            Err(error) => Err(error.into()),
        }
    }

    /// The loaders of this request, as the signed-in user sees the data.
    pub(crate) async fn loaders(&self) -> Result<Arc<Loaders>, ApiError> {
        match &mut *self.state.lock().await {
            State::Resolved(resolved, loaders) => Ok(loaders
                .get_or_insert_with(|| {
                    let store = self.accounts.store().clone();
                    let now = self.accounts.clock().now();
                    Arc::new(Loaders::new(store, resolved.user.id, now))
                })
                .clone()),
            _ => Err(ApiError::unauthenticated()),
        }
    }

    /// Whether a user is the signed-in one.
    pub(crate) async fn is(&self, user: UserId) -> bool {
        matches!(&*self.state.lock().await, State::Resolved(resolved, _) if resolved.user.id == user)
    }

    /// The first memberships of a user, if they came with it.
    pub(crate) async fn preloaded(&self, user: UserId) -> Option<Arc<Vec<Arc<VisibleMembership>>>> {
        match &*self.state.lock().await {
            State::Resolved(resolved, _) if resolved.user.id == user => {
                resolved.memberships.clone()
            }
            _ => None,
        }
    }
}

/// Gives resolvers the viewer by name.
pub(crate) trait ContextExt {
    /// Who is asking.
    fn viewer(&self) -> &Viewer;
}

impl ContextExt for Context<'_> {
    fn viewer(&self) -> &Viewer {
        self.data_unchecked::<Arc<Viewer>>()
    }
}
