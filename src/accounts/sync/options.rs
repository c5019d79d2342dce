//! What a synchronisation is to do, and why it may end early.

use crate::{accounts::AccountError, clerk::api::ClerkApiError, store::StoreError};

/// What is read from Clerk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncScope {
    /// All of it.
    Everything,
    /// Users alone.
    Users,
    /// Organizations and who is in them.
    Organizations,
}

impl SyncScope {
    pub(super) const fn has_users(self) -> bool {
        matches!(self, Self::Everything | Self::Users)
    }

    pub(super) const fn has_organizations(self) -> bool {
        matches!(self, Self::Everything | Self::Organizations)
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct SyncOptions {
    /// Change nothing.
    pub is_dry_run: bool,
    /// What is read.
    pub scope: SyncScope,
    /// Go on where an interrupted one was.
    pub resume: bool,
    /// With more rows to delete than this, none is deleted.
    pub max_deletions: usize,
}

/// Why a synchronisation ended early. What was done stays done.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no secret key to ask with.
    #[error("CLERK_SECRET_KEY is not set, so Clerk cannot be asked")]
    NoKey,
    /// Clerk did not answer, or not what was asked.
    #[error(transparent)]
    Clerk(#[from] ClerkApiError),
    /// Here.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}
