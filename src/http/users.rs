//! The REST face of the account functions, for clients of the original product: the same functions as
//! the GraphQL face, in snake case.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    rest::{answer, read_body, read_members, session, within_bounds},
    rest_error::{Place, RestError},
    state::AppState,
};
use crate::{
    accounts::{DeletionRequest, Mistake, MistakeKind, ProfileInput, ResolveOptions, Target},
    auth::{Authentication, Session},
    model::{User, UserId},
    store::users::ProfileChanges,
};

/// What a PATCH may change.
const MEMBERS: [&str; 6] = ["name", "preferred_name", "pronouns", "timezone", "notes", "context"];
/// The most unknown members of a PATCH that are named in the answer.
const MAX_UNKNOWN: usize = 10;
/// The most characters of a name of the client's that are repeated.
const LONGEST_NAME: usize = 60;

/// The profile as the product text shows it.
#[derive(Serialize)]
struct Profile<'a> {
    id: UserId,
    clerk_user_id: &'a str,
    email: Option<&'a str>,
    name: Option<&'a str>,
    preferred_name: Option<&'a str>,
    pronouns: Option<&'a str>,
    timezone: Option<&'a str>,
    notes: Option<&'a str>,
    context: Option<&'a str>,
    is_super_admin: bool,
}

impl<'a> Profile<'a> {
    fn new(user: &'a User, session: &Session) -> Self {
        Self {
            id: user.id,
            clerk_user_id: &user.clerk_user_id,
            email: user.email.as_deref(),
            name: user.name.as_deref(),
            preferred_name: user.preferred_name.as_deref(),
            pronouns: user.pronouns.as_deref(),
            timezone: user.timezone.as_deref(),
            notes: user.notes.as_deref(),
            context: user.context.as_deref(),
            is_super_admin: session.is_super_admin(user),
        }
    }
}

/// `POST /api/v1/auth/bootstrap`
pub(crate) async fn bootstrap(
    State(state): State<Arc<AppState>>,
    Extension(authentication): Extension<Authentication>,
) -> Response {
    let session = match session(authentication) {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    within_bounds(&state, async {
        let resolved = state.accounts.bootstrap(&session).await?;
        Ok(profile(&state, &resolved.user, &session))
    })
    .await
}

/// `GET /api/v1/users/me`
pub(crate) async fn read(
    State(state): State<Arc<AppState>>,
    Extension(authentication): Extension<Authentication>,
) -> Response {
    let session = match session(authentication) {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    within_bounds(&state, async {
        let resolved = state.accounts.resolve(&session, ResolveOptions::default()).await?;
        Ok(profile(&state, &resolved.user, &session))
    })
    .await
}

/// `PATCH /api/v1/users/me`: members left out keep their value, `null` clears.
pub(crate) async fn update(
    State(state): State<Arc<AppState>>,
    Extension(authentication): Extension<Authentication>,
    request: Request,
) -> Response {
    let session = match session(authentication) {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    let bytes = match read_body(&state, request).await {
        Ok(bytes) => bytes,
        Err(error) => return error.into_response(),
    };
    within_bounds(&state, async {
        let sent = read_members(&bytes)?;
        let resolved = state.accounts.resolve(&session, ResolveOptions::default()).await?;
        let changes =
            check(sent).map_err(|mistakes| RestError::mistakes(Place::Body, &mistakes))?;
        let user = state.accounts.update_profile(&resolved.user, &changes).await?;
        Ok(profile(&state, &user, &session))
    })
    .await
}

/// `DELETE /api/v1/users/me`: here and at Clerk.
pub(crate) async fn delete(
    State(state): State<Arc<AppState>>,
    Extension(authentication): Extension<Authentication>,
) -> Response {
    let session = match session(authentication) {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    within_bounds(&state, async {
        let request = DeletionRequest { target: Target::Own, from_clerk: true };
        let caller = state.accounts.find_deleting_user(&session).await?;
        state.accounts.delete_user(&session, caller, request).await?;
        Ok(Json(json!({ "ok": true })).into_response())
    })
    .await
}

/// A profile has no longest answer of its own, because its fields have and nobody can ask for a part of it.
fn profile(state: &AppState, user: &User, session: &Session) -> Response {
    answer(state, usize::MAX, &Profile::new(user, session))
}

/// The changes that a PATCH asks for: each member a string or `null`, none unknown. Otherwise every
/// mistake, in the order of the fields.
fn check(mut members: Map<String, Value>) -> Result<ProfileChanges, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut take = |field| take_text(&mut members, field, &mut mistakes);
    let input = ProfileInput {
        name: take("name"),
        preferred_name: take("preferred_name"),
        pronouns: take("pronouns"),
        timezone: take("timezone"),
        notes: take("notes"),
        context: take("context"),
    };
    let checked = input.validate();
    if let Err(others) = &checked {
        mistakes.extend_from_slice(others);
    }
    mistakes.sort_by_key(|mistake| MEMBERS.iter().position(|member| *member == mistake.field));
    // However much was sent, the answer is short.
    mistakes.extend(members.keys().take(MAX_UNKNOWN).map(|name| Mistake {
        field: name.chars().take(LONGEST_NAME).collect::<String>().into(),
        kind: MistakeKind::Invalid,
        message: format!("There is no such member. Known are {}.", MEMBERS.join(", ")),
    }));
    if mistakes.is_empty() { checked } else { Err(mistakes) }
}

fn take_text(
    members: &mut Map<String, Value>,
    field: &'static str,
    mistakes: &mut Vec<Mistake>,
) -> Option<Option<String>> {
    match members.remove(field)? {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text)),
        _ => {
            mistakes.push(Mistake {
                field: field.into(),
                kind: MistakeKind::Invalid,
                message: "Send a string, or null to clear the field.".to_owned(),
            });
            None
        }
    }
}
