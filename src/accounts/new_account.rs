//! The rows of a new account: a user, a personal organization and the membership in it. They exist
//! together or not at all, whether a request or an event creates them.

use chrono::{DateTime, Utc};

use crate::{
    model::{MembershipId, OrganizationId, Role, UserId},
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
    insert_personal_organization(tx, user.id, user.now).await
}

/// Inserts a personal organization and the membership in it. The caller holds the lock on the Clerk id, and the
/// user has no personal organization.
pub(super) async fn insert_personal_organization(
    tx: &mut Tx<'_>,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id = OrganizationId::generate();
    let personal_user_id = Some(user);
    let organization = NewOrganization { id, personal_user_id, name: PERSONAL_ORGANIZATION, now };
    insert_owned_organization(tx, user, &organization).await
}

/// Inserts an organization and its owner.
pub(super) async fn insert_owned_organization(
    tx: &mut Tx<'_>,
    owner: UserId,
    organization: &NewOrganization<'_>,
) -> Result<(), StoreError> {
    organizations::insert_organization(tx.conn(), organization).await?;
    let membership = NewMembership {
        id: MembershipId::generate(),
        organization_id: organization.id,
        user_id: owner,
        role: Role::Owner,
        now: organization.now,
    };
    memberships::insert_membership(tx.conn(), &membership).await?;
    Ok(())
}
