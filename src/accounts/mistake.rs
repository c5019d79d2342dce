//! Mistakes that the sender of an input can correct, as both faces show them.

use std::borrow::Cow;

/// A mistake in the input that its sender can correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Name of the field, in snake case.
    pub(crate) field: Cow<'static, str>,
    /// What is wrong, for programs.
    pub(crate) kind: MistakeKind,
    /// What is wrong and how to correct it, for people.
    pub(crate) message: String,
}

impl Mistake {
    /// A mistake in a field.
    pub(crate) fn new(field: &'static str, kind: MistakeKind, message: impl Into<String>) -> Self {
        Self { field: field.into(), kind, message: message.into() }
    }
}

/// Kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MistakeKind {
    /// Not acceptable.
    Invalid,
    /// Longer than allowed.
    TooLong,
    /// Not in the IANA time zone database.
    UnknownTimezone,
    /// Another one has this name already.
    Taken,
    /// The person is a member already.
    AlreadyMember,
    /// It would leave an organization without an owner.
    LastOwner,
    /// There are as many as there may be.
    TooMany,
}
