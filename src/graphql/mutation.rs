//! Write operations: read the input, call an account function, show the result.

use async_graphql::{Context, Object};

use super::{
    context::ContextExt,
    types::{
        BootstrapPayload, DeleteUserInput, DeleteUserPayload, UpdateProfileInput,
        UpdateProfilePayload, User,
    },
};
use crate::{
    accounts::{DeletionRequest, ProfileInput, Target},
    error::ApiError,
    model::UserId,
};

/// The mutation root.
pub struct Mutation;

/// Write operations. Each needs a valid session token.
#[Object]
impl Mutation {
    /// Makes sure the caller has a user record, an organization and a membership, synchronises them with
    /// Clerk, and returns the result. Safe to repeat. Call it once after sign-in.
    async fn bootstrap(&self, ctx: &Context<'_>) -> Result<BootstrapPayload, ApiError> {
        let resolved = ctx.viewer().bootstrap().await?;
        Ok(BootstrapPayload { user: User(resolved.user), created: resolved.created })
    }

    /// Changes the caller's own profile. Fields left out keep their value; `null` clears a field.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload, ApiError> {
        let viewer = ctx.viewer();
        viewer.resolved(false).await?;
        let changes = match ProfileInput::from(input).validate() {
            Ok(changes) => changes,
            Err(mistakes) => {
                let user_errors = mistakes.into_iter().map(Into::into).collect();
                return Ok(UpdateProfilePayload { user: None, user_errors });
            }
        };
        let updated = viewer.update_profile(&changes).await?;
        Ok(UpdateProfilePayload { user: Some(User(updated)), user_errors: Vec::new() })
    }

    /// Deletes an account (by default the caller's), every organization in which that user is the only
    /// member, and unless told otherwise the user at Clerk. Cannot be undone. Safe to repeat after a failure.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Options; leave out for the defaults.")] input: Option<DeleteUserInput>,
    ) -> Result<DeleteUserPayload, ApiError> {
        let target = match input.as_ref().and_then(|input| input.user_id.as_ref()) {
            None => Target::Own,
            Some(id) => UserId::parse(id).map_or(Target::Nobody, Target::User),
        };
        let from_clerk = input.is_none_or(|input| input.delete_from_clerk);
        let deleted = ctx.viewer().delete_user(DeletionRequest { target, from_clerk }).await?;
        Ok(deleted.into())
    }
}
