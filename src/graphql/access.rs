//! Which operations need no token, and what an operation is called in the metrics.
//!
//! The names of the fields that need no caller are listed here; what they answer is not known here.

use std::sync::Arc;

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection,
};

use super::strict::Reach;

/// The root fields of a query that are answered without a token.
const PUBLIC_QUERY_FIELDS: [&str; 4] = ["__schema", "__type", "__typename", "serverInfo"];
/// The root fields of a mutation or subscription that are answered without a token.
const PUBLIC_OTHER_FIELDS: [&str; 1] = ["__typename"];

/// Whether an operation asks for nothing that needs a signed-in caller: introspection, `__typename`
/// and `serverInfo` for a query, `__typename` for anything else.
///
/// Decided from the text alone: fragments are expanded, `@skip` and `@include` are ignored, so the
/// answer does not depend on variables. A spread of a fragment that does not exist is not public.
pub(crate) fn is_public(document: &ExecutableDocument, operation: &OperationDefinition) -> bool {
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

/// What an operation asks for, in the metrics: its root field, one of those that the schema has and not a
/// name of the client's.
pub(crate) fn label(document: &ExecutableDocument, operation: &OperationDefinition) -> Arc<str> {
    let mut found: Option<&str> = None;
    for selection in Reach::level(document, &operation.selection_set.node) {
        let Selection::Field(field) = selection else { continue };
        let name = match field.node.name.node.as_str() {
            "__schema" | "__type" => "introspection",
            name => name,
        };
        match found {
            // It comes with everything.
            _ if name == "__typename" => {}
            Some(other) if other != name => return "several".into(),
            _ => found = Some(name),
        }
    }
    found.unwrap_or("__typename").into()
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::strict::samples;

    #[test]
    fn an_operation_is_called_by_its_root_field() {
        for (query, expected) in [
            ("{me{id}}", "me"),
            ("query Any{a:me{id} b:me{id} __typename}", "me"),
            ("{...F} fragment F on Query{...{me{id}}}", "me"),
            ("{me{id} serverInfo{name}}", "several"),
            ("{__typename}", "__typename"),
            (samples::INTROSPECTION, "introspection"),
            ("{__schema{types{name}} __type(name:\"User\"){name}}", "introspection"),
            ("mutation{bootstrap{created}}", "bootstrap"),
        ] {
            let document = parse_query(query).expect(query);
            let operation = samples::operation(&document, None);
            assert_eq!(&*label(&document, &operation.node), expected, "{query}");
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
            let operation = samples::operation(&document, None);
            assert_eq!(is_public(&document, &operation.node), public, "{query}");
        }
        // Each operation is judged by itself.
        let document =
            parse_query("query A{serverInfo{name}} query B{me{id}}").expect("a document");
        for (name, public) in [("A", true), ("B", false)] {
            let operation = samples::operation(&document, Some(name));
            assert_eq!(is_public(&document, &operation.node), public, "{name}");
        }
    }
}
