//! Local organizations: founding, naming and deleting them, and which one a person works in.

use std::sync::Arc;

use super::{
    AccountError, Accounts, ResolveOptions, ResolvedUser, SessionRefusal,
    authority::{absent, lock_administered},
    caller::{stored, stored_still_in},
    mistake::MistakeKind,
    new_account::{insert_owned_organization, insert_personal_organization},
    profile_changes::line,
    standing::{WhileDeleting, admit_session, lookup},
};
use crate::{
    auth::Session,
    model::{OrganizationId, Role, User, UserId},
    store::{
        Tx, contention, locks,
        memberships::{ListOf, count_memberships},
        organizations::{self, NewOrganization, VisibleOrganization},
        users,
    },
};

/// Longest name, in Unicode scalar values after trimming.
const MAX_NAME: usize = 120;
/// The most organizations that one person owns.
const MAX_OWNED: i64 = 100;

/// What a caller is told about an organization that is not theirs, whether or not it exists.
pub(super) const UNKNOWN_ORGANIZATION: &str =
    "There is no organization with this ID, or you are not a member of it.";

impl Accounts {
    /// [`Accounts::resolve`] for the first call after a sign-in: it tries harder to complete the profile, and a
    /// person who has left or deleted every organization gets a new personal one.
    pub(crate) async fn bootstrap(&self, session: &Session) -> Result<ResolvedUser, AccountError> {
        let options = ResolveOptions { with_memberships: true, ignore_back_off: true };
        let resolved = self.resolve(session, options).await?;
        if resolved.memberships.as_ref().is_none_or(|memberships| !memberships.is_empty()) {
            return Ok(resolved);
        }
        let turn = self.turn_of(&resolved.user).await;
        contention::retry(|| self.found_personal(&resolved.user)).await?;
        drop(turn);
        let options = ResolveOptions { with_memberships: true, ignore_back_off: false };
        self.resolve(session, options).await
    }

