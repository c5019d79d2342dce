//! Every error of the REST face, and the only place that gives one its status.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    body::BodyError,
    headers::{CHALLENGE, CHALLENGE_INVALID, retry_after},
};
use crate::{
    accounts::{AccountError, Mistake, MistakeKind},
    error::{ApiError, Code},
    rate_limit::Wait,
};

/// An answer other than the one wanted: `{"detail": …}`.
#[derive(Debug)]
pub(crate) struct RestError {
    status: StatusCode,
    detail: Value,
    challenge: Option<HeaderValue>,
    wait: Option<Wait>,
}

impl RestError {
    /// An error with a text of ours.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: Value::String(detail.into().into_owned()),
            challenge: None,
            wait: None,
        }
    }

    /// The uniform 401. The body never tells why; the challenge tells only whether a token came.
    pub(crate) fn unauthenticated(had_token: bool) -> Self {
        let challenge = if had_token { CHALLENGE_INVALID } else { CHALLENGE };
        let error = Self::new(StatusCode::UNAUTHORIZED, "Not authenticated");
        Self { challenge: Some(challenge), ..error }
    }

    /// The database or Clerk's keys cannot be reached.
    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ApiError::unavailable().message)
    }

    /// Faults in the members of a PATCH.
    pub(crate) fn mistakes(mistakes: &[Mistake]) -> Self {
        let list = mistakes
            .iter()
            .map(|mistake| {
                let code = match mistake.kind {
                    MistakeKind::Invalid => "INVALID",
                    MistakeKind::TooLong => "TOO_LONG",
                    MistakeKind::UnknownTimezone => "UNKNOWN_TIMEZONE",
                };
                json!({ "field": mistake.field, "code": code, "message": mistake.message })
            })
            .collect();
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: Value::Array(list),
            challenge: None,
            wait: None,
        }
    }
}

impl From<AccountError> for RestError {
    fn from(error: AccountError) -> Self {
        // One place decides what a client may know of a failure.
        ApiError::from(error).into()
    }
}

impl From<ApiError> for RestError {
    fn from(error: ApiError) -> Self {
        match error.code {
            Code::Unauthenticated => Self::unauthenticated(true),
            code => Self { wait: error.wait, ..Self::new(code.status(), error.message) },
        }
    }
}

impl From<BodyError> for RestError {
    fn from(error: BodyError) -> Self {
        error.refusal().map_or_else(Self::unavailable, |(status, detail)| Self::new(status, detail))
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "detail": self.detail }))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(value) = retry_after(self.status, self.wait) {
            headers.insert(header::RETRY_AFTER, value);
        }
        response
    }
}
