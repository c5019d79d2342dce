//! The rows of a new account: a user, a personal organization and the membership in it. They exist
//! together or not at all, whether a request or an event creates them.

use crate::{
    model::{MembershipId, OrganizationId, Role},
    store::{
        StoreError, Tx,
        memberships::{self, NewMembership},
        organizations::{self, NewOrganization},
        users::{self, NewUser},
    },
};

/// The name of the organization every user starts with.
const PERSONAL_ORGANIZATION: &str = "Personal";

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
