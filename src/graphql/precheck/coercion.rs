//! The values of variables, coerced to their declared types (GraphQL specification, section 6.1.2).
//!
//! async-graphql hands variables to resolvers as they came and reports a misfit, or a required
//! variable that is missing, as a field error in the middle of execution; it also takes
//! `@include(if: $v)` for false when `$v` was left to its default. So values are checked, and
//! defaults filled in, before execution begins. What a custom scalar accepts is not known here. No
//! value is ever repeated in a message: variables are where personal data travels.

use async_graphql::{
    Positioned, Value, Variables,
    parser::types::{BaseType, OperationDefinition, Type, VariableDefinition},
};

use super::{
    Refusal, excerpt,
    input_types::{InputKind, InputTypes},
};

/// The variables to execute `operation` with: those it declares and the client sent, coerced, and
/// those left to their default.
///
/// Variables that the operation does not declare are dropped; nullable ones that were neither sent
/// nor have a default stay absent. Integers for `ID` become text, a single value for a list becomes
/// a list of one. Defaults of input object fields are left to async-graphql, which applies them. A
/// type that is not an input type of the schema lets every value pass and is for validation to
/// refuse.
///
/// # Errors
///
/// [`BadUserInput`](super::RefusalCode::BadUserInput), at the definition of the variable, with the
/// path of the first value that does not fit, such as `input.timezone`.
/// [`ValidationFailed`](super::RefusalCode::ValidationFailed) when it is the document's own default
/// that does not fit.
pub fn coerce_variables(
    operation: &OperationDefinition,
    mut variables: Variables,
    types: &InputTypes,
) -> Result<Variables, Refusal> {
    let mut coerced = Variables::default();
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        let ty = &definition.node.var_type.node;
        let value = match (variables.remove(name), &definition.node.default_value) {
            (Some(sent), _) => {
                coerce(sent, ty, types).map_err(|misfit| invalid_value(definition, misfit))?
            }
            (None, Some(default)) => coerce(default.node.clone(), ty, types)
                .map_err(|misfit| invalid_default(definition, misfit))?,
            (None, None) if ty.nullable => continue,
            (None, None) => return Err(missing(definition)),
        };
        coerced.insert(name.clone(), value);
    }
    Ok(coerced)
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
fn coerce(value: Value, ty: &Type, types: &InputTypes) -> Result<Value, Misfit> {
    if matches!(value, Value::Null) {
        return if ty.nullable {
            Ok(Value::Null)
        } else {
            Err(Misfit::new("null is not allowed here"))
        };
    }
    match &ty.base {
        BaseType::Named(name) => coerce_named(value, name, types),
        BaseType::List(item_type) => match value {
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

fn coerce_named(value: Value, name: &str, types: &InputTypes) -> Result<Value, Misfit> {
    let Some(kind) = types.kind(name) else {
        return Ok(value);
    };
    let expected = match (kind, &value) {
        (InputKind::Object(_), _) => return coerce_object(value, name, types),
        (InputKind::Id, Value::Number(number)) if !number.is_f64() => {
            return Ok(Value::String(number.to_string()));
        }
        (InputKind::Custom, _)
        | (InputKind::Float, Value::Number(_))
        | (InputKind::String | InputKind::Id, Value::String(_))
        | (InputKind::Boolean, Value::Boolean(_)) => return Ok(value),
        (InputKind::Int, Value::Number(number))
            if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) =>
        {
            return Ok(value);
        }
        (InputKind::Enum(names), Value::String(text)) if names.contains(text) => return Ok(value),
        (InputKind::Enum(names), Value::Enum(text)) if names.contains(text.as_str()) => {
            return Ok(value);
        }
        (InputKind::Enum(_), Value::String(_) | Value::Enum(_)) => {
            return Err(Misfit::new(format!("\"{name}\" has no such value")));
        }
        (InputKind::Int, Value::Number(_)) => {
            return Err(Misfit::new("the number is not a whole one of 32 bits"));
        }
        (InputKind::Int, _) => "a whole number".to_owned(),
        (InputKind::Float, _) => "a number".to_owned(),
        (InputKind::String, _) => "a string".to_owned(),
        (InputKind::Boolean, _) => "true or false".to_owned(),
        (InputKind::Id, _) => "an ID, which is a string or a whole number".to_owned(),
        (InputKind::Enum(_), _) => format!("a value of \"{name}\""),
    };
    Err(Misfit::expected(&expected, &value))
}

fn coerce_object(value: Value, name: &str, types: &InputTypes) -> Result<Value, Misfit> {
    let Some(InputKind::Object(fields)) = types.kind(name) else {
        return Ok(value);
    };
    let Value::Object(mut given) = value else {
        return Err(Misfit::expected(&format!("an object of type \"{name}\""), &value));
    };
    for (key, slot) in &mut given {
        let Some(field) = fields.get(key.as_str()) else {
            let reason = format!("\"{name}\" has no field \"{}\"", excerpt(key));
            return Err(Misfit::new(reason));
        };
        let coerced = coerce(std::mem::take(slot), &field.ty, types);
        *slot = coerced.map_err(|misfit| misfit.inside(format!(".{key}")))?;
    }
    let missing =
        fields.iter().find(|(key, field)| field.is_required() && !given.contains_key(key.as_str()));
    match missing {
        None => Ok(Value::Object(given)),
        Some((key, field)) => {
            Err(Misfit::new(format!("field \"{key}\" of type \"{}\" is required", field.ty)))
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

fn invalid_value(definition: &Positioned<VariableDefinition>, misfit: Misfit) -> Refusal {
    let name = excerpt(&definition.node.name.node);
    let place = if misfit.steps.is_empty() {
        String::new()
    } else {
        let steps: String = misfit.steps.into_iter().rev().collect();
        format!(" at \"{name}{steps}\"")
    };
    let message = format!("Variable \"${name}\" got an invalid value{place}: {}.", misfit.reason);
    Refusal::input(message, definition.pos)
}

fn invalid_default(definition: &Positioned<VariableDefinition>, misfit: Misfit) -> Refusal {
    let refusal = invalid_value(definition, misfit);
    let message = refusal.message.replacen("got an invalid value", "has an invalid default", 1);
    Refusal::validation(message, definition.pos)
}

fn missing(definition: &Positioned<VariableDefinition>) -> Refusal {
    let name = excerpt(&definition.node.name.node);
    let ty = definition.node.var_type.node.to_string();
    let message =
        format!("Variable \"${name}\" of required type \"{}\" was not provided.", excerpt(&ty));
    Refusal::input(message, definition.pos)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, types::ExecutableDocument};
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graphql::precheck::{RefusalCode, samples, select_operation};

    fn document(definitions: &str) -> ExecutableDocument {
        parse_query(format!("query({definitions}){{a}}")).expect(definitions)
    }

    fn run(definitions: &str, sent: Json) -> Result<Json, Refusal> {
        let types = InputTypes::from_sdl(samples::SCHEMA).expect("a schema");
        let document = document(definitions);
        let operation = select_operation(&document, None).expect("one operation");
        let coerced = coerce_variables(&operation.node, Variables::from_json(sent), &types)?;
        Ok(serde_json::to_value(coerced).expect("JSON"))
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
            let refusal = run(definitions, sent.clone()).expect_err(definitions);
            assert_eq!(&refusal.message, expected, "{definitions} {sent}");
            assert_eq!(refusal.code, RefusalCode::BadUserInput);
            assert_eq!(refusal.locations.len(), 1);
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
    fn a_default_that_does_not_fit_is_the_fault_of_the_document() {
        for (definitions, expected) in [
            (
                "$v:Int=9999999999",
                "Variable \"$v\" has an invalid default: the number is not a whole one of 32 bits.",
            ),
            ("$v:Int!=null", "Variable \"$v\" has an invalid default: null is not allowed here."),
            (
                "$v:Profile={tags:[1]}",
                "Variable \"$v\" has an invalid default at \"v.tags[0]\": expected a string, found a number.",
            ),
        ] {
            let refusal = run(definitions, json!({})).expect_err(definitions);
            assert_eq!(refusal.message, expected);
            assert_eq!(refusal.code, RefusalCode::ValidationFailed);
        }
        assert!(run("$v:Int=9999999999", json!({"v": 1})).is_ok());
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
            let refusal = run(&definitions, sent).expect_err("a misfit");
            assert!(!refusal.message.contains("example"), "{}", refusal.message);
            assert!(refusal.message.chars().count() < 250, "{}", refusal.message);
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
