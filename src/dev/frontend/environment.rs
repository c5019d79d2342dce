//! The settings of the instance, as the dashboard of a new Clerk application has them, with the switches
//! that this product uses: sign-in by e-mail or telephone code, names, organizations. No captcha, no other
//! providers, nothing that would load anything from elsewhere.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const ENVIRONMENT: &str = include_str!("environment.json");

/// `GET` and `PATCH /v1/environment`; the SDK sends the latter to say that it is there.
pub(super) async fn read() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], ENVIRONMENT).into_response()
}
