//! Puts an answer's fields into the order in which they were asked for (GraphQL specification, section
//! 7.2.2). The framework resolves fields side by side and lists them as they finish. Takes out what
//! was asked for in addition ([`MARK`]).

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Value,
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};

use super::empty_objects::MARK;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Orders `data` as `selection_set` of `document` asks for it. Where two fragments on different types
/// ask for the same fields, the order of the first counts for both.
pub fn order(data: &mut Value, selection_set: &SelectionSet, document: &ExecutableDocument) {
    arrange(data, &[selection_set], &document.fragments);
}

/// One response key and everything that is selected below it.
struct Asked<'a> {
    key: &'a Name,
    below: Vec<&'a SelectionSet>,
}

fn arrange(value: &mut Value, selected: &[&SelectionSet], fragments: &Fragments) {
    match value {
        Value::List(items) => {
            for item in items {
                arrange(item, selected, fragments);
            }
        }
        Value::Object(fields) => {
            fields.shift_remove(MARK);
            let mut asked = Vec::with_capacity(fields.len());
            for set in selected {
                collect(set, fragments, &mut asked);
            }
            let present = asked.iter().filter(|asked| fields.contains_key(asked.key));
            if !present.map(|asked| asked.key).eq(fields.keys()) {
                let mut found = std::mem::take(fields);
                for asked in &asked {
                    if let Some((key, value)) = found.swap_remove_entry(asked.key) {
                        fields.insert(key, value);
                    }
                }
                fields.extend(found);
            }
            for asked in asked.iter().filter(|asked| !asked.below.is_empty()) {
                if let Some(value) = fields.get_mut(asked.key) {
                    arrange(value, &asked.below, fragments);
                }
            }
        }
        _ => {}
    }
}

/// Lists the keys of a selection set in order, fragments expanded. The depth is bounded by the checks
/// that a document has passed, which also refuse fragments that contain themselves.
fn collect<'a>(set: &'a SelectionSet, fragments: &'a Fragments, asked: &mut Vec<Asked<'a>>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                let below = &field.node.selection_set.node;
                let below = (!below.items.is_empty()).then_some(below);
                match asked.iter_mut().find(|other| other.key == key) {
                    Some(known) => known.below.extend(below),
                    None => asked.push(Asked { key, below: below.into_iter().collect() }),
                }
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, fragments, asked);
                }
            }
            Selection::InlineFragment(inline) => {
                collect(&inline.node.selection_set.node, fragments, asked);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_in_the_order_of_the_query() {
        let document = parse_query(
            "{ b: x ...F list { q p } a { z } a { y } } fragment F on Query { d ... { c } }",
        )
        .unwrap();
        let mut data = Value::from_json(json!({
            "a": { "y": 1, "z": 2 }, "c": 3, "d": 4,
            "list": [{ "p": 5, "q": 6 }, null], "b": { "unasked": 7 },
        }))
        .unwrap();
        let operation = document.operations.iter().next().unwrap().1;
        order(&mut data, &operation.node.selection_set.node, &document);
        assert_eq!(
            data.to_string(),
            "{b: {unasked: 7}, d: 4, c: 3, list: [{q: 6, p: 5}, null], a: {z: 2, y: 1}}"
        );
    }
}
