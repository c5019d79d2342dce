//! async-graphql 7: an argument or input field given as a variable that was not sent becomes `null`.
//!
//! By the GraphQL specification (section 6.4.1) it counts as left out. `null` in an update means
//! "clear this field", so a client with one mutation text for all its forms would erase what it did not
//! mention. Such arguments are taken out of the document before execution. No longer needed when the
//! test `resolvers_see_what_the_specification_says` passes without.

use std::collections::HashSet;

use async_graphql::{
    Variables,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
        VariableDefinition,
    },
};
use async_graphql_value::{Name, Value as Literal};

/// Removes from a document of one operation every argument and every field of an input object literal
/// whose value is a variable that was neither `sent` nor has a default, and the definitions of these
/// variables. Returns whether the document changed; without such a variable that is found out from the
/// definitions alone.
///
/// An item of a list stays, and so does its variable: there, the specification makes it `null`, as
/// async-graphql does. An argument of a directive stays as well: valid documents have no nullable
/// variable there.
pub(crate) fn drop_absent_variables(document: &mut ExecutableDocument, sent: &Variables) -> bool {
    let DocumentOperations::Single(operation) = &mut document.operations else {
        return false;
    };
    let absent = absent_variables(&operation.node, sent);
    if absent.is_empty() {
        return false;
    }
    let mut removal = Removal { absent, kept: HashSet::new() };
    for fragment in document.fragments.values_mut() {
        removal.selection_set(&mut fragment.node.selection_set.node);
    }
    removal.selection_set(&mut operation.node.selection_set.node);
    operation.node.variable_definitions.retain(|definition| !removal.is_gone(&definition.node));
    true
}

/// The variables that an operation declares without a default and the client did not send.
fn absent_variables(operation: &OperationDefinition, sent: &Variables) -> HashSet<Name> {
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    definitions
        .filter(|definition| {
            definition.default_value.is_none() && !sent.contains_key(&definition.name.node)
        })
        .map(|definition| definition.name.node.clone())
        .collect()
}

struct Removal {
    absent: HashSet<Name>,
    /// Absent variables that are still used somewhere and so keep their definition.
    kept: HashSet<Name>,
}

impl Removal {
    fn is_gone(&self, definition: &VariableDefinition) -> bool {
        let name = &definition.name.node;
        self.absent.contains(name) && !self.kept.contains(name)
    }

    fn is_absent(&self, literal: &Literal) -> bool {
        matches!(literal, Literal::Variable(name) if self.absent.contains(name))
    }

