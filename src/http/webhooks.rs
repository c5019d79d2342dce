//! `POST /api/v1/webhooks/clerk`: Clerk's events, delivered by Svix. Whatever is not our own passing
//! trouble is answered in a way that ends the delivery; anything else would be sent again for a day.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::{
    body::{self, BodyError},
    client_address::ClientAddress,
    request_id::name_client,
    rest_error::RestError,
    state::AppState,
};
use crate::{
    accounts::Applied,
    clerk::{
        event::{Event, EventError},
        webhook::{WebhookError, WebhookSecrets},
    },
};

/// The longest event.
pub(crate) const MAX_WEBHOOK_BYTES: usize = 1024 * 1024;
/// How many events are read at once: whether they are genuine is known only at the end of each.
pub(crate) const WEBHOOKS_AT_ONCE: usize = 16;
/// How long an event waits for its turn. Clerk sends again what is answered 503.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);

/// The answer to whatever is not signed right, without detail.
const UNSIGNED: &str = "The message is not signed as it should be.";

/// Verifies, reads and applies one message.
pub(crate) async fn receive(State(state): State<Arc<AppState>>, request: Request) -> Response {
    match apply(&state, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}

async fn apply(state: &AppState, request: Request) -> Result<(), RestError> {
    let Some(secrets) = &state.webhook_secrets else {
        return Err(RestError::new(StatusCode::NOT_FOUND, "Not Found"));
    };
    let client = ClientAddress::of(&request, &state.server.trusted_proxies);
    let (parts, sent) = request.into_parts();
    let refuse = |error: WebhookError| {
        state.metrics.count_webhook(error.reason());
        name_client(client);
        tracing::warn!(reason = error.reason(), %error, "webhook message refused");
        RestError::new(StatusCode::BAD_REQUEST, UNSIGNED)
    };
    // Whoever cannot have signed anything is not listened to for a megabyte.
    WebhookSecrets::check_headers(&parts.headers, state.accounts.clock().now()).map_err(refuse)?;
    let place = timeout(TURN_TIMEOUT, state.webhook_places.acquire()).await;
    let Ok(Ok(_place)) = place else {
        state.metrics.count_webhook("no_room");
        return Err(RestError::unavailable());
    };
    let time = state.limits.body_timeout;
    let read = body::read(sent, MAX_WEBHOOK_BYTES, time, &state.in_flight).await;
    let bytes = read.map_err(|error| match error {
        BodyError::TooLarge => RestError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The message is longer than any of Clerk's (1 MiB).",
        ),
        error => error.into(),
    })?;
    // The signature is over the bytes as they came, so they are checked before anything reads them.
    let now = state.accounts.clock().now();
    let message = secrets.verify(&parts.headers, &bytes, now).map_err(refuse)?;
    let event = match Event::parse(&bytes) {
        Ok(event) => event,
        Err(error) => {
            state.metrics.count_webhook(error.reason());
            tracing::warn!(message = message.as_str(), %error, "signed webhook message not understood");
            return match error {
                EventError::NotJson => {
                    Err(RestError::new(StatusCode::BAD_REQUEST, "The body is not JSON."))
                }
                // Sending it again would not make it better.
                EventError::Malformed { .. } => Ok(()),
            };
        }
    };
    if let Some(happened) = Event::time(&bytes)
        && let Ok(lag) = (now - happened).to_std()
    {
        state.metrics.observe_webhook_lag(lag);
    }
    let applied = state.accounts.apply_event(&message, &event).await?;
    state.metrics.count_webhook(match applied {
        Applied::Now => "applied",
        Applied::Before => "duplicate",
    });
    Ok(())
}
