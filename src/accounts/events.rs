//! What Clerk's events change here. One transaction each, whose first statement records the message,
//! so that a message has its effect once, and whose effects are guarded by Clerk's times and by
//! tombstones, so that the order of messages does not matter.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AccountError, Accounts,
    back_off::FIRST_BACK_OFF,
    mirror,
    new_account::insert_account,
    purge::{lock_with_organizations, purge_rows},
};
use crate::{
    clerk::{
        event::{ClerkUser, Event},
        webhook::MessageId,
    },
    model::UserId,
    store::{
        Tx, contention, invitations, locks, sessions,
        tombstones::{self, Tombstone, TombstoneKind},
        users::{self, ClerkUpdate, Lookup, NewUser},
        webhook_messages,
    },
};

/// Tokens of a session that has ended live on for a minute or two; a day is plenty.
const REVOCATION_RETENTION: TimeDelta = TimeDelta::hours(24);
/// How long message ids are kept. A replay that is older is harmless.
const MESSAGE_ID_RETENTION: TimeDelta = TimeDelta::days(30);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It had its effect, or none was due.
    Now,
    /// It was applied before.
    Before,
}

impl Accounts {
    /// Applies an event, once.
    ///
    /// # Errors
    /// [`AccountError::Store`]: nothing was changed, and the message may come again.
    pub(crate) async fn apply_event(
        &self,
        message: &MessageId,
        event: &Event,
    ) -> Result<Applied, AccountError> {
        contention::retry(|| self.apply_event_once(message, event)).await
    }

    async fn apply_event_once(
        &self,
        message: &MessageId,
        event: &Event,
    ) -> Result<Applied, AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !webhook_messages::insert_message(tx.conn(), message.as_str(), now).await? {
            return Ok(Applied::Before);
        }
        apply_effect(&mut tx, event, now).await?;
        tx.commit().await?;
        Ok(Applied::Now)
    }

    /// Forgets messages, revoked sessions and invitations that are old enough.
    pub async fn expire(&self) -> Result<(), AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let messages =
            webhook_messages::expire_messages(tx.conn(), now - MESSAGE_ID_RETENTION).await?;
        let sessions = sessions::expire_revocations(tx.conn(), now).await?;
        let invitations = invitations::expire_invitations(tx.conn(), now).await?;
        tx.commit().await?;
        tracing::debug!(messages, sessions, invitations, "what has expired was forgotten");
        Ok(())
    }
}

/// What an event changes. The caller has begun the transaction and ends it.
pub(super) async fn apply_effect(
    tx: &mut Tx<'_>,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    match event {
        Event::User(user) => apply_user(tx, user, now).await?,
        Event::UserDeleted { clerk_id } => remove_user(tx, clerk_id, now).await?,
        Event::Organization(organization) => {
            let mirror = mirror::apply_organization(tx, organization, now).await?;
            mirror::promote_creator(tx, mirror.as_ref(), now).await?;
        }
        Event::OrganizationDeleted { clerk_id } => {
            mirror::remove_organization(tx, clerk_id, now).await?;
        }
        Event::Membership(membership) => {
            mirror::apply_membership(tx, membership, now).await?;
        }
        Event::MembershipDeleted { clerk_id, membership } => {
            mirror::remove_membership(tx, clerk_id, membership.as_deref(), now).await?;
        }
        Event::SessionEnded { session_id, user_id } => {
            if let Some(user_id) = user_id {
                // Whether the session's last request or its end comes first, the user exists.
                mirror::find_or_insert_user(tx, user_id, now).await?;
            }
            let until = now + REVOCATION_RETENTION;
            sessions::end_session(tx.conn(), session_id, now, until).await?;
        }
        Event::Unknown { event_type } => {
            tracing::debug!(event_type, "an event that changes nothing here");
        }
    }
    Ok(())
}

/// `user.created` and `user.updated` say the same: how the user is at a point in time.
async fn apply_user(
    tx: &mut Tx<'_>,
    user: &ClerkUser,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    locks::lock_clerk_id(tx.conn(), &user.clerk_id).await?;
    let standing = users::find_standing(tx.conn(), Lookup::of_user(&user.clerk_id)).await?;
    let updated_at = mirror::as_of(user.updated_at);
    // An address that cannot be used says nothing; an empty list says that none is left.
    let has_lost_email = !user.has_addresses;
    if let Some(known) = standing.user {
        let update = ClerkUpdate {
            profile: user.profile.clone(),
            has_lost_email,
            banned: user.banned,
            updated_at,
            next_try: now + FIRST_BACK_OFF,
            now,
        };
        users::apply_clerk_update(tx.conn(), known.id, &update).await?;
    } else if standing.tombstone.is_none() {
        let says_email = user.profile.email.is_some() || has_lost_email;
        let new = NewUser {
            id: UserId::generate(),
            clerk_user_id: &user.clerk_id,
            profile: user.profile.clone(),
            email_as_of: says_email.then_some(updated_at),
            clerk_updated_at: Some(updated_at),
            banned: user.banned,
            // Clerk has not been asked yet.
            profile_tried_at: None,
            profile_next_try: None,
            now,
        };
        insert_account(tx, &new).await?;
    }
    Ok(())
}

/// `user.deleted` always wins, also over a user who was never seen.
async fn remove_user(
    tx: &mut Tx<'_>,
    clerk_id: &str,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    lock_with_organizations(tx, clerk_id).await?;
    let standing = users::find_standing(tx.conn(), Lookup::of_user(clerk_id)).await?;
    if let Some(user) = standing.user {
        purge_rows(tx, user.id, now).await?;
        tracing::info!(user = %user.id, "user deleted, because it was deleted at Clerk");
    }
    let tombstone = Tombstone { is_permanent: true, deleted_at: now };
    tombstones::write_tombstone(tx.conn(), TombstoneKind::User, clerk_id, tombstone).await?;
    Ok(())
}
