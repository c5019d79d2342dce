//! Whether variables are used where their types allow it (GraphQL specification, section 5.8.5), and
//! input objects are written as objects (section 5.6.1).
//!
//! async-graphql 7 has the first rule and never runs it, so
//! `query($v: Boolean) { me @include(if: $v) { id } }` would pass for a valid document and leave
//! `me` out. Of the second it knows only objects with fields at fault: a number in the place of an
//! object is found out while the field is being resolved. The walk visits each fragment once for each operation and keeps its own stack. Fields
//! and arguments that the schema does not have are passed over; refusing them is for validation.

use std::{
    collections::{HashMap, HashSet},
    slice::Iter,
};

use async_graphql::{
    Pos, Positioned,
    parser::types::{
        BaseType, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
        Type, VariableDefinition,
    },
};
use async_graphql_value::{ConstValue, Value as Literal};

use super::{
    Refusal, excerpt,
    input_types::{Expected, InputKind, InputTypes},
};

/// Refuses an operation that uses a variable where its type does not fit, or writes anything but an
/// object for an input object.
///
/// # Errors
///
/// [`ValidationFailed`](super::RefusalCode::ValidationFailed), with the places of the definition
/// and of the argument, or of the argument alone.
pub(super) fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    types: &InputTypes,
) -> Result<(), Refusal> {
    let mut walk = Walk { document, types, pending: Vec::new(), entered: HashSet::new() };
    walk.enter(types.root(operation.ty), &operation.selection_set.node);
    let definitions = operation.variable_definitions.iter();
    let usages = Usages {
        definitions: definitions.map(|found| (found.node.name.node.as_str(), found)).collect(),
        types,
    };
    for (parent, selection) in walk {
        usages.directives(selection.directives())?;
        if let (Some(parent), Selection::Field(field)) = (parent, selection) {
            for (name, argument) in &field.node.arguments {
                if let Some(expected) = types.argument(parent, &field.node.name.node, &name.node) {
                    usages.literal(&argument.node, expected, name.pos)?;
                }
            }
        }
    }
    Ok(())
}

/// The selections that an operation reaches, each with the name of the type it is made on, where
/// that is known.
struct Walk<'a> {
    document: &'a ExecutableDocument,
    types: &'a InputTypes,
    pending: Vec<(Option<&'a str>, Iter<'a, Positioned<Selection>>)>,
    entered: HashSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn enter(&mut self, parent: Option<&'a str>, set: &'a SelectionSet) {
        self.pending.push((parent, set.items.iter()));
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Option<&'a str>, &'a Selection);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((parent, items)) = self.pending.last_mut() {
            let parent = *parent;
            let Some(item) = items.next() else {
                self.pending.pop();
                continue;
            };
            match &item.node {
                Selection::Field(field) => {
                    let inner = parent
                        .and_then(|parent| self.types.field_type(parent, &field.node.name.node));
                    self.enter(inner, &field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let inner =
                        condition.map_or(parent, |condition| Some(condition.node.on.node.as_str()));
                    self.enter(inner, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.entered.insert(name)
                    {
                        let inner = fragment.node.type_condition.node.on.node.as_str();
                        self.enter(Some(inner), &fragment.node.selection_set.node);
                    }
                }
            }
            return Some((parent, &item.node));
        }
        None
    }
}

/// The variables of one operation, to be held against the places where they are used.
struct Usages<'a> {
    definitions: HashMap<&'a str, &'a Positioned<VariableDefinition>>,
    types: &'a InputTypes,
}

