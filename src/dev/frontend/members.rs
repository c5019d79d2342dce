//! Who is in an organization.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    answer::{Page, with_client},
    caller::Caller,
    organizations::{manager_of, member_of},
};
use crate::dev::{
    Development,
    errors::Refusal,
    objects::{MembershipObject, Role},
    register::{ADMIN, Membership, Register},
};

pub(super) async fn list(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (signed_in, organization) = member_of(&development, &caller, &id)?;
    let register = &signed_in.register;
    let members = register.memberships.iter();
    let shown = members
        .filter(|known| known.organization_id == organization.clerk_id)
        .filter_map(|known| MembershipObject::new(known, register, &development.front_end.url))
        .collect();
    with_client(&development, &caller, Page::of(shown, &caller))
}

pub(super) async fn add(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (signed_in, organization) = manager_of(&development, &caller, &id)?;
    let wanted = caller.text("user_id").and_then(|id| signed_in.register.person(id));
    let person = wanted.ok_or_else(Refusal::not_found)?;
    if signed_in.register.membership(&organization.clerk_id, &person.clerk_id).is_some() {
        let message = "This person is a member already.";
        return Err(Refusal::of_input("user_id", "already_a_member_in_organization", message));
    }
    let role = role(&caller)?;
    let made = development.set_membership(&organization.clerk_id, &person.clerk_id, role).await?;
    show(&development, &caller, &made)
}

pub(super) async fn update(
    State(development): State<Arc<Development>>,
    Path((id, user_id)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (signed_in, organization) = manager_of(&development, &caller, &id)?;
    let known = signed_in.register.membership(&organization.clerk_id, &user_id);
    let known = known.ok_or_else(Refusal::not_found)?;
    let role = role(&caller)?;
    if role != ADMIN {
        keep_a_manager(&signed_in.register, known)?;
    }
    let changed = development.set_membership(&organization.clerk_id, &user_id, role).await?;
    show(&development, &caller, &changed)
}

pub(super) async fn remove(
    State(development): State<Arc<Development>>,
    Path((id, user_id)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (signed_in, organization) = manager_of(&development, &caller, &id)?;
    let known = signed_in.register.membership(&organization.clerk_id, &user_id);
    end(&development, &caller, &signed_in.register, known.ok_or_else(Refusal::not_found)?).await
}

/// The caller leaves.
pub(super) async fn leave(
    State(development): State<Arc<Development>>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let (signed_in, organization) = member_of(&development, &caller, &id)?;
    let user_id = &signed_in.person.clerk_id;
    let known = signed_in.register.membership(&organization.clerk_id, user_id);
    end(&development, &caller, &signed_in.register, known.ok_or_else(Refusal::not_found)?).await
}

async fn end(
    development: &Development,
    caller: &Caller,
    register: &Register,
    membership: &Membership,
) -> Result<Response, Refusal> {
    keep_a_manager(register, membership)?;
    let shown = MembershipObject::new(membership, register, &development.front_end.url);
    let (organization_id, user_id) = (&membership.organization_id, &membership.user_id);
    development.delete_membership(organization_id, user_id).await?;
    with_client(development, caller, shown)
}

/// The last manager of an organization stays one.
fn keep_a_manager(register: &Register, membership: &Membership) -> Result<(), Refusal> {
    let others = register.memberships.iter().filter(|known| {
        known.organization_id == membership.organization_id
            && known.clerk_id != membership.clerk_id
            && known.role == ADMIN
    });
    if membership.role != ADMIN || others.count() > 0 {
        return Ok(());
    }
    let message =
        "There has to be at least one organization member with the minimum set of permissions.";
    Err(Refusal::new(StatusCode::BAD_REQUEST, "organization_minimum_permissions_needed", message))
}

fn role(caller: &Caller) -> Result<&'static str, Refusal> {
    let role = caller.text("role").and_then(Role::parse);
    let message = "The role is org:admin or org:member.";
    role.ok_or_else(|| Refusal::of_input("role", "form_param_value_invalid", message))
}

fn show(
    development: &Development,
    caller: &Caller,
    membership: &Membership,
) -> Result<Response, Refusal> {
    let register = development.people.read()?;
    let shown = MembershipObject::new(membership, &register, &development.front_end.url);
    with_client(development, caller, shown)
}
