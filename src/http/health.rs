//! Whether the process is alive, and whether it should be sent requests.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::json;

use super::state::AppState;

/// Where [`alive`] is found.
pub(crate) const ALIVE: [&str; 2] = ["/healthz", "/health"];
/// Where [`ready`] is found.
pub(crate) const READY: &str = "/readyz";

/// Whether somebody only asks how the server is.
pub(crate) fn is_probe(path: &str) -> bool {
    path == READY || ALIVE.contains(&path)
}

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "ok", "ok": true }))
}

/// `GET /readyz`: the database answers and is migrated, the keys are known, and no stop is under way.
pub(crate) async fn ready(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let database = state.database_check.verdict(state.accounts.store()).await;
    let keys = match &state.keys {
        Some(keys) if keys.generation().is_err() => "not loaded",
        _ => "ok",
    };
    let serving = if state.is_draining() { "stopping" } else { "ok" };
    let is_ready = [database, keys, serving].iter().all(|check| *check == "ok");
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if is_ready { "ready" } else { "not ready" },
        "ok": is_ready,
        "checks": { "database": database, "keys": keys, "serving": serving },
    });
    (status, Json(body))
}
