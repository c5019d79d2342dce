//! The GraphiQL page and the files that come from this server.

mod files;
mod page;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

pub(crate) use page::Page;

use self::files::{OwnFile, PAGE_SCRIPT, PAGE_STYLE};
use super::{rest_error::RestError, state::AppState};

/// For an address that will never mean anything else.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The page and its files; none of them exists when GraphiQL is switched off.
pub(crate) fn routes(state: &AppState) -> Router<Arc<AppState>> {
    if state.page.is_none() {
        return Router::new();
    }
    Router::new().route("/", get(index)).route("/ui/{*path}", get(file))
}

/// `GET /`
async fn index(State(state): State<Arc<AppState>>) -> Response {
    page(&state)
}

/// The page, unless it is switched off.
pub(crate) fn page(state: &AppState) -> Response {
    let Some(page) = &state.page else { return not_found() };
    let mut response = Html(page.html.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, page.policy.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization, Origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// `GET /ui/…`
async fn file(Path(path): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if let Some(file) = [&PAGE_SCRIPT, &PAGE_STYLE].into_iter().find(|file| file.name == path) {
        return own(file, query.as_deref());
    }
    published(&path, &headers).unwrap_or_else(not_found)
}

/// A file of ours. Its address carries a hash; while servers of two versions run side by side, a page
/// of one may ask the other, whose answer must not be kept.
fn own(file: &OwnFile, query: Option<&str>) -> Response {
    let is_asked_for = query.and_then(|query| query.strip_prefix("v=")) == Some(&file.hash());
    let cache = if is_asked_for { FOR_EVER } else { HeaderValue::from_static("no-cache") };
    let mut response = file.content.into_response();
    describe(response.headers_mut(), file.kind, cache);
    response
}

/// A file of GraphiQL or React.
#[cfg(feature = "embedded-ui")]
fn published(path: &str, headers: &HeaderMap) -> Option<Response> {
    use self::files::{Kind, LICENSES, PUBLISHED};

    let (kind, content, cache) = match PUBLISHED.iter().find(|file| file.path == path) {
        Some(file) => (file.kind, &file.content, FOR_EVER),
        None if path == LICENSES.0 => {
            (Kind::Text, &LICENSES.1, HeaderValue::from_static("no-cache"))
        }
        None => return None,
    };
    let (bytes, coding) = content.encoded(headers);
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    describe(headers, kind, cache);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Some(response)
}

/// This build leaves them where they were published.
#[cfg(not(feature = "embedded-ui"))]
fn published(_path: &str, _headers: &HeaderMap) -> Option<Response> {
    None
}

fn describe(headers: &mut HeaderMap, kind: files::Kind, cache: HeaderValue) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn not_found() -> Response {
    RestError::new(StatusCode::NOT_FOUND, "Not Found").into_response()
}
