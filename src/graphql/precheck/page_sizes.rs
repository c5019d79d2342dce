//! What the complexity of a document depends on beside the document itself: page sizes.
//!
//! async-graphql adds complexity up while it validates, and reports what it cannot convert to a
//! number as a fault of the document. A page size that is a variable has no value yet when a
//! document is validated as such, and one that is too large for its type is a value at fault, not a
//! document. So a document is validated with sizes put in for those; what it really costs is for
//! the validation with variables to say.

use async_graphql::{
    Positioned, Value,
    parser::types::{
        BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection,
        SelectionSet, Type,
    },
};
use async_graphql_value::Value as Literal;

use super::reach::Reach;

/// The argument that holds a page size.
const PAGE_SIZE: &str = "first";

/// The arguments that multiply the complexity of what is selected below their field.
const MULTIPLYING_ARGUMENTS: [&str; 2] = [PAGE_SIZE, "ids"];

/// Whether the complexity of an operation depends on the values of its variables: some page size is
/// one.
///
/// `@skip` and `@include` do not matter, because async-graphql counts what they remove as well.
pub fn complexity_uses_variables(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> bool {
    Reach::everything(document, &operation.selection_set.node).any(|selection| match selection {
        Selection::Field(field) => field.node.arguments.iter().any(|(name, value)| {
            MULTIPLYING_ARGUMENTS.contains(&name.node.as_str()) && !is_constant(&value.node)
        }),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}

/// Whether a literal holds no variable. Its depth is bounded by the bracket nesting of the text.
fn is_constant(literal: &Literal) -> bool {
    match literal {
        Literal::Variable(_) => false,
        Literal::List(items) => items.iter().all(is_constant),
        Literal::Object(fields) => fields.values().all(is_constant),
        _ => true,
    }
}

/// Gives every variable that may be a page size or an id a default that costs next to nothing, so
/// that a document can be validated without the values of its variables. A default that does not
/// fit its type stays, for validation to find.
///
/// That a variable fits its place must have been checked before
/// ([`InputTypes::check_variables`](super::InputTypes::check_variables)). What results is for
/// validation only, never for execution.
pub fn assume_variables(document: &mut ExecutableDocument) {
    let operations: Vec<&mut Positioned<OperationDefinition>> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        for definition in &mut operation.node.variable_definitions {
            let default = definition.node.default_value();
            if let Some(value) = sample(&definition.node.var_type.node, default) {
                definition.node.default_value = Some(Positioned::new(value, definition.pos));
            }
        }
    }
}

/// A value of a type that a multiplying argument can have, in the place of a `default`.
fn sample(ty: &Type, default: Option<&Value>) -> Option<Value> {
    match (&ty.base, default.unwrap_or(&Value::Null)) {
        (BaseType::Named(name), Value::Null) if name == "Int" => Some(1.into()),
        (BaseType::Named(name), Value::Number(number)) if name == "Int" && !number.is_f64() => {
            Some(1.into())
        }
        (BaseType::Named(name), default) if name == "ID" && is_id(default) => Some("".into()),
        (BaseType::List(_), Value::List(items)) => {
            Some(Value::List(items.iter().filter(|item| !is_id(item)).cloned().collect()))
        }
        (BaseType::List(_), default) if is_id(default) => Some(Value::List(Vec::new())),
        _ => None,
    }
}

/// Whether this is an id or nothing.
fn is_id(value: &Value) -> bool {
    match value {
        Value::Null | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        _ => false,
    }
}

/// Puts the largest size in the place of page sizes of more than 32 bits. They are refused when
/// their field is resolved, with the path of the field.
///
/// What results is for validation only, never for execution.
pub fn cap_page_sizes(document: &mut ExecutableDocument) {
    for fragment in document.fragments.values_mut() {
        cap_in(&mut fragment.node.selection_set.node);
    }
    match &mut document.operations {
        DocumentOperations::Single(operation) => cap_in(&mut operation.node.selection_set.node),
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                cap_in(&mut operation.node.selection_set.node);
            }
        }
    }
}

