//! The parts of Clerk's Backend API that servers use: keys, people, sessions, tickets to sign in with.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, Query, State},
    http::{StatusCode, header, request::Parts},
    routing::{get, post},
};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Development,
    clients::{SessionStatus, Ticket, new_id},
    errors::Refusal,
    objects::{Deleted, SessionEvent, UserObject},
};

/// How long a ticket to sign in with is good when nothing else is asked for: 30 days, as at Clerk.
const TICKET_SECONDS: i64 = 30 * 24 * 60 * 60;

pub(crate) fn routes() -> Router<Arc<Development>> {
    Router::new()
        .route("/clerk/v1/jwks", get(jwks))
        .route("/clerk/v1/users/{id}", get(read_user).delete(delete_user))
        .route("/clerk/v1/sessions", get(list_sessions))
        .route("/clerk/v1/sessions/{id}", get(read_session))
        .route("/clerk/v1/sessions/{id}/revoke", post(revoke_session))
        .route("/clerk/v1/sign_in_tokens", post(issue_ticket))
}

/// A request with the secret key; Clerk answers 401 without it.
struct Authorized;

impl FromRequestParts<Arc<Development>> for Authorized {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        development: &Arc<Development>,
    ) -> Result<Self, Refusal> {
        let expected = format!("Bearer {}", development.secret_key.expose_secret());
        let given = parts.headers.get(header::AUTHORIZATION);
        let is_right = given.is_some_and(|given| given.as_bytes() == expected.as_bytes());
        is_right.then_some(Self).ok_or_else(Refusal::bad_key)
    }
}

async fn jwks(_: Authorized, State(development): State<Arc<Development>>) -> Json<Value> {
    Json(development.issuer.key_set())
}

async fn read_user(
    _: Authorized,
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
) -> Result<Json<UserObject>, Refusal> {
    let register = development.people.read()?;
    let person = register.person(&id).ok_or_else(Refusal::not_found)?;
    Ok(Json(UserObject::new(person, &register, &development.front_end.url)))
}

async fn delete_user(
    _: Authorized,
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let messages = development.delete_person(&id)?.ok_or_else(Refusal::not_found)?;
    // Whoever asks may be the server itself, which is then in the middle of a deletion of its own.
    let webhooks = development.webhooks.clone();
    tokio::spawn(async move { webhooks.tell(&messages).await });
    shown_as_json(&Deleted::new("user", &id))
}

/// Whose sessions.
#[derive(Deserialize)]
struct Wanted {
    user_id: Option<String>,
    /// Whether the list comes in an object with its length, as newer SDKs ask.
    #[serde(default)]
    paginated: bool,
}

async fn list_sessions(
    _: Authorized,
    State(development): State<Arc<Development>>,
    Query(Wanted { user_id, paginated }): Query<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let user_id = user_id.ok_or_else(|| {
        let message = "user_id or client_id must be provided.";
        Refusal::new(StatusCode::BAD_REQUEST, "form_param_missing", message)
    })?;
    let sessions = development.clients.read()?.sessions_of(&user_id);
    let shown: Vec<_> = sessions.iter().map(SessionEvent::new).collect();
    if paginated {
        return Ok(Json(json!({ "data": shown, "total_count": shown.len() })));
    }
    shown_as_json(&shown)
}

async fn read_session(
    _: Authorized,
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let clients = development.clients.read()?;
    shown_as_json(&SessionEvent::new(clients.session(&id).ok_or_else(Refusal::not_found)?))
}

async fn revoke_session(
    _: Authorized,
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let revoked = development.end_session(&id, SessionStatus::Revoked).await?;
    shown_as_json(&SessionEvent::new(&revoked.ok_or_else(Refusal::not_found)?))
}

/// Who may sign in, and for how long.
#[derive(Deserialize)]
struct WantedTicket {
    user_id: String,
    expires_in_seconds: Option<u32>,
}

#[derive(Serialize)]
struct TicketObject {
    id: String,
    object: &'static str,
    user_id: String,
    token: String,
    status: &'static str,
    url: Option<String>,
    created_at: i64,
    updated_at: i64,
}

async fn issue_ticket(
    _: Authorized,
    State(development): State<Arc<Development>>,
    Json(wanted): Json<WantedTicket>,
) -> Result<Json<Value>, Refusal> {
    let register = development.people.read()?;
    let person = register.person(&wanted.user_id).ok_or_else(Refusal::not_found)?;
    let now = development.clock.now();
    let seconds = wanted.expires_in_seconds.map_or(TICKET_SECONDS, i64::from);
    let ticket = Ticket {
        user_id: person.clerk_id.clone(),
        expires_at: (now + TimeDelta::seconds(seconds)).timestamp_millis(),
    };
    let token = development.clients.change(|clients| clients.issue(ticket, now))?;
    shown_as_json(&TicketObject {
        id: new_id("sit"),
        object: "sign_in_token",
        user_id: wanted.user_id,
        token,
        status: "pending",
        url: None,
        created_at: now.timestamp_millis(),
        updated_at: now.timestamp_millis(),
    })
}

fn shown_as_json(value: &impl Serialize) -> Result<Json<Value>, Refusal> {
    Ok(Json(serde_json::to_value(value).map_err(anyhow::Error::from)?))
}
