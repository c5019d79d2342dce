//! A server that does not know who is asking sends the browser here, and gets it back with the cookies to
//! set on its own name: who is signed in, and a fresh session token.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use url::Url;

use super::{answer::mint, caller::Caller};
use crate::{
    dev::{Development, clients::new_id, errors::Refusal},
    loopback,
};

/// How long the cookies last, in seconds: a year. What they say is checked each time.
const SECONDS: u32 = 365 * 24 * 60 * 60;

pub(super) async fn answer(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut back = destination(&caller)?;
    let origin = back.origin().ascii_serialization();
    let clients = development.clients.read()?;
    let client = caller.secret.as_deref().and_then(|secret| clients.get(secret));
    let session = client.and_then(|client| client.active(None));
    let register = development.people.read()?;
    let token = session
        .map(|session| mint(&development, session, &register, Some(&origin)))
        .transpose()?
        .flatten();
    let signed_in_at = session.filter(|_| token.is_some()).map_or(0, |session| {
        // In seconds, and not after the token was issued: what is older counts as overtaken.
        session.created_at / 1000
    });
    let dev_browser = caller.text("__clerk_db_jwt").map_or_else(|| new_id("dvb"), str::to_owned);

    let mut cookies = Vec::new();
    let mut set = |name: &str, value: &str, age: u32| {
        let suffix = development.front_end.cookie_suffix();
        for name in [name.to_owned(), format!("{name}_{suffix}")] {
            cookies.push(format!("{name}={value}; Path=/; Max-Age={age}; SameSite=Lax"));
        }
    };
    set("__clerk_db_jwt", &cookie_value(&dev_browser), SECONDS);
    set("__client_uat", &signed_in_at.to_string(), SECONDS);
    match &token {
        Some(token) => set("__session", token, SECONDS),
        None => set("__session", "", 0),
    }
    let handshake = development.issuer.sign_handshake(&cookies)?;
    back.query_pairs_mut().append_pair("__clerk_handshake", &handshake);
    let headers = [(header::LOCATION, back.to_string())];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// Where to go back to: pages of this machine only, because a session token goes with it.
fn destination(caller: &Caller) -> Result<Url, Refusal> {
    let url = caller.text("redirect_url").and_then(|text| Url::parse(text).ok());
    let is_ours = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some_and(|host| loopback::is_loopback(&host))
    };
    url.filter(is_ours).ok_or_else(|| {
        let message = "redirect_url has to be a page of this machine, at localhost or 127.0.0.1.";
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_url", message)
    })
}

/// What was sent is repeated in a cookie, so it may hold nothing that a cookie is made of.
fn cookie_value(text: &str) -> String {
    let is_plain = |sign: &char| sign.is_ascii_alphanumeric() || "._-".contains(*sign);
    text.chars().filter(is_plain).take(1024).collect()
}
