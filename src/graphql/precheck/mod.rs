//! The pure checks between reading a GraphQL request and executing it.
//!
//! In the order in which the endpoint runs them: bracket nesting of the text ([`check_nesting`]),
//! then the parser, then the size and directives of the document ([`check_document`]) and the types
//! and places of its variables ([`InputTypes::check_variables`]), the chosen operation
//! ([`select_operation`]), whether it may run without a token ([`is_public`]), the values of the
//! variables ([`coerce_variables`]), and the document reduced to what is about to run
//! ([`keep_only`], [`drop_absent_variables`]).
//!
//! Everything here is a function of its arguments, costs time linear in the text of the request and
//! recurses over nothing whose depth was not bounded before. The module must not know HTTP, the
//! schema's Rust types, who the caller is, or where the bounds come from. What a refusal becomes on
//! the wire is the caller's business.

mod absent;
mod coercion;
mod directives;
mod expansion;
mod input_types;
mod nesting;
mod operation;
mod page_sizes;
mod positions;
mod reach;
#[cfg(test)]
mod samples;

use std::{borrow::Cow, error::Error, fmt};

use async_graphql::Pos;

pub use absent::drop_absent_variables;
pub use coercion::coerce_variables;
pub use expansion::check_document;
pub use input_types::InputTypes;
pub use nesting::{NESTING_CEILING, check_nesting};
pub use operation::{is_public, keep_only, select_operation};
pub use page_sizes::{assume_variables, cap_page_sizes, complexity_uses_variables};

/// The most characters of the client's own text that a message repeats.
const EXCERPT: usize = 60;

/// How large and how involved a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of brackets in the text, and of selection sets once fragments are expanded
    /// (`MAX_NESTING`). Values above [`NESTING_CEILING`] count as that.
    pub nesting: usize,
    /// Fields, fragment spreads and inline fragments of one operation once fragments are expanded
    /// (`MAX_SELECTIONS`).
    pub selections: usize,
    /// Aliases in one operation once fragments are expanded (`MAX_ALIASES`).
    pub aliases: usize,
    /// Directives on one element (`MAX_DIRECTIVES`).
    pub directives: usize,
    /// Operations in one document (`MAX_OPERATIONS`).
    pub operations: usize,
    /// Whether `__schema` and `__type` are answered.
    pub introspection: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            nesting: 40,
            selections: 500,
            aliases: 50,
            directives: 5,
            operations: 10,
            introspection: true,
        }
    }
}

/// Why a request is refused, as far as a client's program needs to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// The text is not a GraphQL document, or may not be handed to the parser.
    ParseFailed,
    /// The document breaks a validation rule or one of the [`Bounds`].
    ValidationFailed,
    /// A variable is missing or its value does not fit its type.
    BadUserInput,
    /// The document does not say which of its operations to run, or names one that it does not
    /// have.
    OperationResolution,
}

/// A request refused before execution: a request error in the sense of section 7.1.4 of the GraphQL
/// specification.
///
/// The message repeats at most 60 characters of the client's text, and of the values of variables
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of fault.
    pub code: RefusalCode,
    /// What is wrong, for people; a bound is given with the setting that moves it.
    pub message: String,
    /// Where in the document; empty when the fault has no place in it.
    pub locations: Vec<Pos>,
}

impl Refusal {
    fn parse(message: impl Into<String>, location: Pos) -> Self {
        Self::at(RefusalCode::ParseFailed, message, location)
    }

    fn validation(message: impl Into<String>, location: Pos) -> Self {
        Self::at(RefusalCode::ValidationFailed, message, location)
    }

    fn input(message: impl Into<String>, location: Pos) -> Self {
        Self::at(RefusalCode::BadUserInput, message, location)
    }

    fn resolution(message: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::OperationResolution,
            message: message.into(),
            locations: Vec::new(),
        }
    }

    fn at(code: RefusalCode, message: impl Into<String>, location: Pos) -> Self {
        Self { code, message: message.into(), locations: vec![location] }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Refusal {}

/// The text itself, or its beginning and an ellipsis when it is longer than 60 characters.
fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(EXCERPT) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(EXCERPT - 1).chain(['…']).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_never_exceeds_sixty_characters() {
        for (text, expected) in [
            (String::new(), String::new()),
            ("name".to_owned(), "name".to_owned()),
            ("é".repeat(60), "é".repeat(60)),
            ("é".repeat(61), format!("{}…", "é".repeat(59))),
        ] {
            assert_eq!(excerpt(&text), expected);
        }
    }
}