/// Recurses as deep as the text of the document is nested; spreads are not followed.
fn cap_in(set: &mut SelectionSet) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) => {
                for (name, argument) in &mut field.node.arguments {
                    if name.node == PAGE_SIZE && is_too_large(&argument.node) {
                        argument.node = Literal::Number(i32::MAX.into());
                    }
                }
                cap_in(&mut field.node.selection_set.node);
            }
            Selection::InlineFragment(inline) => cap_in(&mut inline.node.selection_set.node),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn is_too_large(literal: &Literal) -> bool {
    match literal {
        Literal::Number(number) if number.is_f64() => false,
        Literal::Number(number) => number.as_i64().is_none_or(|n| i32::try_from(n).is_err()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::precheck::select_operation;

    #[test]
    fn only_page_sizes_make_complexity_depend_on_variables() {
        for (query, expected) in [
            ("{me{memberships(first:5){totalCount}}}", false),
            ("query($a:String){me{memberships(after:$a){totalCount}}}", false),
            ("query($v:Boolean!){me @skip(if:$v){id}}", false),
            ("query($f:Int!){me{memberships(first:$f){totalCount}}}", true),
            ("query($f:Int!){me{...{m:memberships(first:[$f]){totalCount}}}}", true),
            (
                "query($f:Int!){me{...F}} fragment F on User{memberships(first:$f){totalCount}}",
                true,
            ),
            (
                "query($f:Int!){node(id:$f){id}} fragment F on User{memberships(first:$f){totalCount}}",
                false,
            ),
        ] {
            let document = parse_query(query).expect(query);
            let operation = select_operation(&document, None).expect(query);
            assert_eq!(complexity_uses_variables(&document, &operation.node), expected, "{query}");
        }
    }

    #[test]
    fn variables_that_may_be_sizes_get_the_least_value_of_their_type() {
        for (definitions, expected) in [
            ("$v:Int", "1"),
            ("$v:Int!", "1"),
            ("$v:Int=7", "1"),
            ("$v:Int=\"x\"", "\"x\""),
            ("$v:Int=1.5", "1.5"),
            ("$v:Int=null", "1"),
            ("$v:ID!", "\"\""),
            ("$v:[ID!]!", "[]"),
            ("$v:ID=7", "\"\""),
            ("$v:ID=true", "true"),
            ("$v:[ID!]!=[\"a\",7]", "[]"),
            ("$v:[ID!]!=\"a\"", "[]"),
            ("$v:[ID!]=[\"a\",1.5]", "[1.5]"),
            ("$v:[ID!]=true", "true"),
            ("$v:String!", "none"),
            ("$v:Boolean", "none"),
        ] {
            for query in
                [format!("query({definitions}){{a}}"), format!("query A({definitions}){{a}}")]
            {
                let mut document = parse_query(&query).expect(&query);
                assume_variables(&mut document);
                let operation = select_operation(&document, None).expect("one operation");
                let definition = &operation.node.variable_definitions[0].node;
                let default = definition.default_value.as_ref();
                let default = default.map_or("none".to_owned(), |value| value.node.to_string());
                assert_eq!(default, expected, "{query}");
            }
        }
    }

    #[test]
    fn only_page_sizes_beyond_32_bits_are_capped() {
        for (given, expected) in [
            ("first:2147483647", "2147483647"),
            ("first:2147483648", "2147483647"),
            ("first:-2147483648", "-2147483648"),
            ("first:-2147483649", "2147483647"),
            ("first:18446744073709551615", "2147483647"),
            ("first:1.5", "1.5"),
            ("first:null", "null"),
            ("last:2147483648", "2147483648"),
        ] {
            let query = format!("{{a{{...F}}}} fragment F on T{{...{{b({given})}}}}");
            let mut document = parse_query(&query).expect(&query);
            cap_page_sizes(&mut document);
            let operation = select_operation(&document, None).expect("one operation");
            let argument = Reach::everything(&document, &operation.node.selection_set.node)
                .find_map(|selection| match selection {
                    Selection::Field(field) => field.node.arguments.first(),
                    _ => None,
                })
                .expect("an argument");
            assert_eq!(argument.1.node.to_string(), expected, "{given}");
        }
    }
}
