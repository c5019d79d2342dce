//! Invitations into local organizations: 256 random bits that are shown once, for one address, for seven days.
//! An invitation never says whether its address belongs to a user, and nobody is made a member who did not
//! accept.

use std::sync::Arc;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AccountError, Accounts, SessionRefusal,
    authority::{lock_administered, may_administer, may_give},
    caller::stored,
    members::visible_member,
    mistake::MistakeKind,
    organizations::UNKNOWN_ORGANIZATION,
    standing::{WhileDeleting, admit_session, lookup},
};
use crate::{
    auth::Session,
    clerk::profile::normalise_email,
    model::{Invitation, InvitationId, MembershipId, OrganizationId, Role, User, UserId},
    store::{
        Tx, contention,
        invitations::{self, VisibleInvitation},
        locks,
        memberships::{self, NewMembership, VisibleMembership},
        organizations::VisibleOrganization,
        users,
    },
};

/// How long an invitation is open.
const LIFETIME: TimeDelta = TimeDelta::days(7);
/// The most open invitations into one organization.
const MAX_OPEN: i64 = 100;
/// The length of a token before it is text.
const TOKEN_BYTES: usize = 32;

const UNKNOWN_INVITATION: &str =
    "There is no such open invitation: it was accepted, revoked or replaced, or it has expired.";
const UNVERIFIED_ADDRESS: AccountError = AccountError::Forbidden(
    "The invitation is for another e-mail address than the verified one of your account. Sign in with the \
     address that was invited and verify it, or ask for an invitation for yours.",
);

/// A wish to invite somebody.
#[derive(Clone)]
pub(crate) struct InvitationRequest {
    /// Where to; `None` for a text that is no id.
    pub(crate) organization: Option<OrganizationId>,
    /// For whom, as it was sent.
    pub(crate) email: String,
    /// As what.
    pub(crate) role: Role,
}

/// A new invitation, and the one time that its token is shown.
pub(crate) struct IssuedInvitation {
    /// What is listed from now on.
    pub(crate) invitation: Arc<VisibleInvitation>,
    /// What the invited person accepts it with: 43 characters that are safe in an address.
    pub(crate) token: String,
}

impl Accounts {
    /// Invites an address into a local organization, which takes an admin. Replaces an invitation of before for
    /// the same address, whose token then counts no more.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] for a role above the caller's own; [`AccountError::Mistakes`] for what is no
    /// address, a member's address, or too many open ones; those of [`lock_administered`].
    pub(crate) async fn invite(
        &self,
        caller: &User,
        request: &InvitationRequest,
    ) -> Result<IssuedInvitation, AccountError> {
        let organization =
            request.organization.ok_or(AccountError::NotFound(UNKNOWN_ORGANIZATION))?;
        let token = new_token()?;
        let _turn = self.turn_of(caller).await;
        let stored =
            contention::retry(|| self.store_invitation(caller, organization, request, &token));
        let invitation = self.counted(stored.await)?;
        Ok(IssuedInvitation { invitation, token })
    }

