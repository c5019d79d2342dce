//! Organizations: made, read and changed by their members.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    answer::{Page, with_client},
    caller::{Caller, SignedIn},
    text::required_name,
};
use crate::dev::{
    Development,
    errors::Refusal,
    objects::{Deleted, OrganizationObject, roles as known_roles},
    register::{ADMIN, Organization, Register},
};

/// The longest slug.
const LONGEST_SLUG: usize = 64;

pub(super) async fn create(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let SignedIn { person, register, .. } = caller.signed_in(&development)?;
    let name = required_name("name", caller.text("name"))?;
    let slug = caller.text("slug").map_or_else(|| slug_of(&name, &register), str::to_owned);
    check_slug(&slug, &register)?;
    let made = development.create_organization(&name, &slug, &person.clerk_id).await?;
    show(&development, &caller, &made)
}

/// The first free one that looks like the name.
fn slug_of(name: &str, register: &Register) -> String {
    let words: Vec<String> = name
        .to_lowercase()
        .split(|sign: char| !sign.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let mut base = words.join("-");
    base.truncate(LONGEST_SLUG - 8);
    if base.is_empty() {
        "organization".clone_into(&mut base);
    }
    let candidates = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}-{n}")));
    let mut free = candidates.filter(|slug| register.organization(slug).is_none());
    free.next().unwrap_or(base)
}

fn check_slug(slug: &str, register: &Register) -> Result<(), Refusal> {
    let is_slug = slug.len() <= LONGEST_SLUG
        && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_slug {
        let message = "Write letters, digits and hyphens only.";
        return Err(Refusal::of_input("slug", "form_param_format_invalid", message));
    }
    if register.organization(slug).is_some() {
        let message = "That slug is taken. Please try another.";
        return Err(Refusal::of_input("slug", "form_identifier_exists", message));
    }
    Ok(())
}

pub(super) async fn read(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (_, organization) = member_of(&development, &caller, &id)?;
    show(&development, &caller, &organization)
}

pub(super) async fn update(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (_, organization) = manager_of(&development, &caller, &id)?;
    let name = required_name("name", caller.text("name"))?;
    let changed = development.rename_organization(&organization.clerk_id, &name).await?;
    show(&development, &caller, &changed.ok_or_else(Refusal::not_found)?)
}

pub(super) async fn delete(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (_, organization) = manager_of(&development, &caller, &id)?;
    development.delete_organization(&organization.clerk_id).await?;
    with_client(&development, &caller, Deleted::new("organization", &organization.clerk_id))
}

pub(super) async fn roles(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    member_of(&development, &caller, &id)?;
    with_client(&development, &caller, Page::of(known_roles(), &caller))
}

/// Invitations, suggestions, requests and domains: there are none here.
pub(super) async fn nothing(
    State(development): State<Arc<Development>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    caller.signed_in(&development)?;
    with_client(&development, &caller, Page::<()>::of(Vec::new(), &caller))
}

fn show(
    development: &Development,
    caller: &Caller,
    organization: &Organization,
) -> Result<Response, Refusal> {
    let register = development.people.read()?;
    let shown = OrganizationObject::new(organization, &register, &development.front_end.url);
    with_client(development, caller, shown)
}

/// The caller with an organization that they are a member of. Any other does not exist for them.
pub(super) fn member_of(
    development: &Development,
    caller: &Caller,
    id: &str,
) -> Result<(SignedIn, Organization), Refusal> {
    let signed_in = caller.signed_in(development)?;
    let organization = signed_in.register.organization(id).cloned();
    let organization = organization.ok_or_else(Refusal::not_found)?;
    let user_id = &signed_in.person.clerk_id;
    signed_in
        .register
        .membership(&organization.clerk_id, user_id)
        .ok_or_else(Refusal::not_found)?;
    Ok((signed_in, organization))
}

/// The caller with an organization that they manage.
pub(super) fn manager_of(
    development: &Development,
    caller: &Caller,
    id: &str,
) -> Result<(SignedIn, Organization), Refusal> {
    let (signed_in, organization) = member_of(development, caller, id)?;
    let own = signed_in.register.membership(&organization.clerk_id, &signed_in.person.clerk_id);
    if own.is_some_and(|own| own.role == ADMIN) {
        return Ok((signed_in, organization));
    }
    let message = "You are not allowed to do this in this organization.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "not_allowed_access", message))
}
