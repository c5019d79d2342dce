//! Keeps objects of which nothing is shown: everything was skipped, or asked of another type. Such an
//! object is an empty one (GraphQL specification, section 6.3); the framework makes it `null`, which
//! to a client means that it does not exist. So wherever that can happen one field more is asked for,
//! under a key that is taken out of the answer again.

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet},
};

/// The key of the additional field. No client can write it.
pub const MARK: &str = " ";

/// Asks for the mark in every selection set that may come to nothing.
pub fn mark(document: &mut ExecutableDocument) {
    match &mut document.operations {
        DocumentOperations::Single(operation) => {
            mark_object(&mut operation.node.selection_set.node);
        }
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                mark_object(&mut operation.node.selection_set.node);
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        mark_below(&mut fragment.node.selection_set.node);
    }
}

/// Marks the set of an object, as opposed to that of a fragment, whose fields are some object's.
fn mark_object(set: &mut SelectionSet) {
    mark_below(set);
    let is_certain = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(field) => field.node.directives.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    };
    if !set.items.is_empty() && !set.items.iter().any(is_certain) {
        let at = |name| Positioned::new(Name::new(name), Pos::default());
        let field = Field {
            alias: Some(at(MARK)),
            name: at("__typename"),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::default(),
        };
        let field = Positioned::new(field, Pos::default());
        set.items.push(Positioned::new(Selection::Field(field), Pos::default()));
    }
}

/// Recurses as deep as the text of the document is nested; spreads are not followed.
fn mark_below(set: &mut SelectionSet) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) => mark_object(&mut field.node.selection_set.node),
            Selection::InlineFragment(inline) => mark_below(&mut inline.node.selection_set.node),
            Selection::FragmentSpread(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// A selection set as text, the mark as `_`.
    fn text(set: &SelectionSet) -> String {
        let items = set.items.iter().map(|item| match &item.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                let key = if key == MARK { "_" } else { key };
                format!("{key}{}", text(&field.node.selection_set.node))
            }
            Selection::InlineFragment(inline) => {
                format!("...{}", text(&inline.node.selection_set.node))
            }
            Selection::FragmentSpread(spread) => format!("...{}", spread.node.fragment_name.node),
        });
        let items: Vec<_> = items.collect();
        if items.is_empty() { String::new() } else { format!("{{{}}}", items.join(" ")) }
    }

    #[test]
    fn what_may_come_to_nothing_is_marked() {
        for (query, expected) in [
            ("{a}", "{a}"),
            ("{a @skip(if:true)}", "{a _}"),
            ("{a @skip(if:true) b}", "{a b}"),
            ("{a{b @include(if:false)}}", "{a{b _}}"),
            ("{...{a}}", "{...{a} _}"),
            ("{a{...on T{b{c @skip(if:true)}}}}", "{a{...{b{c _}} _}}"),
            ("{a{...F}} fragment F on T{b}", "{a{...F _}}"),
            ("query A{a{...{b}}} query B{c}", "{a{...{b} _}}"),
        ] {
            let mut document = parse_query(query).expect(query);
            mark(&mut document);
            let mut operations: Vec<_> = document.operations.iter().collect();
            operations.sort_by_key(|(_, operation)| operation.pos);
            assert_eq!(text(&operations[0].1.node.selection_set.node), expected, "{query}");
        }
        let mut document = parse_query("{...F} fragment F on T{a{b @skip(if:true)}}").unwrap();
        mark(&mut document);
        let fragment = document.fragments.values().next().unwrap();
        assert_eq!(text(&fragment.node.selection_set.node), "{a{b _}}");
    }
}
