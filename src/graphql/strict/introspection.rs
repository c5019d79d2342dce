//! What the introspection of bluejay 0.5 or async-graphql 7 lacks (GraphQL specification, section 4.5,
//! and its additions that graphql-js 17 asks for).

use async_graphql::Value;

/// Fields without arguments and selections that the validator does not know and that are answered.
const FIELDS: [(&str, &str); 5] = [
    ("__Type", "isOneOf"),
    ("__InputValue", "isDeprecated"),
    ("__InputValue", "deprecationReason"),
    ("__Directive", "isDeprecated"),
    ("__Directive", "deprecationReason"),
];

/// Whether a field is answered, though the validator does not know it.
pub(crate) fn is_answered(parent: &str, field: &str) -> bool {
    FIELDS.contains(&(parent, field))
}

/// Whether an argument may be given, though the validator does not know it. No directive of ours is
/// deprecated, so that `__Schema.directives` answers the same with and without.
pub(crate) fn is_ignored_argument(field: &str, argument: &str) -> bool {
    field == "directives" && argument == "includeDeprecated"
}

/// What a field answers that the framework does not know.
pub(crate) fn constant(parent: &str, field: &str) -> Option<Value> {
    match (parent, field) {
        ("__Directive", "isDeprecated") => Some(Value::Boolean(false)),
        ("__Directive", "deprecationReason") => Some(Value::Null),
        _ => None,
    }
}
