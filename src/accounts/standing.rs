//! Whether a verified session still counts, given what the database knows: the keys it is looked up by
//! and the decision. Pure.

use chrono::TimeDelta;

use super::SessionRefusal;
use crate::{
    auth::Session,
    store::users::{Lookup, Standing},
};

/// Whether a session may act while its own account is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhileDeleting {
    /// Only to repeat the deletion.
    Admit,
    /// Everything else.
    Refuse,
}

/// The keys under which a session is looked up.
pub(super) fn lookup(session: &Session) -> Lookup<'_> {
    Lookup {
        clerk_user_id: session.clerk_user_id(),
        session_id: session.session_id(),
        clerk_organization_id: session.clerk_organization_id(),
        with_memberships: false,
    }
}

/// Refuses a session whose token is good, but which the database says no longer counts.
pub(super) fn admit_session(
    standing: &Standing,
    session: &Session,
    leeway: TimeDelta,
    while_deleting: WhileDeleting,
) -> Result<(), SessionRefusal> {
    if standing.is_session_revoked {
        return Err(SessionRefusal::SessionRevoked);
    }
    if let Some(tombstone) = &standing.tombstone {
        // When the Clerk user was kept, only a token from after the deletion starts a new account. A
        // token without an issue time cannot show that it is one.
        let is_later =
            session.issued_at().is_some_and(|issued| issued > tombstone.deleted_at + leeway);
        if tombstone.is_permanent || !is_later {
            return Err(SessionRefusal::Deleted);
        }
    }
    if standing.is_banned {
        return Err(SessionRefusal::Banned);
    }
    if standing.is_being_deleted && while_deleting == WhileDeleting::Refuse {
        return Err(SessionRefusal::BeingDeleted);
    }
    Ok(())
}
