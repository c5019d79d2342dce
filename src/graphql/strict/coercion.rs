//! The values of variables, coerced to their declared types (GraphQL specification, section 6.1.2).
//!
//! async-graphql hands variables to resolvers as they came and reports a misfit, or a required
//! variable that is missing, as a field error in the middle of execution; it also takes
//! `@include(if: $v)` for false when `$v` was left to its default. So values are checked, and
//! defaults filled in, before execution begins. What a custom scalar accepts is not known here. No
//! value is ever repeated in a message: variables are where personal data travels.

use async_graphql::{
    Positioned, Value, Variables,
    parser::types::{BaseType, Type, VariableDefinition},
};
use bluejay_core::{
    AsIter, BuiltinScalarDefinition as Scalar,
    definition::{
        EnumTypeDefinition as _, EnumValueDefinition as _, InputFieldsDefinition as _,
        InputObjectTypeDefinition as _, InputType as _, InputValueDefinition as _,
        ShallowInputTypeReference,
    },
};
use bluejay_parser::ast::definition::{InputObjectTypeDefinition, InputType};

use super::{
    RequestError, TypeSystem,
    request_error::excerpt,
    type_system::{Context, TypeRef},
};
use crate::error::Code;

/// The variables to execute an operation with: those it declares and the client sent, coerced, and
/// those left to their default.
///
/// Variables that are not declared are dropped; nullable ones that were neither sent
/// nor have a default stay absent. Integers for `ID` become text, a single value for a list becomes
/// a list of one. Defaults of input object fields are left to async-graphql, which applies them. A
/// type that is not an input type of the schema lets every value pass and is for validation to
/// refuse.
///
/// # Errors
///
/// [`Code::BadUserInput`], at the definition of the variable, with the path of the first value that does
/// not fit, such as `input.timezone`.
pub(crate) fn coerce_variables(
    definitions: &[Positioned<VariableDefinition>],
    mut sent: Variables,
    types: &TypeSystem,
) -> Result<Variables, RequestError> {
    let mut coerced = Variables::default();
    for definition in definitions {
        let name = &definition.node.name.node;
        let ty = &definition.node.var_type.node;
        let value = match (sent.remove(name), &definition.node.default_value) {
            (Some(sent), _) => sent,
            (None, Some(default)) => default.node.clone(),
            (None, None) if ty.nullable => continue,
            (None, None) => return Err(missing(definition)),
        };
        let value = coerce(value, Expected::Declared(ty), types)
            .map_err(|misfit| invalid_value(definition, misfit))?;
        coerced.insert(name.clone(), value);
    }
    Ok(coerced)
}

/// The type that a value must have.
#[derive(Clone, Copy)]
enum Expected<'a> {
    /// The type of a variable.
    Declared(&'a Type),
    /// The type of a field of an input object.
    InSchema(&'a InputType<'static, Context>),
}

/// A type without its outermost non-null marker.
enum Form<'a> {
    Named(&'a str),
    List(Expected<'a>),
}

impl<'a> Expected<'a> {
    fn is_nullable(self) -> bool {
        match self {
            Self::Declared(ty) => ty.nullable,
            Self::InSchema(ty) => !ty.is_required(),
        }
    }

    fn form(self) -> Form<'a> {
        match self {
            Self::Declared(ty) => match &ty.base {
                BaseType::Named(name) => Form::Named(name),
                BaseType::List(item) => Form::List(Expected::Declared(item)),
            },
            Self::InSchema(ty) => match ty.as_shallow_ref() {
                ShallowInputTypeReference::Base(name, _) => Form::Named(name),
                ShallowInputTypeReference::List(item, _) => Form::List(Expected::InSchema(item)),
            },
        }
    }
}

/// A value that does not fit: what was expected, and where, innermost step first.
#[derive(Debug)]
struct Misfit {
    reason: String,
    steps: Vec<String>,
}

impl Misfit {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), steps: Vec::new() }
    }

    fn expected(expected: &str, found: &Value) -> Self {
        Self::new(format!("expected {expected}, found {}", noun(found)))
    }

    fn inside(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }
}

/// The nesting of `value` is bounded by the JSON reader, that of `ty` by the bracket nesting of the
/// text.
fn coerce(value: Value, ty: Expected<'_>, types: &TypeSystem) -> Result<Value, Misfit> {
    if matches!(value, Value::Null) {
        return if ty.is_nullable() {
            Ok(Value::Null)
        } else {
            Err(Misfit::new("null is not allowed here"))
        };
    }
    match ty.form() {
        Form::Named(name) => coerce_named(value, name, types),
        Form::List(item_type) => match value {
            Value::List(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    coerce(item, item_type, types)
                        .map_err(|misfit| misfit.inside(format!("[{index}]")))
                });
                items.collect::<Result<_, _>>().map(Value::List)
            }
            single => coerce(single, item_type, types).map(|item| Value::List(vec![item])),
        },
    }
}

