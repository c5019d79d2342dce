//! Every error code of the API, and the only way an error of ours becomes one of the framework's.

use std::borrow::Cow;

use async_graphql::ErrorExtensions;

use super::precheck::RefusalCode;
use crate::{accounts::AccountError, store::StoreError};

/// The value of `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request cannot be read.
    BadRequest,
    /// A value the client can correct.
    BadUserInput,
    /// Signed in, but not allowed.
    Forbidden,
    /// The document does not parse.
    GraphqlParseFailed,
    /// The document does not fit the schema, or exceeds a limit.
    GraphqlValidationFailed,
    /// Clerk could not do its part of a deletion.
    IdentityProviderUnavailable,
    /// A fault of ours.
    InternalServerError,
    /// The operation is not in the document, or not named.
    OperationResolutionFailure,
    /// The hash is not known; send the text with it.
    PersistedQueryNotFound,
    /// Persisted queries cannot be had; never try again.
    PersistedQueryNotSupported,
    /// The database or Clerk's keys cannot be reached.
    ServiceUnavailable,
    /// Execution took too long.
    Timeout,
    /// No valid session token.
    Unauthenticated,
}

impl Code {
    /// The text clients compare with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Forbidden => "FORBIDDEN",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::IdentityProviderUnavailable => "IDENTITY_PROVIDER_UNAVAILABLE",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
            Self::OperationResolutionFailure => "OPERATION_RESOLUTION_FAILURE",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl From<RefusalCode> for Code {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::ParseFailed => Self::GraphqlParseFailed,
            RefusalCode::ValidationFailed => Self::GraphqlValidationFailed,
            RefusalCode::BadUserInput => Self::BadUserInput,
            RefusalCode::OperationResolution => Self::OperationResolutionFailure,
        }
    }
}

/// An error as a client may see it. It has no `Display` on purpose: the framework turns everything
/// that has one into a message without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: Cow<'static, str>,
}

impl ApiError {
    /// An error with a code and a text of ours.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// The uniform refusal.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Not authenticated")
    }

    /// A value the client can correct.
    pub fn bad_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// The database or Clerk's keys cannot be reached.
    pub fn unavailable() -> Self {
        Self::new(Code::ServiceUnavailable, "The service cannot answer now. Try again shortly.")
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        Self::new(
            Code::InternalServerError,
            "Something went wrong here. The request ID helps the operator to find out what.",
        )
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        Self::new(error.message)
            .extend_with(|_, extensions| extensions.set("code", error.code.as_str()))
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
            AccountError::NotFound(message) => Self::bad_input(message),
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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contention(_) => {
                tracing::warn!(%error, "the database cannot serve a request");
                Self::unavailable()
            }
            StoreError::Corrupt(_) | StoreError::Driver(_) | StoreError::Migration(_) => {
                tracing::error!(%error, "a statement failed");
                Self::internal()
            }
        }
    }
}
