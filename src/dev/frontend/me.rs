//! The person signed in: profile, sessions, memberships.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};

use super::{
    answer::{Page, with_client},
    caller::{Caller, SignedIn},
    text::name,
};
use crate::dev::{
    Development,
    clients::SessionStatus,
    errors::Refusal,
    objects::{Deleted, MembershipObject, SessionEvent, SessionObject, UserObject},
};

pub(super) async fn read(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, register, .. } = caller.signed_in(&development)?;
    let shown = UserObject::new(&person, &register, &development.front_end.url);
    with_client(&development, &caller, shown)
}

pub(super) async fn update(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, .. } = caller.signed_in(&development)?;
    let part = |parameter: &'static str| {
        let given = caller.given(parameter).map(|given| name(parameter, given)).transpose()?;
        Ok::<_, Refusal>(given.map(Option::unwrap_or_default))
    };
    let (first_name, last_name) = (part("first_name")?, part("last_name")?);
    let changed = development.rename(&person.clerk_id, first_name, last_name).await?;
    let changed = changed.ok_or_else(Refusal::signed_out)?;
    let register = development.people.read()?;
    let shown = UserObject::new(&changed, &register, &development.front_end.url);
    with_client(&development, &caller, shown)
}

/// The person deletes their account.
pub(super) async fn delete(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, .. } = caller.signed_in(&development)?;
    let messages = development.delete_person(&person.clerk_id)?;
    development.webhooks.tell(&messages.unwrap_or_default()).await;
    with_client(&development, &caller, Deleted::new("user", &person.clerk_id))
}

/// A bare list, without the browser, as the SDK reads it.
pub(super) async fn sessions(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, .. } = caller.signed_in(&development)?;
    let sessions = development.clients.read()?.sessions_of(&person.clerk_id);
    Ok(Json(sessions.iter().map(SessionEvent::new).collect::<Vec<_>>()).into_response())
}

/// Ends one of the person's sessions, of this browser or of another.
pub(super) async fn revoke_session(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, register, .. } = caller.signed_in(&development)?;
    let own = development.clients.read()?.sessions_of(&person.clerk_id);
    if !own.iter().any(|session| session.id == id) {
        return Err(Refusal::not_found());
    }
    let revoked = development.end_session(&id, SessionStatus::Revoked).await?;
    let revoked = revoked.ok_or_else(Refusal::not_found)?;
    let shown = SessionObject::new(&revoked, &register, None, &development.front_end.url);
    with_client(&development, &caller, shown)
}

pub(super) async fn memberships(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, register, .. } = caller.signed_in(&development)?;
    let own = register.memberships.iter().filter(|known| known.user_id == person.clerk_id);
    let shown = own
        .filter_map(|known| MembershipObject::new(known, &register, &development.front_end.url))
        .collect();
    with_client(&development, &caller, Page::of(shown, &caller))
}