fn coerce_named(value: Value, name: &str, types: &TypeSystem) -> Result<Value, Misfit> {
    match types.named(name) {
        Some(TypeRef::BuiltinScalar(scalar)) => coerce_scalar(value, scalar),
        Some(TypeRef::InputObject(object)) => coerce_object(value, object, types),
        Some(TypeRef::Enum(definition)) => match &value {
            Value::String(_) | Value::Enum(_) => {
                let values = definition.enum_value_definitions();
                let is_known = |text: &str| values.iter().any(|known| known.name() == text);
                match &value {
                    Value::String(text) if is_known(text) => Ok(value),
                    Value::Enum(text) if is_known(text) => Ok(value),
                    _ => Err(Misfit::new(format!("\"{name}\" has no such value"))),
                }
            }
            _ => Err(Misfit::expected(&format!("a value of \"{name}\""), &value)),
        },
        // A scalar of the schema's own judges its values itself.
        _ => Ok(value),
    }
}

fn coerce_scalar(value: Value, scalar: Scalar) -> Result<Value, Misfit> {
    let expected = match (scalar, &value) {
        (Scalar::ID, Value::Number(number)) if !number.is_f64() => {
            return Ok(Value::String(number.to_string()));
        }
        (Scalar::Float, Value::Number(_))
        | (Scalar::String | Scalar::ID, Value::String(_))
        | (Scalar::Boolean, Value::Boolean(_)) => return Ok(value),
        (Scalar::Int, Value::Number(number)) => {
            let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            return if fits {
                Ok(value)
            } else {
                Err(Misfit::new("the number is not a whole one of 32 bits"))
            };
        }
        (Scalar::Int, _) => "a whole number",
        (Scalar::Float, _) => "a number",
        (Scalar::String, _) => "a string",
        (Scalar::Boolean, _) => "true or false",
        (Scalar::ID, _) => "an ID, which is a string or a whole number",
    };
    Err(Misfit::expected(expected, &value))
}

