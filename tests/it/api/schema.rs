//! The schema as it is published.

use async_graphql::Positioned;
use async_graphql::parser::{
    parse_schema,
    types::{InputValueDefinition, TypeKind, TypeSystemDefinition},
};

const COMMITTED: &str = include_str!("../../../schema.graphql");

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    assert!(
        COMMITTED == mission_control::graphql::sdl(),
        "schema.graphql is out of date: write it with `mission-control schema > schema.graphql`"
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let mut silent = Vec::new();
    let document = parse_schema(COMMITTED).unwrap();
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    let mut count = 0;
    for definition in types {
        let mut check = |path: String, is_described: bool| {
            count += 1;
            if !is_described {
                silent.push(path);
            }
        };
        let name = definition.name.node;
        check(name.to_string(), definition.description.is_some());
        let inputs = |inputs: Vec<Positioned<InputValueDefinition>>| {
            inputs.into_iter().map(|input| (input.node.name.node, input.node.description.is_some()))
        };
        match definition.kind {
            TypeKind::Object(_) | TypeKind::Interface(_) => {
                let fields = match definition.kind {
                    TypeKind::Object(object) => object.fields,
                    TypeKind::Interface(interface) => interface.fields,
                    _ => Vec::new(),
                };
                for field in fields {
                    let field = field.node;
                    let path = format!("{name}.{}", field.name.node);
                    check(path.clone(), field.description.is_some());
                    for (argument, is_described) in inputs(field.arguments) {
                        check(format!("{path}({argument})"), is_described);
                    }
                }
            }
            TypeKind::InputObject(object) => {
                for (field, is_described) in inputs(object.fields) {
                    check(format!("{name}.{field}"), is_described);
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values {
                    let path = format!("{name}.{}", value.node.value.node);
                    check(path, value.node.description.is_some());
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    assert!(count > 100, "the schema was read: {count}");
    assert!(silent.is_empty(), "without a description: {silent:?}");
}
