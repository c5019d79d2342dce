//! Deleting an account, in three steps that can each be the last: a committed mark, the deletion at
//! Clerk, one transaction that removes the rows and leaves a tombstone. Whatever interrupts it, either
//! the mark is undone and nothing has changed, or [`Accounts::finish_deletions`] carries on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;

use super::{
    AccountError, Accounts, SessionRefusal,
    resolution::ResolveOptions,
    standing::{WhileDeleting, admit_session, lookup},
};
use crate::{
    auth::Session,
    clerk::api::{ClerkApiError, Deletion},
    model::{AttemptId, OrganizationId, User, UserId},
    store::{
        contention, locks, organizations,
        users::{self, DeletionMark},
    },
    telemetry::traces,
};

/// How long Clerk may take for a deletion in all. A request has ten seconds (`EXECUTION_TIMEOUT`), and
/// its caller is to hear that Clerk was slow rather than that everything was.
const CLERK_DELETION_TIMEOUT: Duration = Duration::from_secs(8);
/// A mark older than this belongs to an attempt that was interrupted.
const ABANDONED_AFTER: TimeDelta = TimeDelta::seconds(60);

/// A super admin named a user who is not there (any more).
const UNKNOWN_USER: AccountError = AccountError::NotFound("There is no user with this ID.");

/// Whose account is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The caller's own.
    Own,
    /// The account with this id; anyone else's takes a super admin.
    User(UserId),
    /// A malformed id, which belongs to no user.
    Nobody,
}

/// A wish to delete an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeletionRequest {
    /// Whose.
    pub(crate) target: Target,
    /// Whether the user at Clerk goes too.
    pub(crate) from_clerk: bool,
}

/// A deleted account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletedAccount {
    /// Whose it was.
    pub(crate) user_id: UserId,
    /// Whether it was the caller's own.
    pub(crate) was_own: bool,
    /// The organizations that went with it because nobody else was in them.
    pub(crate) organizations: Vec<OrganizationId>,
    /// What became of the user at Clerk.
    pub(crate) at_clerk: ClerkOutcome,
}

/// What became of the user at Clerk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClerkOutcome {
    /// Deleted.
    Deleted,
    /// Clerk no longer knew it.
    AlreadyAbsent,
    /// Kept, as asked or for lack of a secret key.
    Kept,
}

/// A deletion whose mark is committed.
struct Attempt {
    mark: DeletionMark,
    /// Whether no other attempt had left a mark.
    is_first: bool,
    /// The organizations that will go. Reported when another attempt has removed the rows meanwhile,
    /// which is no error.
    expected: Vec<OrganizationId>,
}

/// What Clerk's answers to a deletion come to.
enum Verdict {
    Gone(ClerkOutcome),
    /// Certainly not done: the mark is undone.
    StillThere(String),
    /// Cannot be told now: the mark stays.
    Unknown(String),
}

impl Accounts {
    /// The user of a session that is about to delete an account: found also while the own account is
    /// being deleted, so that the deletion can be repeated, and created when there is none yet.
    ///
    /// # Errors
    /// As [`Accounts::resolve`].
    pub(crate) async fn find_deleting_user(
        &self,
        session: &Session,
    ) -> Result<Arc<User>, AccountError> {
        self.counted(self.find_or_create_deleting(session).await)
    }

    async fn find_or_create_deleting(&self, session: &Session) -> Result<Arc<User>, AccountError> {
        let mut reader = self.store.read().await?;
        let standing = users::find_standing(reader.conn(), lookup(session)).await?;
        drop(reader);
        admit_session(&standing, session, self.leeway, WhileDeleting::Admit)?;
        match standing.user {
            Some(user) => Ok(Arc::new(user)),
            // A user who exists only at Clerk may delete the account there.
            None => Ok(self.find_or_create(session, ResolveOptions::default()).await?.user),
        }
    }

