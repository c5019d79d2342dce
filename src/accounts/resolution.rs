//! From a session to its user: find, create when missing, keep in step with the token and with Clerk.
//! When nothing has changed this is one statement.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AccountError, Accounts, SessionRefusal,
    back_off::{FIRST_BACK_OFF, back_off},
    mirror::as_of,
    standing::{WhileDeleting, admit_session, lookup},
};
use crate::{
    auth::Session,
    clerk::{
        api::{ClerkApi, ClerkApiError},
        event::ClerkUser,
    },
    model::{Profile, User},
    store::{
        StoreError, contention,
        memberships::VisibleMembership,
        users::{self, ClaimsUpdate, ClerkUpdate, Found, Lookup, ProfileTry},
    },
    telemetry::traces::Span,
};

/// How often [`Accounts::resolve`] reads again after it lost a race against another writer.
const MAX_READS: usize = 4;
/// `bootstrap` may ask Clerk in spite of the back-off, but no sooner than this after the last call.
const BOOTSTRAP_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// What the caller of [`Accounts::resolve`] wants beside the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ResolveOptions {
    /// Load the first memberships in the same statement.
    pub(crate) with_memberships: bool,
    /// Ask Clerk for an incomplete profile in spite of the back-off.
    pub(crate) ignore_back_off: bool,
}

/// The user of a session.
#[derive(Clone)]
pub struct ResolvedUser {
    /// The user, as stored now.
    pub(crate) user: Arc<User>,
    /// Whether this request created the user.
    pub(crate) created: bool,
    /// The first memberships, oldest first, when they were asked for and could be had on the way.
    pub(crate) memberships: Option<Arc<Vec<Arc<VisibleMembership>>>>,
}

impl Accounts {
    /// Finds the user of a session, creating it when it is missing, and takes over what changed.
    ///
    /// # Errors
    /// [`AccountError::Refused`] when the session does not count, [`AccountError::Store`] when the
    /// database cannot say.
    pub(crate) async fn resolve(
        &self,
        session: &Session,
        options: ResolveOptions,
    ) -> Result<ResolvedUser, AccountError> {
        let span = Span::part("resolution");
        let outcome = span.around(self.find_or_create(session, options)).await;
        if let Ok(resolved) = &outcome {
            span.note("mission_control.created", || resolved.created);
        }
        self.counted(outcome)
    }

    pub(super) async fn find_or_create(
        &self,
        session: &Session,
        options: ResolveOptions,
    ) -> Result<ResolvedUser, AccountError> {
        let mut created = false;
        for _ in 0..MAX_READS {
            let mut found = self.look_up(session, options).await?;
            admit_session(&found.standing, session, self.leeway, WhileDeleting::Refuse)?;
            // What follows is rare, and in boxes to keep it out of the size of every request.
            let Some(user) = &found.standing.user else {
                created |= Box::pin(self.create(session)).await?;
                continue;
            };
            // What was just created is as complete as it can be.
            let is_settled = created
                || is_in_step(session, user)
                || Box::pin(self.synchronise(session, user, options)).await? == Sync::Unchanged;
            if !is_settled {
                // Something was written, or the user vanished: read again, synchronising no more.
                found = self.look_up(session, options).await?;
                admit_session(&found.standing, session, self.leeway, WhileDeleting::Refuse)?;
            }
            if let Some(user) = found.standing.user {
                let user = self.working_in(user, found.standing.token_organization).await;
                return Ok(ResolvedUser {
                    user: Arc::new(user),
                    created,
                    memberships: found.memberships.map(Arc::new),
                });
            }
        }
        Err(SessionRefusal::Vanished.into())
    }

    async fn look_up(
        &self,
        session: &Session,
        options: ResolveOptions,
    ) -> Result<Found, StoreError> {
        self.lookups
            .find(Lookup { with_memberships: options.with_memberships, ..lookup(session) })
            .await
    }

    /// Takes over what the token says, then asks Clerk for what is still missing.
    async fn synchronise(
        &self,
        session: &Session,
        user: &User,
        options: ResolveOptions,
    ) -> Result<Sync, AccountError> {
        let _turn = self.turn_of(user).await;
        let now = self.clock.now();
        let claims = newer_claims(session, user, now);
        let mut outcome = Sync::Unchanged;
        let mut is_incomplete = user.is_profile_incomplete();
        if let Some(claims) = claims {
            contention::retry(|| async {
                let mut tx = self.store.begin().await?;
                users::apply_claims(tx.conn(), user.id, &claims).await?;
                tx.commit().await
            })
            .await?;
            outcome = Sync::Changed;
            is_incomplete = (user.email.is_none() && claims.profile.email.is_none())
                || (user.name.is_none() && claims.profile.name.is_none());
        }
        if is_incomplete
            && let Some(clerk) = &self.clerk
            && !session.is_local()
            && self.claim_profile_try(user, options, now).await?
        {
            self.complete_profile(clerk, user).await?;
            outcome = Sync::Changed;
        }
        Ok(outcome)
    }

