//! What the bodies of requests about organizations hold.

use serde_json::{Map, Value};

use super::rest_error::{Place, RestError};
use crate::{
    accounts::{Mistake, MistakeKind},
    model::Role,
};

/// The answer to a body with mistakes.
pub(super) fn faults(mistakes: &[Mistake]) -> RestError {
    RestError::mistakes(Place::Body, mistakes)
}

/// A text that has to be there. Members that nobody asks for are left alone: the original's front end sends some
/// about boards.
pub(super) fn take(
    sent: &mut Map<String, Value>,
    field: &'static str,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    match sent.remove(field) {
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            mistakes.push(Mistake::new(field, MistakeKind::Invalid, "Send a string."));
            None
        }
        None => {
            mistakes.push(Mistake::new(field, MistakeKind::Invalid, "This member is required."));
            None
        }
    }
}

/// A role, which may be left out if there is one to take `otherwise`.
pub(super) fn take_role(
    sent: &mut Map<String, Value>,
    otherwise: Option<Role>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Role> {
    if otherwise.is_some() && !sent.contains_key("role") {
        return otherwise;
    }
    let text = take(sent, "role", mistakes)?;
    let role = Role::parse(&text.trim().to_lowercase());
    if role.is_none() {
        let message = "A role is one of owner, admin and member.";
        mistakes.push(Mistake::new("role", MistakeKind::Invalid, message));
    }
    role
}