    /// Deletes an account. Runs to its end even when the caller goes away. Safe to repeat.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] for somebody else's account or an impersonated session,
    /// [`AccountError::IdentityProvider`] when Clerk could not do its part; nothing is lost then.
    pub(crate) async fn delete_user(
        &self,
        session: &Session,
        caller: Arc<User>,
        request: DeletionRequest,
    ) -> Result<DeletedAccount, AccountError> {
        self.counted(self.authorize_and_delete(session, caller, request).await)
    }

    async fn authorize_and_delete(
        &self,
        session: &Session,
        caller: Arc<User>,
        request: DeletionRequest,
    ) -> Result<DeletedAccount, AccountError> {
        if session.is_impersonated() {
            return Err(AccountError::Forbidden(
                "An impersonated session cannot delete an account.",
            ));
        }
        let target = self.authorize(caller, request.target, session).await?;
        let was_own = target.clerk_user_id == session.clerk_user_id();
        let asking = session.session_id().filter(|_| was_own);
        self.mark_and_delete(target, was_own, request.from_clerk, asking).await
    }

    /// Deletes an account for whoever has a shell on the machine. Otherwise like [`Accounts::delete_user`].
    ///
    /// # Errors
    /// [`AccountError::IdentityProvider`] when Clerk could not do its part; nothing is lost then.
    /// [`AccountError::NotFound`] when the user is gone.
    pub(crate) async fn delete_for_operator(
        &self,
        target: Arc<User>,
        from_clerk: bool,
    ) -> Result<DeletedAccount, AccountError> {
        self.mark_and_delete(target, false, from_clerk, None).await
    }

    /// `asking` is the session that asked for its own account, which is to be gone too.
    async fn mark_and_delete(
        &self,
        target: Arc<User>,
        was_own: bool,
        from_clerk: bool,
        asking: Option<&str>,
    ) -> Result<DeletedAccount, AccountError> {
        let mark = DeletionMark {
            user_id: target.id,
            clerk_user_id: target.clerk_user_id.clone(),
            attempt: AttemptId::generate(),
            from_clerk,
            sessions: asking.map(str::to_owned).into_iter().collect(),
            marked_at: self.clock.now(),
        };
        let this = self.clone();
        // A client that hangs up must not leave the work half way.
        let deletion = tokio::spawn(traces::carried(async move {
            let attempt = contention::retry(|| this.mark(mark.clone())).await?;
            this.carry_out(attempt).await
        }));
        let outcome = deletion
            .await
            .map_err(|error| AccountError::Internal(format!("the deletion ended: {error}")))?;
        let (organizations, at_clerk) = match outcome {
            // The session is that of a super admin, and still counts.
            Err(AccountError::Refused(SessionRefusal::Vanished)) if !was_own => {
                return Err(UNKNOWN_USER);
            }
            outcome => outcome?,
        };
        Ok(DeletedAccount { user_id: target.id, was_own, organizations, at_clerk })
    }

    async fn authorize(
        &self,
        caller: Arc<User>,
        target: Target,
        session: &Session,
    ) -> Result<Arc<User>, AccountError> {
        let id = match target {
            Target::Own => return Ok(caller),
            Target::User(id) if id == caller.id => return Ok(caller),
            Target::User(id) => Some(id),
            Target::Nobody => None,
        };
        if !session.is_super_admin(&caller) {
            // The same answer for every id, so that it does not tell which ids exist.
            return Err(AccountError::Forbidden("Only a super admin may delete another user."));
        }
        let Some(id) = id else { return Err(UNKNOWN_USER) };
        let mut reader = self.store.read().await?;
        users::load_users(reader.conn(), &[id]).await?.pop().ok_or(UNKNOWN_USER)
    }

    /// Commits the mark.
    async fn mark(&self, mut mark: DeletionMark) -> Result<Attempt, AccountError> {
        let mut tx = self.store.begin().await?;
        locks::lock_clerk_id(tx.conn(), &mark.clerk_user_id).await?;
        let earlier = users::find_deletion_mark(tx.conn(), mark.user_id).await?;
        let is_first = earlier.is_none();
        // Every session that asked is to be gone, whichever attempt succeeds.
        for session in earlier.into_iter().flat_map(|earlier| earlier.sessions) {
            if !mark.sessions.contains(&session) {
                mark.sessions.push(session);
            }
        }
        if !users::mark_deletion(tx.conn(), &mark).await? {
            return Err(SessionRefusal::Vanished.into());
        }
        let expected =
            organizations::find_solitary_organizations_of(tx.conn(), mark.user_id).await?;
        tx.commit().await?;
        Ok(Attempt { mark, is_first, expected })
    }

