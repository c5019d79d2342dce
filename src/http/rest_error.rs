//! Every error of the REST face, and the only place that gives one its status.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
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
};

/// An answer other than the one wanted: `{"detail": …, "request_id": …}`. The uniform 401 has no name of its
/// request in it.
#[derive(Debug)]
pub(crate) struct RestError {
    status: StatusCode,
    detail: Value,
    /// What the client needs to do better.
    header: Option<(HeaderName, HeaderValue)>,
}

/// On an answer whose body still lacks the name of its request: what else stands in it.
#[derive(Clone)]
struct Nameless(Value);

/// Where the faulty value stood, as the original's front end reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// A member of the body.
    Body,
    /// A parameter of the address.
    Query,
}

impl RestError {
    /// An error with a text of ours.
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: Value::String(detail.into().into_owned()), header: None }
    }

    /// The uniform 401. The body never tells why; the challenge tells only whether a token came.
    pub(crate) fn unauthenticated(had_token: bool) -> Self {
        let challenge = if had_token { CHALLENGE_INVALID } else { CHALLENGE };
        let error = Self::new(StatusCode::UNAUTHORIZED, "Not authenticated");
        Self { header: Some((header::WWW_AUTHENTICATE, challenge)), ..error }
    }

    /// A body in a content coding (RFC 9110, section 15.5.16).
    pub(crate) fn unsupported_coding(coding: &str) -> Self {
        let detail =
            format!("The body is encoded as {coding}: send it without a Content-Encoding.");
        let error = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        let accepted = HeaderValue::from_static("identity");
        Self { header: Some((header::ACCEPT_ENCODING, accepted)), ..error }
    }

    /// The database or Clerk's keys cannot be reached.
    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ApiError::unavailable().message)
    }

    /// Faults in what was sent, all at once. The last three members of each are those of the original.
    pub(crate) fn mistakes(place: Place, mistakes: &[Mistake]) -> Self {
        let place = match place {
            Place::Body => "body",
            Place::Query => "query",
        };
        let list = mistakes
            .iter()
            .map(|Mistake { field, kind, message }| {
                let kind_there = match kind {
                    MistakeKind::TooLong => "string_too_long",
                    _ => "value_error",
                };
                json!({
                    "field": field, "code": code(*kind), "message": message,
                    "msg": message, "loc": [place, field], "type": kind_there,
                })
            })
            .collect();
        let (status, detail) = (StatusCode::UNPROCESSABLE_ENTITY, Value::Array(list));
        Self { status, detail, header: None }
    }
}

const fn code(kind: MistakeKind) -> &'static str {
    match kind {
        MistakeKind::Invalid => "INVALID",
        MistakeKind::TooLong => "TOO_LONG",
        MistakeKind::UnknownTimezone => "UNKNOWN_TIMEZONE",
        MistakeKind::Taken => "TAKEN",
        MistakeKind::AlreadyMember => "ALREADY_MEMBER",
        MistakeKind::LastOwner => "LAST_OWNER",
        MistakeKind::TooMany => "TOO_MANY",
    }
}

/// Mistakes about a value are told field by field; what speaks against the change as such is one sentence.
fn refused(mistakes: &[Mistake]) -> RestError {
    let status = |mistake: &Mistake| match mistake.kind {
        MistakeKind::Taken | MistakeKind::AlreadyMember | MistakeKind::TooMany => {
            Some(StatusCode::CONFLICT)
        }
        MistakeKind::LastOwner => Some(StatusCode::UNPROCESSABLE_ENTITY),
        MistakeKind::Invalid | MistakeKind::TooLong | MistakeKind::UnknownTimezone => None,
    };
    match mistakes.iter().find_map(|mistake| Some((status(mistake)?, mistake.message.clone()))) {
        Some((status, detail)) => RestError::new(status, detail),
        None => RestError::mistakes(Place::Body, mistakes),
    }
}

impl From<AccountError> for RestError {
    fn from(error: AccountError) -> Self {
        // Statuses that this face has beside those of the codes.
        let status = match error {
            AccountError::Mistakes(mistakes) => return refused(&mistakes),
            AccountError::NotFound(_) => Some(StatusCode::NOT_FOUND),
            AccountError::Mirrored => Some(StatusCode::CONFLICT),
            _ => None,
        };
        // One place decides what a client may know of a failure.
        let error = Self::from(ApiError::from(error));
        Self { status: status.unwrap_or(error.status), ..error }
    }
}

impl From<ApiError> for RestError {
    fn from(error: ApiError) -> Self {
        match error.code {
            Code::Unauthenticated => Self::unauthenticated(true),
            code => {
                let header = retry_after(code.status(), error.wait);
                let header = header.map(|value| (header::RETRY_AFTER, value));
                Self { header, ..Self::new(code.status(), error.message) }
            }
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
        let Self { status, detail, header: extra } = self;
        let mut response = (status, Json(json!({ "detail": detail }))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(value) = retry_after(status, None) {
            headers.insert(header::RETRY_AFTER, value);
        }
        if let Some((name, value)) = extra {
            headers.insert(name, value);
        }
        if status != StatusCode::UNAUTHORIZED {
            response.extensions_mut().insert(Nameless(detail));
        }
        response
    }
}

/// Writes the name of the request into the body of a [`RestError`]. Other answers are left as they are.
pub(crate) fn name_error(response: &mut Response, request_id: &str) {
    if let Some(Nameless(detail)) = response.extensions_mut().remove() {
        let body = json!({ "detail": detail, "request_id": request_id });
        // The router has counted the body of before.
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Json(body).into_response().into_body();
    }
}
