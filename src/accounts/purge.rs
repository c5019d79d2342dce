//! The end of a deletion: the rows of a user go, a tombstone stays.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{AccountError, Accounts, deletion::ClerkOutcome};
use crate::{
    auth::LOCAL_CLERK_USER_ID,
    model::{OrganizationId, UserId},
    store::{
        StoreError, Tx, locks, memberships, organizations, sessions,
        tombstones::{self, Tombstone, TombstoneKind},
        users::{self, DeletionMark, Lookup},
    },
};

impl Accounts {
    /// Removes the rows and leaves the tombstone, in one transaction. `None` when there was nothing
    /// left to remove.
    pub(super) async fn purge(
        &self,
        mark: &DeletionMark,
        at_clerk: ClerkOutcome,
    ) -> Result<Option<Vec<OrganizationId>>, AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        lock_with_organizations(&mut tx, &mark.clerk_user_id).await?;
        let mut user_id = mark.user_id;
        if at_clerk != ClerkOutcome::Kept {
            // Another attempt may have kept the user at Clerk, and a new account been started since.
            let lookup = Lookup::of_user(&mark.clerk_user_id);
            let standing = users::find_standing(tx.conn(), lookup).await?;
            user_id = standing.user.map_or(user_id, |user| user.id);
        }
        // Another attempt may have added its session since this one was marked.
        let latest = users::find_deletion_mark(tx.conn(), user_id).await?;
        let asked: BTreeSet<_> = latest
            .into_iter()
            .flat_map(|latest| latest.sessions)
            .chain(mark.sessions.clone())
            .collect();
        let removed = purge_rows(&mut tx, user_id, now).await?;
        if mark.clerk_user_id != LOCAL_CLERK_USER_ID {
            let is_permanent = at_clerk != ClerkOutcome::Kept;
            let tombstone = Tombstone { is_permanent, deleted_at: now };
            tombstones::write_tombstone(
                tx.conn(),
                TombstoneKind::User,
                &mark.clerk_user_id,
                tombstone,
            )
            .await?;
            // A session lives on at Clerk and can obtain later tokens; it asked to be gone.
            for session_id in asked.iter().filter(|_| !is_permanent) {
                sessions::revoke_session(tx.conn(), session_id, now).await?;
            }
        }
        tx.commit().await?;
        Ok(removed)
    }
}

/// Locks a person who is about to be purged, and before that the local organizations the person is in: whoever
/// locks both takes them in this order. One that the person joins between the two is locked by [`purge_rows`],
/// too late; should that end in a circle, the database ends one of the transactions, which is run again.
pub(super) async fn lock_with_organizations(
    tx: &mut Tx<'_>,
    clerk_user_id: &str,
) -> Result<(), StoreError> {
    let local = organizations::find_local_organizations_of_person(tx.conn(), clerk_user_id).await?;
    locks::lock_organizations(tx.conn(), &local).await?;
    locks::lock_clerk_id(tx.conn(), clerk_user_id).await
}

/// Removes a user's rows: the local organizations nobody else is in, succession in the others, then
/// the user. `None` when there is no such user. The caller holds the locks of [`lock_with_organizations`].
pub(super) async fn purge_rows(
    tx: &mut Tx<'_>,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Vec<OrganizationId>>, AccountError> {
    let local = organizations::find_local_organizations_of(tx.conn(), user).await?;
    // Two last members who leave at once would each see the other and both stay away from the
    // organization; with its lock held, the second one sees what the first one left.
    locks::lock_organizations(tx.conn(), &local).await?;
    let solitary = organizations::find_solitary_organizations_of(tx.conn(), user).await?;
    for organization in local.iter().filter(|id| !solitary.contains(id)) {
        memberships::promote_successor(tx.conn(), *organization, user, now).await?;
    }
    for organization in &solitary {
        organizations::delete_organization(tx.conn(), *organization).await?;
    }
    Ok(users::delete_user(tx.conn(), user).await?.then_some(solitary))
}