    /// Recurses as deep as the text of the document is nested; spreads are not followed.
    fn selection_set(&mut self, set: &mut SelectionSet) {
        for item in &mut set.items {
            for directive in item.node.directives_mut() {
                for (_, argument) in &mut directive.node.arguments {
                    self.keep(&argument.node);
                    self.literal(&mut argument.node);
                }
            }
            match &mut item.node {
                Selection::Field(field) => {
                    field.node.arguments.retain(|(_, argument)| !self.is_absent(&argument.node));
                    for (_, argument) in &mut field.node.arguments {
                        self.literal(&mut argument.node);
                    }
                    self.selection_set(&mut field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.selection_set(&mut inline.node.selection_set.node);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    /// Removes absent fields anywhere inside a literal.
    fn literal(&mut self, literal: &mut Literal) {
        match literal {
            Literal::Object(fields) => {
                fields.retain(|_, field| !self.is_absent(field));
                fields.values_mut().for_each(|field| self.literal(field));
            }
            Literal::List(items) => {
                for item in items {
                    self.keep(item);
                    self.literal(item);
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, literal: &Literal) {
        if let Literal::Variable(name) = literal
            && self.absent.contains(name)
        {
            self.kept.insert(name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::{
        EmptySubscription, InputObject, MaybeUndefined, Object, Request, Schema,
        parser::types::Field,
    };
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graphql::strict::{
        Reach, TypeSystem, coerce_variables,
        samples::{isolated, operation},
    };

    /// The chosen operation's variables and the arguments of everything it reaches, as text.
    fn summary(document: &ExecutableDocument) -> String {
        let operation = operation(document, None);
        let mut text = String::new();
        for definition in &operation.node.variable_definitions {
            write!(text, "${} ", definition.node.name.node).expect("a string");
        }
        let fields = Reach::everything(document, &operation.node.selection_set.node);
        for field in fields.filter_map(as_field) {
            write!(text, "{}(", field.name.node).expect("a string");
            for (name, argument) in &field.arguments {
                write!(text, "{}:{} ", name.node, argument.node).expect("a string");
            }
            text = format!("{})", text.trim_end());
        }
        text
    }

    fn as_field(selection: &Selection) -> Option<&Field> {
        match selection {
            Selection::Field(field) => Some(&field.node),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        }
    }

    #[test]
    fn what_was_not_sent_is_taken_out() {
        let two = "query A($v:Int){...F} query B($v:Int){...F} fragment F on Q{a(x:$v)}";
        for (query, name, sent, expected) in [
            ("query($v:Int){a(x:$v)}", None, json!({}), "a()"),
            ("query($v:Int){a(x:$v)}", None, json!({"v": null}), "$v a(x:$v)"),
            ("query($v:Int){a(x:$v)}", None, json!({"v": 1}), "$v a(x:$v)"),
            ("query($v:Int=1){a(x:$v)}", None, json!({}), "$v a(x:$v)"),
            ("query($v:Int=null){a(x:$v)}", None, json!({}), "$v a(x:$v)"),
            ("query($v:Int,$w:Int){a(x:$v,y:$w,z:1)}", None, json!({"w": 1}), "$w a(y:$w z:1)"),
            ("query($v:Int){a(x:{y:$v,z:{y:$v}})}", None, json!({}), "a(x:{z: {}})"),
            ("query($v:Int){a(x:[{y:$v},{y:1}])}", None, json!({}), "a(x:[{}, {y: 1}])"),
            ("query($v:Int){a(x:[1,$v])}", None, json!({}), "$v a(x:[1, $v])"),
            ("query($v:Int){a(x:[[$v]],y:$v)}", None, json!({}), "$v a(x:[[$v]])"),
            ("query($v:Int){a{...{b{c(x:$v)}}}}", None, json!({}), "a()b()c()"),
            (
                "query($v:Int){...F} fragment F on Q{a{...G}} fragment G on Q{b(x:$v)}",
                None,
                json!({}),
                "a()b()",
            ),
            ("query($v:Boolean){a @skip(if:$v)}", None, json!({}), "$v a()"),
            ("query A($v:Int){a(x:$v)}", Some("A"), json!({}), "a()"),
            (two, Some("A"), json!({}), "a()"),
            (two, Some("B"), json!({"v": 1}), "$v a(x:$v)"),
            (
                "query A{...F} query B($v:Int){a(x:$v)} fragment F on Q{b}",
                Some("A"),
                json!({}),
                "b()",
            ),
        ] {
            let mut document = isolated(query, name);
            let before = summary(&document);
            let sent = Variables::from_json(sent);
            let changed = drop_absent_variables(&mut document, &sent);
            assert_eq!(summary(&document), expected, "{query} {sent:?}");
            if !changed {
                assert_eq!(before, expected, "{query} {sent:?}");
            }
        }
    }

    #[test]
    fn nothing_to_take_out_is_no_change() {
        for (query, name, sent) in [
            ("{a}", None, json!({})),
            ("query A($v:Int){a(x:$v)} query B{b}", Some("A"), json!({"v": 1})),
            ("query A($v:Int){a(x:$v)} query B{b}", Some("B"), json!({})),
        ] {
            let mut document = isolated(query, name);
            let sent = Variables::from_json(sent);
            assert!(!drop_absent_variables(&mut document, &sent), "{query}");
        }
    }

    struct Query;

    #[Object]
    impl Query {
        async fn page(&self, #[graphql(default = 50)] first: i32, after: Option<String>) -> String {
            format!("{first} {after:?}")
        }
    }

    struct Mutation;

    #[Object]
    impl Mutation {
        async fn update(&self, input: Change) -> String {
            format!("{:?} {:?} {}", input.name, input.timezone, input.everywhere)
        }

        async fn tags(&self, tags: Vec<Option<String>>) -> String {
            format!("{tags:?}")
        }
    }

    #[derive(InputObject)]
    struct Change {
        name: MaybeUndefined<String>,
        timezone: MaybeUndefined<String>,
        #[graphql(default = true)]
        everywhere: bool,
    }

    /// What the server does with a request, in the order in which it does it.
    async fn execute(query: &str, name: Option<&str>, sent: Json) -> Json {
        let schema = Schema::new(Query, Mutation, EmptySubscription);
        let types = TypeSystem::from_sdl(schema.sdl()).expect("a schema");
        let mut document = isolated(query, name);
        let definitions = &operation(&document, None).node.variable_definitions;
        let variables =
            coerce_variables(definitions, Variables::from_json(sent), &types).expect(query);
        drop_absent_variables(&mut document, &variables);
        let mut request = Request::new("").variables(variables);
        request.set_parsed_query(document);
        let response = schema.execute(request).await;
        assert!(response.errors.is_empty(), "{query}: {:?}", response.errors);
        response.data.into_json().expect("JSON")
    }

    #[tokio::test]
    async fn resolvers_see_what_the_specification_says() {
        let update = "mutation($n:String,$t:String,$e:Boolean){update(input:{name:$n,timezone:$t,everywhere:$e})}";
        let page = "query($f:Int,$a:String){page(first:$f,after:$a)}";
        for (query, sent, expected) in [
            (update, json!({"n": "x"}), json!({"update": "Value(\"x\") Undefined true"})),
            (update, json!({"t": null, "e": false}), json!({"update": "Undefined Null false"})),
            (update, json!({}), json!({"update": "Undefined Undefined true"})),
            (page, json!({}), json!({"page": "50 None"})),
            (page, json!({"f": 3, "a": "c"}), json!({"page": "3 Some(\"c\")"})),
            (
                "mutation($v:String){tags(tags:[\"a\",$v])}",
                json!({}),
                json!({"tags": "[Some(\"a\"), None]"}),
            ),
            (
                "mutation($v:[String]!){tags(tags:$v)}",
                json!({"v": "a"}),
                json!({"tags": "[Some(\"a\")]"}),
            ),
            ("query($v:Boolean=true){page @include(if:$v)}", json!({}), json!({"page": "50 None"})),
            ("query($v:Boolean!=false){page @skip(if:$v)}", json!({}), json!({"page": "50 None"})),
        ] {
            assert_eq!(execute(query, None, sent.clone()).await, expected, "{query} {sent}");
        }
    }

    #[tokio::test]
    async fn other_operations_do_not_get_in_the_way() {
        let query = "query A($f:Int){...F} query B($f:Int!,$a:String!){...F ...G} \
                     fragment F on Query{x:page(first:$f)} fragment G on Query{y:page(after:$a)}";
        for (name, sent, expected) in [
            ("A", json!({}), json!({"x": "50 None"})),
            ("A", json!({"f": 1}), json!({"x": "1 None"})),
            ("B", json!({"f": 1, "a": "c"}), json!({"x": "1 None", "y": "50 Some(\"c\")"})),
        ] {
            assert_eq!(execute(query, Some(name), sent.clone()).await, expected, "{name} {sent}");
        }
    }

    fn any_literal() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["$gone", "$lost", "$here", "1", "\"$gone\"", "null"]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(inner, 0..4).prop_map(|values| {
                    let fields =
                        values.iter().enumerate().map(|(n, value)| format!("k{n}:{value}"));
                    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    /// The variables in a literal, with whether each is an item of a list.
    fn references(literal: &Literal, is_item: bool, found: &mut Vec<(String, bool)>) {
        match literal {
            Literal::Variable(name) => found.push((name.as_str().to_owned(), is_item)),
            Literal::List(items) => items.iter().for_each(|item| references(item, true, found)),
            Literal::Object(fields) => {
                fields.values().for_each(|field| references(field, false, found));
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn only_items_of_lists_still_refer_to_absent_variables(
            arguments in prop::collection::vec(any_literal(), 1..5),
            in_fragment in any::<bool>(),
        ) {
            let arguments: Vec<_> = arguments.iter().enumerate().map(|(n, value)| format!("a{n}:{value}")).collect();
            let field = format!("f({})", arguments.join(","));
            let body = if in_fragment {
                format!("{{...F}} fragment F on Q{{x{{{field}}}}}")
            } else {
                format!("{{x{{...{{{field}}}}}}}")
            };
            let query = format!("query($gone:Int,$lost:Int,$here:Int){body}");
            let mut document = isolated(&query, None);
            let count = |document: &ExecutableDocument| {
                let operation = operation(document, None);
                let mut found = Vec::new();
                for field in Reach::everything(document, &operation.node.selection_set.node).filter_map(as_field) {
                    for (_, argument) in &field.arguments {
                        references(&argument.node, false, &mut found);
                    }
                }
                found
            };
            let before = count(&document);
            let sent = Variables::from_json(json!({"here": null}));
            let changed = drop_absent_variables(&mut document, &sent);
            prop_assert!(changed);
            let after = count(&document);
            for (name, is_item) in &after {
                prop_assert!(name == "here" || *is_item, "{query}");
            }
            let survivors = before.iter().filter(|(name, is_item)| name == "here" || *is_item).count();
            prop_assert_eq!(after.len(), survivors);
            let operation = operation(&document, None);
            for name in ["gone", "lost"] {
                let defined = operation.node.variable_definitions.iter().any(|found| found.node.name.node == name);
                prop_assert_eq!(defined, after.iter().any(|(used, _)| used == name), "{}", query);
            }
        }
    }
}
