//! The mirror of Clerk's organizations and of who is in them. Everything here is guarded by Clerk's own
//! times and by tombstones, so that the order in which events arrive does not matter.

use chrono::{DateTime, Utc};

use super::{AccountError, Accounts, new_account::insert_account};
use crate::{
    clerk::event::{ClerkMembership, ClerkOrganization},
    clock::truncate,
    model::{Role, UserId},
    store::{
        StoreError, Tx, locks,
        memberships::{self, ClerkMembershipState},
        organizations::{self, ClerkOrganizationState, Mirror},
        tombstones::{self, Tombstone, TombstoneKind},
        users::{self, Lookup, NewUser},
    },
};

impl Accounts {
    /// Applies what Clerk says about a membership, outside an event.
    pub async fn apply_membership(&self, membership: &ClerkMembership) -> Result<(), AccountError> {
        let mut tx = self.store.begin().await?;
        apply_membership(&mut tx, membership, self.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The time of an object; one that Clerk does not date is older than any that it does.
pub(super) fn as_of(updated_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    updated_at.map_or(DateTime::UNIX_EPOCH, truncate)
}

/// Creates or updates the mirror of an organization. `None` when it was deleted.
pub(super) async fn apply_organization(
    tx: &mut Tx<'_>,
    organization: &ClerkOrganization,
    now: DateTime<Utc>,
) -> Result<Option<Mirror>, StoreError> {
    locks::lock_clerk_id(tx.conn(), &organization.clerk_id).await?;
    let clerk_id = &organization.clerk_id;
    if tombstones::find_tombstone(tx.conn(), TombstoneKind::Organization, clerk_id).await?.is_some()
    {
        return Ok(None);
    }
    let state = ClerkOrganizationState {
        clerk_organization_id: clerk_id,
        name: organization.name.as_deref(),
        created_by: organization.created_by.as_deref(),
        updated_at: as_of(organization.updated_at),
        now,
    };
    Ok(Some(organizations::upsert_mirror(tx.conn(), &state).await?))
}

/// Makes the creator of an organization its owner, now that the creator is known. It locks a row of
/// that user without the lock on the user, so it must be the last thing that a transaction waits for.
pub(super) async fn promote_creator(
    tx: &mut Tx<'_>,
    mirror: Option<&Mirror>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let creator = mirror.and_then(|mirror| Some((mirror.id, mirror.clerk_created_by.as_deref()?)));
    match creator {
        Some((id, creator)) => memberships::promote_creator(tx.conn(), id, creator, now).await,
        None => Ok(()),
    }
}

/// Removes the mirror of an organization and leaves a tombstone.
pub(super) async fn remove_organization(
    tx: &mut Tx<'_>,
    clerk_id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    locks::lock_clerk_id(tx.conn(), clerk_id).await?;
    if let Some(mirror) = organizations::find_mirror(tx.conn(), clerk_id).await? {
        organizations::delete_organization(tx.conn(), mirror.id).await?;
    }
    let tombstone = Tombstone { is_permanent: true, deleted_at: now };
    tombstones::write_tombstone(tx.conn(), TombstoneKind::Organization, clerk_id, tombstone).await
}

/// Creates or updates a mirrored membership, and before it the organization and the user that it
/// names. Each of the three only unless it was deleted.
pub(super) async fn apply_membership(
    tx: &mut Tx<'_>,
    membership: &ClerkMembership,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mirror = apply_organization(tx, &membership.organization, now).await?;
    let user = find_or_insert_user(tx, &membership.user_id, now).await?;
    if let (Some(mirror), Some(user_id)) = (&mirror, user) {
        save_membership(tx, membership, (mirror, user_id), now).await?;
    }
    promote_creator(tx, mirror.as_ref(), now).await
}

async fn save_membership(
    tx: &mut Tx<'_>,
    membership: &ClerkMembership,
    (mirror, user_id): (&Mirror, UserId),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let clerk_id = &membership.clerk_id;
    locks::lock_clerk_id(tx.conn(), clerk_id).await?;
    if tombstones::find_tombstone(tx.conn(), TombstoneKind::Membership, clerk_id).await?.is_some() {
        return Ok(());
    }
    let is_creator = mirror.clerk_created_by.as_deref() == Some(membership.user_id.as_str());
    let state = ClerkMembershipState {
        clerk_membership_id: clerk_id,
        organization_id: mirror.id,
        user_id,
        role: role(membership.role.as_deref(), is_creator),
        updated_at: as_of(membership.updated_at),
        now,
    };
    memberships::upsert_mirrored_membership(tx.conn(), &state).await
}

/// Removes a mirrored membership and leaves a tombstone: joining again makes a membership with a new id.
pub(super) async fn remove_membership(
    tx: &mut Tx<'_>,
    clerk_id: &str,
    membership: Option<&ClerkMembership>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tombstone = Tombstone { is_permanent: true, deleted_at: now };
    let mut mirror = None;
    if let Some(membership) = membership {
        // Whatever the order of joining and leaving, the organization and the user exist afterwards.
        mirror = apply_organization(tx, &membership.organization, now).await?;
        find_or_insert_user(tx, &membership.user_id, now).await?;
    }
    // An event that tells no more than the id has locked nothing yet.
    locks::lock_clerk_id(tx.conn(), clerk_id).await?;
    tombstones::write_tombstone(tx.conn(), TombstoneKind::Membership, clerk_id, tombstone).await?;
    memberships::delete_mirrored_membership(tx.conn(), clerk_id).await?;
    promote_creator(tx, mirror.as_ref(), now).await
}

/// The user with this Clerk id, created without a profile when there is none. `None` when the user
/// was deleted.
pub(super) async fn find_or_insert_user(
    tx: &mut Tx<'_>,
    clerk_user_id: &str,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, StoreError> {
    locks::lock_clerk_id(tx.conn(), clerk_user_id).await?;
    let standing = users::find_standing(tx.conn(), Lookup::of_user(clerk_user_id)).await?;
    match standing.user {
        Some(user) => Ok(Some(user.id)),
        None if standing.tombstone.is_some() => Ok(None),
        None => {
            let user = NewUser::nameless(UserId::generate(), clerk_user_id, now);
            insert_account(tx, &user).await?;
            Ok(Some(user.id))
        }
    }
}

/// Clerk's role here. Its own names are `admin` and `member` (`basic_member` of old); roles that an
/// operator made up mean no more than membership.
fn role(clerk_role: Option<&str>, is_creator: bool) -> Role {
    match clerk_role {
        Some("admin") if is_creator => Role::Owner,
        Some("admin") => Role::Admin,
        _ => Role::Member,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_admin_who_created_the_organization_owns_it() {
        let cases = [
            (Some("admin"), true, Role::Owner),
            (Some("admin"), false, Role::Admin),
            (Some("member"), true, Role::Member),
            (Some("basic_member"), false, Role::Member),
            (Some("billing"), true, Role::Member),
            (None, true, Role::Member),
        ];
        for (clerk_role, is_creator, expected) in cases {
            assert_eq!(role(clerk_role, is_creator), expected, "{clerk_role:?} {is_creator}");
        }
    }
}
