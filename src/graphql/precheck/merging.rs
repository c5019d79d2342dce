//! Whether fields that answer under one key are the same field (GraphQL specification, section 5.3.2,
//! `FieldsInSetCanMerge`).
//!
//! async-graphql 7 compares the fields of one selection set alone, and those of fragments apart from
//! those beside them. So `{ me { x: id } me { x: email } }` passes, and one of the two is answered
//! under the name of both. Here the selections of equal fields are taken together, level by level:
//! each selection of the expanded document, whose number is bounded before, is looked at once. That
//! fields of different objects, which never answer together, have types of one shape is not asked.

use std::collections::{BTreeMap, HashSet};

use async_graphql::{
    Positioned,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use super::{Refusal, excerpt, input_types::InputTypes};

/// Refuses an operation in which two different fields, or one field with different arguments, would
/// answer under one key.
///
/// The document must be valid otherwise, and its size bounded
/// ([`check_document`](super::check_document)).
///
/// # Errors
///
/// [`ValidationFailed`](super::RefusalCode::ValidationFailed), with the places of both fields.
pub(super) fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    types: &InputTypes,
) -> Result<(), Refusal> {
    let root = types.root(operation.ty);
    level(document, types, &[(root, &operation.selection_set.node)])
}

/// Selection sets whose fields are those of one object, with the type of it that each is about.
type Sets<'a> = [(Option<&'a str>, &'a SelectionSet)];

/// The fields that answer under one key, by the type on which they are selected.
type Answering<'a> = BTreeMap<Option<&'a str>, Vec<&'a Positioned<Field>>>;

/// Checks one level and those below. Recurses as deep as selections are nested, which is bounded.
fn level<'a>(
    document: &'a ExecutableDocument,
    types: &'a InputTypes,
    sets: &Sets<'a>,
) -> Result<(), Refusal> {
    let mut keys = BTreeMap::new();
    let mut entered = HashSet::new();
    for (parent, set) in sets {
        collect(document, *parent, set, &mut entered, &mut keys);
    }
    for (key, answering) in &keys {
        compare(key, answering, types)?;
        for (parent, fields) in answering {
            let below: Vec<_> = fields
                .iter()
                .filter(|field| !field.node.selection_set.node.items.is_empty())
                .map(|field| {
                    let name = field.node.name.node.as_str();
                    let inner = parent.and_then(|parent| types.field_type(parent, name));
                    (inner, &field.node.selection_set.node)
                })
                .collect();
            if !below.is_empty() {
                level(document, types, &below)?;
            }
        }
    }
    Ok(())
}

/// Sorts the fields of a selection set by key, fragments expanded, each once.
fn collect<'a>(
    document: &'a ExecutableDocument,
    parent: Option<&'a str>,
    set: &'a SelectionSet,
    entered: &mut HashSet<&'a str>,
    keys: &mut BTreeMap<&'a str, Answering<'a>>,
) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                keys.entry(key).or_default().entry(parent).or_default().push(field);
            }
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref();
                let parent =
                    condition.map_or(parent, |condition| Some(condition.node.on.node.as_str()));
                collect(document, parent, &inline.node.selection_set.node, entered, keys);
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                if let Some(fragment) = document.fragments.get(name)
                    && entered.insert(name)
                {
                    let parent = Some(fragment.node.type_condition.node.on.node.as_str());
                    collect(document, parent, &fragment.node.selection_set.node, entered, keys);
                }
            }
        }
    }
}

/// Compares the fields that answer under one key. Being the same is transitive, so one field of each
/// type stands for all.
fn compare(key: &str, answering: &Answering<'_>, types: &InputTypes) -> Result<(), Refusal> {
    for (parent, fields) in answering {
        let Some(first) = fields.first() else { continue };
        let others = answering
            .iter()
            .filter(|(other, _)| may_be_one_object(types, *parent, **other))
            .filter_map(|(_, fields)| fields.first());
        if let Some(other) =
            fields.iter().chain(others).find(|other| !is_same(&first.node, &other.node))
        {
            let message = format!(
                "Fields under the key \"{}\" conflict: they are different fields or have different \
                 arguments. Use different aliases.",
                excerpt(key)
            );
            let mut refusal = Refusal::validation(message, first.pos);
            refusal.locations.push(other.pos);
            return Err(refusal);
        }
    }
    Ok(())
}