impl Usages<'_> {
    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Refusal> {
        for directive in directives {
            for (name, argument) in &directive.node.arguments {
                self.literal(&argument.node, self.types.condition(), name.pos)?;
            }
        }
        Ok(())
    }

    /// Recurses as deep as the text of the document is nested.
    fn literal(&self, literal: &Literal, expected: &Expected, at: Pos) -> Result<(), Refusal> {
        match (literal, &expected.ty.base) {
            (Literal::Variable(name), _) => self.variable(name, expected, at),
            (Literal::Null, _) => Ok(()),
            (Literal::List(items), BaseType::List(item_type)) => {
                let expected = Expected { ty: (**item_type).clone(), has_default: false };
                items.iter().try_for_each(|item| self.literal(item, &expected, at))
            }
            (Literal::Object(given), BaseType::Named(name)) => {
                let Some(InputKind::Object(fields)) = self.types.kind(name) else {
                    return Ok(());
                };
                let known = given
                    .iter()
                    .filter_map(|(key, value)| Some((value, fields.get(key.as_str())?)));
                known.into_iter().try_for_each(|(value, field)| self.literal(value, field, at))
            }
            // A single value where a list is expected.
            (_, BaseType::List(item_type)) => {
                let expected = Expected { ty: (**item_type).clone(), has_default: false };
                self.literal(literal, &expected, at)
            }
            (_, BaseType::Named(name)) => match self.types.kind(name) {
                Some(InputKind::Object(_)) => {
                    let message = format!("Expected an object of type \"{name}\".");
                    Err(Refusal::validation(message, at))
                }
                _ => Ok(()),
            },
        }
    }

    fn variable(&self, name: &str, expected: &Expected, at: Pos) -> Result<(), Refusal> {
        let Some(definition) = self.definitions.get(name) else {
            return Ok(());
        };
        if is_usage_allowed(&definition.node, expected) {
            return Ok(());
        }
        let declared = definition.node.var_type.node.to_string();
        let message = format!(
            "Variable \"${}\" of type \"{}\" is used where \"{}\" is expected.",
            excerpt(name),
            excerpt(&declared),
            expected.ty
        );
        let mut refusal = Refusal::validation(message, definition.pos);
        refusal.locations.push(at);
        Err(refusal)
    }
}

/// `IsVariableUsageAllowed` of the specification: a nullable variable may stand in a non-null place
/// if either of the two has a default.
fn is_usage_allowed(definition: &VariableDefinition, expected: &Expected) -> bool {
    let declared = &definition.var_type.node;
    if expected.ty.nullable || !declared.nullable {
        return are_compatible(declared, &expected.ty);
    }
    let own_default =
        definition.default_value.as_ref().is_some_and(|default| default.node != ConstValue::Null);
    (own_default || expected.has_default) && are_bases_compatible(&declared.base, &expected.ty.base)
}

/// `AreTypesCompatible` of the specification.
fn are_compatible(declared: &Type, expected: &Type) -> bool {
    (expected.nullable || !declared.nullable)
        && are_bases_compatible(&declared.base, &expected.base)
}