    /// Everything after the mark.
    async fn carry_out(
        &self,
        Attempt { mark, is_first, expected }: Attempt,
    ) -> Result<(Vec<OrganizationId>, ClerkOutcome), AccountError> {
        match self.delete_at_clerk(&mark, is_first).await {
            Verdict::Gone(at_clerk) => {
                let removed = contention::retry(|| self.purge(&mark, at_clerk)).await?;
                tracing::info!(user = %mark.user_id, ?at_clerk, "user deleted");
                Ok((removed.unwrap_or(expected), at_clerk))
            }
            Verdict::StillThere(reason) => {
                tracing::warn!(user = %mark.user_id, reason, "Clerk did not delete a user");
                contention::retry(|| async {
                    let mut tx = self.store.begin().await?;
                    users::unmark_deletion(tx.conn(), mark.user_id, mark.attempt).await?;
                    tx.commit().await
                })
                .await?;
                Err(AccountError::IdentityProvider(reason))
            }
            Verdict::Unknown(reason) => {
                tracing::warn!(user = %mark.user_id, reason, "whether Clerk deleted a user is not known yet");
                Err(AccountError::IdentityProvider(reason))
            }
        }
    }

    async fn delete_at_clerk(&self, mark: &DeletionMark, is_first: bool) -> Verdict {
        let Some(clerk) = self.clerk.as_ref().filter(|_| mark.from_clerk) else {
            return Verdict::Gone(ClerkOutcome::Kept);
        };
        let started = Instant::now();
        let lost = match clerk.delete_user(&mark.clerk_user_id).await {
            Ok(Deletion::Deleted) => return Verdict::Gone(ClerkOutcome::Deleted),
            Ok(Deletion::AlreadyAbsent) | Err(ClerkApiError::NotFound) => {
                return Verdict::Gone(ClerkOutcome::AlreadyAbsent);
            }
            Err(ClerkApiError::Refused { reason, .. }) if is_first => {
                return Verdict::StillThere(reason);
            }
            // Refused after another attempt: that one may have been successful.
            Err(ClerkApiError::Refused { reason, .. } | ClerkApiError::Unknown(reason)) => reason,
        };
        let left = CLERK_DELETION_TIMEOUT.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, clerk.get_user(&mark.clerk_user_id)).await {
            Ok(Err(ClerkApiError::NotFound)) => Verdict::Gone(ClerkOutcome::Deleted),
            Ok(Ok(_)) => Verdict::StillThere(lost),
            Ok(Err(_)) | Err(_) => Verdict::Unknown(lost),
        }
    }

    /// Carries on with every deletion whose mark is older than a minute. Of several instances, one
    /// takes each.
    pub async fn finish_deletions(&self) -> Result<(), AccountError> {
        let before = self.clock.now() - ABANDONED_AFTER;
        let mut reader = self.store.read().await?;
        let stale = users::find_stale_deletion_marks(reader.conn(), before).await?;
        drop(reader);
        for mark in stale {
            // Each takes its time.
            let now = self.clock.now();
            let attempt = AttemptId::generate();
            let mut tx = self.store.begin().await?;
            let is_ours = users::take_over_deletion_mark(tx.conn(), &mark, attempt, now).await?;
            tx.commit().await?;
            if is_ours {
                let mark = DeletionMark { attempt, marked_at: now, ..mark };
                let user = mark.user_id;
                let attempt = Attempt { mark, is_first: false, expected: Vec::new() };
                match self.carry_out(attempt).await {
                    Ok(_) => tracing::info!(%user, "an interrupted deletion was finished"),
                    Err(error) => tracing::warn!(%user, %error, "a deletion is still open"),
                }
            }
        }
        Ok(())
    }
}
