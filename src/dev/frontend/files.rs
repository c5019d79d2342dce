//! What is fetched rather than asked: pictures, the key set, Clerk's own scripts.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;

use crate::dev::{Development, errors::Refusal};

/// What to draw.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    letters: String,
}

/// A square with one or two letters, in the place of Clerk's generated pictures.
pub(super) async fn picture(Query(Wanted { letters }): Query<Wanted>) -> Response {
    let letters: String =
        letters.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect();
    let letters = letters.to_uppercase();
    // Different people, different colours, the same each time.
    let hue = letters.chars().fold(0, |hue, letter| (hue * 31 + u32::from(letter) * 47) % 360);
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'>\
         <rect width='64' height='64' fill='hsl({hue} 45% 38%)'/>\
         <text x='32' y='33' fill='#fff' font-family='system-ui, sans-serif' font-size='26' \
         font-weight='600' text-anchor='middle' dominant-baseline='central'>{letters}</text></svg>"
    );
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, svg).into_response()
}

/// The key set as browsers may read it.
pub(super) async fn key_set(State(development): State<Arc<Development>>) -> Json<Value> {
    Json(development.issuer.key_set())
}

/// Clerk's Frontend API hands out Clerk's scripts. This one sends the browser to where npm's packages are
/// published; without a network, `NEXT_PUBLIC_CLERK_JS_URL` names a copy of one's own.
pub(super) async fn script(Path(path): Path<String>) -> Result<Redirect, Refusal> {
    let is_plain =
        path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@/._-".contains(&byte));
    let is_clerks = path.starts_with("@clerk/clerk-js@") || path.starts_with("@clerk/ui@");
    if !is_plain || !is_clerks || path.contains("..") {
        let message = "There are no files but those of @clerk/clerk-js and @clerk/ui.";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "resource_not_found", message));
    }
    Ok(Redirect::temporary(&format!("https://cdn.jsdelivr.net/npm/{path}")))
}
