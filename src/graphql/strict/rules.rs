//! The validation rules of the GraphQL specification (section 5), by bluejay's validator.
//!
//! Run it on documents whose size was checked: it walks fragments once for each spread.

use bluejay_core::{
    AsIter,
    definition::{FieldDefinition, InputValueDefinition},
};
use bluejay_parser::ast::executable::ExecutableDocument;
use bluejay_validator::executable::{
    Cache,
    document::{ArgumentError, BuiltinRulesValidator, Error},
};

use super::{
    RequestError, TypeSystem, introspection,
    parsing::{describe, error},
    request_error::MAX_ERRORS,
    type_system::Definition,
};
use crate::error::Code;

/// How alike a name must be to be suggested (Jaro-Winkler, 1 is equal).
const LIKENESS: f64 = 0.8;

type Fault<'a> = Error<'a, ExecutableDocument<'a>, Definition>;

/// Checks a document against all rules. `suggest` says whether names of the schema may be told to those
/// who misspell them.
///
/// # Errors
///
/// [`Code::GraphqlValidationFailed`], with at most `MAX_ERRORS` faults.
pub(crate) fn check_rules<'a>(
    document: &'a ExecutableDocument<'a>,
    text: &str,
    types: &'a TypeSystem,
    suggest: bool,
) -> Result<(), RequestError> {
    let cache = Cache::new(document, types.definition());
    let errors: Vec<_> = BuiltinRulesValidator::validate(document, types.definition(), &cache)
        .filter(|fault| !is_known_introspection(fault))
        .take(MAX_ERRORS)
        .map(|fault| {
            let suggestion = if suggest { suggestion(&fault) } else { None };
            let (message, locations) = describe(text, fault.into());
            let hint = suggestion.map(|name| format!(" Did you mean `{name}`?"));
            error(format!("{message}.{}", hint.unwrap_or_default()), locations)
        })
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(RequestError { code: Code::GraphqlValidationFailed, errors })
}

fn is_known_introspection(fault: &Fault<'_>) -> bool {
    match fault {
        Error::FieldDoesNotExistOnType { field, r#type } => {
            introspection::is_answered(r#type.name(), field.name().as_str())
                && field.arguments().is_none()
                && field.selection_set().is_none()
                // The validator would not look at them.
                && bluejay_core::executable::Field::directives(*field).is_none_or(AsIter::is_empty)
        }
        Error::InvalidVariableArgument(ArgumentError::ArgumentDoesNotExistOnField {
            argument,
            field_definition,
        }) => {
            let field = field_definition.name();
            introspection::is_ignored_argument(field, argument.name().as_str())
        }
        _ => false,
    }
}

/// The name that was meant, if a name is at fault and one of the schema's is like it.
fn suggestion<'a>(fault: &Fault<'a>) -> Option<&'a str> {
    match fault {
        Error::FieldDoesNotExistOnType { field, r#type } => {
            let fields = r#type.fields_definition()?.iter();
            most_alike(field.name().as_str(), fields.map(FieldDefinition::name))
        }
        Error::InvalidVariableArgument(ArgumentError::ArgumentDoesNotExistOnField {
            argument,
            field_definition,
        }) => {
            let arguments = field_definition.arguments_definition()?.iter();
            most_alike(argument.name().as_str(), arguments.map(InputValueDefinition::name))
        }
        _ => None,
    }
}

fn most_alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .filter(|candidate| !candidate.starts_with("__"))
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}
