//! Who may do what in a local organization. Decided inside the transaction that does it, with the organization
//! locked: a role that was taken away counts for nothing from then on, on every instance.
//!
//! A transaction that locks an organization and a person takes them in this order.

use std::sync::Arc;

use super::{AccountError, SessionRefusal};
use crate::{
    model::{Membership, OrganizationId, Role, UserId},
    store::{
        Tx, locks,
        organizations::{self, VisibleOrganization},
        users,
    },
};

/// What a member is told who would have to be more than that.
pub(super) const ADMINS_ONLY: AccountError =
    AccountError::Forbidden("Only an owner or an admin of the organization may do this.");

/// Locks an organization that `caller` is about to administer, and answers it as the caller sees it.
///
/// # Errors
/// [`AccountError::NotFound`] with the text `unknown` unless the caller is in it, whether or not it exists;
/// [`AccountError::Mirrored`] for one of Clerk's, which nobody administers here; [`AccountError::Forbidden`] for
/// a role below `least`.
pub(super) async fn lock_administered(
    tx: &mut Tx<'_>,
    caller: UserId,
    organization: OrganizationId,
    least: Role,
    unknown: &'static str,
) -> Result<Arc<VisibleOrganization>, AccountError> {
    locks::lock_organizations(tx.conn(), &[organization]).await?;
    let seen = organizations::load_organizations(tx.conn(), caller, &[organization]).await?.pop();
    let Some(seen) = seen else {
        return Err(absent(tx, caller, AccountError::NotFound(unknown)).await?);
    };
    may_administer(&seen, least)?;
    Ok(seen)
}

/// Whether the viewer of an organization may administer it here with a role of `least`.
pub(super) fn may_administer(seen: &VisibleOrganization, least: Role) -> Result<(), AccountError> {
    if seen.organization.clerk_organization_id.is_some() {
        return Err(AccountError::Mirrored);
    }
    if seen.viewer_role < least {
        return Err(match least {
            Role::Owner => {
                AccountError::Forbidden("Only an owner of the organization may do this.")
            }
            Role::Admin | Role::Member => ADMINS_ONLY,
        });
    }
    Ok(())
}

/// What to answer when `caller` has no part in something: a caller who was deleted meanwhile is signed out.
pub(super) async fn absent(
    tx: &mut Tx<'_>,
    caller: UserId,
    otherwise: AccountError,
) -> Result<AccountError, AccountError> {
    let is_gone = users::load_users(tx.conn(), &[caller]).await?.is_empty();
    Ok(if is_gone { SessionRefusal::Vanished.into() } else { otherwise })
}

/// Nobody gives a role above their own, nor takes one.
pub(super) fn may_give(own: Role, role: Role) -> Result<(), AccountError> {
    if role > own {
        return Err(AccountError::Forbidden("Nobody can give a role above their own."));
    }
    Ok(())
}

/// Nobody changes the place of somebody above them.
pub(super) fn may_change(own: Role, member: &Membership) -> Result<(), AccountError> {
    if member.role > own {
        return Err(AccountError::Forbidden("Only an owner can change or remove an owner."));
    }
    Ok(())
}
