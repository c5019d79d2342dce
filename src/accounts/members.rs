//! The members of a local organization administer each other. An organization that has members always has an
//! owner among them.

use std::sync::Arc;

use super::{
    AccountError, Accounts,
    authority::{ADMINS_ONLY, absent, lock_administered, may_change, may_give},
    caller::stored_still_in,
    mistake::MistakeKind,
    organizations::UNKNOWN_ORGANIZATION,
};
use crate::{
    model::{Membership, MembershipId, OrganizationId, Role, User, UserId},
    store::{
        Tx, contention,
        memberships::{self, ListOf, VisibleMembership},
        organizations,
    },
};

const UNKNOWN_MEMBER: &str = "There is no membership with this ID, or it is in an organization that you are not a member of.";
/// The words of the original.
const NO_OWNER_LEFT: &str = "Organization must have at least one owner";

/// Whose membership a change is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemberTarget {
    /// Which; `None` for a text that is no id.
    pub(crate) id: Option<MembershipId>,
    /// The organization that it must be in, if the caller named one.
    pub(crate) within: Option<OrganizationId>,
}

impl Accounts {
    /// Gives a member of a local organization another role, which takes an admin.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] for a role above the caller's own, whether given or taken;
    /// [`AccountError::Mistakes`] when no owner would be left; those of [`lock_administered`].
    pub(crate) async fn change_role(
        &self,
        caller: &User,
        target: MemberTarget,
        role: Role,
    ) -> Result<Arc<VisibleMembership>, AccountError> {
        let _turn = self.turn_of(caller).await;
        let changed = contention::retry(|| self.store_role(caller, target, role)).await;
        self.counted(changed)
    }