/// Whether an object can be of both types: they are the same, or one is an interface.
fn may_be_one_object(types: &InputTypes, one: Option<&str>, other: Option<&str>) -> bool {
    let is_interface = |name: Option<&str>| name.is_none_or(|name| types.is_interface(name));
    one == other || is_interface(one) || is_interface(other)
}

fn is_same(one: &Field, other: &Field) -> bool {
    one.name.node == other.name.node
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            other.get_argument(&name.node).is_some_and(|other| other.node == value.node)
        })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::precheck::select_operation;

    const SCHEMA: &str = "
        interface Node { id: ID! }
        type User implements Node { id: ID! name: String friend(of: Int): User team: Team }
        type Team implements Node { id: ID! name: String title: String lead: User }
        type Query { me: User node(id: ID): Node }
        schema { query: Query }
    ";

    fn refusal(query: &str) -> Option<Refusal> {
        let types = InputTypes::from_sdl(SCHEMA).expect("a schema");
        let document = parse_query(query).expect(query);
        let operation = select_operation(&document, None).expect("one operation");
        check(&document, &operation.node, &types).err()
    }

    #[test]
    fn one_key_is_one_field() {
        for query in [
            "{me{id} me{id}}",
            "{me{x:id} me{x:id y:name}}",
            "{a:me{x:id} b:me{x:name}}",
            "{me{friend(of:1){id}} me{friend(of:1){name}}}",
            "{me{friend{x:id} team{x:name}}}",
            "{me{...F ...G}} fragment F on User{x:id} fragment G on User{x:id}",
            "{node{...on User{x:name} ...on Team{x:title}}}",
            "{node{...on User{x:friend{y:id}} ...on Team{x:lead{y:name}}}}",
            "{node{id ...on User{id} ...on Team{id}}}",
            "{me{...F} ...{me{...F}}} fragment F on User{friend{id}}",
        ] {
            assert_eq!(refusal(query), None, "{query}");
        }
        for query in [
            "{me{x:id} me{x:name}}",
            "{x:me{id} ...on Query{x:node{id}}}",
            "{x:me{id} ...{x:node{id}}}",
            "{me{id:name} ...F} fragment F on Query{me{id}}",
            "{...F ...G} fragment F on Query{me{x:id}} fragment G on Query{me{x:name}}",
            "{me{friend(of:1){id}} me{friend(of:2){id}}}",
            "{me{friend{id}} me{friend(of:2){id}}}",
            "{me{friend{friend{x:id}}} me{friend{friend{x:name}}}}",
            "{node{x:id ...on User{x:name}}}",
            "{node{...on Node{x:id} ...on Team{x:title}}}",
            "{node{...on User{x:friend{y:id}} ...on User{x:friend{y:name}}}}",
        ] {
            let refusal = refusal(query).expect(query);
            assert!(refusal.message.contains("conflict"), "{query}");
            assert_eq!(refusal.locations.len(), 2, "{query}");
        }
    }

    #[test]
    fn many_equal_fields_take_linear_time() {
        for query in [
            format!("{{{}}}", "me{friend{friend{friend{id}}}} ".repeat(400)),
            format!("{{me{{{}}}}}", "friend{team{lead{id}}} ".repeat(400)),
            format!("{{{}}} fragment F on Query{{me{{id friend{{id}}}}}}", "...F ".repeat(2000)),
            format!("{{node{{{}}}}}", "...on User{id} ...on Team{id} ...on Node{id} ".repeat(400)),
        ] {
            let started = Instant::now();
            assert_eq!(refusal(&query), None);
            assert!(started.elapsed() < Duration::from_millis(500));
        }
    }
}
