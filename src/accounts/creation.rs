//! The first request of a Clerk user: a user, a personal organization and a membership, all or none.

use chrono::{DateTime, Utc};

use super::{
    AccountError, Accounts, SessionRefusal,
    back_off::FIRST_BACK_OFF,
    mirror::as_of,
    new_account::insert_account,
    standing::{WhileDeleting, admit_session, lookup},
};
use crate::{
    auth::Session,
    clerk::{api::ClerkApiError, event::ClerkUser},
    model::{Profile, UserId},
    store::{
        contention, locks,
        users::{self, NewUser},
    },
};

impl Accounts {
    /// Creates the user of a session. `false` when another request did in the meantime.
    ///
    /// # Errors
    /// [`AccountError::Refused`] when Clerk knows no such user, or one was deleted in the meantime.
    pub(super) async fn create(&self, session: &Session) -> Result<bool, AccountError> {
        let _alone = self.first_requests.enter(session.clerk_user_id()).await;
        // Requests that waited here find the user that the first of them created.
        let mut reader = self.store.read().await?;
        let standing = users::find_standing(reader.conn(), lookup(session)).await?;
        drop(reader);
        if standing.user.is_some() {
            return Ok(false);
        }
        admit_session(&standing, session, self.leeway, WhileDeleting::Refuse)?;
        self.limited_by(self.limits.first_sign_ins.as_ref(), session)?;
        let clerk_user_id = session.clerk_user_id();
        if let Some(refusal) = self.first_requests.recent_refusal(clerk_user_id, self.clock.now()) {
            return Err(refusal.into());
        }
        let fetched = match self.fetch_profile(session).await {
            Err(AccountError::Refused(refusal)) => {
                self.first_requests.remember(clerk_user_id, refusal, self.clock.now());
                return Err(refusal.into());
            }
            outcome => outcome?,
        };
        contention::retry(|| self.insert(session, fetched.as_ref())).await
    }

    /// Asks Clerk for what the token does not say, outside any transaction.
    async fn fetch_profile(&self, session: &Session) -> Result<Option<ClerkUser>, AccountError> {
        let Some(clerk) = &self.clerk else { return Ok(None) };
        if session.is_local() || session.profile().is_complete() {
            return Ok(None);
        }
        match clerk.get_user(session.clerk_user_id()).await {
            Ok(user) if user.banned => Err(SessionRefusal::Banned.into()),
            Ok(user) => Ok(Some(user)),
            // The token has outlived its user.
            Err(ClerkApiError::NotFound) => Err(SessionRefusal::UnknownAtClerk.into()),
            Err(error) => {
                tracing::warn!(%error, "a new user's profile could not be read from Clerk");
                Ok(None)
            }
        }
    }

    async fn insert(
        &self,
        session: &Session,
        fetched: Option<&ClerkUser>,
    ) -> Result<bool, AccountError> {
        let mut tx = self.store.begin().await?;
        locks::lock_clerk_id(tx.conn(), session.clerk_user_id()).await?;
        let standing = users::find_standing(tx.conn(), lookup(session)).await?;
        if standing.user.is_some() {
            return Ok(false);
        }
        admit_session(&standing, session, self.leeway, WhileDeleting::Refuse)?;
        let user = self.new_user(session, fetched);
        insert_account(&mut tx, &user).await?;
        tx.commit().await?;
        tracing::info!(user = %user.id, "user created");
        Ok(true)
    }

    /// The user that the token describes, completed by what Clerk answered, if it was asked.
    fn new_user<'a>(&self, session: &'a Session, fetched: Option<&ClerkUser>) -> NewUser<'a> {
        let now = self.clock.now();
        let claimed = session.profile();
        let claimed_as_of = claimed.email.as_ref().and(session.issued_at());
        let updated_at = fetched.map(|fetched| as_of(fetched.updated_at));
        let (profile, email_as_of) = match fetched.zip(updated_at) {
            Some((fetched, updated_at)) => {
                merge((claimed, claimed_as_of), (&fetched.profile, updated_at))
            }
            None => (claimed.clone(), claimed_as_of),
        };
        let was_asked = self.clerk.is_some() && !session.is_local() && !claimed.is_complete();
        let is_asked_again = was_asked && !profile.is_complete();
        NewUser {
            id: UserId::generate(),
            clerk_user_id: session.clerk_user_id(),
            profile,
            email_as_of,
            clerk_updated_at: updated_at,
            // A banned user is refused before there is anything to insert.
            banned: false,
            profile_tried_at: is_asked_again.then_some(now),
            profile_next_try: is_asked_again.then_some(now + FIRST_BACK_OFF),
            now,
        }
    }
}

/// What a token claims, as of when, together with what Clerk's API answers, as of when. Of two
/// addresses the later counts, ties going to the API; a name from the token comes before one from the
/// API.
fn merge(
    (claimed, claimed_as_of): (&Profile, Option<DateTime<Utc>>),
    (fetched, fetched_as_of): (&Profile, DateTime<Utc>),
) -> (Profile, Option<DateTime<Utc>>) {
    let is_fetched_later = claimed_as_of.is_none_or(|claimed| claimed <= fetched_as_of);
    let takes_fetched = fetched.email.is_some() && (claimed.email.is_none() || is_fetched_later);
    let (source, email_as_of) =
        if takes_fetched { (fetched, Some(fetched_as_of)) } else { (claimed, claimed_as_of) };
    let profile = Profile {
        email: source.email.clone(),
        email_verified: source.email_verified,
        name: claimed.name.clone().or_else(|| fetched.name.clone()),
    };
    (profile, email_as_of)
}