    async fn store_role(
        &self,
        caller: &User,
        target: MemberTarget,
        role: Role,
    ) -> Result<Arc<VisibleMembership>, AccountError> {
        let mut tx = self.store.begin().await?;
        let (member, own) = lock_member(&mut tx, caller.id, target).await?;
        may_change(own, &member)?;
        may_give(own, role)?;
        if role != member.role {
            if member.role == Role::Owner {
                keep_an_owner(&mut tx, &member, "role").await?;
            }
            memberships::set_role(tx.conn(), member.id, role, self.clock.now()).await?;
        }
        let changed = visible_member(&mut tx, caller.id, member.id).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Removes somebody else from a local organization, which takes an admin, and an owner to remove an owner.
    /// So the caller of the removal of an owner is one who stays.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] for the own membership and for somebody above the caller; those of
    /// [`lock_administered`].
    pub(crate) async fn remove_member(
        &self,
        caller: &User,
        target: MemberTarget,
    ) -> Result<MembershipId, AccountError> {
        let _turn = self.turn_of(caller).await;
        let removed = contention::retry(|| async {
            let mut tx = self.store.begin().await?;
            let (member, own) = lock_member(&mut tx, caller.id, target).await?;
            if member.user_id == caller.id {
                return Err(AccountError::Forbidden(
                    "You cannot remove yourself. Leave the organization instead.",
                ));
            }
            may_change(own, &member)?;
            end_membership(&mut tx, &member).await?;
            tx.commit().await?;
            Ok(member.id)
        })
        .await;
        self.counted(removed)
    }

    /// Ends the caller's own membership in a local organization. Answers the caller as stored now.
    ///
    /// # Errors
    /// [`AccountError::Mistakes`] for its only owner; those of [`lock_administered`].
    pub(crate) async fn leave_organization(
        &self,
        caller: &User,
        id: Option<OrganizationId>,
    ) -> Result<(MembershipId, Arc<User>), AccountError> {
        let id = id.ok_or(AccountError::NotFound(UNKNOWN_ORGANIZATION))?;
        let _turn = self.turn_of(caller).await;
        let left = contention::retry(|| async {
            let mut tx = self.store.begin().await?;
            lock_administered(&mut tx, caller.id, id, Role::Member, UNKNOWN_ORGANIZATION).await?;
            let own = memberships::find_own_membership(tx.conn(), id, caller.id).await?;
            let own = own.ok_or(AccountError::NotFound(UNKNOWN_ORGANIZATION))?;
            if own.role == Role::Owner {
                keep_an_owner(&mut tx, &own, "organization_id").await?;
            }
            end_membership(&mut tx, &own).await?;
            let user = stored_still_in(&mut tx, caller).await?;
            tx.commit().await?;
            Ok((own.id, user))
        })
        .await;
        self.counted(left)
    }

    /// A part of the members of an organization that the caller is in, by e-mail address, then name, and how many
    /// there are.
    pub(crate) async fn page_of_members(
        &self,
        caller: &User,
        id: OrganizationId,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Arc<VisibleMembership>>, i64), AccountError> {
        let mut reader = self.store.read().await?;
        let rows = memberships::load_page(reader.conn(), caller.id, id, limit, offset).await?;
        let counts =
            memberships::count_memberships(reader.conn(), caller.id, &[ListOf::Organization(id)])
                .await?;
        Ok((rows, counts.first().map_or(0, |(_, count)| *count)))
    }

    /// One member of an organization that the caller is in: the caller, or anybody for an admin.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a membership elsewhere; [`AccountError::Forbidden`] for others.
    pub(crate) async fn member(
        &self,
        caller: &User,
        organization: OrganizationId,
        id: Option<MembershipId>,
    ) -> Result<Arc<VisibleMembership>, AccountError> {
        let id = id.ok_or(AccountError::NotFound(UNKNOWN_MEMBER))?;
        let mut reader = self.store.read().await?;
        let found = memberships::load_memberships(reader.conn(), caller.id, &[id]).await?.pop();
        let member = found
            .filter(|member| member.membership.organization_id == organization)
            .ok_or(AccountError::NotFound(UNKNOWN_MEMBER))?;
        let is_own = member.membership.user_id == caller.id;
        if !is_own && member.organization.viewer_role < Role::Admin {
            return Err(ADMINS_ONLY);
        }
        Ok(member)
    }
}

/// Locks the organization of a membership that `caller` is about to change, and answers the membership and the
/// caller's own role.
async fn lock_member(
    tx: &mut Tx<'_>,
    caller: UserId,
    MemberTarget { id, within }: MemberTarget,
) -> Result<(Membership, Role), AccountError> {
    let unknown = AccountError::NotFound(UNKNOWN_MEMBER);
    let Some(id) = id else { return Err(unknown) };
    let found = memberships::find_membership(tx.conn(), id).await?;
    let is_there = |found: &Membership| within.is_none_or(|id| id == found.organization_id);
    let Some(found) = found.filter(is_there) else {
        return Err(absent(tx, caller, unknown).await?);
    };
    let organization =
        lock_administered(tx, caller, found.organization_id, Role::Admin, UNKNOWN_MEMBER).await?;
    // As it is now that nobody else can change it.
    let member = memberships::find_membership(tx.conn(), id).await?.ok_or(unknown)?;
    Ok((member, organization.viewer_role))
}

/// Refuses to go on when `owner` is the only one. The organization is locked.
async fn keep_an_owner(
    tx: &mut Tx<'_>,
    owner: &Membership,
    field: &'static str,
) -> Result<(), AccountError> {
    if memberships::has_other_owner(tx.conn(), owner.organization_id, owner.user_id).await? {
        return Ok(());
    }
    Err(AccountError::mistake(field, MistakeKind::LastOwner, NO_OWNER_LEFT))
}

async fn end_membership(tx: &mut Tx<'_>, member: &Membership) -> Result<(), AccountError> {
    memberships::delete_membership(tx.conn(), member.id).await?;
    let Membership { organization_id, user_id, .. } = *member;
    organizations::release_personal_organization(tx.conn(), organization_id, user_id).await?;
    Ok(())
}

/// A membership as `viewer` sees it inside a transaction.
pub(super) async fn visible_member(
    tx: &mut Tx<'_>,
    viewer: UserId,
    id: MembershipId,
) -> Result<Arc<VisibleMembership>, AccountError> {
    let found = memberships::load_memberships(tx.conn(), viewer, &[id]).await?.pop();
    found.ok_or(AccountError::NotFound(UNKNOWN_MEMBER))
}
