//! The routes of the original's front end about organizations, their members and invitations. `me` in a path is
//! the organization that the caller works in.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, RawQuery, Request, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, patch, post, put},
};
use serde_json::{Map, Value, json};

use super::{
    organization_bodies::{faults, take, take_role},
    organization_shapes::{Invite, Listed, Member, Organization, Page},
    paging::PageWish,
    rest::{answer, read_body, read_members, session, within_bounds},
    rest_error::RestError,
    state::AppState,
};
use crate::{
    accounts::{AccountError, InvitationRequest, MemberTarget, Mistake, ResolveOptions},
    auth::{Authentication, Session},
    model::{InvitationId, MembershipId, OrganizationId, Role, User},
    store::memberships::VisibleMembership,
};

/// The routes, each of which needs a session.
pub(crate) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/api/v1/organizations", post(create))
        .route("/api/v1/organizations/me", get(read).delete(delete))
        .route("/api/v1/organizations/me/list", get(list))
        .route("/api/v1/organizations/me/active", patch(set_active))
        .route("/api/v1/organizations/me/member", get(own_member))
        .route("/api/v1/organizations/me/members", get(members))
        .route(
            "/api/v1/organizations/me/members/{id}",
            get(member).patch(change_role).delete(remove_member),
        )
        .route("/api/v1/organizations/me/members/{id}/access", put(set_access))
        .route("/api/v1/organizations/me/invites", get(invites).post(invite))
        .route("/api/v1/organizations/me/invites/{id}", axum::routing::delete(revoke))
        .route("/api/v1/organizations/invites/accept", post(accept))
        .route("/api/v1/boards", get(boards))
}

/// What a handler is called with.
type Server = State<Arc<AppState>>;
type Caller = Extension<Authentication>;
/// The id in a path, unless it is no text.
type Id = Result<Path<String>, PathRejection>;

