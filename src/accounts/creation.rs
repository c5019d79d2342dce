//! The first request of a Clerk user: a user, a personal organization and a membership, all or none.

use super::{
    AccountError, Accounts, Refusal,
    mirror::as_of,
    resolution::{FIRST_BACK_OFF, lookup},
    standing::{WhileDeleting, check},
};
use crate::{
    auth::Session,
    clerk::{api::ClerkApiError, event::ClerkUser},
    model::{MembershipId, OrganizationId, Role, UserId},
    store::{
        StoreError, Tx, dialect,
        memberships::{self, NewMembership},
        organizations::{self, NewOrganization},
        users::{self, NewUser},
    },
};

/// The name of the organization every user starts with.
const PERSONAL_ORGANIZATION: &str = "Personal";

impl Accounts {
    /// Creates the user of a session. `false` when somebody else did in the meantime.
    ///
    /// # Errors
    /// [`AccountError::Refused`] when Clerk knows no such user, or one was deleted in the meantime.
    pub(super) async fn create(&self, session: &Session) -> Result<bool, AccountError> {
        let _alone = self.first_requests.enter(session.clerk_user_id()).await;
        // Those who waited find the user that the first of them created.
        let mut reader = self.store.read().await?;
        let standing = users::find_standing(reader.conn(), lookup(session)).await?;
        drop(reader);
        if standing.user.is_some() {
            return Ok(false);
        }
        check(&standing, session, self.leeway, WhileDeleting::Refuse)?;
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
        self.insert(session, fetched.as_ref()).await
    }

    /// Asks Clerk for what the token does not say, outside any transaction.
    async fn fetch_profile(&self, session: &Session) -> Result<Option<ClerkUser>, AccountError> {
        let Some(clerk) = &self.clerk else { return Ok(None) };
        if session.is_local() || session.profile().is_complete() {
            return Ok(None);
        }
        match clerk.get_user(session.clerk_user_id()).await {
            Ok(user) if user.banned => Err(Refusal::Banned.into()),
            Ok(user) => Ok(Some(user)),
            // The token has outlived its user.
            Err(ClerkApiError::NotFound) => Err(Refusal::UnknownAtClerk.into()),
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
        dialect::lock_clerk_id(tx.conn(), session.clerk_user_id()).await?;
        let standing = users::find_standing(tx.conn(), lookup(session)).await?;
        if standing.user.is_some() {
            return Ok(false);
        }
        check(&standing, session, self.leeway, WhileDeleting::Refuse)?;
        let user = self.new_user(session, fetched);
        insert_account(&mut tx, &user).await?;
        tx.commit().await?;
        tracing::info!(user = %user.id, "user created");
        Ok(true)
    }

    /// Of two addresses the later statement counts, ties going to Clerk's API; a name from the token
    /// comes before one from the API.
    fn new_user<'a>(&self, session: &'a Session, fetched: Option<&'a ClerkUser>) -> NewUser<'a> {
        let now = self.clock.now();
        let claimed = session.profile();
        let mut user = NewUser {
            email: claimed.email.as_deref(),
            email_verified: claimed.email_verified,
            email_as_of: claimed.email.as_ref().and(session.issued_at()),
            name: claimed.name.as_deref(),
            ..NewUser::nameless(UserId::generate(), session.clerk_user_id(), now)
        };
        if let Some(fetched) = fetched {
            let updated_at = as_of(fetched.updated_at);
            let is_later = user.email_as_of.is_none_or(|as_of| as_of <= updated_at);
            if fetched.profile.email.is_some() && (user.email.is_none() || is_later) {
                user.email = fetched.profile.email.as_deref();
                user.email_verified = fetched.profile.email_verified;
                user.email_as_of = Some(updated_at);
            }
            user.name = user.name.or(fetched.profile.name.as_deref());
            user.clerk_updated_at = Some(updated_at);
        }
        let was_asked = self.clerk.is_some() && !session.is_local() && !claimed.is_complete();
        if was_asked && (user.email.is_none() || user.name.is_none()) {
            user.profile_tried_at = Some(now);
            user.profile_next_try = Some(now + FIRST_BACK_OFF);
        }
        user
    }
}

/// Inserts a user with a personal organization and the membership in it. The caller holds the lock on
/// the Clerk id, has found no such user and no tombstone that forbids one, and commits.
pub(super) async fn insert_account(tx: &mut Tx<'_>, user: &NewUser<'_>) -> Result<(), StoreError> {
    users::insert_user(tx.conn(), user).await?;
    let organization = NewOrganization {
        id: OrganizationId::generate(),
        personal_user_id: Some(user.id),
        name: PERSONAL_ORGANIZATION,
        now: user.now,
    };
    organizations::insert_organization(tx.conn(), &organization).await?;
    let membership = NewMembership {
        id: MembershipId::generate(),
        organization_id: organization.id,
        user_id: user.id,
        role: Role::Owner,
        now: user.now,
    };
    memberships::insert_membership(tx.conn(), &membership).await?;
    Ok(())
}