    async fn found_personal(&self, user: &User) -> Result<(), AccountError> {
        let mut tx = self.store.begin().await?;
        locks::lock_clerk_id(tx.conn(), &user.clerk_user_id).await?;
        let memberships = count_memberships(tx.conn(), user.id, &[ListOf::User(user.id)]).await?;
        let belongs_nowhere = memberships.iter().all(|(_, count)| *count == 0);
        let is_here = !users::load_users(tx.conn(), &[user.id]).await?.is_empty();
        if belongs_nowhere && is_here {
            insert_personal_organization(&mut tx, user.id, self.clock.now()).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Founds an organization that the caller owns and from then on works in.
    ///
    /// # Errors
    /// [`AccountError::Mistakes`] about the name, or when the caller owns as many as one may.
    pub(crate) async fn create_organization(
        &self,
        session: &Session,
        name: &str,
    ) -> Result<(Arc<VisibleOrganization>, Arc<User>), AccountError> {
        let name = check_name(name)?;
        let _turn = self.writes.take(session.clerk_user_id().into()).await;
        let created = contention::retry(|| self.insert_organization(session, &name)).await;
        self.counted(created)
    }

    async fn insert_organization(
        &self,
        session: &Session,
        name: &str,
    ) -> Result<(Arc<VisibleOrganization>, Arc<User>), AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        // A purge that waits for this lock finds the new organization, and one that was first leaves nobody.
        locks::lock_clerk_id(tx.conn(), session.clerk_user_id()).await?;
        let standing = users::find_standing(tx.conn(), lookup(session)).await?;
        admit_session(&standing, session, self.leeway, WhileDeleting::Refuse)?;
        let owner = standing.user.ok_or(SessionRefusal::Vanished)?.id;
        check_owned(&mut tx, owner, name, None).await?;
        let id = OrganizationId::generate();
        let organization = NewOrganization { id, personal_user_id: None, name, now };
        insert_owned_organization(&mut tx, owner, &organization).await?;
        users::set_active_organization(tx.conn(), owner, id, now).await?;
        let created = visible(&mut tx, owner, id).await?;
        let user = stored(&mut tx, owner).await?;
        tx.commit().await?;
        Ok((created, user))
    }

    /// Gives a local organization another name, which takes an admin.
    ///
    /// # Errors
    /// [`AccountError::Mistakes`] about the name; those of [`lock_administered`].
    pub(crate) async fn rename_organization(
        &self,
        caller: &User,
        id: Option<OrganizationId>,
        name: &str,
    ) -> Result<Arc<VisibleOrganization>, AccountError> {
        let id = id.ok_or(AccountError::NotFound(UNKNOWN_ORGANIZATION))?;
        let _turn = self.turn_of(caller).await;
        let renamed = contention::retry(|| self.store_name(caller, id, name)).await;
        self.counted(renamed)
    }

    async fn store_name(
        &self,
        caller: &User,
        id: OrganizationId,
        name: &str,
    ) -> Result<Arc<VisibleOrganization>, AccountError> {
        let mut tx = self.store.begin().await?;
        lock_administered(&mut tx, caller.id, id, Role::Admin, UNKNOWN_ORGANIZATION).await?;
        let name = check_name(name)?;
        locks::lock_clerk_id(tx.conn(), &caller.clerk_user_id).await?;
        check_owned(&mut tx, caller.id, &name, Some(id)).await?;
        organizations::rename_organization(tx.conn(), id, &name, self.clock.now()).await?;
        let renamed = visible(&mut tx, caller.id, id).await?;
        tx.commit().await?;
        Ok(renamed)
    }

    /// Deletes a local organization with its memberships and invitations, which takes an owner. Answers the
    /// caller as stored now.
    ///
    /// # Errors
    /// Those of [`lock_administered`].
    pub(crate) async fn delete_organization(
        &self,
        caller: &User,
        id: Option<OrganizationId>,
    ) -> Result<(OrganizationId, Arc<User>), AccountError> {
        let id = id.ok_or(AccountError::NotFound(UNKNOWN_ORGANIZATION))?;
        let _turn = self.turn_of(caller).await;
        let deleted = contention::retry(|| async {
            let mut tx = self.store.begin().await?;
            lock_administered(&mut tx, caller.id, id, Role::Owner, UNKNOWN_ORGANIZATION).await?;
            organizations::delete_organization(tx.conn(), id).await?;
            let user = stored_still_in(&mut tx, caller).await?;
            tx.commit().await?;
            Ok((id, user))
        })
        .await;
        self.counted(deleted)
    }

    /// Makes an organization, mirrored or not, the one that the caller works in.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] unless the caller is a member, whether or not it exists.
    pub(crate) async fn set_active_organization(
        &self,
        caller: &User,
        id: Option<OrganizationId>,
    ) -> Result<(Arc<VisibleOrganization>, Arc<User>), AccountError> {
        const NO_MEMBER: AccountError =
            AccountError::Forbidden("You are not a member of this organization.");
        let id = id.ok_or(NO_MEMBER)?;
        let _turn = self.turn_of(caller).await;
        let switched = contention::retry(|| async {
            let now = self.clock.now();
            let mut tx = self.store.begin().await?;
            locks::lock_organizations(tx.conn(), &[id]).await?;
            if !users::set_active_organization(tx.conn(), caller.id, id, now).await? {
                return Err(absent(&mut tx, caller.id, NO_MEMBER).await?);
            }
            let organization = visible(&mut tx, caller.id, id).await?;
            let user = stored(&mut tx, caller.id).await?;
            tx.commit().await?;
            Ok((organization, user))
        })
        .await;
        self.counted(switched)
    }
}

/// A name that may be stored.
fn check_name(name: &str) -> Result<String, AccountError> {
    let mut mistakes = Vec::new();
    match line("name", name, MAX_NAME, &mut mistakes) {
        Some(name) => Ok(name),
        None if mistakes.is_empty() => {
            let message = format!("Give the organization a name of 1 to {MAX_NAME} characters.");
            Err(AccountError::mistake("name", MistakeKind::Invalid, message))
        }
        None => Err(AccountError::Mistakes(mistakes)),
    }
}

/// Two organizations of one owner have different names, and there are not too many of them. Names of other
/// people's organizations are nobody's business. `renamed` is one that exists already.
async fn check_owned(
    tx: &mut Tx<'_>,
    owner: UserId,
    name: &str,
    renamed: Option<OrganizationId>,
) -> Result<(), AccountError> {
    let others = organizations::find_owned_organizations(tx.conn(), owner, 10 * MAX_OWNED).await?;
    let wanted = name.to_lowercase();
    if others.iter().any(|(id, name)| Some(*id) != renamed && name.to_lowercase() == wanted) {
        let message = "Another organization of yours has this name. Choose a different one.";
        return Err(AccountError::mistake("name", MistakeKind::Taken, message));
    }
    let is_full = i64::try_from(others.len()).is_ok_and(|count| count >= MAX_OWNED);
    if renamed.is_none() && is_full {
        let message = format!("You own {MAX_OWNED} organizations, as many as one may. Delete one.");
        return Err(AccountError::mistake("name", MistakeKind::TooMany, message));
    }
    Ok(())
}

/// An organization as one of its members sees it inside a transaction.
pub(super) async fn visible(
    tx: &mut Tx<'_>,
    viewer: UserId,
    id: OrganizationId,
) -> Result<Arc<VisibleOrganization>, AccountError> {
    let found = organizations::load_organizations(tx.conn(), viewer, &[id]).await?.pop();
    found.ok_or(AccountError::NotFound(UNKNOWN_ORGANIZATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_something_to_show_and_an_end() {
        let long = "x".repeat(121);
        for (name, expected) in [
            (" Acme \u{a0}", Ok("Acme")),
            ("ж", Ok("ж")),
            ("", Err(MistakeKind::Invalid)),
            (" \u{200b}", Err(MistakeKind::Invalid)),
            ("a\nb", Err(MistakeKind::Invalid)),
            (&long[..120], Ok(&long[..120])),
            (&long, Err(MistakeKind::TooLong)),
        ] {
            let checked = match check_name(name) {
                Ok(name) => Ok(name),
                Err(AccountError::Mistakes(mistakes)) => Err(mistakes[0].kind),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(checked.as_deref().map_err(|kind| *kind), expected, "{name:?}");
        }
    }
}
