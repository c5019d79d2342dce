//! The handler of `/graphql`. It reads top to bottom in the order of the checks: method, `Accept`,
//! origin of the request, token, `Content-Type`, body, parameters, document, who may run it, execution.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};

use super::{
    body::{self, BodyError},
    bounded_answer::BoundedAnswer,
    graphiql,
    graphql_request::{Parameters, has_query},
    graphql_response::Responder,
    media_type::{MediaType, negotiate},
    request_id::{RequestId, name_operation},
    state::AppState,
};
use crate::{
    auth::{Authentication, Session},
    graphql::{
        Viewer,
        engine::{Operation, RequestError},
        error::{ApiError, Code},
    },
};

/// Answers one request.
pub async fn serve(
    State(state): State<Arc<AppState>>,
    Extension(authentication): Extension<Authentication>,
    Extension(request_id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let wish = negotiate(&parts.headers);
    let media_type = wish.media_type.unwrap_or(MediaType::Json);
    let respond = Responder { media_type, request_id: &request_id };
    if parts.method != Method::GET && parts.method != Method::POST {
        return not_allowed(respond, "GET, POST", "Use POST, or GET for a query.");
    }
    let query_string = parts.uri.query().unwrap_or_default();
    let has_query = has_query(query_string);
    if parts.method == Method::GET && wish.prefers_html && !has_query {
        return graphiql::page(&state);
    }
    if wish.media_type.is_none() {
        let message = "Accept application/graphql-response+json or application/json.";
        return respond.unreadable(StatusCode::NOT_ACCEPTABLE, message);
    }
    if is_forged(&parts.headers, has_query) {
        return respond.failed(&ApiError::new(
            Code::Forbidden,
            "This request comes from another site, in a way that no client of this API uses.",
        ));
    }
    let session = match authentication {
        Authentication::Refused => return respond.unauthenticated(true),
        Authentication::Unavailable => return respond.failed(&ApiError::unavailable()),
        Authentication::Anonymous => None,
        Authentication::SignedIn(session) => Some(session),
    };
    let parameters = match read(&state, &parts, body, respond).await {
        Ok(parameters) => parameters,
        Err(response) => return response,
    };
    name_operation(parameters.operation_name());
    let operation = match prepare(&state, parameters).await {
        Ok(operation) => operation,
        Err(refused) => return respond.refused(&refused),
    };
    if parts.method == Method::GET && operation.kind != OperationType::Query {
        return not_allowed(respond, "POST", "GET is for queries; send a mutation with POST.");
    }
    if session.is_none() && !operation.is_public {
        return respond.unauthenticated(false);
    }
    execute(&state, operation, session, respond).await
}

/// Reads the parameters, from wherever the method has them.
async fn read(
    state: &AppState,
    parts: &Parts,
    body: Body,
    respond: Responder<'_>,
) -> Result<Parameters, Response> {
    if parts.method == Method::GET {
        let query_string = parts.uri.query().unwrap_or_default();
        return Parameters::from_query_string(query_string)
            .map_err(|refused| respond.refused(&refused));
    }
    if !body::is_json(&parts.headers) {
        let message = "Send the request as application/json in UTF-8.";
        return Err(respond.unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let limits = &state.limits;
    let bytes = body::read(body, limits.body_bytes, limits.body_timeout, &state.in_flight).await;
    let bytes = bytes.map_err(|error| {
        let (status, message) = match error {
            BodyError::NoRoom => return respond.failed(&ApiError::unavailable()),
            BodyError::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is longer than {} bytes (MAX_BODY_BYTES).", limits.body_bytes),
            ),
            BodyError::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "The body was not complete in time (BODY_TIMEOUT).".to_owned(),
            ),
            BodyError::Broken => {
                (StatusCode::BAD_REQUEST, "The body ended before it was complete.".to_owned())
            }
        };
        respond.unreadable(status, &message)
    })?;
    Parameters::from_body(&bytes).map_err(|refused| respond.refused(&refused))
}

async fn prepare(state: &AppState, parameters: Parameters) -> Result<Operation, RequestError> {
    let request = parameters.into_request(&state.persisted_queries)?;
    state.engine.prepare(request).await
}

/// Executes within the time limit.
async fn execute(
    state: &AppState,
    operation: Operation,
    session: Option<Arc<Session>>,
    respond: Responder<'_>,
) -> Response {
    let viewer = Arc::new(Viewer::new(state.accounts.clone(), session));
    let execution = state.engine.execute(operation, viewer.clone());
    let Ok(outcome) = tokio::time::timeout(state.limits.execution_timeout, execution).await else {
        tracing::warn!("execution took longer than EXECUTION_TIMEOUT");
        let message = "The request took too long (EXECUTION_TIMEOUT).";
        return respond.failed(&ApiError::new(Code::Timeout, message));
    };
    if let Some(failure) = viewer.failure() {
        return respond.failed(&failure.0);
    }
    match outcome {
        Ok(executed) => {
            let answer = BoundedAnswer::new(state.limits.response_bytes, &state.in_flight);
            respond.executed(&executed, answer)
        }
        Err(refused) => respond.refused(&refused),
    }
}

/// Whether a browser sent this on behalf of another site without that site being able to read the
/// answer: by a form, an image or a link (Fetch Metadata). Clients use `fetch`, which asks first.
fn is_forged(headers: &HeaderMap, has_query: bool) -> bool {
    let is = |name: &str, expected: &[u8]| {
        headers.get(name).is_some_and(|value| value.as_bytes() == expected)
    };
    is("sec-fetch-site", b"cross-site")
        && (is("sec-fetch-mode", b"no-cors") || (is("sec-fetch-mode", b"navigate") && has_query))
}

fn not_allowed(respond: Responder<'_>, allow: &'static str, message: &str) -> Response {
    let mut response = respond.unreadable(StatusCode::METHOD_NOT_ALLOWED, message);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}
