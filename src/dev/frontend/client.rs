//! The browser itself.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use serde_json::{Value, json};

use super::{
    answer::{client_alone, remember},
    caller::Caller,
};
use crate::dev::{
    Development,
    clients::{Client, SessionStatus, new_id},
    errors::Refusal,
};

pub(super) async fn read(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    client_alone(&development, &caller)
}

pub(super) async fn create(
    State(development): State<Arc<Development>>,
    mut caller: Caller,
) -> Result<Response, Refusal> {
    let now = development.clock.now();
    let secret = development
        .clients
        .change(|clients| clients.get_or_create(caller.secret.as_deref(), now).0)?;
    caller.secret = Some(secret.clone());
    Ok(remember(client_alone(&development, &caller)?, &secret))
}

/// Signs out of everything.
pub(super) async fn delete(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let clients = development.clients.read()?;
    let client = caller.secret.as_deref().and_then(|secret| clients.get(secret));
    let sessions = client.into_iter().flat_map(Client::active_sessions);
    for session in sessions {
        development.end_session(&session.id, SessionStatus::Removed).await?;
    }
    client_alone(&development, &caller)
}

/// Browsers are told apart by a cookie here; the SDK asks for this as well when it takes the instance for
/// one on Clerk's development domain.
pub(super) async fn create_dev_browser() -> Json<Value> {
    Json(json!({ "id": new_id("dvb"), "object": "dev_browser" }))
}
