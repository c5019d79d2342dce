//! The part of Clerk's Frontend API that its own browser SDK needs to sign people in and up, hold sessions
//! and tokens, and manage profile and organizations. Forms come in, JSON goes out, one cookie names the
//! browser. Checked against clerk-js 6.40 (`tests/examples`).

mod answer;
mod caller;
mod client;
mod environment;
mod files;
mod handshake;
mod me;
mod members;
mod organizations;
mod sessions;
mod sign_ins;
mod sign_ups;
mod text;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::Method,
    response::Response,
    routing::{get, post},
};
use tower::{Service, ServiceExt};

use super::{Development, errors::Refusal};

/// The API with its paths below `/dev/clerk` (`/v1/…`).
pub(crate) fn service(
    development: Arc<Development>,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync
{
    routes(development).map_request(as_meant)
}

fn routes(development: Arc<Development>) -> Router {
    Router::new()
        .route("/v1/environment", get(environment::read).patch(environment::read))
        .route("/v1/dev_browser", post(client::create_dev_browser))
        .route("/v1/client", get(client::read).put(client::create).delete(client::delete))
        .route("/v1/client/handshake", get(handshake::answer))
        .route("/v1/client/sessions", axum::routing::delete(client::delete))
        .route("/v1/client/sessions/{id}", get(sessions::read))
        .route("/v1/client/sessions/{id}/touch", post(sessions::touch))
        .route("/v1/client/sessions/{id}/end", post(sessions::end))
        .route("/v1/client/sessions/{id}/remove", post(sessions::remove))
        .route("/v1/client/sessions/{id}/tokens", post(sessions::create_token))
        .route("/v1/client/sessions/{id}/tokens/{template}", post(sessions::create_from_template))
        .route("/v1/client/sign_ins", post(sign_ins::create))
        .route("/v1/client/sign_ins/{id}", get(sign_ins::read))
        .route("/v1/client/sign_ins/{id}/prepare_first_factor", post(sign_ins::prepare))
        .route("/v1/client/sign_ins/{id}/attempt_first_factor", post(sign_ins::attempt))
        .route("/v1/client/sign_ups", post(sign_ups::create))
        .route("/v1/client/sign_ups/{id}", get(sign_ups::read).patch(sign_ups::update))
        .route("/v1/client/sign_ups/{id}/prepare_verification", post(sign_ups::prepare))
        .route("/v1/client/sign_ups/{id}/attempt_verification", post(sign_ups::attempt))
        .route("/v1/me", get(me::read).patch(me::update).delete(me::delete))
        .route("/v1/me/sessions", get(me::sessions))
        .route("/v1/me/sessions/active", get(me::sessions))
        .route("/v1/me/sessions/{id}/revoke", post(me::revoke_session))
        .route("/v1/me/organization_memberships", get(me::memberships))
        .route("/v1/me/organization_memberships/{id}", axum::routing::delete(members::leave))
        .route("/v1/me/organization_invitations", get(organizations::nothing))
        .route("/v1/me/organization_suggestions", get(organizations::nothing))
        .route("/v1/organizations", post(organizations::create))
        .route(
            "/v1/organizations/{id}",
            get(organizations::read).patch(organizations::update).delete(organizations::delete),
        )
        .route("/v1/organizations/{id}/roles", get(organizations::roles))
        .route("/v1/organizations/{id}/domains", get(organizations::nothing))
        .route("/v1/organizations/{id}/invitations", get(organizations::nothing))
        .route("/v1/organizations/{id}/membership_requests", get(organizations::nothing))
        .route("/v1/organizations/{id}/memberships", get(members::list).post(members::add))
        .route(
            "/v1/organizations/{id}/memberships/{user}",
            axum::routing::patch(members::update).delete(members::remove),
        )
        .route("/v1/pictures", get(files::picture))
        .route("/.well-known/jwks.json", get(files::key_set))
        .fallback(|| async { not_spoken() })
        .method_not_allowed_fallback(|| async { not_spoken() })
        .with_state(development)
}

fn not_spoken() -> Refusal {
    Refusal::new(
        axum::http::StatusCode::NOT_FOUND,
        "resource_not_found",
        "Development mode does not speak this part of Clerk's Frontend API.",
    )
}

/// The SDK sends every request as GET or POST and names another method in the query string, to spare the
/// browser its question beforehand.
fn as_meant(mut request: Request) -> Request {
    if request.method() == Method::POST {
        let query = request.uri().query().unwrap_or_default();
        let wanted = url::form_urlencoded::parse(query.as_bytes())
            .find_map(|(name, value)| (name == "_method").then_some(value));
        let method = match wanted.as_deref() {
            Some("PATCH") => Method::PATCH,
            Some("PUT") => Method::PUT,
            Some("DELETE") => Method::DELETE,
            _ => Method::POST,
        };
        *request.method_mut() = method;
    }
    request
}