    async fn store_invitation(
        &self,
        caller: &User,
        organization_id: OrganizationId,
        request: &InvitationRequest,
        token: &str,
    ) -> Result<Arc<VisibleInvitation>, AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let organization = lock_administered(
            &mut tx,
            caller.id,
            organization_id,
            Role::Admin,
            UNKNOWN_ORGANIZATION,
        )
        .await?;
        may_give(organization.viewer_role, request.role)?;
        let email = normalise_email(&request.email).ok_or_else(|| {
            let message = "This is no e-mail address. Send one such as ada@example.com.";
            AccountError::mistake("email", MistakeKind::Invalid, message)
        })?;
        if memberships::has_member_with_address(tx.conn(), organization_id, &email).await? {
            let message = "A member of the organization has this address already.";
            return Err(AccountError::mistake("email", MistakeKind::AlreadyMember, message));
        }
        invitations::delete_invitation_for(tx.conn(), organization_id, &email).await?;
        if invitations::count_invitations(tx.conn(), organization_id, now).await? >= MAX_OPEN {
            let message = format!(
                "The organization has {MAX_OPEN} open invitations, as many as it may. Revoke one, or wait until \
                 one is accepted or expires."
            );
            return Err(AccountError::mistake("email", MistakeKind::TooMany, message));
        }
        let invitation = Invitation {
            id: InvitationId::generate(),
            organization_id,
            email,
            role: request.role,
            created_by: Some(caller.id),
            created_at: now,
            expires_at: now + LIFETIME,
        };
        invitations::insert_invitation(tx.conn(), &invitation, &hash(token)).await?;
        tx.commit().await?;
        tracing::info!(organization = %organization_id, "invitation made");
        Ok(Arc::new(VisibleInvitation {
            invitation,
            organization_name: organization.organization.name.clone(),
            invited_by: Some(caller.display_name().to_owned()),
        }))
    }

    /// Takes an invitation back, which takes an admin of its organization; that is the one `within`, if the caller
    /// named one. Answers it as it was.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when it is not open (any more); those of [`lock_administered`].
    pub(crate) async fn revoke_invitation(
        &self,
        caller: &User,
        id: Option<InvitationId>,
        within: Option<OrganizationId>,
    ) -> Result<Invitation, AccountError> {
        let id = id.ok_or(AccountError::NotFound(UNKNOWN_INVITATION))?;
        let _turn = self.turn_of(caller).await;
        let revoked = contention::retry(|| async {
            let mut tx = self.store.begin().await?;
            let open = invitations::find_invitation(tx.conn(), id, self.clock.now()).await?;
            let open = open
                .filter(|open| within.is_none_or(|id| id == open.organization_id))
                .ok_or(AccountError::NotFound(UNKNOWN_INVITATION))?;
            let organization = open.organization_id;
            lock_administered(&mut tx, caller.id, organization, Role::Admin, UNKNOWN_INVITATION)
                .await?;
            if !invitations::delete_invitation(tx.conn(), id).await? {
                return Err(AccountError::NotFound(UNKNOWN_INVITATION));
            }
            tx.commit().await?;
            Ok(open)
        })
        .await;
        self.counted(revoked)
    }

    /// Makes the caller a member of the organization that a token invites into, and lets them work in it. Of a
    /// member the role only rises. The invitation counts no more afterwards.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a token of no open invitation; [`AccountError::Forbidden`] unless the
    /// caller's verified address is the invited one.
    pub(crate) async fn accept_invitation(
        &self,
        session: &Session,
        caller: &User,
        token: &str,
    ) -> Result<(Arc<VisibleMembership>, Arc<User>), AccountError> {
        let unknown = AccountError::NotFound(UNKNOWN_INVITATION);
        if !is_token(token) {
            return Err(unknown);
        }
        let token_hash = hash(token);
        let mut reader = self.store.read().await?;
        let now = self.clock.now();
        let open = invitations::find_invitation_by_hash(reader.conn(), &token_hash, now).await?;
        drop(reader);
        let Some(open) = open else { return Err(unknown) };
        let vouched = self.ask_whether_verified(session, caller, &open.email).await?;
        let _turn = self.turn_of(caller).await;
        let accepted = contention::retry(|| self.join(session, &open, &token_hash, vouched)).await;
        self.counted(accepted)
    }

    /// The transaction of [`Accounts::accept_invitation`]. `vouched` says that Clerk answered just now that the
    /// caller's verified address is the invited one.
    async fn join(
        &self,
        session: &Session,
        open: &Invitation,
        token_hash: &str,
        vouched: bool,
    ) -> Result<(Arc<VisibleMembership>, Arc<User>), AccountError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        locks::lock_organizations(tx.conn(), &[open.organization_id]).await?;
        locks::lock_clerk_id(tx.conn(), session.clerk_user_id()).await?;
        let standing = users::find_standing(tx.conn(), lookup(session)).await?;
        admit_session(&standing, session, self.leeway, WhileDeleting::Refuse)?;
        let user = standing.user.ok_or(SessionRefusal::Vanished)?;
        // As it is now that nobody else can change it.
        let open = invitations::find_invitation_by_hash(tx.conn(), token_hash, now).await?;
        let open = open.ok_or(AccountError::NotFound(UNKNOWN_INVITATION))?;
        if !vouched && user.verified_email() != Some(open.email.as_str()) {
            return Err(UNVERIFIED_ADDRESS);
        }
        if vouched {
            users::verify_email(tx.conn(), user.id, &open.email).await?;
        }
        invitations::delete_invitation(tx.conn(), open.id).await?;
        let id = add_or_raise(&mut tx, user.id, &open, now).await?;
        users::set_active_organization(tx.conn(), user.id, open.organization_id, now).await?;
        let member = visible_member(&mut tx, user.id, id).await?;
        let user = stored(&mut tx, user.id).await?;
        tx.commit().await?;
        tracing::info!(user = %user.id, organization = %open.organization_id, "invitation accepted");
        Ok((member, user))
    }

    /// The open invitations into an organization, newest first, which takes an admin.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] for other members; [`AccountError::Mirrored`] for an organization of Clerk's.
    pub(crate) async fn invitations_into(
        &self,
        caller: &User,
        organization: &VisibleOrganization,
    ) -> Result<Vec<Arc<VisibleInvitation>>, AccountError> {
        may_administer(organization, Role::Admin)?;
        let mut reader = self.store.read().await?;
        let (into, now) = ([organization.organization.id], self.clock.now());
        Ok(invitations::load_invitations_into(reader.conn(), caller.id, &into, now).await?)
    }
}

/// Makes the invited person a member. Of one who is a member already the role only rises.
async fn add_or_raise(
    tx: &mut Tx<'_>,
    user_id: UserId,
    open: &Invitation,
    now: DateTime<Utc>,
) -> Result<MembershipId, AccountError> {
    let Invitation { organization_id, role, .. } = *open;
    if let Some(member) =
        memberships::find_own_membership(tx.conn(), organization_id, user_id).await?
    {
        if role > member.role {
            memberships::set_role(tx.conn(), member.id, role, now).await?;
        }
        return Ok(member.id);
    }
    let id = MembershipId::generate();
    let membership = NewMembership { id, organization_id, user_id, role, now };
    memberships::insert_membership(tx.conn(), &membership).await?;
    Ok(id)
}

/// A token that nobody can guess.
fn new_token() -> Result<String, AccountError> {
    let mut bytes = [0; TOKEN_BYTES];
    rand::fill(&mut bytes)
        .map_err(|_| AccountError::Internal("there are no random numbers".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether a text has the form of a token; others need no look-up.
fn is_token(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == TOKEN_BYTES)
}

/// What is stored of a token.
fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_only_its_hash_is_recognised() {
        let tokens = [new_token().unwrap(), new_token().unwrap()];
        assert_ne!(tokens[0], tokens[1]);
        for token in &tokens {
            assert!(token.len() == 43 && is_token(token), "{token}");
            assert_ne!(&hash(token), token);
        }
        // SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        assert_eq!(hash("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        let long = "A".repeat(1 << 20);
        for text in ["", "abc", &tokens[0][..42], &long, "é", &format!("{}=", tokens[0])] {
            assert!(!is_token(text));
        }
    }
}
