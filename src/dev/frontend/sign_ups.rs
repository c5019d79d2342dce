//! Signing up: an e-mail address, a name if wanted, and the code that is always the same.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    answer::{remember, with_client},
    caller::Caller,
    sign_ins::{check_code, refuse_second_session},
    text::{email, name},
};
use crate::dev::{
    Development,
    clients::{SignUp, new_id},
    errors::Refusal,
    objects::SignUpObject,
    register::NewPerson,
};

pub(super) async fn create(
    State(development): State<Arc<Development>>,
    mut caller: Caller,
) -> Result<Response, Refusal> {
    refuse_second_session(&development, &caller)?;
    let mut attempt = SignUp { id: new_id("sua"), ..SignUp::default() };
    fill_in(&development, &caller, &mut attempt)?;
    let now = development.clock.now();
    let secret = development.clients.change(|clients| {
        let (secret, client) = clients.get_or_create(caller.secret.as_deref(), now);
        client.sign_up = Some(attempt.clone());
        secret
    })?;
    caller.secret = Some(secret.clone());
    let response = with_client(&development, &caller, SignUpObject::new(&attempt))?;
    Ok(remember(response, &secret))
}

pub(super) async fn read(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let attempt = under_way(&development, &caller, &id)?;
    with_client(&development, &caller, SignUpObject::new(&attempt))
}

pub(super) async fn update(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut attempt = under_way(&development, &caller, &id)?;
    fill_in(&development, &caller, &mut attempt)?;
    keep(&development, &caller, &attempt)
}

/// Would send the code.
pub(super) async fn prepare(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut attempt = under_way(&development, &caller, &id)?;
    attempt.is_prepared = true;
    keep(&development, &caller, &attempt)
}

/// Takes the code; the person exists from then on and is signed in.
pub(super) async fn attempt(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let mut attempt = under_way(&development, &caller, &id)?;
    check_code(&caller)?;
    let email = attempt.email.clone().ok_or_else(Refusal::not_found)?;
    refuse_taken(&development, &email)?;
    let new = NewPerson {
        first_name: attempt.first_name.clone(),
        last_name: attempt.last_name.clone(),
        email,
    };
    let person = development.sign_up(new).await?;
    let now = development.clock.now();
    let session = development.clients.change(|clients| {
        let client = clients.get_mut(caller.secret.as_deref()?)?;
        client.sign_up = None;
        Some(client.sign_in(&person.clerk_id, None, now))
    })?;
    attempt.session_id = Some(session.ok_or_else(Refusal::not_found)?.id);
    attempt.user_id = Some(person.clerk_id);
    with_client(&development, &caller, SignUpObject::new(&attempt))
}

fn fill_in(
    development: &Development,
    caller: &Caller,
    attempt: &mut SignUp,
) -> Result<(), Refusal> {
    if let Some(wanted) = caller.text("email_address") {
        let email = email("email_address", wanted)?;
        refuse_taken(development, &email)?;
        attempt.is_prepared &= attempt.email.as_deref() == Some(email.as_str());
        attempt.email = Some(email);
    }
    if let Some(first_name) = caller.given("first_name") {
        attempt.first_name = name("first_name", first_name)?;
    }
    if let Some(last_name) = caller.given("last_name") {
        attempt.last_name = name("last_name", last_name)?;
    }
    Ok(())
}

fn refuse_taken(development: &Development, email: &str) -> Result<(), Refusal> {
    let register = development.people.read()?;
    if register.find_by_identifier(email).is_none() {
        return Ok(());
    }
    let message = "That email address is taken. Please try another.";
    Err(Refusal::of_input("email_address", "form_identifier_exists", message))
}

fn under_way(development: &Development, caller: &Caller, id: &str) -> Result<SignUp, Refusal> {
    let clients = development.clients.read()?;
    let client = caller.secret.as_deref().and_then(|secret| clients.get(secret));
    let attempt = client.and_then(|client| client.sign_up.as_ref());
    attempt.filter(|attempt| attempt.id == id).cloned().ok_or_else(Refusal::not_found)
}

fn keep(development: &Development, caller: &Caller, attempt: &SignUp) -> Result<Response, Refusal> {
    development.clients.change(|clients| {
        let secret = caller.secret.as_deref();
        if let Some(client) = secret.and_then(|secret| clients.get_mut(secret)) {
            client.sign_up = Some(attempt.clone());
        }
    })?;
    with_client(development, caller, SignUpObject::new(attempt))
}
