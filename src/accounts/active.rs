//! The organization that a person works in: that of the session token; else the stored one; else, when there is none
//! or the membership is lost, that of the oldest membership.

use std::sync::Arc;

use super::{AccountError, Accounts, ResolveOptions};
use crate::{
    auth::Session,
    model::{OrganizationId, User},
    store::{
        StoreError, contention,
        memberships::{self, ListOf, Slice, VisibleMembership},
        users::{self, PRELOADED},
    },
};

/// The most organizations of one person that are listed at once.
const MAX_LISTED: i64 = 10_000;
const NOWHERE: AccountError = AccountError::NotFound(
    "You belong to no organization. Create one, or accept an invitation; `bootstrap` makes a personal one.",
);

/// The membership in the organization that a user works in, if the first memberships tell.
pub(crate) fn active_among<'m>(
    user: &User,
    memberships: &'m [Arc<VisibleMembership>],
) -> Option<&'m Arc<VisibleMembership>> {
    let stored = user.active_organization_id;
    let among = memberships.iter().find(|row| stored == Some(row.membership.organization_id));
    let is_oldest_meant = stored.is_none() || is_all(memberships.len());
    among.or_else(|| memberships.first().filter(|_| is_oldest_meant))
}

/// Whether so many preloaded memberships are all there are.
pub(crate) fn is_all(preloaded: usize) -> bool {
    i64::try_from(preloaded).is_ok_and(|count| count < PRELOADED)
}

impl Accounts {
    /// A user at work in the organization that the session token names, if it names one that the user is in. That
    /// counts for this request whatever becomes of it; stored, for tokens without one, it is once a minute: two tabs
    /// with two organizations would have every request write.
    pub(super) async fn working_in(&self, user: User, of_token: Option<OrganizationId>) -> User {
        let named = of_token.filter(|named| user.active_organization_id != Some(*named));
        let Some(organization) = named else { return user };
        if self.noted_organizations.admit(&user.id).is_ok() {
            let noted = Box::pin(self.note_active_organization(&user, organization)).await;
            if let Err(error) = noted {
                tracing::warn!(user = %user.id, %error, "the organization of a session token was not stored");
            }
        }
        User { active_organization_id: Some(organization), ..user }
    }

    async fn note_active_organization(
        &self,
        user: &User,
        organization: OrganizationId,
    ) -> Result<(), StoreError> {
        let _turn = self.turn_of(user).await;
        contention::retry(|| async {
            let mut tx = self.store.begin().await?;
            users::note_active_organization(tx.conn(), user.id, organization).await?;
            tx.commit().await
        })
        .await
    }

    /// The user of a session, and the membership in the organization that the user works in.
    ///
    /// # Errors
    /// Those of [`Accounts::resolve`]; [`AccountError::NotFound`] for who belongs to no organization.
    pub(crate) async fn working(
        &self,
        session: &Session,
    ) -> Result<(Arc<User>, Arc<VisibleMembership>), AccountError> {
        let options = ResolveOptions { with_memberships: true, ..ResolveOptions::default() };
        let resolved = self.resolve(session, options).await?;
        let preloaded = resolved.memberships.unwrap_or_default();
        if let Some(active) = active_among(&resolved.user, &preloaded) {
            return Ok((resolved.user, active.clone()));
        }
        let user = resolved.user;
        let mut reader = self.store.read().await?;
        let mut own = None;
        if let Some(organization) = user.active_organization_id {
            own = memberships::find_own_membership(reader.conn(), organization, user.id).await?;
        }
        if own.is_none() {
            let active = users::load_active_organizations(reader.conn(), &[user.id]).await?.pop();
            let (_, organization) = active.ok_or(NOWHERE)?;
            own = memberships::find_own_membership(reader.conn(), organization, user.id).await?;
        }
        let own = own.ok_or(NOWHERE)?;
        let row = memberships::load_memberships(reader.conn(), user.id, &[own.id]).await?.pop();
        Ok((user, row.ok_or(NOWHERE)?))
    }

    /// All memberships of the user of a session, oldest first, and the one in the organization that the user works
    /// in.
    ///
    /// # Errors
    /// Those of [`Accounts::resolve`].
    pub(crate) async fn all_memberships(
        &self,
        session: &Session,
    ) -> Result<(Vec<Arc<VisibleMembership>>, Option<Arc<VisibleMembership>>), AccountError> {
        let options = ResolveOptions { with_memberships: true, ..ResolveOptions::default() };
        let resolved = self.resolve(session, options).await?;
        let user = resolved.user;
        let mut rows = resolved.memberships.as_deref().cloned().unwrap_or_default();
        if !is_all(rows.len()) {
            let mut reader = self.store.read().await?;
            let (lists, slice) = ([ListOf::User(user.id)], Slice::first(MAX_LISTED));
            rows = memberships::load_slices(reader.conn(), user.id, &lists, slice).await?;
            rows.sort_by_key(|row| row.membership.position());
        }
        let stored = user.active_organization_id;
        let active = rows.iter().find(|row| stored == Some(row.membership.organization_id));
        let active = active.or(rows.first()).cloned();
        Ok((rows, active))
    }
}
