//! Puts `null` where a field failed, and where the type of the field forbids that, in place of the
//! nearest value around it that may be `null` (GraphQL specification, section 6.4.4). The framework
//! leaves a failed field out, and an object whose fields all failed it makes `null`. Knows the types of
//! fields, not what they mean.

use std::collections::HashMap;

use async_graphql::{
    Name, PathSegment, Positioned, Value,
    parser::{
        parse_schema,
        types::{
            BaseType, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType,
            Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The types of all fields of the schema.
pub struct OutputTypes(HashMap<Name, HashMap<Name, Type>>);

impl OutputTypes {
    /// Reads a printed schema.
    pub fn from_sdl(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut types = HashMap::new();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            let fields = fields
                .into_iter()
                .map(|field| (field.node.name.node, field.node.ty.node))
                .collect();
            types.insert(definition.node.name.node, fields);
        }
        Ok(Self(types))
    }

    /// Gives every failed field its `null`. `failed` are the paths of the errors.
    pub fn settle<'p>(
        &self,
        data: &mut Value,
        failed: impl Iterator<Item = &'p [PathSegment]> + Clone,
        operation: &OperationDefinition,
        document: &ExecutableDocument,
    ) {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let walk = Walk { types: self, fragments: &document.fragments };
        // First every object is whole again, so that a `null` met later is one that was settled.
        for path in failed.clone() {
            restore(data, path);
        }
        let selected = [Below { parent: root, set: &operation.selection_set.node }];
        for path in failed {
            if walk.fields(data, path, &selected) {
                *data = Value::Null;
            }
        }
    }
}

/// Writes `null` at the end of a path, and objects on the way there.
fn restore(value: &mut Value, path: &[PathSegment]) {
    match path.split_first() {
        None => *value = Value::Null,
        Some((PathSegment::Field(key), rest)) => {
            if *value == Value::Null {
                *value = Value::Object(async_graphql::indexmap::IndexMap::new());
            }
            if let Value::Object(fields) = value {
                restore(fields.entry(Name::new(key)).or_default(), rest);
            }
        }
        Some((PathSegment::Index(index), rest)) => {
            if let Value::List(items) = value
                && let Some(item) = items.get_mut(*index)
            {
                restore(item, rest);
            }
        }
    }
}

/// A selection set and the type whose fields it selects.
#[derive(Clone, Copy)]
struct Below<'a> {
    parent: &'a str,
    set: &'a SelectionSet,
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    types: &'a OutputTypes,
    fragments: &'a Fragments,
}

impl<'a> Walk<'a> {
    /// Settles one error below an object; answers whether the object cannot stay.
    fn fields(self, object: &mut Value, path: &[PathSegment], selected: &[Below<'a>]) -> bool {
        let (Value::Object(fields), Some((PathSegment::Field(key), rest))) =
            (object, path.split_first())
        else {
            return false;
        };
        let mut found = None;
        let mut below = Vec::new();
        for set in selected {
            self.find(*set, key, &mut found, &mut below);
        }
        match (fields.get_mut(key.as_str()), found) {
            (Some(value), Some(ty)) => self.value(value, rest, ty, &below),
            _ => false,
        }
    }

    /// Settles one error at or below a value; answers whether what is around it cannot stay.
    fn value(
        self,
        value: &mut Value,
        path: &[PathSegment],
        ty: &Type,
        below: &[Below<'a>],
    ) -> bool {
        let must_go = match (&ty.base, path.first(), &mut *value) {
            (_, None, _) => true,
            (BaseType::List(inner), Some(PathSegment::Index(index)), Value::List(items)) => {
                items.get_mut(*index).is_some_and(|item| {
                    self.value(item, path.get(1..).unwrap_or_default(), inner, below)
                })
            }
            (BaseType::Named(_), Some(PathSegment::Field(_)), Value::Object(_)) => {
                self.fields(value, path, below)
            }
            _ => false,
        };
        if must_go {
            *value = Value::Null;
        }
        must_go && !ty.nullable
    }

    /// Finds the type of the field with this response key, and everything selected below it. Where
    /// fragments on different types have the same key, their types agree about `null` (specification,
    /// section 5.3.2). The depth is bounded by the checks that a document has passed.
    fn find(
        self,
        selected: Below<'a>,
        key: &str,
        found: &mut Option<&'a Type>,
        below: &mut Vec<Below<'a>>,
    ) {
        for selection in &selected.set.items {
            match &selection.node {
                Selection::Field(field) if field.node.response_key().node == key => {
                    let ty = self
                        .types
                        .0
                        .get(selected.parent)
                        .and_then(|fields| fields.get(&field.node.name.node));
                    if let Some(ty) = ty {
                        *found = Some(ty);
                        let set = &field.node.selection_set.node;
                        below.push(Below { parent: innermost(ty), set });
                    }
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition
                        .map_or(selected.parent, |condition| condition.node.on.node.as_str());
                    let set = &inline.node.selection_set.node;
                    self.find(Below { parent, set }, key, found, below);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        let parent = fragment.node.type_condition.node.on.node.as_str();
                        let set = &fragment.node.selection_set.node;
                        self.find(Below { parent, set }, key, found, below);
                    }
                }
            }
        }
    }
}

/// The name of a type without its lists. The depth is that of the schema.
fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => innermost(inner),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    use super::*;

