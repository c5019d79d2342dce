//! Whether a verified session still counts, given what the database knows. Pure.

use chrono::TimeDelta;

use super::Refusal;
use crate::{auth::Session, store::users::Standing};

/// Whether a session may act while its own account is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhileDeleting {
    /// Only to repeat the deletion.
    Admit,
    /// Everything else.
    Refuse,
}

/// Checks everything that can refuse a session whose token is good.
pub(super) fn check(
    standing: &Standing,
    session: &Session,
    leeway: TimeDelta,
    while_deleting: WhileDeleting,
) -> Result<(), Refusal> {
    if standing.is_session_revoked {
        return Err(Refusal::SessionRevoked);
    }
    if let Some(tombstone) = &standing.tombstone {
        // When the Clerk user was kept, only a token from after the deletion starts a new account. A
        // token without an issue time cannot show that it is one.
        let is_later =
            session.issued_at().is_some_and(|issued| issued > tombstone.deleted_at + leeway);
        if tombstone.is_permanent || !is_later {
            return Err(Refusal::Deleted);
        }
    }
    if standing.is_banned {
        return Err(Refusal::Banned);
    }
    if standing.is_being_deleted && while_deleting == WhileDeleting::Refuse {
        return Err(Refusal::BeingDeleted);
    }
    Ok(())
}