    /// Whether this request is the one that may ask Clerk now.
    async fn claim_profile_try(
        &self,
        user: &User,
        options: ResolveOptions,
        now: DateTime<Utc>,
    ) -> Result<bool, AccountError> {
        let ignore_before = options.ignore_back_off.then(|| now - BOOTSTRAP_PAUSE);
        let is_due = user.profile_next_try.is_none_or(|next| next <= now)
            || user.profile_tried_at.zip(ignore_before).is_some_and(|(last, limit)| last <= limit);
        if !is_due {
            return Ok(false);
        }
        let claim = ProfileTry {
            now,
            next: now + back_off(user.profile_tries),
            ignore_back_off_before: ignore_before,
        };
        let mut tx = self.store.begin().await?;
        let is_claimed = users::claim_profile_try(tx.conn(), user.id, claim).await?;
        tx.commit().await?;
        Ok(is_claimed)
    }

    /// Asks Clerk whether an address is the verified one of a user, unless that is known. Most tokens do not say
    /// whether an address is verified. `false` when it is known, when Clerk says no or nothing, and when it was
    /// asked a moment ago.
    pub(super) async fn ask_whether_verified(
        &self,
        session: &Session,
        user: &User,
        email: &str,
    ) -> Result<bool, AccountError> {
        let Some(clerk) = self.clerk.as_ref().filter(|_| !session.is_local()) else {
            return Ok(false);
        };
        let options = ResolveOptions { ignore_back_off: true, ..ResolveOptions::default() };
        if user.verified_email() == Some(email)
            || !self.claim_profile_try(user, options, self.clock.now()).await?
        {
            return Ok(false);
        }
        match clerk.get_user(&user.clerk_user_id).await {
            Ok(ClerkUser {
                profile: Profile { email: found, email_verified, .. }, banned, ..
            }) => Ok(email_verified && !banned && found.as_deref() == Some(email)),
            Err(error) => {
                tracing::warn!(user = %user.id, %error, "Clerk did not say whether an address is verified");
                Ok(false)
            }
        }
    }

    /// Asks Clerk for the profile of an existing user. Whatever goes wrong at Clerk, the request goes
    /// on with what is stored.
    async fn complete_profile(&self, clerk: &ClerkApi, user: &User) -> Result<(), AccountError> {
        let fetched = match clerk.get_user(&user.clerk_user_id).await {
            Ok(fetched) => fetched,
            Err(ClerkApiError::NotFound) => {
                tracing::warn!(user = %user.id, "Clerk no longer knows a user who is stored here");
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(user = %user.id, %error, "the profile could not be read from Clerk");
                return Ok(());
            }
        };
        let now = self.clock.now();
        let update = ClerkUpdate {
            profile: fetched.profile,
            // Absence changes nothing: only an event says that the last address has gone.
            has_lost_email: false,
            banned: fetched.banned,
            updated_at: as_of(fetched.updated_at),
            next_try: now + FIRST_BACK_OFF,
            now,
        };
        contention::retry(|| async {
            let mut tx = self.store.begin().await?;
            users::apply_clerk_update(tx.conn(), user.id, &update).await?;
            tx.commit().await
        })
        .await?;
        Ok(())
    }
}

/// What [`Accounts::synchronise`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Unchanged,
    Changed,
}

/// Whether there is nothing to take over from the token and nothing to ask Clerk for.
fn is_in_step(session: &Session, user: &User) -> bool {
    !user.is_profile_incomplete() && newer_claims(session, user, DateTime::UNIX_EPOCH).is_none()
}

/// What the token says that is not stored yet.
fn newer_claims(session: &Session, user: &User, now: DateTime<Utc>) -> Option<ClaimsUpdate> {
    let claimed = session.profile();
    let email = newer_email(user, claimed, session.issued_at());
    let name = claimed.name.as_deref().filter(|_| user.name.is_none());
    if email.is_none() && name.is_none() {
        return None;
    }
    Some(ClaimsUpdate {
        profile: Profile {
            email: email.map(str::to_owned),
            email_verified: claimed.email_verified,
            name: name.map(str::to_owned),
        },
        as_of: session.issued_at(),
        now,
    })
}

/// The token's address, if it says more than what is stored (another address, or that the same one is
/// verified) and is the later statement. Ties go to what is stored; a token without an issue time only
/// fills an empty place.
fn newer_email<'a>(
    user: &User,
    profile: &'a Profile,
    issued_at: Option<DateTime<Utc>>,
) -> Option<&'a str> {
    let email = profile.email.as_deref()?;
    let is_newer = match (user.email_as_of, issued_at) {
        (Some(stored), Some(issued)) => stored < issued,
        (Some(_), None) => false,
        (None, Some(_)) => true,
        (None, None) => user.email.is_none(),
    };
    let says_more = user.email.as_deref() != Some(email)
        // Not the other way round: most tokens do not say whether an address is verified.
        || (profile.email_verified && !user.email_verified);
    (says_more && is_newer).then_some(email)
}
