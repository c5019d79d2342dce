//! From a GraphQL outcome to an HTTP response: the one place that decides status, media type and
//! headers (GraphQL over HTTP, section "Response").

use async_graphql::{Pos, Response as Executed, ServerError, Value};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use crate::{
    error::{ApiError, Code},
    graphql::RequestError,
    http::{
        bounded_answer::{AnswerError, BoundedAnswer},
        headers::{CHALLENGE, CHALLENGE_INVALID, retry_after},
        media_type::MediaType,
        request_id::{RequestId, name_codes},
    },
};

/// The body of every 401, without anything that varies.
const UNAUTHENTICATED: &str =
    r#"{"errors":[{"message":"Not authenticated","extensions":{"code":"UNAUTHENTICATED"}}]}"#;
/// What an answer depends on beside its target.
const VARY: HeaderValue = HeaderValue::from_static("Accept, Authorization, Origin");

/// How one request is answered.
#[derive(Clone, Copy)]
pub(crate) struct Responder<'a> {
    /// The negotiated type.
    pub(crate) media_type: MediaType,
    /// The name of the request, for errors.
    pub(crate) request_id: &'a RequestId,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "<[Pos]>::is_empty")]
    locations: &'a [Pos],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    path: &'a [async_graphql::PathSegment],
    extensions: Extensions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions<'a> {
    code: &'a str,
    request_id: &'a str,
}

impl Responder<'_> {
    /// An executed request, with or without field errors.
    pub(crate) fn executed(self, executed: &Executed, answer: BoundedAnswer) -> Response {
        let errors = executed
            .errors
            .iter()
            .map(|error| {
                self.error(error, code_of(error).unwrap_or(Code::InternalServerError.as_str()))
            })
            .collect();
        match answer.write_json(&Payload { errors, data: Some(&executed.data) }) {
            Ok(bytes) => {
                if !executed.errors.is_empty() {
                    name_codes(&codes(executed));
                }
                self.with_body(StatusCode::OK, Body::from(bytes))
            }
            Err(AnswerError::TooLarge(most)) => self.refused(&RequestError::new(
                Code::GraphqlValidationFailed,
                format!(
                    "The answer is longer than {most} bytes (MAX_RESPONSE_BYTES): ask for less at a time."
                ),
            )),
            Err(AnswerError::NoRoom) => self.failed(&ApiError::unavailable()),
            Err(AnswerError::Unwritable(error)) => {
                tracing::error!(%error, "an answer could not be written");
                self.failed(&ApiError::internal())
            }
        }
    }

    /// A request that was not executed.
    pub(crate) fn refused(self, refused: &RequestError) -> Response {
        let code = refused.code.as_str();
        name_codes(code);
        let errors = refused.errors.iter().map(|error| self.error(error, code)).collect();
        self.write(status(refused.code, self.media_type), &Payload { errors, data: None })
    }

    /// A failure that replaces the whole answer.
    pub(crate) fn failed(self, error: &ApiError) -> Response {
        if error.code == Code::Unauthenticated {
            return self.unauthenticated(true);
        }
        let refused = RequestError::new(error.code, error.message.clone());
        let mut response = self.refused(&refused);
        if let Some(value) = retry_after(response.status(), error.wait) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }

    /// A request refused for a reason of HTTP: method, media type, size, time.
    pub(crate) fn unreadable(self, status: StatusCode, message: &str) -> Response {
        name_codes(Code::BadRequest.as_str());
        let error = ServerError::new(message, None);
        let errors = vec![self.error(&error, Code::BadRequest.as_str())];
        self.write(status, &Payload { errors, data: None })
    }

    /// The uniform 401.
    pub(crate) fn unauthenticated(self, had_token: bool) -> Response {
        name_codes(Code::Unauthenticated.as_str());
        let mut response = self.with_body(StatusCode::UNAUTHORIZED, Body::from(UNAUTHENTICATED));
        let challenge = if had_token { CHALLENGE_INVALID } else { CHALLENGE };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }

    fn error<'e>(self, error: &'e ServerError, code: &'e str) -> ErrorBody<'e>
    where
        Self: 'e,
    {
        ErrorBody {
            message: &error.message,
            locations: &error.locations,
            path: &error.path,
            extensions: Extensions { code, request_id: &self.request_id.0 },
        }
    }

    fn write(self, status: StatusCode, body: &Payload<'_>) -> Response {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                let mut response = self.with_body(status, Body::from(bytes));
                if let Some(value) = retry_after(status, None) {
                    response.headers_mut().insert(header::RETRY_AFTER, value);
                }
                response
            }
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                self.with_body(StatusCode::INTERNAL_SERVER_ERROR, Body::empty())
            }
        }
    }

    fn with_body(self, status: StatusCode, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.media_type.header());
        headers.insert(header::VARY, VARY);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// The codes of what went wrong, each once.
fn codes(executed: &Executed) -> String {
    let mut codes: Vec<_> = executed
        .errors
        .iter()
        .map(|error| code_of(error).unwrap_or(Code::InternalServerError.as_str()))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes.join(" ")
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// The status of a request that was not executed. Clients that ask for `application/json` expect 200
/// for a document at fault, and 400 is what `application/graphql-response+json` has for it (GraphQL over
/// HTTP, section "Status Codes").
const fn status(code: Code, media_type: MediaType) -> StatusCode {
    match code {
        Code::GraphqlParseFailed
        | Code::GraphqlValidationFailed
        | Code::BadUserInput
        | Code::OperationResolutionFailure
        | Code::PersistedQueryNotFound => match media_type {
            MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
            MediaType::Json => StatusCode::OK,
        },
        other => other.status(),
    }
}
