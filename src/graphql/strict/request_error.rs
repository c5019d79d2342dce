//! A request refused before execution: a request error in the sense of section 7.1.3 of the GraphQL
//! specification.

use std::borrow::Cow;

use async_graphql::{Pos, ServerError};

use crate::error::{ApiError, Code};

/// The most errors that one answer lists about a document: one fault is often reported many times over.
pub(crate) const MAX_ERRORS: usize = 20;
/// The most characters of the client's own text that a message repeats.
const EXCERPT: usize = 60;

/// Why nothing was executed. The answer has no `data`.
///
/// A message repeats names of the document at most 60 characters long, and values never.
#[derive(Debug)]
pub struct RequestError {
    /// The kind of fault, the same for all errors.
    pub(crate) code: Code,
    /// What was found, at most `MAX_ERRORS`; never empty.
    pub(crate) errors: Vec<ServerError>,
}

impl RequestError {
    /// A single error without a place in the document.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, errors: vec![ServerError::new(message, None)] }
    }

    /// A single error at a place in the document.
    pub(crate) fn at(code: Code, message: impl Into<String>, position: Pos) -> Self {
        Self { code, errors: vec![ServerError::new(message, Some(position))] }
    }

    /// A document that breaks a rule or a limit.
    pub(crate) fn invalid(message: impl Into<String>, position: Pos) -> Self {
        Self::at(Code::GraphqlValidationFailed, message, position)
    }
}

impl From<ApiError> for RequestError {
    fn from(error: ApiError) -> Self {
        Self::new(error.code, error.message.into_owned())
    }
}

/// The text itself, or its beginning and an ellipsis when it is longer than 60 characters.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
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
