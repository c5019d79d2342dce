//! The middleware that verifies a request's token, once, and puts the outcome where handlers find it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::{
    client_address::ClientAddress,
    request_id::{name_caller, name_client},
    state::AppState,
};
use crate::{auth::Authentication, telemetry::traces::Span};

/// Adds the [`Authentication`] of the request to its extensions.
pub(crate) async fn authenticate(
    State(state): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let span = Span::part("verification");
    let mut authentication = span.around(state.authenticator.authenticate(request.headers())).await;
    drop(span);
    match &authentication {
        Authentication::SignedIn(session) => name_caller(session),
        Authentication::Refused => {
            let client = ClientAddress::of(&request, &state.server.trusted_proxies);
            name_client(client);
            if let Some(limit) = &state.refused_tokens
                && let Err(wait) = limit.admit(&client)
            {
                state.metrics.count_refusal("rate_limited");
                authentication = Authentication::TooManyRefused(wait);
            }
        }
        _ => {}
    }
    request.extensions_mut().insert(authentication);
    next.run(request).await
}
