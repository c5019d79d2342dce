//! The mirror of Clerk's organizations and who is in them.

use super::{AccountError, Accounts, creation::insert_account};
use crate::{
    model::{MembershipId, OrganizationId, Role, UserId},
    store::{
        dialect,
        memberships::{self, NewMembership},
        organizations::{self, NewOrganization},
        users::{self, Lookup, NewUser},
    },
};

/// Somebody's membership in an organization at Clerk.
#[derive(Debug, Clone, Copy)]
pub struct MirroredMember<'a> {
    /// `org_…`
    pub clerk_organization_id: &'a str,
    /// Its name.
    pub organization_name: &'a str,
    /// `orgmem_…`
    pub clerk_membership_id: &'a str,
    /// `user_…`
    pub clerk_user_id: &'a str,
    /// What the person is there.
    pub role: Role,
}

impl Accounts {
    /// Makes sure that the organization, the user and the membership exist here. A user who was
    /// deleted stays deleted.
    pub async fn mirror_member(&self, member: MirroredMember<'_>) -> Result<(), AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        dialect::lock_clerk_id(tx.conn(), member.clerk_organization_id).await?;
        dialect::lock_clerk_id(tx.conn(), member.clerk_user_id).await?;
        let lookup = Lookup {
            clerk_user_id: member.clerk_user_id,
            session_id: None,
            clerk_organization_id: None,
        };
        let standing = users::find_standing(tx.conn(), lookup).await?;
        let user_id = match standing.user {
            Some(user) => user.id,
            None if standing.tombstone.is_some() => return Ok(()),
            None => {
                let id = UserId::generate();
                insert_account(&mut tx, &NewUser::nameless(id, member.clerk_user_id, now)).await?;
                id
            }
        };
        let found =
            organizations::find_by_clerk_id(tx.conn(), member.clerk_organization_id).await?;
        let organization_id = if let Some(id) = found {
            id
        } else {
            let organization = NewOrganization {
                id: OrganizationId::generate(),
                clerk_organization_id: Some(member.clerk_organization_id),
                personal_user_id: None,
                name: member.organization_name,
                now,
            };
            organizations::insert_organization(tx.conn(), &organization).await?;
            organization.id
        };
        let membership = NewMembership {
            id: MembershipId::generate(),
            organization_id,
            user_id,
            role: member.role,
            clerk_membership_id: Some(member.clerk_membership_id),
            now,
        };
        memberships::insert_membership(tx.conn(), &membership).await?;
        tx.commit().await?;
        Ok(())
    }
}
