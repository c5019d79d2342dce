//! What goes back to the SDK: the object asked for, and beside it the browser with all its sessions, which
//! the SDK takes over each time.

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::caller::{CLIENT_COOKIE, Caller};
use crate::dev::{
    Development, Minting, TOKEN_TTL,
    clients::{Client, Session},
    errors::Refusal,
    objects::{ClientObject, SessionObject},
    register::Register,
};

/// How long the browser keeps its cookie, in seconds: a year.
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

#[derive(Serialize)]
struct Envelope<T> {
    response: T,
    client: Option<ClientObject>,
}

/// One page of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    data: Vec<T>,
    total_count: usize,
}

impl<T> Page<T> {
    /// The part of `all` that `limit` and `offset` ask for.
    pub(super) fn of(all: Vec<T>, caller: &Caller) -> Self {
        let total_count = all.len();
        let offset = caller.number("offset").unwrap_or(0);
        let limit = caller.number("limit").unwrap_or(10).clamp(1, 500);
        Self { data: all.into_iter().skip(offset).take(limit).collect(), total_count }
    }
}

/// An object with the caller's browser.
pub(super) fn with_client<T: Serialize>(
    development: &Development,
    caller: &Caller,
    response: T,
) -> Result<Response, Refusal> {
    let clients = development.clients.read()?;
    let client = caller.secret.as_deref().and_then(|secret| clients.get(secret));
    let client = client.map(|client| show(development, caller, client)).transpose()?;
    Ok(Json(Envelope { response, client }).into_response())
}

/// The browser itself, alone as `response`.
pub(super) fn client_alone(
    development: &Development,
    caller: &Caller,
) -> Result<Response, Refusal> {
    let clients = development.clients.read()?;
    let client = caller.secret.as_deref().and_then(|secret| clients.get(secret));
    let response = client.map(|client| show(development, caller, client)).transpose()?;
    Ok(Json(Envelope { response, client: None }).into_response())
}

fn show(
    development: &Development,
    caller: &Caller,
    client: &Client,
) -> Result<ClientObject, Refusal> {
    let register = development.people.read()?;
    let mut sessions = Vec::new();
    for session in client.active_sessions() {
        sessions.push(show_session(development, caller, session, &register)?);
    }
    Ok(ClientObject::new(client, sessions, &register, &development.front_end.url))
}

/// A session with a token that was made just now.
pub(super) fn show_session(
    development: &Development,
    caller: &Caller,
    session: &Session,
    register: &Register,
) -> Result<SessionObject, Refusal> {
    let origin = caller.origin.as_deref();
    let token = mint(development, session, register, origin)?;
    Ok(SessionObject::new(session, register, token, &development.front_end.url))
}

/// A token of a session; `None` when its person is gone.
pub(super) fn mint(
    development: &Development,
    session: &Session,
    register: &Register,
    origin: Option<&str>,
) -> Result<Option<String>, Refusal> {
    let minting = minting(session, register, origin);
    Ok(minting.map(|minting| development.issuer.mint(&minting)).transpose()?)
}

/// What a token of a session says.
pub(super) fn minting<'a>(
    session: &'a Session,
    register: &'a Register,
    origin: Option<&'a str>,
) -> Option<Minting<'a>> {
    let person = register.person(&session.user_id)?;
    let organization = session.organization.as_deref();
    Some(Minting {
        person,
        session: Some(&session.id),
        origin,
        ttl: TOKEN_TTL,
        is_expired: false,
        with_profile: true,
        organization: organization.and_then(|id| register.active_organization(person, id)),
    })
}

/// Gives the browser its cookie. It goes to the issuer alone, and not with requests of other sites.
pub(super) fn remember(mut response: Response, secret: &str) -> Response {
    let cookie = format!(
        "{CLIENT_COOKIE}={secret}; Path=/dev/clerk; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax"
    );
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
