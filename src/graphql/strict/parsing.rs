//! From a request's text to a syntax tree (GraphQL specification, section 2), by bluejay's parser.

use async_graphql::{Pos, ServerError};
use bluejay_parser::{
    Error,
    ast::{Parse, ParseOptions, executable::ExecutableDocument},
};

use super::{
    RequestError,
    positions::with_lines_of_graphql,
    request_error::{MAX_ERRORS, excerpt},
};
use crate::error::Code;

/// How many levels the parser counts at most for one bracket: `{` is a selection set and a selection,
/// `(` is a list of arguments, an argument and its value.
const LEVELS_PER_BRACKET: usize = 3;
/// Levels above the first bracket.
const LEVELS_OF_A_DEFINITION: usize = 8;
/// The words that begin a definition of the type system, which parses and is not executable
/// (specification, section 5.1.1).
const TYPE_SYSTEM: [&str; 9] =
    ["schema", "scalar", "type", "interface", "union", "enum", "input", "directive", "extend"];

/// The parser's words for a text nested too deep.
const TOO_DEEP: &str = "Max depth exceeded";
/// The parser's words for a text without definitions.
const EMPTY: &str = "Document does not contain any definitions";

/// The most places that are named for one fault, such as an argument that is given a thousand times.
const MAX_LOCATIONS: usize = 10;

/// Reads a document. `nesting` is the bound on brackets (`MAX_NESTING`), which the conversion of the
/// tree applies exactly; here it only keeps the recursion of the parser, and of everything that walks
/// the tree, bounded.
///
/// # Errors
///
/// [`Code::GraphqlParseFailed`]; [`Code::GraphqlValidationFailed`] for a text nested too deep, and for
/// definitions of the type system.
pub(crate) fn parse(text: &str, nesting: usize) -> Result<ExecutableDocument<'_>, RequestError> {
    let options = ParseOptions {
        graphql_ruby_compatibility: false,
        max_depth: nesting * LEVELS_PER_BRACKET + LEVELS_OF_A_DEFINITION,
        max_tokens: None,
    };
    let faults = match ExecutableDocument::parse_with_options(text, options).result {
        Ok(document) => return Ok(document),
        Err(faults) => faults,
    };
    if faults.iter().any(|fault| fault.message() == TOO_DEEP) {
        return Err(RequestError::new(Code::GraphqlValidationFailed, too_deep(nesting)));
    }
    let errors: Vec<_> = faults
        .into_iter()
        .take(MAX_ERRORS)
        .map(|fault| {
            let (message, locations) = describe(text, fault);
            error(format!("Syntax error: {message}."), locations)
        })
        .collect();
    let first = errors.first().and_then(|error| error.locations.first());
    if let Some(word) = first.and_then(|position| type_system_word(text, *position)) {
        let message = format!(
            "A \"{word}\" definition cannot be executed: send operations and fragments only."
        );
        let position = first.copied().unwrap_or_default();
        return Err(RequestError::invalid(message, position));
    }
    Err(RequestError { code: Code::GraphqlParseFailed, errors })
}

/// What a text is told that is nested deeper than `nesting` brackets.
pub(crate) fn too_deep(nesting: usize) -> String {
    format!("The document is nested deeper than {nesting} brackets (MAX_NESTING).")
}

/// The library's words and places for a fault. It draws its own reports over several lines, which are
/// not used.
pub(crate) fn describe(text: &str, fault: Error) -> (String, Vec<Pos>) {
    let title = fault.message().to_owned();
    let mut parts = Error::into_graphql_errors(&with_lines_of_graphql(text), [fault]);
    let locations = parts
        .iter()
        .flat_map(|part| &part.locations)
        .take(MAX_LOCATIONS)
        .map(|place| Pos { line: place.line, column: place.col })
        .collect();
    // "Parse error" alone tells nothing; what is wrong stands at the place.
    let message = match (title.as_str(), parts.pop()) {
        ("Parse error" | "Unrecognized token" | "String value invalid", Some(part)) => {
            part.message.into_owned()
        }
        _ => title,
    };
    // Names of the document are repeated, but not at length.
    let words: Vec<_> = message.split_whitespace().map(excerpt).collect();
    (words.join(" "), locations)
}

/// An error at the given places.
pub(crate) fn error(message: String, locations: Vec<Pos>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.locations = locations;
    error
}

/// The word at a place, if a definition of the type system begins with it there: what comes before is
/// a document, or nothing.
fn type_system_word(text: &str, position: Pos) -> Option<&'static str> {
    let line = text.lines().nth(position.line.checked_sub(1)?)?;
    let in_line = line.char_indices().nth(position.column.checked_sub(1)?)?.0;
    let before = text.get(..line.as_ptr().addr() - text.as_ptr().addr() + in_line)?;
    let rest = line.get(in_line..)?;
    let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let word = rest.get(..end.unwrap_or(rest.len()))?;
    let word = TYPE_SYSTEM.into_iter().find(|known| *known == word)?;
    let is_document = match ExecutableDocument::parse(before).result {
        Ok(_) => true,
        Err(faults) => faults.iter().all(|fault| fault.message() == EMPTY),
    };
    is_document.then_some(word)
}
