//! What the handlers of the REST face have in common: who asks, the body they send, how long it takes and how the
//! answer is written.

use std::{future::Future, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    body,
    bounded_answer::{AnswerError, BoundedAnswer},
    rest_error::RestError,
    state::AppState,
};
use crate::{
    auth::{Authentication, Session},
    error::ApiError,
};

/// Every operation of this face needs a session.
pub(super) fn session(authentication: Authentication) -> Result<Arc<Session>, RestError> {
    match authentication {
        Authentication::SignedIn(session) => Ok(session),
        Authentication::Anonymous => Err(RestError::unauthenticated(false)),
        Authentication::Refused => Err(RestError::unauthenticated(true)),
        Authentication::TooManyRefused(wait) => Err(ApiError::rate_limited(wait).into()),
        Authentication::Unavailable => Err(RestError::unavailable()),
    }
}

/// A middleware that counts the requests of a user that are to change something, and refuses those that are
/// too many.
pub(super) async fn count_writes(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    if !request.method().is_safe()
        && let Some(Authentication::SignedIn(session)) = request.extensions().get()
        && let Err(error) = state.accounts.admit_write(session)
    {
        return RestError::from(error).into_response();
    }
    next.run(request).await
}

/// Does the work within the time limit.
pub(super) async fn within_bounds(
    state: &AppState,
    work: impl Future<Output = Result<Response, RestError>>,
) -> Response {
    let mut response = match tokio::time::timeout(state.limits.execution_timeout, work).await {
        Ok(outcome) => outcome.unwrap_or_else(IntoResponse::into_response),
        Err(_elapsed) => {
            tracing::warn!("execution took longer than EXECUTION_TIMEOUT");
            RestError::unavailable().into_response()
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads a body that is announced as JSON, within the limits.
pub(super) async fn read_body(
    state: &AppState,
    request: Request,
) -> Result<axum::body::Bytes, RestError> {
    let (parts, sent) = request.into_parts();
    if !body::is_json(&parts.headers) {
        let detail = "Send the body as application/json in UTF-8.";
        return Err(RestError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    if let Some(coding) = body::content_coding(&parts.headers) {
        return Err(RestError::unsupported_coding(&coding));
    }
    let limits = &state.limits;
    let read = body::read(sent, limits.body_bytes, limits.body_timeout, &state.in_flight);
    Ok(read.await?)
}

/// The members of a body, which is a JSON object.
pub(super) fn read_members(bytes: &[u8]) -> Result<Map<String, Value>, RestError> {
    let value = body::parse_json(bytes)
        .map_err(|reason| RestError::new(StatusCode::BAD_REQUEST, reason))?;
    let Value::Object(members) = value else {
        let detail = "The body must be a JSON object.";
        return Err(RestError::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    };
    Ok(members)
}

/// An answer of at most `most` bytes, which counts as in flight until it is delivered.
pub(super) fn answer(state: &AppState, most: usize, value: &impl Serialize) -> Response {
    match BoundedAnswer::new(most, &state.in_flight).write_json(value) {
        Ok(bytes) => {
            let json = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, json)], bytes).into_response()
        }
        Err(AnswerError::NoRoom) => RestError::unavailable().into_response(),
        Err(AnswerError::TooLarge(most)) => {
            let detail = format!(
                "The answer would be longer than {most} bytes (MAX_RESPONSE_BYTES). Ask for a smaller page."
            );
            RestError::new(StatusCode::UNPROCESSABLE_ENTITY, detail).into_response()
        }
        Err(AnswerError::Unwritable(_)) => {
            tracing::error!("an answer could not be written");
            let detail = ApiError::internal().message;
            RestError::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
        }
    }
}
