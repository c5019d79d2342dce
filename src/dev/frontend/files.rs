//! What is fetched rather than asked: pictures and the key set. Clerk's own scripts, which its Frontend API
//! hands out too, are for the front end to bring along: the SDK would ask for them over https.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;

use crate::dev::Development;

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
