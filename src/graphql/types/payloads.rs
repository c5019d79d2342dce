//! Inputs and payloads of the mutations.

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};

use super::{ClerkDeletion, User, UserErrorCode};
use crate::accounts::{DeletedAccount, Mistake, ProfileInput};

/// Result of `bootstrap`.
#[derive(SimpleObject)]
pub(crate) struct BootstrapPayload {
    /// The signed-in user.
    pub(crate) user: User,
    /// Whether this call created the user; use it to show a welcome.
    pub(crate) created: bool,
}

/// Changes to the caller's profile. Leave a field out to keep it, send `null` to clear it.
#[derive(InputObject)]
pub(crate) struct UpdateProfileInput {
    /// Full display name, at most 200 characters. Cleared, it is filled again with the name at Clerk.
    name: MaybeUndefined<String>,
    /// Short name, at most 100 characters.
    preferred_name: MaybeUndefined<String>,
    /// Pronouns, at most 100 characters.
    pronouns: MaybeUndefined<String>,
    /// IANA time zone name; letter case is corrected, unknown names are refused.
    timezone: MaybeUndefined<String>,
    /// Notes for operators, at most 10,000 characters.
    notes: MaybeUndefined<String>,
    /// Background used to personalise the product, at most 10,000 characters.
    context: MaybeUndefined<String>,
}

impl From<UpdateProfileInput> for ProfileInput {
    fn from(input: UpdateProfileInput) -> Self {
        Self {
            name: change(input.name),
            preferred_name: change(input.preferred_name),
            pronouns: change(input.pronouns),
            timezone: change(input.timezone),
            notes: change(input.notes),
            context: change(input.context),
        }
    }
}

fn change(field: MaybeUndefined<String>) -> Option<Option<String>> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// Result of `updateProfile`: either `user`, or `userErrors` and nothing changed.
#[derive(SimpleObject)]
pub(crate) struct UpdateProfilePayload {
    /// The updated user; `null` when `userErrors` is not empty.
    pub(crate) user: Option<User>,
    /// What the user can correct; empty on success.
    pub(crate) user_errors: Vec<UserError>,
}

/// A mistake in the input that the user can correct.
#[derive(SimpleObject)]
pub(crate) struct UserError {
    /// What is wrong, for programs.
    code: UserErrorCode,
    /// What is wrong and how to correct it, for people.
    message: String,
    /// Path to the input field, for example `["input", "timezone"]`.
    field: Vec<String>,
}

impl From<Mistake> for UserError {
    fn from(mistake: Mistake) -> Self {
        let name = match mistake.field.as_ref() {
            "preferred_name" => "preferredName",
            "organization_id" => "organizationId",
            name => name,
        };
        let field = vec!["input".to_owned(), name.to_owned()];
        Self { code: mistake.kind.into(), message: mistake.message, field }
    }
}

/// Options for `deleteUser`.
#[derive(InputObject)]
pub(crate) struct DeleteUserInput {
    /// The user to delete; leave out for the caller's own account. Deleting anyone else takes a super admin.
    pub(crate) user_id: Option<ID>,
    /// Whether to delete the user at Clerk as well. If `false`, a later sign-in creates a new, empty account.
    #[graphql(default = true)]
    pub(crate) delete_from_clerk: bool,
}

/// Result of `deleteUser`. Sign the user out and evict the IDs from the client's cache.
#[derive(SimpleObject)]
pub(crate) struct DeleteUserPayload {
    /// ID of the deleted user.
    deleted_user_id: ID,
    /// IDs of the organizations deleted because nobody else was in them.
    deleted_organization_ids: Vec<ID>,
    /// What became of the user at Clerk.
    clerk_deletion: ClerkDeletion,
}

impl From<DeletedAccount> for DeleteUserPayload {
    fn from(deleted: DeletedAccount) -> Self {
        Self {
            deleted_user_id: ID(deleted.user_id.to_string()),
            deleted_organization_ids: deleted
                .organizations
                .iter()
                .map(|id| ID(id.to_string()))
                .collect(),
            clerk_deletion: deleted.at_clerk.into(),
        }
    }
}