/// Does the work of a signed-in caller within the bounds, and answers what it comes to.
async fn serve<T, F>(
    state: &Arc<AppState>,
    Extension(authentication): Caller,
    work: impl FnOnce(Arc<AppState>, Arc<Session>) -> F,
) -> Response
where
    T: serde::Serialize,
    F: Future<Output = Result<T, RestError>>,
{
    let session = match session(authentication) {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    let work = work(state.clone(), session);
    within_bounds(state, async { Ok(answer(state, state.limits.response_bytes, &work.await?)) })
        .await
}

/// The same with the members of a JSON body, which is read first.
async fn serve_body<T, F>(
    state: &Arc<AppState>,
    caller: Caller,
    request: Request,
    work: impl FnOnce(Arc<AppState>, Arc<Session>, Map<String, Value>) -> F,
) -> Response
where
    T: serde::Serialize,
    F: Future<Output = Result<T, RestError>>,
{
    let sent = if matches!(&caller.0, Authentication::SignedIn(_)) {
        read_body(state, request).await.and_then(|bytes| read_members(&bytes))
    } else {
        // Refused without a look at the body.
        Ok(Map::new())
    };
    match sent {
        Ok(sent) => serve(state, caller, |state, session| work(state, session, sent)).await,
        Err(error) => error.into_response(),
    }
}

/// `POST /api/v1/organizations`
async fn create(State(state): Server, caller: Caller, request: Request) -> Response {
    serve_body(&state, caller, request, |state, session, mut sent| async move {
        state.accounts.resolve(&session, ResolveOptions::default()).await?;
        let mut mistakes = Vec::new();
        let Some(name) = take(&mut sent, "name", &mut mistakes) else {
            return Err(faults(&mistakes));
        };
        let (created, _) = state.accounts.create_organization(&session, &name).await?;
        Ok(Organization::of(&created.organization))
    })
    .await
}

/// `GET /api/v1/organizations/me/list`
async fn list(State(state): Server, caller: Caller) -> Response {
    serve(&state, caller, |state, session| async move {
        let (rows, active) = state.accounts.all_memberships(&session).await?;
        Ok(Listed::all(&rows, active.as_deref()))
    })
    .await
}

/// `PATCH /api/v1/organizations/me/active`
async fn set_active(State(state): Server, caller: Caller, request: Request) -> Response {
    serve_body(&state, caller, request, |state, session, mut sent| async move {
        let user = state.accounts.resolve(&session, ResolveOptions::default()).await?.user;
        let mut mistakes = Vec::new();
        let Some(id) = take(&mut sent, "organization_id", &mut mistakes) else {
            return Err(faults(&mistakes));
        };
        let id = OrganizationId::parse(&id);
        let (organization, _) = state.accounts.set_active_organization(&user, id).await?;
        Ok(Organization::of(&organization.organization))
    })
    .await
}

/// `GET /api/v1/organizations/me`
async fn read(State(state): Server, caller: Caller) -> Response {
    serve(&state, caller, |state, session| async move {
        let (_, own) = state.accounts.working(&session).await?;
        Ok(Organization::of(&own.organization.organization))
    })
    .await
}

/// `DELETE /api/v1/organizations/me`
async fn delete(State(state): Server, caller: Caller) -> Response {
    serve(&state, caller, |state, session| async move {
        let (user, id, _) = working(&state, &session).await?;
        state.accounts.delete_organization(&user, Some(id)).await?;
        Ok(json!({ "ok": true }))
    })
    .await
}

/// `GET /api/v1/organizations/me/member`
async fn own_member(State(state): Server, caller: Caller) -> Response {
    serve(&state, caller, |state, session| async move {
        let (_, own) = state.accounts.working(&session).await?;
        Ok(Member::of(&own))
    })
    .await
}

/// `GET /api/v1/organizations/me/members`
async fn members(State(state): Server, caller: Caller, RawQuery(query): RawQuery) -> Response {
    serve(&state, caller, |state, session| async move {
        let (user, id, _) = working(&state, &session).await?;
        let wish = PageWish::read(query.as_deref())?;
        let page = state.accounts.page_of_members(&user, id, wish.limit, wish.offset);
        let (rows, total) = page.await?;
        let items = rows.iter().map(|row| Member::of(row)).collect();
        Ok(Page::new(items, total, wish))
    })
    .await
}

/// `GET /api/v1/organizations/me/members/{id}`
async fn member(State(state): Server, caller: Caller, id: Id) -> Response {
    serve(&state, caller, |state, session| async move {
        let (user, organization, _) = working(&state, &session).await?;
        let id = MembershipId::parse(&text(id));
        Ok(Member::of(&*state.accounts.member(&user, organization, id).await?))
    })
    .await
}

/// `PATCH /api/v1/organizations/me/members/{id}`
async fn change_role(State(state): Server, caller: Caller, id: Id, request: Request) -> Response {
    serve_body(&state, caller, request, |state, session, mut sent| async move {
        let (user, organization, _) = working(&state, &session).await?;
        let mut mistakes = Vec::new();
        let Some(role) = take_role(&mut sent, None, &mut mistakes) else {
            return Err(faults(&mistakes));
        };
        let target =
            MemberTarget { id: MembershipId::parse(&text(id)), within: Some(organization) };
        Ok(Member::of(&*state.accounts.change_role(&user, target, role).await?))
    })
    .await
}

/// `DELETE /api/v1/organizations/me/members/{id}`
async fn remove_member(State(state): Server, caller: Caller, id: Id) -> Response {
    serve(&state, caller, |state, session| async move {
        let (user, organization, _) = working(&state, &session).await?;
        let target =
            MemberTarget { id: MembershipId::parse(&text(id)), within: Some(organization) };
        state.accounts.remove_member(&user, target).await?;
        Ok(json!({ "ok": true }))
    })
    .await
}

/// `PUT /api/v1/organizations/me/members/{id}/access`
async fn set_access(State(state): Server, caller: Caller) -> Response {
    serve(&state, caller, |state, session| async move {
        working(&state, &session).await?;
        let detail =
            "This server has no boards. What a member may do follows from the role: change that.";
        Err::<Value, _>(RestError::new(StatusCode::NOT_IMPLEMENTED, detail))
    })
    .await
}

/// `GET /api/v1/organizations/me/invites`
async fn invites(State(state): Server, caller: Caller, RawQuery(query): RawQuery) -> Response {
    serve(&state, caller, |state, session| async move {
        let (user, _, own) = working(&state, &session).await?;
        let open = state.accounts.invitations_into(&user, &own.organization).await?;
        let wish = PageWish::read(query.as_deref())?;
        let total = i64::try_from(open.len()).unwrap_or(i64::MAX);
        let items = wish.cut(&open).map(|row| Invite::listed(&row.invitation)).collect();
        Ok(Page::new(items, total, wish))
    })
    .await
}

/// `POST /api/v1/organizations/me/invites`
async fn invite(State(state): Server, caller: Caller, request: Request) -> Response {
    serve_body(&state, caller, request, |state, session, mut sent| async move {
        let (user, organization, _) = working(&state, &session).await?;
        let mut mistakes = Vec::new();
        let email = take(&mut sent, INVITED, &mut mistakes);
        let role = take_role(&mut sent, Some(Role::Member), &mut mistakes);
        let (Some(email), Some(role)) = (email, role) else { return Err(faults(&mistakes)) };
        let request = InvitationRequest { organization: Some(organization), email, role };
        let issued = state.accounts.invite(&user, &request).await.map_err(|error| match error {
            AccountError::Mistakes(mistakes) => AccountError::Mistakes(
                mistakes
                    .into_iter()
                    .map(|found| Mistake { field: INVITED.into(), ..found })
                    .collect(),
            ),
            other => other,
        })?;
        Ok(Invite::issued(&issued))
    })
    .await
}

/// The name that an invited address has here.
const INVITED: &str = "invited_email";

/// `DELETE /api/v1/organizations/me/invites/{id}`
async fn revoke(State(state): Server, caller: Caller, id: Id) -> Response {
    serve(&state, caller, |state, session| async move {
        let (user, organization, _) = working(&state, &session).await?;
        let id = InvitationId::parse(&text(id));
        let revoked = state.accounts.revoke_invitation(&user, id, Some(organization)).await?;
        Ok(Invite::listed(&revoked))
    })
    .await
}

/// `POST /api/v1/organizations/invites/accept`
async fn accept(State(state): Server, caller: Caller, request: Request) -> Response {
    serve_body(&state, caller, request, |state, session, mut sent| async move {
        let user = state.accounts.resolve(&session, ResolveOptions::default()).await?.user;
        let mut mistakes = Vec::new();
        let Some(token) = take(&mut sent, "token", &mut mistakes) else {
            return Err(faults(&mistakes));
        };
        let (member, _) = state.accounts.accept_invitation(&session, &user, &token).await?;
        Ok(Member::of(&member))
    })
    .await
}

/// `GET /api/v1/boards`: boards are not this product's, and the page of organizations reads them.
async fn boards(State(state): Server, caller: Caller, RawQuery(query): RawQuery) -> Response {
    serve(&state, caller, |state, session| async move {
        state.accounts.resolve(&session, ResolveOptions::default()).await?;
        Ok(Page::<Value>::new(Vec::new(), 0, PageWish::read(query.as_deref())?))
    })
    .await
}

/// What is no text is the id of nothing.
fn text(id: Id) -> String {
    id.map_or_else(|_| String::new(), |Path(id)| id)
}

/// Who asks, and where they work.
async fn working(
    state: &AppState,
    session: &Session,
) -> Result<(Arc<User>, OrganizationId, Arc<VisibleMembership>), RestError> {
    let (user, own) = state.accounts.working(session).await?;
    Ok((user, own.membership.organization_id, own))
}
