//! The operation that a request runs: which one it is, whether it needs a caller, and the document
//! without the rest.
//!
//! Names of fields that need no caller are listed here; what they answer is not known here.

use std::collections::HashSet;

use async_graphql::{
    Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    },
};

use super::{Refusal, excerpt, reach::Reach};

/// The root fields of a query that are answered without a token.
const PUBLIC_QUERY_FIELDS: [&str; 4] = ["__schema", "__type", "__typename", "serverInfo"];

/// The root fields of a mutation or subscription that are answered without a token.
const PUBLIC_OTHER_FIELDS: [&str; 1] = ["__typename"];

/// The operation to run (GraphQL specification, section 6.1, `GetOperation`). An empty name is a
/// name like any other.
///
/// # Errors
///
/// [`OperationResolution`](super::RefusalCode::OperationResolution) when there is no operation of
/// that name, or no name and several operations.
pub fn select_operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, Refusal> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(_), None) => {
            let message =
                "The document has several operations: \"operationName\" must say which one to run.";
            return Err(Refusal::resolution(message));
        }
    };
    found.ok_or_else(|| {
        let name = excerpt(name.unwrap_or_default());
        Refusal::resolution(format!("Unknown operation named \"{name}\"."))
    })
}

/// Removes every operation but the one to run, and the fragments which that one does not reach.
///
/// async-graphql adds up the complexity of all operations of a document and fails on variables that
/// another operation leaves unused; after this only the chosen one is judged. Run it on a document
/// that was validated as a whole. A document without the operation stays as it is.
pub fn keep_only(document: &mut ExecutableDocument, operation_name: Option<&str>) {
    if let (DocumentOperations::Multiple(operations), Some(name)) =
        (&mut document.operations, operation_name)
        && operations.contains_key(name)
    {
        operations.retain(|candidate, _| candidate.as_str() == name);
    }
    let Ok(operation) = select_operation(document, operation_name) else {
        return;
    };
    if document.fragments.is_empty() {
        return;
    }
    let mut reach = Reach::everything(document, &operation.node.selection_set.node);
    reach.by_ref().for_each(drop);
    let reached: HashSet<String> = reach.into_fragments().into_iter().map(str::to_owned).collect();
    document.fragments.retain(|name, _| reached.contains(name.as_str()));
}

