//! The GraphiQL page.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{rest_error::RestError, state::AppState};

/// The page; its script and style come from one pinned host, each with the hash of its content.
const PAGE: &str = include_str!("graphiql.html");

/// What the page may do (Content Security Policy, level 3).
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; \
    style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data:; \
    font-src 'self' data: https://cdn.jsdelivr.net; connect-src 'self'; worker-src 'self' blob:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /`
pub async fn index(State(state): State<AppState>) -> Response {
    page(&state)
}

/// The page, unless it is switched off.
pub fn page(state: &AppState) -> Response {
    if !state.server.playground {
        return RestError::new(StatusCode::NOT_FOUND, "Not Found").into_response();
    }
    let mut response = Html(PAGE).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization, Origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
