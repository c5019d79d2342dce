//! Every error code of the API, and an error as a client may see it, for GraphQL, REST and webhooks alike.
//! A module's own errors become one where they are defined.

use std::borrow::Cow;

use async_graphql::ErrorExtensions;
use axum::http::StatusCode;

use crate::rate_limit::Wait;

/// The value of `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
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
    /// More than the operator lets one user or one address do in a minute.
    RateLimited,
    /// The database or Clerk's keys cannot be reached.
    ServiceUnavailable,
    /// Execution took too long.
    Timeout,
    /// No valid session token.
    Unauthenticated,
}

impl Code {
    /// The text clients compare with.
    pub(crate) const fn as_str(self) -> &'static str {
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
            Self::RateLimited => "RATE_LIMITED",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// The status of an answer that is nothing but this error.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::GraphqlParseFailed
            | Self::GraphqlValidationFailed
            | Self::OperationResolutionFailure
            | Self::PersistedQueryNotFound => StatusCode::BAD_REQUEST,
            Self::BadUserInput => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ServiceUnavailable | Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::IdentityProviderUnavailable => StatusCode::BAD_GATEWAY,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error as a client may see it. It has no `Display` on purpose: the framework turns everything
/// that has one into a message without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// For programs.
    pub(crate) code: Code,
    /// For people.
    pub(crate) message: Cow<'static, str>,
    /// When to try again, if that can be said; where it cannot, a status that calls for it has a default.
    pub(crate) wait: Option<Wait>,
}

impl ApiError {
    /// An error with a code and a text of ours.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), wait: None }
    }

    /// The uniform refusal.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Not authenticated")
    }

    /// A value the client can correct.
    pub(crate) fn bad_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// The database or Clerk's keys cannot be reached.
    pub(crate) fn unavailable() -> Self {
        Self::new(Code::ServiceUnavailable, "The service cannot answer now. Try again shortly.")
    }

    /// More than one user or one address may do in a minute.
    pub(crate) fn rate_limited(wait: Wait) -> Self {
        let message = format!("Too many requests. Try again in {} seconds.", wait.0);
        Self { wait: Some(wait), ..Self::new(Code::RateLimited, message) }
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
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
