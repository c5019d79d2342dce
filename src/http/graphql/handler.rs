//! The handler of `/graphql`: what HTTP asks for, in the order of the checks (method, `Accept`, origin of
//! the request, token, `Content-Type`, body, parameters), then the pipeline.

use std::sync::Arc;

use async_graphql::Response as Executed;
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};

use super::{
    parameters::{Parameters, has_query},
    response::Responder,
};
use crate::{
    auth::Authentication,
    error::{ApiError, Code},
    graphql::{GraphqlRequest, Refusal, Viewer},
    http::{
        body,
        bounded_answer::BoundedAnswer,
        graphiql,
        measuring::Measured,
        media_type::{MediaType, Wish},
        request_id::{RequestId, name_operation, name_unseen},
        state::AppState,
    },
};

/// Answers one request.
pub(crate) async fn serve(
    State(state): State<Arc<AppState>>,
    Extension(authentication): Extension<Authentication>,
    Extension(request_id): Extension<RequestId>,
    Extension(wish): Extension<Wish>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let measured = parts.extensions.get::<Measured>().cloned().unwrap_or_default();
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
        Authentication::TooManyRefused(wait) => {
            return respond.failed(&ApiError::rate_limited(wait));
        }
        Authentication::Unavailable => return respond.failed(&ApiError::unavailable()),
        Authentication::Anonymous => None,
        Authentication::SignedIn(session) => Some(session),
    };
    let (request, hash_to_keep) = match read(&state, &parts, body, respond).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    name_operation(request.operation_name.as_deref());
    let to_keep = hash_to_keep.map(|hash| (hash, request.query.clone()));
    let viewer = Arc::new(Viewer::new(state.accounts.clone(), session));
    let outcome = state.pipeline.answer(request, viewer.clone()).await;
    measured.note_operation(viewer.operation());
    name_unseen(viewer.unseen());
    if let Some((hash, text)) = to_keep
        && !is_document_at_fault(&outcome)
    {
        state.persisted_queries.keep(&hash, &text);
    }
    match outcome {
        Ok(executed) => {
            if !executed.errors.is_empty() {
                measured.note_errors();
            }
            let answer = BoundedAnswer::new(state.limits.response_bytes, &state.in_flight);
            respond.executed(&executed, answer)
        }
        Err(Refusal::Request(refused)) => respond.refused(&refused),
        Err(Refusal::NotReadOnly) => {
            not_allowed(respond, "POST", "GET is for queries; send a mutation with POST.")
        }
        Err(Refusal::Anonymous) => respond.unauthenticated(false),
        Err(Refusal::Failed(error)) => respond.failed(&error),
    }
}

/// Whether a text was refused for what it is, so that it is not worth keeping.
fn is_document_at_fault(outcome: &Result<Executed, Refusal>) -> bool {
    let Err(Refusal::Request(refused)) = outcome else { return false };
    matches!(refused.code, Code::GraphqlParseFailed | Code::GraphqlValidationFailed)
}

/// Reads the request, from wherever the method has its parameters.
async fn read(
    state: &AppState,
    parts: &Parts,
    body: Body,
    respond: Responder<'_>,
) -> Result<(GraphqlRequest, Option<String>), Response> {
    let complete = |parameters: Parameters| parameters.into_request(&state.persisted_queries);
    if parts.method == Method::GET {
        let query_string = parts.uri.query().unwrap_or_default();
        return Parameters::from_query_string(query_string)
            .and_then(complete)
            .map(|(request, hash)| (GraphqlRequest { is_read_only: true, ..request }, hash))
            .map_err(|refused| respond.refused(&refused));
    }
    if !body::is_json(&parts.headers) {
        let message = "Send the request as application/json in UTF-8.";
        return Err(respond.unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if let Some(coding) = body::content_coding(&parts.headers) {
        let message =
            format!("The body is encoded as {coding}: send it without a Content-Encoding.");
        let mut response = respond.unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
        let identity = HeaderValue::from_static("identity");
        response.headers_mut().insert(header::ACCEPT_ENCODING, identity);
        return Err(response);
    }
    let limits = &state.limits;
    let bytes = body::read(body, limits.body_bytes, limits.body_timeout, &state.in_flight).await;
    let bytes = bytes.map_err(|error| match error.refusal() {
        Some((status, message)) => respond.unreadable(status, message),
        None => respond.failed(&ApiError::unavailable()),
    })?;
    Parameters::from_body(&bytes).and_then(complete).map_err(|refused| respond.refused(&refused))
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
