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

/// Lists without an argument that bounds them, and what does.
const BOUNDED_LISTS: [(&str, &str); 17] = [
    ("AcceptInvitationPayload.userErrors", "the fields of the input"),
    ("CreateInvitationPayload.userErrors", "the fields of the input"),
    ("CreateOrganizationPayload.userErrors", "the fields of the input"),
    ("DeleteOrganizationPayload.userErrors", "the fields of the input"),
    (
        "DeleteUserPayload.deletedOrganizationIds",
        "what one user leaves behind is deleted in one transaction",
    ),
    ("InvitationConnection.edges", "the page size of the connection"),
    ("InvitationConnection.nodes", "the page size of the connection"),
    ("LeaveOrganizationPayload.userErrors", "the fields of the input"),
    ("OrganizationMemberConnection.edges", "the page size of the connection"),
    ("OrganizationMemberConnection.nodes", "the page size of the connection"),
    ("RemoveMemberPayload.userErrors", "the fields of the input"),
    ("RevokeInvitationPayload.userErrors", "the fields of the input"),
    ("SetActiveOrganizationPayload.userErrors", "the fields of the input"),
    ("UpdateMemberRolePayload.userErrors", "the fields of the input"),
    ("UpdateOrganizationPayload.userErrors", "the fields of the input"),
    ("UpdateProfilePayload.userErrors", "the fields of the input"),
    ("UserError.field", "the depth of the input"),
];

/// The complexity of a request counts `first` and `ids`, wherever they stand, and nothing else.
#[test]
fn every_list_is_bounded_by_an_argument_that_complexity_knows() {
    let mut faults = Vec::new();
    let mut bounded = Vec::new();
    for definition in parse_schema(COMMITTED).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = definition.node.kind else { continue };
        for field in object.fields {
            let path = format!("{}.{}", definition.node.name.node, field.node.name.node);
            let is_list = |ty: &str| ty.contains('[');
            let ty = field.node.ty.node.to_string();
            let mut arguments = Vec::new();
            for argument in &field.node.arguments {
                let (name, ty) =
                    (argument.node.name.node.as_str(), argument.node.ty.node.to_string());
                arguments.push(name);
                if (is_list(&ty) && name != "ids") || (ty.starts_with("Int") && name != "first") {
                    faults.push(format!("{path}({name}: {ty})"));
                }
            }
            if is_list(&ty) && !arguments.contains(&"ids") {
                bounded.push(path);
            } else if ty.contains("Connection") && !arguments.contains(&"first") {
                faults.push(path);
            }
        }
    }
    bounded.sort();
    assert!(faults.is_empty(), "arguments that complexity does not know: {faults:?}");
    let known: Vec<_> = BOUNDED_LISTS.iter().map(|(path, _)| *path).collect();
    assert_eq!(bounded, known, "a list needs `first`, `ids`, or a line that says what bounds it");
}
