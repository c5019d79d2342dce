//! Signing in: an address and a code that is always the same, as in Clerk's test mode, or a ticket.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    answer::{remember, with_client},
    caller::Caller,
};
use crate::dev::{
    Development,
    clients::{SignIn, new_id},
    errors::Refusal,
    objects::SignInObject,
    register::{Person, Register},
};

/// The code that Clerk's test mode takes for every test address.
pub(super) const CODE: &str = "424242";

/// Begins a sign-in. With `strategy=ticket` it is complete at once, else a code is asked for; with
/// `strategy=email_code` or `phone_code` as if it had been sent already.
pub(super) async fn create(
    State(development): State<Arc<Development>>,
    mut caller: Caller,
) -> Result<Response, Refusal> {
    refuse_second_session(&development, &caller)?;
    let now = development.clock.now();
    let register = development.people.read()?;
    let mut attempt = SignIn {
        id: new_id("sia"),
        user_id: None,
        identifier: caller.text("identifier").map(str::to_owned),
        is_prepared: matches!(caller.text("strategy"), Some("email_code" | "phone_code")),
        session_id: None,
    };
    let mut signed_in = None;
    if let Some(ticket) = caller.text("ticket") {
        let owner = development.clients.change(|clients| clients.redeem(ticket, now))?;
        let person = owner.and_then(|owner| register.person(&owner).cloned());
        let person = person.ok_or_else(|| {
            let message = "The ticket is invalid or was used already.";
            Refusal::of_input("ticket", "ticket_invalid_code", message)
        })?;
        attempt.user_id = Some(person.clerk_id.clone());
        signed_in = Some(person);
    } else if let Some(identifier) = &attempt.identifier {
        let person = register.find_by_identifier(identifier);
        let person = person.ok_or_else(|| unknown(&register))?;
        attempt.user_id = Some(person.clerk_id.clone());
    }
    let (secret, attempt) = development.clients.change(|clients| {
        let (secret, client) = clients.get_or_create(caller.secret.as_deref(), now);
        if let Some(person) = &signed_in {
            let session = client.sign_in(&person.clerk_id, begin_in(person, &register), now);
            attempt.session_id = Some(session.id);
        }
        client.sign_in = attempt.session_id.is_none().then(|| attempt.clone());
        (secret, attempt)
    })?;
    caller.secret = Some(secret.clone());
    let shown = SignInObject::new(&attempt, &register, &development.front_end.url);
    Ok(remember(with_client(&development, &caller, shown)?, &secret))
}

/// Clerk's instances allow one session a browser unless told otherwise.
pub(super) fn refuse_second_session(
    development: &Development,
    caller: &Caller,
) -> Result<(), Refusal> {
    match caller.signed_in(development) {
        Err(_) => Ok(()),
        Ok(_) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "session_exists",
            "You're currently in single session mode. You can only be signed into one account at a time.",
        )),
    }
}

fn unknown(register: &Register) -> Refusal {
    let known: Vec<&str> = register
        .people
        .iter()
        .filter_map(|person| person.email.as_deref().or(person.phone.as_deref()))
        .take(5)
        .collect();
    let message = format!("Couldn't find your account. There are {}.", known.join(", "));
    Refusal::of_input("identifier", "form_identifier_not_found", message)
}

/// The organization that a new session works in.
fn begin_in(person: &Person, register: &Register) -> Option<String> {
    let last = person.organization.as_deref()?;
    register.active_organization(person, last).map(|active| active.id)
}

pub(super) async fn read(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let attempt = under_way(&development, &caller, &id)?;
    show(&development, &caller, &attempt)
}

/// Would send the code.
pub(super) async fn prepare(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut attempt = under_way(&development, &caller, &id)?;
    attempt.is_prepared = true;
    keep(&development, &caller, &attempt)?;
    show(&development, &caller, &attempt)
}

/// Takes the code.
pub(super) async fn attempt(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut attempt = under_way(&development, &caller, &id)?;
    check_code(&caller)?;
    let register = development.people.read()?;
    let person = attempt.user_id.as_deref().and_then(|id| register.person(id));
    let person = person.ok_or_else(Refusal::not_found)?;
    let now = development.clock.now();
    let session = development.clients.change(|clients| {
        let client = clients.get_mut(caller.secret.as_deref()?)?;
        client.sign_in = None;
        Some(client.sign_in(&person.clerk_id, begin_in(person, &register), now))
    })?;
    attempt.session_id = Some(session.ok_or_else(Refusal::not_found)?.id);
    show(&development, &caller, &attempt)
}

/// Refuses every code but the one.
pub(super) fn check_code(caller: &Caller) -> Result<(), Refusal> {
    if caller.text("code") == Some(CODE) {
        return Ok(());
    }
    let message = format!("Incorrect code. In development the code is {CODE}.");
    Err(Refusal::of_input("code", "form_code_incorrect", message))
}

fn under_way(development: &Development, caller: &Caller, id: &str) -> Result<SignIn, Refusal> {
    let clients = development.clients.read()?;
    let client = caller.secret.as_deref().and_then(|secret| clients.get(secret));
    let attempt = client.and_then(|client| client.sign_in.as_ref());
    attempt.filter(|attempt| attempt.id == id).cloned().ok_or_else(Refusal::not_found)
}

fn keep(development: &Development, caller: &Caller, attempt: &SignIn) -> Result<(), Refusal> {
    development.clients.change(|clients| {
        let secret = caller.secret.as_deref();
        if let Some(client) = secret.and_then(|secret| clients.get_mut(secret)) {
            client.sign_in = Some(attempt.clone());
        }
    })?;
    Ok(())
}

fn show(development: &Development, caller: &Caller, attempt: &SignIn) -> Result<Response, Refusal> {
    let register = development.people.read()?;
    let shown = SignInObject::new(attempt, &register, &development.front_end.url);
    with_client(development, caller, shown)
}