fn coerce_object(
    value: Value,
    object: &InputObjectTypeDefinition<'static, Context>,
    types: &TypeSystem,
) -> Result<Value, Misfit> {
    let name = object.name();
    let Value::Object(mut given) = value else {
        return Err(Misfit::expected(&format!("an object of type \"{name}\""), &value));
    };
    let fields = object.input_field_definitions();
    for (key, slot) in &mut given {
        let Some(field) = fields.get(key) else {
            let reason = format!("\"{name}\" has no field \"{}\"", excerpt(key));
            return Err(Misfit::new(reason));
        };
        let coerced = coerce(std::mem::take(slot), Expected::InSchema(field.r#type()), types);
        *slot = coerced.map_err(|misfit| misfit.inside(format!(".{key}")))?;
    }
    let missing =
        fields.iter().find(|field| field.is_required() && !given.contains_key(field.name()));
    match missing {
        None => Ok(Value::Object(given)),
        Some(field) => {
            let ty = field.r#type().display_name();
            Err(Misfit::new(format!("field \"{}\" of type \"{ty}\" is required", field.name())))
        }
    }
}

const fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Boolean(_) => "a boolean",
        Value::Binary(_) => "binary data",
        Value::Enum(_) => "a name",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn invalid_value(definition: &Positioned<VariableDefinition>, misfit: Misfit) -> RequestError {
    let name = excerpt(&definition.node.name.node);
    let place = if misfit.steps.is_empty() {
        String::new()
    } else {
        let steps: String = misfit.steps.into_iter().rev().collect();
        format!(" at \"{name}{steps}\"")
    };
    let message = format!("Variable \"${name}\" got an invalid value{place}: {}.", misfit.reason);
    RequestError::at(Code::BadUserInput, message, definition.pos)
}

fn missing(definition: &Positioned<VariableDefinition>) -> RequestError {
    let name = excerpt(&definition.node.name.node);
    let ty = definition.node.var_type.node.to_string();
    let message =
        format!("Variable \"${name}\" of required type \"{}\" was not provided.", excerpt(&ty));
    RequestError::at(Code::BadUserInput, message, definition.pos)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, types::ExecutableDocument};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graphql::strict::samples;

    fn document(definitions: &str) -> ExecutableDocument {
        parse_query(format!("query({definitions}){{a}}")).expect(definitions)
    }

    /// The coerced variables, or the message of the refusal.
    fn run(definitions: &str, sent: Json) -> Result<Json, String> {
        let types = TypeSystem::from_sdl(samples::SCHEMA.to_owned()).expect("a schema");
        let document = document(definitions);
        let operation = samples::operation(&document, None);
        let definitions = &operation.node.variable_definitions;
        match coerce_variables(definitions, Variables::from_json(sent), &types) {
            Ok(coerced) => Ok(serde_json::to_value(coerced).expect("JSON")),
            Err(mut refusal) => {
                assert_eq!(refusal.code, Code::BadUserInput);
                let error = refusal.errors.pop().expect("an error");
                assert_eq!(error.locations.len(), 1);
                Err(error.message)
            }
        }
    }

    #[test]
    fn values_that_fit_are_taken_over() {
        for (definitions, sent, expected) in [
            ("$v:Int", json!({"v": 1}), json!({"v": 1})),
            ("$v:Int!", json!({"v": -2_147_483_648_i64}), json!({"v": -2_147_483_648_i64})),
            ("$v:Int", json!({"v": null}), json!({"v": null})),
            ("$v:Int", json!({}), json!({})),
            ("$v:Int=5", json!({}), json!({"v": 5})),
            ("$v:Int=5", json!({"v": null}), json!({"v": null})),
            ("$v:Int!=5", json!({}), json!({"v": 5})),
            ("$v:Boolean=true", json!({}), json!({"v": true})),
            ("$v:Int=null", json!({}), json!({"v": null})),
            ("$v:Float", json!({"v": 1}), json!({"v": 1})),
            ("$v:Float", json!({"v": 1.5}), json!({"v": 1.5})),
            ("$v:String", json!({"v": ""}), json!({"v": ""})),
            ("$v:Boolean", json!({"v": false}), json!({"v": false})),
            ("$v:ID", json!({"v": "x"}), json!({"v": "x"})),
            ("$v:ID", json!({"v": 7}), json!({"v": "7"})),
            ("$v:ID", json!({"v": u64::MAX}), json!({"v": "18446744073709551615"})),
            ("$v:DateTime", json!({"v": {"any": ["thing"]}}), json!({"v": {"any": ["thing"]}})),
            ("$v:Nope", json!({"v": [1]}), json!({"v": [1]})),
            ("$v:Query!", json!({"v": 1}), json!({"v": 1})),
            ("$v:Colour", json!({"v": "RED"}), json!({"v": "RED"})),
            ("$v:Colour=GREEN", json!({}), json!({"v": "GREEN"})),
            ("$v:[Int]", json!({"v": [1, null]}), json!({"v": [1, null]})),
            ("$v:[Int]", json!({"v": 1}), json!({"v": [1]})),
            ("$v:[[Int]]", json!({"v": 1}), json!({"v": [[1]]})),
            ("$v:[[Int]]", json!({"v": [1, [2]]}), json!({"v": [[1], [2]]})),
            ("$v:[Int]", json!({"v": null}), json!({"v": null})),
            ("$v:[ID!]!=3", json!({}), json!({"v": ["3"]})),
            ("$v:Profile!", json!({"v": {}}), json!({"v": {}})),
            (
                "$v:Profile!",
                json!({"v": {"name": null, "colour": "RED", "tags": "one", "nested": [{"tags": ["a"]}]}}),
                json!({"v": {"name": null, "colour": "RED", "tags": ["one"], "nested": [{"tags": ["a"]}]}}),
            ),
            ("$v:Deletion", json!({"v": {"userId": 5}}), json!({"v": {"userId": "5"}})),
            ("$v:Int", json!({"v": 1, "other": "dropped"}), json!({"v": 1})),
        ] {
            assert_eq!(run(definitions, sent.clone()), Ok(expected), "{definitions} {sent}");
        }
    }

    fn assert_refused(cases: &[(&str, Json, &str)]) {
        for (definitions, sent, expected) in cases {
            let message = run(definitions, sent.clone()).expect_err(definitions);
            assert_eq!(&message, expected, "{definitions} {sent}");
        }
    }

    #[test]
    fn single_values_that_do_not_fit_are_refused() {
        assert_refused(&[
            ("$v:Int!", json!({}), "Variable \"$v\" of required type \"Int!\" was not provided."),
            (
                "$v:Int!",
                json!({"v": null}),
                "Variable \"$v\" got an invalid value: null is not allowed here.",
            ),
            (
                "$v:Int!=1",
                json!({"v": null}),
                "Variable \"$v\" got an invalid value: null is not allowed here.",
            ),
            (
                "$v:Int",
                json!({"v": 2_147_483_648_i64}),
                "Variable \"$v\" got an invalid value: the number is not a whole one of 32 bits.",
            ),
            (
                "$v:Int",
                json!({"v": 1.5}),
                "Variable \"$v\" got an invalid value: the number is not a whole one of 32 bits.",
            ),
            (
                "$v:Int",
                json!({"v": "1"}),
                "Variable \"$v\" got an invalid value: expected a whole number, found a string.",
            ),
            (
                "$v:Float",
                json!({"v": "1"}),
                "Variable \"$v\" got an invalid value: expected a number, found a string.",
            ),
            (
                "$v:String",
                json!({"v": 1}),
                "Variable \"$v\" got an invalid value: expected a string, found a number.",
            ),
            (
                "$v:Boolean",
                json!({"v": "true"}),
                "Variable \"$v\" got an invalid value: expected true or false, found a string.",
            ),
            (
                "$v:ID",
                json!({"v": 1.5}),
                "Variable \"$v\" got an invalid value: expected an ID, which is a string or a whole number, found a number.",
            ),
            (
                "$v:Colour",
                json!({"v": "red"}),
                "Variable \"$v\" got an invalid value: \"Colour\" has no such value.",
            ),
            (
                "$v:Colour",
                json!({"v": 1}),
                "Variable \"$v\" got an invalid value: expected a value of \"Colour\", found a number.",
            ),
        ]);
    }

    #[test]
    fn values_inside_others_are_named_by_path() {
        assert_refused(&[
            (
                "$v:[Int!]",
                json!({"v": [1, null]}),
                "Variable \"$v\" got an invalid value at \"v[1]\": null is not allowed here.",
            ),
            (
                "$v:[[Int]]",
                json!({"v": [[1], ["x"]]}),
                "Variable \"$v\" got an invalid value at \"v[1][0]\": expected a whole number, found a string.",
            ),
            (
                "$v:Profile",
                json!({"v": {"timezone": 5}}),
                "Variable \"$v\" got an invalid value at \"v.timezone\": expected a string, found a number.",
            ),
            (
                "$v:Profile",
                json!({"v": {"nested": [{}, {"tags": ["a", {}]}]}}),
                "Variable \"$v\" got an invalid value at \"v.nested[1].tags[1]\": expected a string, found an object.",
            ),
            (
                "$v:Profile",
                json!({"v": "x"}),
                "Variable \"$v\" got an invalid value: expected an object of type \"Profile\", found a string.",
            ),
            (
                "$v:Profile",
                json!({"v": {"nested": {"age": 1}}}),
                "Variable \"$v\" got an invalid value at \"v.nested\": \"Profile\" has no field \"age\".",
            ),
            (
                "$v:Deletion",
                json!({"v": {}}),
                "Variable \"$v\" got an invalid value: field \"userId\" of type \"ID!\" is required.",
            ),
            (
                "$v:Deletion",
                json!({"v": {"userId": "x", "fromClerk": null}}),
                "Variable \"$v\" got an invalid value at \"v.fromClerk\": null is not allowed here.",
            ),
        ]);
    }

    #[test]
    fn messages_repeat_no_values_and_little_else() {
        let long = "x".repeat(10_000);
        for (definitions, sent) in [
            ("$v:Int".to_owned(), json!({"v": "person@example.com"})),
            ("$v:Colour".to_owned(), json!({"v": "person@example.com"})),
            ("$v:Profile".to_owned(), json!({"v": {long.as_str(): 1}})),
            (format!("$v:{long}!"), json!({})),
            (format!("${long}:Int!"), json!({})),
            (format!("${long}:Profile"), json!({long.as_str(): {"tags": 1}})),
        ] {
            let message = run(&definitions, sent).expect_err("a misfit");
            assert!(!message.contains("example"), "{message}");
            assert!(message.chars().count() < 250, "{message}");
        }
    }

    #[test]
    fn the_deepest_json_does_no_harm() {
        let sent = |open: &str, close: &str| {
            let text = format!("{{\"v\":{}{}}}", open.repeat(120), close.repeat(120));
            serde_json::from_str::<Json>(&text).expect("JSON")
        };
        assert!(run("$v:[Int]", sent("[", "]")).is_err());
        assert!(run("$v:DateTime", sent("[", "]")).is_ok());
        let lists = format!("$v:{}Int{}", "[".repeat(90), "]".repeat(90));
        assert!(run(&lists, json!({"v": 1})).is_ok());
        let text = format!("{{\"v\":{}{{}}{}}}", "{\"nested\":[".repeat(60), "]}".repeat(60));
        assert!(run("$v:Profile", serde_json::from_str(&text).expect("JSON")).is_ok());
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            prop::sample::select(vec!["RED", "", "7", "x"]).prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop::sample::select(vec![
                "name",
                "colour",
                "tags",
                "nested",
                "userId",
                "fromClerk",
                "other",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn coercing_twice_changes_nothing(
            ty in prop::sample::select(vec!["Int", "Float!", "ID", "[ID!]", "[[Colour]]", "Profile!", "[Deletion!]!"]),
            value in any_json(),
        ) {
            let definitions = format!("$v:{ty}");
            if let Ok(once) = run(&definitions, json!({"v": value})) {
                prop_assert_eq!(run(&definitions, once.clone()), Ok(once));
            }
        }
    }
}
