//! Sessions: keeping one alive, choosing its organization, its tokens, its end.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};

use super::{
    answer::{mint, minting, show_session, with_client},
    caller::Caller,
};
use crate::dev::{
    Development,
    clients::SessionStatus,
    errors::Refusal,
    objects::{SessionObject, TokenObject},
};

pub(super) async fn read(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let signed_in = caller.session(&development, &id)?;
    let session = show_session(&development, &caller, &signed_in.session, &signed_in.register)?;
    with_client(&development, &caller, session)
}

/// The SDK reports use of a session, and which organization it is to work in: none when it says nothing.
pub(super) async fn touch(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let signed_in = caller.session(&development, &id)?;
    let person = &signed_in.person;
    let wanted = caller.text("active_organization_id");
    let organization = wanted
        .map(|wanted| {
            signed_in
                .register
                .active_organization(person, wanted)
                .map(|active| active.id)
                .ok_or_else(Refusal::not_found)
        })
        .transpose()?;
    let now = development.clock.now().timestamp_millis();
    let touched = development.clients.change(|clients| {
        let client = clients.get_mut(caller.secret.as_deref()?)?;
        client.last_active = Some(id.clone());
        client.updated_at = now;
        let session = client.sessions.iter_mut().find(|session| session.id == id)?;
        session.organization.clone_from(&organization);
        session.last_active_at = now;
        session.updated_at = now;
        Some(session.clone())
    })?;
    let session = touched.ok_or_else(Refusal::signed_out)?;
    if person.organization != organization {
        // The next session begins where this one was. No change that anybody has to be told.
        development.people.change(|register| {
            let mut people = register.people.iter_mut();
            if let Some(known) = people.find(|known| known.clerk_id == person.clerk_id) {
                known.organization.clone_from(&organization);
            }
        })?;
    }
    let shown = show_session(&development, &caller, &session, &signed_in.register)?;
    with_client(&development, &caller, shown)
}

/// A session token. Another organization than the session's may be asked for; an empty one asks for none.
pub(super) async fn create_token(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut signed_in = caller.session(&development, &id)?;
    if let Some(wanted) = caller.given("organization_id") {
        let active = signed_in.register.active_organization(&signed_in.person, wanted);
        signed_in.session.organization = active.map(|active| active.id);
    }
    let origin = caller.origin.as_deref();
    let token = mint(&development, &signed_in.session, &signed_in.register, origin)?;
    Ok(Json(TokenObject::new(token.ok_or_else(Refusal::signed_out)?)).into_response())
}

/// A token of a template. Templates have no settings here: each names its owner and nothing else. Mission
/// Control refuses such tokens, because they outlive the end of their session.
pub(super) async fn create_from_template(
    State(development): State<Arc<Development>>,
    Path((id, _template)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let signed_in = caller.session(&development, &id)?;
    let minting = minting(&signed_in.session, &signed_in.register, caller.origin.as_deref());
    let minting = minting.ok_or_else(Refusal::signed_out)?;
    let token = development.issuer.mint_from_template(&minting)?;
    Ok(Json(TokenObject::new(token)).into_response())
}

pub(super) async fn end(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    sign_out(&development, &caller, &id, SessionStatus::Ended).await
}

pub(super) async fn remove(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    sign_out(&development, &caller, &id, SessionStatus::Removed).await
}

async fn sign_out(
    development: &Development,
    caller: &Caller,
    id: &str,
    status: SessionStatus,
) -> Result<Response, Refusal> {
    let signed_in = caller.session(development, id)?;
    let ended = development.end_session(id, status).await?.ok_or_else(Refusal::signed_out)?;
    let at = &development.front_end.url;
    let shown = SessionObject::new(&ended, &signed_in.register, None, at);
    with_client(development, caller, shown)
}
