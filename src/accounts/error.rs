//! What an account function can answer instead of doing what was asked: the only vocabulary of
//! failure that GraphQL and REST see.

use super::mistake::{Mistake, MistakeKind};
use crate::{
    error::{ApiError, Code},
    rate_limit::Wait,
    store::{StoreError, contention::Contended},
};

/// A failed account function.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The session does not count (any more). Clients see the uniform 401.
    #[error("refused: {}", .0.reason())]
    Refused(SessionRefusal),
    /// Signed in, but not allowed.
    #[error("{0}")]
    Forbidden(&'static str),
    /// More than one user may do in a minute.
    #[error("too many requests of one user")]
    RateLimited(Wait),
    /// There is no such thing, or the caller may not know of it.
    #[error("{0}")]
    NotFound(&'static str),
    /// The organization is one of Clerk's, and administered there.
    #[error("the organization is administered at Clerk")]
    Mirrored,
    /// What the sender of the input can correct; nothing was changed.
    #[error("mistakes in the input")]
    Mistakes(Vec<Mistake>),
    /// Clerk could not be asked to delete the user, or its answer is not known yet.
    #[error("the identity provider could not delete the user: {0}")]
    IdentityProvider(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that cannot happen did.
    #[error("{0}")]
    Internal(String),
}

impl AccountError {
    /// One mistake.
    pub(crate) fn mistake(
        field: &'static str,
        kind: MistakeKind,
        message: impl Into<String>,
    ) -> Self {
        Self::Mistakes(vec![Mistake::new(field, kind, message)])
    }
}

impl Contended for AccountError {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_contention())
    }
}

/// Why a verified session does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRefusal {
    /// The account was deleted, and the session or token is from before.
    Deleted,
    /// The session was signed out or revoked.
    SessionRevoked,
    /// The user is banned at Clerk.
    Banned,
    /// A deletion of the account is under way.
    BeingDeleted,
    /// Clerk knows no such user.
    UnknownAtClerk,
    /// The user vanished while the request was being served.
    Vanished,
}

impl SessionRefusal {
    /// A short stable word for logs and counters.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Deleted => "user_deleted",
            Self::SessionRevoked => "session_revoked",
            Self::Banned => "user_banned",
            Self::BeingDeleted => "user_being_deleted",
            Self::UnknownAtClerk => "user_unknown_at_clerk",
            Self::Vanished => "user_vanished",
        }
    }
}

impl From<Wait> for AccountError {
    fn from(wait: Wait) -> Self {
        Self::RateLimited(wait)
    }
}

impl From<SessionRefusal> for AccountError {
    fn from(refusal: SessionRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What the client may know of a failure; what it may not is logged here, once.
impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Refused(refusal) => {
                tracing::info!(reason = refusal.reason(), "session refused");
                Self::unauthenticated()
            }
            AccountError::Forbidden(message) => Self::new(Code::Forbidden, message),
            AccountError::RateLimited(wait) => Self::rate_limited(wait),
            AccountError::NotFound(message) => Self::bad_input(message),
            AccountError::Mirrored => Self::new(
                Code::Forbidden,
                "This organization is mirrored from Clerk. Change it there; what changes there arrives here by itself.",
            ),
            AccountError::Mistakes(mistakes) => {
                let messages: Vec<_> = mistakes.into_iter().map(|found| found.message).collect();
                Self::bad_input(messages.join(" "))
            }
            AccountError::IdentityProvider(_) => Self::new(
                Code::IdentityProviderUnavailable,
                "The identity provider could not delete the user now. Nothing is lost; try again.",
            ),
            AccountError::Store(error) => error.into(),
            AccountError::Internal(detail) => {
                tracing::error!(detail, "internal error");
                Self::internal()
            }
        }
    }
}
