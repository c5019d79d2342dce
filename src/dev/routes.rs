//! The development issuer over HTTP: the parts of Clerk's API that the server uses, tokens for the
//! GraphiQL page, and the guard that keeps other machines and other sites away.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Development, People, issuer::Minting};
use crate::loopback;

/// How long a minted token lives: as long as Clerk's session tokens.
const TOKEN_TTL: TimeDelta = TimeDelta::seconds(60);

/// Everything under `/dev`, for a router with whatever state.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(development: Arc<Development>) -> Router<S> {
    Router::new()
        .route("/clerk/v1/jwks", get(jwks))
        .route("/clerk/v1/users/{id}", get(read_user).delete(delete_user))
        .route("/people", get(people))
        .route("/tokens", post(mint))
        .with_state(development)
}

async fn jwks(State(development): State<Arc<Development>>, headers: HeaderMap) -> Response {
    if !is_authorized(&development, &headers) {
        return unauthorized();
    }
    Json(development.issuer.key_set()).into_response()
}

async fn read_user(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_authorized(&development, &headers) {
        return unauthorized();
    }
    match development.people.find_by_clerk_id(&id) {
        Some(person) => Json(development.people.user_object(person)).into_response(),
        None => not_found(),
    }
}

async fn delete_user(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_authorized(&development, &headers) {
        return unauthorized();
    }
    match development.people.delete(&id) {
        Ok(true) => Json(json!({ "id": id, "object": "user", "deleted": true })).into_response(),
        Ok(false) => not_found(),
        Err(error) => {
            tracing::error!(%error, "the development issuer cannot remember a deletion");
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            clerk_error(status, "internal_clerk_error", "Try again later.")
        }
    }
}

async fn people() -> Json<Value> {
    let people: Vec<Value> = People::all()
        .iter()
        .map(|person| {
            json!({
                "handle": person.handle,
                "name": format!("{} {}", person.first_name, person.last_name),
                "email": person.email,
                "organization": person.organization.as_ref().map(|organization| organization.name),
            })
        })
        .collect();
    Json(json!({ "people": people }))
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
    let Some(person) = People::find(&wanted.user) else {
        let detail = "There is no such person; GET /dev/people lists them.";
        return (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response();
    };
    let minting = Minting {
        person,
        clerk_user_id: development.people.clerk_user_id(person),
        ttl: TOKEN_TTL,
        is_expired: false,
        with_profile: true,
        organization: wanted.org.as_deref(),
    };
    match development.issuer.mint(&minting) {
        Ok(token) => {
            let seconds = TOKEN_TTL.num_seconds();
            Json(json!({ "token": token, "expires_in": seconds })).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the development issuer cannot mint");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whether a request carries the secret key; Clerk answers 401 without it.
fn is_authorized(development: &Development, headers: &HeaderMap) -> bool {
    let expected = format!("Bearer {}", development.secret_key.expose_secret());
    let given = headers.get(header::AUTHORIZATION);
    given.is_some_and(|given| given.as_bytes() == expected.as_bytes())
}

fn unauthorized() -> Response {
    let message = "The provided Clerk Secret Key is invalid.";
    clerk_error(StatusCode::UNAUTHORIZED, "clerk_key_invalid", message)
}

fn not_found() -> Response {
    clerk_error(StatusCode::NOT_FOUND, "resource_not_found", "not found")
}

/// An error in Clerk's shape.
fn clerk_error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({
        "errors": [{ "code": code, "message": message, "long_message": message }],
        "clerk_trace_id": "development",
    });
    (status, Json(body)).into_response()
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