fn are_bases_compatible(declared: &BaseType, expected: &BaseType) -> bool {
    match (declared, expected) {
        (BaseType::Named(declared), BaseType::Named(expected)) => declared == expected,
        (BaseType::List(declared), BaseType::List(expected)) => are_compatible(declared, expected),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::precheck::{RefusalCode, samples};

    /// Documents in which every variable fits its place.
    const ALLOWED: &[&str] = &[
        "query($v:Int!){me(first:$v){x}}",
        "query($v:Int){me(first:$v){x}}",
        "query($v:Int=5){me(first:$v){x}}",
        "query($v:Int=null){me(first:$v){x}}",
        "query($v:String){me(after:$v){x}}",
        "query($v:String!){me(after:$v){x}}",
        "query($v:Boolean!){me @include(if:$v){x}}",
        "query($v:Boolean=true){me @skip(if:$v){x}}",
        "query($v:[ID!]!){all(ids:$v){x}}",
        "query($v:ID!){all(ids:[$v]){x}}",
        "mutation($v:Profile!){update(input:$v){x}}",
        "mutation($v:String){update(input:{name:$v nested:{name:$v nested:[{name:$v}]}}){x}}",
        "mutation($v:Boolean){delete(input:{userId:1 fromClerk:$v}){x}}",
        "query($v:Int){nothing(first:$v){me(first:$v){x}}}",
        "query($v:Int){me(nothing:$v){x}}",
        "query($v:ID=1){all(ids:[$v]){x}}",
        "mutation{update(input:{name:1 nested:{}}){x}}",
        "mutation{update(input:{nested:null}){x}}",
        "mutation{update(input:null){x}}",
    ];

    /// Documents in which one does not, and a part of the message.
    const REFUSED: &[(&str, &str)] = &[
        ("query($v:String){me(first:$v){x}}", "\"String\" is used where \"Int!\""),
        ("query($v:Int!){me(after:$v){x}}", "\"Int!\" is used where \"String\""),
        ("query($v:Boolean){me @include(if:$v){x}}", "\"Boolean\" is used where \"Boolean!\""),
        ("query($v:Boolean=null){me @skip(if:$v){x}}", "\"Boolean\" is used where \"Boolean!\""),
        ("query($v:Boolean){__typename @skip(if:$v)}", "\"Boolean\" is used where \"Boolean!\""),
        (
            "query($v:Boolean){...F @skip(if:$v)} fragment F on Query{me{x}}",
            "is used where \"Boolean!\"",
        ),
        ("query($v:Boolean){...@skip(if:$v){me{x}}}", "is used where \"Boolean!\""),
        ("query($v:[ID]!){all(ids:$v){x}}", "\"[ID]!\" is used where \"[ID!]!\""),
        ("query($v:ID!){all(ids:$v){x}}", "\"ID!\" is used where \"[ID!]!\""),
        ("query($v:ID){all(ids:[$v]){x}}", "\"ID\" is used where \"ID!\""),
        ("mutation($v:Profile){update(input:$v){x}}", "\"Profile\" is used where \"Profile!\""),
        (
            "mutation($v:Int){update(input:{nested:[{name:$v}]}){x}}",
            "\"Int\" is used where \"String\"",
        ),
        (
            "mutation($v:Int){update(input:{nested:{name:$v}}){x}}",
            "\"Int\" is used where \"String\"",
        ),
        ("mutation($v:ID){delete(input:{userId:$v}){x}}", "\"ID\" is used where \"ID!\""),
        ("query($v:Int){me{me{me(after:$v){x}}}}", "\"Int\" is used where \"String\""),
        (
            "query($v:Int){...F} fragment F on Query{me{...F me(after:$v){x}}}",
            "is used where \"String\"",
        ),
        ("query($v:Int){nothing{...on Query{me(after:$v){x}}}}", "is used where \"String\""),
        ("query($v:Int){...{...on Node{me(after:$v){x}}}}", "is used where \"String\""),
        (
            "query A($v:Int){me(first:$v){x}} query B($v:Int){me(after:$v){x}}",
            "is used where \"String\"",
        ),
    ];

    #[test]
    fn variables_may_stand_where_their_types_allow() {
        let types = InputTypes::from_sdl(samples::SCHEMA).expect("a schema");
        for query in ALLOWED {
            let document = parse_query(query).expect(query);
            assert_eq!(types.check_variables(&document), Ok(()), "{query}");
        }
        for (query, part) in REFUSED {
            let document = parse_query(query).expect(query);
            let refusal = types.check_variables(&document).expect_err(query);
            assert!(refusal.message.contains(part), "{query}: {}", refusal.message);
            assert_eq!(refusal.code, RefusalCode::ValidationFailed);
            assert_eq!(refusal.locations.len(), 2);
        }
    }

    #[test]
    fn input_objects_are_written_as_objects() {
        let types = InputTypes::from_sdl(samples::SCHEMA).expect("a schema");
        for query in [
            "mutation{update(input:5){x}}",
            "mutation{update(input:RED){x}}",
            "mutation{update(input:[{}]){x}}",
            "mutation{update(input:{nested:5}){x}}",
            "mutation{update(input:{nested:[{},\"\"]}){x}}",
            "mutation{...F} fragment F on Mutation{update(input:true){x}}",
        ] {
            let document = parse_query(query).expect(query);
            let refusal = types.check_variables(&document).expect_err(query);
            assert!(refusal.message.starts_with("Expected an object"), "{}", refusal.message);
            assert_eq!(refusal.code, RefusalCode::ValidationFailed);
            assert_eq!(refusal.locations.len(), 1);
        }
    }
}