/// Whether an operation asks for nothing that needs a signed-in caller: introspection, `__typename`
/// and `serverInfo` for a query, `__typename` for anything else.
///
/// Decided from the text alone: fragments are expanded, `@skip` and `@include` are ignored, so the
/// answer does not depend on variables. A spread of a fragment that does not exist is not public.
pub fn is_public(document: &ExecutableDocument, operation: &OperationDefinition) -> bool {
    let public: &[&str] = match operation.ty {
        OperationType::Query => &PUBLIC_QUERY_FIELDS,
        OperationType::Mutation | OperationType::Subscription => &PUBLIC_OTHER_FIELDS,
    };
    Reach::level(document, &operation.selection_set.node).all(|selection| match selection {
        Selection::Field(field) => public.contains(&field.node.name.node.as_str()),
        Selection::FragmentSpread(spread) => {
            document.fragments.contains_key(&spread.node.fragment_name.node)
        }
        Selection::InlineFragment(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::precheck::{RefusalCode, samples};

    #[test]
    fn operations_are_selected_by_name() {
        let several = "query A{a} mutation B{b}";
        for (query, name, expected) in [
            ("{a}", None, Ok("a")),
            ("query A{a}", None, Ok("a")),
            ("query A{a}", Some("A"), Ok("a")),
            (several, Some("A"), Ok("a")),
            (several, Some("B"), Ok("b")),
            ("{a}", Some("A"), Err("Unknown operation named \"A\".")),
            ("{a}", Some(""), Err("Unknown operation named \"\".")),
            ("query A{a}", Some(""), Err("Unknown operation named \"\".")),
            (several, Some("a"), Err("Unknown operation named \"a\".")),
            (
                several,
                None,
                Err(
                    "The document has several operations: \"operationName\" must say which one to run.",
                ),
            ),
        ] {
            let document = parse_query(query).expect(query);
            match (select_operation(&document, name), expected) {
                (Ok(operation), Ok(field)) => {
                    let items = &operation.node.selection_set.node.items;
                    let Some(Selection::Field(first)) = items.first().map(|item| &item.node) else {
                        panic!("{query} selects no field");
                    };
                    assert_eq!(first.node.name.node.as_str(), field, "{query}");
                }
                (Err(refusal), Err(message)) => {
                    assert_eq!(refusal.code, RefusalCode::OperationResolution);
                    assert_eq!(refusal.message, message);
                }
                (selected, _) => panic!("{query} {name:?}: {selected:?}"),
            }
        }
        let document = parse_query("{a}").expect("a document");
        let refusal = select_operation(&document, Some(&"x".repeat(10_000))).expect_err("unknown");
        assert!(refusal.message.chars().count() < 100);
    }

    #[test]
    fn only_the_chosen_operation_and_its_fragments_are_kept() {
        let query = "query A{a{...F}} query B{b{...G}} fragment F on Q{f ...H} fragment G on Q{g} fragment H on Q{h}";
        for (query, name, operations, fragments) in [
            (query, Some("A"), 1, vec!["F", "H"]),
            (query, Some("B"), 1, vec!["G"]),
            (query, Some("C"), 2, vec!["F", "G", "H"]),
            (query, None, 2, vec!["F", "G", "H"]),
            ("query A{a} fragment F on Q{f}", None, 1, vec![]),
            ("{a ...F} fragment F on Q{f} fragment G on Q{g}", None, 1, vec!["F"]),
            ("{a ...F} fragment F on Q{...G} fragment G on Q{...F}", None, 1, vec!["F", "G"]),
        ] {
            let mut document = parse_query(query).expect(query);
            keep_only(&mut document, name);
            let mut kept: Vec<_> =
                document.fragments.keys().map(|name| name.as_str().to_owned()).collect();
            kept.sort_unstable();
            assert_eq!(document.operations.iter().len(), operations, "{query} {name:?}");
            assert_eq!(kept, fragments, "{query} {name:?}");
            if operations == 1 {
                assert!(select_operation(&document, name).is_ok(), "{query} {name:?}");
            }
        }
    }

    #[test]
    fn what_needs_no_caller_is_decided_from_the_text() {
        for (query, public) in [
            ("{__typename}", true),
            ("{serverInfo{name version}}", true),
            ("{x:serverInfo{name} __schema{types{name}} __type(name:\"User\"){name}}", true),
            (samples::INTROSPECTION, true),
            (samples::FULL_INTROSPECTION, true),
            ("{...F} fragment F on Query{serverInfo{name}}", true),
            ("{...{...on Query{__typename}}}", true),
            ("mutation{__typename}", true),
            ("{me{id}}", false),
            ("{serverInfo:me{id}}", false),
            ("{__typename:me{id}}", false),
            ("{serverInfo{name} me{id}}", false),
            ("{me @skip(if:true){id}}", false),
            ("query($v:Boolean!){serverInfo{name} me @include(if:$v){id}}", false),
            (
                "{...F} fragment F on Query{...G} fragment G on Query{serverInfo{name} ...{me{id}}}",
                false,
            ),
            ("{...F @skip(if:true)} fragment F on Query{me{id}}", false),
            ("{...on Mutation{bootstrap{created}}}", false),
            ("{...Missing}", false),
            ("{...F} fragment F on Query{...F me{id}}", false),
            ("mutation{bootstrap{created}}", false),
            ("mutation{serverInfo{name}}", false),
            ("mutation{__typename ...F} fragment F on Mutation{bootstrap{created}}", false),
            ("subscription{anything}", false),
        ] {
            let document = parse_query(query).expect(query);
            let operation = select_operation(&document, None).expect(query);
            assert_eq!(is_public(&document, &operation.node), public, "{query}");
        }
        // Each operation is judged by itself.
        let document =
            parse_query("query A{serverInfo{name}} query B{me{id}}").expect("a document");
        for (name, public) in [("A", true), ("B", false)] {
            let operation = select_operation(&document, Some(name)).expect(name);
            assert_eq!(is_public(&document, &operation.node), public, "{name}");
        }
    }
}