    const SDL: &str = "interface I { id: ID! } \
        type Query { may: T must: T! any: I list: [T!]! holes: [T] all: [T!] } \
        type T implements I { id: ID! name: String may: T must: T! list: [[T!]]! }";

    fn path(path: &Json) -> Vec<PathSegment> {
        let segment = |segment: &Json| match segment {
            Json::String(key) => PathSegment::Field(key.clone()),
            index => {
                PathSegment::Index(index.as_u64().and_then(|i| usize::try_from(i).ok()).unwrap())
            }
        };
        path.as_array().unwrap().iter().map(segment).collect()
    }

    fn settled(query: &str, data: Json, errors: &Json) -> Json {
        let document = parse_query(query).unwrap();
        let operation = document.operations.iter().next().unwrap().1;
        let paths: Vec<_> = errors.as_array().unwrap().iter().map(path).collect();
        let mut data = Value::from_json(data).unwrap();
        let types = OutputTypes::from_sdl(SDL).unwrap();
        types.settle(&mut data, paths.iter().map(Vec::as_slice), &operation.node, &document);
        data.into_json().unwrap()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn a_failed_field_is_null_or_takes_what_is_around_it_along() {
        for (query, data, errors, expected) in [
            // Nothing failed.
            ("{may{id}}", json!({"may": {"id": 1}}), json!([]), json!({"may": {"id": 1}})),
            // The framework leaves the field out, or the whole object.
            (
                "{may{id} any{id}}",
                json!({"any": null}),
                json!([["may"]]),
                json!({"any": null, "may": null}),
            ),
            ("{may{id}}", Json::Null, json!([["may"]]), json!({"may": null})),
            (
                "{a:may{id} b:may{id}}",
                Json::Null,
                json!([["a"], ["b"]]),
                json!({"a": null, "b": null}),
            ),
            (
                "{may{name}}",
                json!({"may": null}),
                json!([["may", "name"]]),
                json!({"may": {"name": null}}),
            ),
            // Up to where null is allowed.
            ("{must{id}}", Json::Null, json!([["must"]]), Json::Null),
            (
                "{may{id name}}",
                json!({"may": {"name": "n"}}),
                json!([["may", "id"]]),
                json!({"may": null}),
            ),
            ("{must{id} may{id}}", json!({"may": {"id": 1}}), json!([["must", "id"]]), Json::Null),
            (
                "{may{must{must{id}}} any{id}}",
                json!({"any": {"id": 1}, "may": {"must": {"must": null}}}),
                json!([["may", "must", "must", "id"]]),
                json!({"any": {"id": 1}, "may": null}),
            ),
            (
                "{may{may{must{id}}}}",
                json!({"may": {"may": {}}}),
                json!([["may", "may", "must"]]),
                json!({"may": {"may": null}}),
            ),
            // Two errors, one of which has settled what is around the other.
            (
                "{may{id must{id}}}",
                json!({"may": null}),
                json!([["may", "id"], ["may", "must"]]),
                json!({"may": null}),
            ),
            (
                "{may{id name}}",
                json!({"may": null}),
                json!([["may", "id"], ["may", "name"]]),
                json!({"may": null}),
            ),
            (
                "{may{id name}}",
                json!({"may": null}),
                json!([["may", "name"], ["may", "id"]]),
                json!({"may": null}),
            ),
            // Lists.
            (
                "{holes{id}}",
                json!({"holes": [{"id": 1}, null]}),
                json!([["holes", 1, "id"]]),
                json!({"holes": [{"id": 1}, null]}),
            ),
            (
                "{all{id}}",
                json!({"all": [{"id": 1}, {}]}),
                json!([["all", 1, "id"]]),
                json!({"all": null}),
            ),
            (
                "{list{id}}",
                json!({"list": [{"id": 1}, {}]}),
                json!([["list", 1, "id"]]),
                Json::Null,
            ),
            (
                "{may{list{id}}}",
                json!({"may": {"list": [[{}], [{"id": 1}]]}}),
                json!([["may", "list", 0, 0, "id"]]),
                json!({"may": {"list": [null, [{"id": 1}]]}}),
            ),
            (
                "{holes{name}}",
                json!({"holes": [null, {"name": "n"}]}),
                json!([["holes", 0, "name"]]),
                json!({"holes": [{"name": null}, {"name": "n"}]}),
            ),
            // Fragments and aliases.
            (
                "{any{id ... on T{x:must{id}}}}",
                json!({"any": {"id": 1}}),
                json!([["any", "x"]]),
                json!({"any": null}),
            ),
            (
                "{any{id ...F}} fragment F on T{x:may{id}}",
                json!({"any": {"id": 1}}),
                json!([["any", "x"]]),
                json!({"any": {"id": 1, "x": null}}),
            ),
            (
                "{...F} fragment F on Query{may{...{id}}}",
                json!({"may": null}),
                json!([["may", "id"]]),
                json!({"may": null}),
            ),
            (
                "{may{name} may{must{id}}}",
                json!({"may": {"name": "n", "must": null}}),
                json!([["may", "must", "id"]]),
                json!({"may": null}),
            ),
        ] {
            assert_eq!(settled(query, data.clone(), &errors), expected, "{query} {data} {errors}");
        }
    }
}
