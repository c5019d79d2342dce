//! The development issuer over HTTP: Clerk's APIs, people and tokens for the GraphiQL page, and the guard
//! that keeps other machines and other sites away.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State, rejection::JsonRejection},
    http::{StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Development, TOKEN_TTL, backend, errors::Refusal, frontend, issuer::Minting};
use crate::loopback;

/// Everything under `/dev`, for a router with whatever state.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(development: Arc<Development>) -> Router<S> {
    Router::new()
        .merge(backend::routes())
        .route("/people", get(people))
        .route("/tokens", post(mint))
        .nest_service("/clerk", frontend::service(development.clone()))
        .with_state(development)
}

async fn people(State(development): State<Arc<Development>>) -> Result<Json<Value>, Refusal> {
    let register = development.people.read()?;
    let people: Vec<Value> = register
        .people
        .iter()
        .map(|person| {
            let organization = person.organization.as_deref();
            let organization = organization.and_then(|id| register.organization(id));
            json!({
                "id": person.clerk_id,
                "handle": person.handle,
                "identifier": person.email.as_ref().or(person.phone.as_ref()),
                "name": person.full_name().unwrap_or_else(|| person.handle.clone()),
                "email": person.email,
                "organization": organization.map(|organization| &organization.name),
            })
        })
        .collect();
    Ok(Json(json!({ "people": people })))
}

/// The body of `POST /dev/tokens`.
#[derive(Deserialize)]
struct WantedToken {
    user: String,
    org: Option<String>,
}

/// `POST /dev/tokens` with `{"user": "ada"}`. A form cannot send JSON, so another site's page cannot
/// have a token minted without being asked by the browser first.
async fn mint(
    State(development): State<Arc<Development>>,
    wanted: Result<Json<WantedToken>, JsonRejection>,
) -> Response {
    let wanted = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(JsonRejection::MissingJsonContentType(_)) => {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return (status, Json(json!({ "detail": "Send JSON." }))).into_response();
        }
        Err(_) => {
            let detail = r#"Send {"user": "ada"}."#;
            return (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail }))).into_response();
        }
    };
    match mint_for(&development, &wanted) {
        Ok(Some(token)) => {
            let seconds = TOKEN_TTL.num_seconds();
            Json(json!({ "token": token, "expires_in": seconds })).into_response()
        }
        Ok(None) => {
            let detail = "There is no such person; GET /dev/people lists them.";
            (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response()
        }
        Err(error) => {
            tracing::error!("the development issuer cannot mint: {error:#}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn mint_for(development: &Development, wanted: &WantedToken) -> anyhow::Result<Option<String>> {
    let Some(person) = development.people.find(&wanted.user)? else { return Ok(None) };
    let organization = development.people.active_organization(&person, wanted.org.as_deref())?;
    let minting = Minting {
        person: &person,
        session: None,
        origin: None,
        ttl: TOKEN_TTL,
        is_expired: false,
        with_profile: true,
        organization,
    };
    development.issuer.mint(&minting).map(Some)
}

/// Refuses requests that do not come from this machine's own pages and programs: a `Host` that is not
/// loopback (a site whose name was made to point here), and an `Origin` that is neither loopback nor one
/// of the trusted ones.
pub(crate) async fn refuse_foreign(
    State(trusted_origins): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(Authority::as_str));
    let origin = request.headers().get(header::ORIGIN).map(|origin| origin.to_str());
    let is_origin_fine = match origin {
        None => true,
        Some(Err(_)) => false,
        Some(Ok(origin)) => {
            trusted_origins.iter().any(|trusted| trusted == origin)
                || origin.strip_prefix("http://").is_some_and(is_loopback)
        }
    };
    if host.is_some_and(is_loopback) && is_origin_fine {
        return next.run(request).await;
    }
    let detail = "Development mode answers this machine only: use http://localhost or \
        http://127.0.0.1, and list the origin of a front end in CORS_ORIGINS.";
    (StatusCode::FORBIDDEN, Json(json!({ "detail": detail }))).into_response()
}

/// Whether `host[:port]` names this machine.
fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    // User information has no place in `Host` (RFC 9110, section 7.2) nor in an origin.
    !authority.as_str().contains('@')
        && url::Host::parse(authority.host()).is_ok_and(|host| loopback::is_loopback(&host))
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_is_loopback() {
        let cases = [
            ("localhost", true),
            ("LOCALHOST:8000", true),
            ("clerk.localhost:8000", true),
            ("127.0.0.1:8000", true),
            ("127.1.2.3", true),
            ("[::1]:8000", true),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com", false),
            ("192.168.1.2", false),
            ("0.0.0.0:8000", false),
            ("", false),
            ("localhost@evil.example", false),
        ];
        for (authority, expected) in cases {
            assert_eq!(is_loopback(authority), expected, "{authority}");
        }
    }
}
