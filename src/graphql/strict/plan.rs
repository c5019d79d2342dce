//! What an operation asks for of which types, with its fragments expanded: by it an answer is settled
//! ([`settling`](super::settling)). Planned once for a document.

use async_graphql::{
    Name, Positioned, Value,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::Value as Literal;
use bluejay_core::definition::{FieldDefinition as _, OutputType as _, ShallowOutputTypeReference};
use bluejay_parser::ast::definition::OutputType;

use super::{TypeSystem, introspection, type_system::Context};

/// The selections of an operation, fragments expanded, with the types of their fields. Its size is
/// bounded by `MAX_SELECTIONS`.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order in which they are written.
    pub(crate) selections: Vec<Planned>,
    /// Conditions of fragments in which nothing is left to select: they need values all the same.
    pub(crate) empty: Vec<Vec<Condition>>,
    /// No key comes twice and nothing depends on a condition, at this level.
    pub(crate) is_plain: bool,
}

/// One field as often as it is written.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) key: Name,
    pub(crate) form: Form,
    /// All of them must hold for the field to be shown.
    pub(crate) conditions: Vec<Condition>,
    /// What is selected of it, if its type has fields.
    pub(crate) below: Option<Plan>,
    /// It is `__Type.interfaces`.
    pub(crate) is_interfaces: bool,
    /// What it answers, if the framework does not know it.
    pub(crate) constant: Option<Value>,
}

/// The type of a field as far as nulls and lists go.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) is_nullable: bool,
    pub(crate) item: Option<Box<Self>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// `@include(if: $variable)`, or `@skip` when `shows` is false.
    Variable { name: Name, shows: bool },
    /// The object is of one of these types.
    Type(Vec<Name>),
}

impl Plan {
    /// Plans the answer of a valid operation. `root` is the type that it is made on.
    pub(crate) fn new(
        operation: &OperationDefinition,
        document: &ExecutableDocument,
        root: &str,
        types: &TypeSystem,
    ) -> Self {
        Planning { document, types }.plan(&operation.selection_set.node, root)
    }

    fn of(selections: Vec<Planned>, empty: Vec<Vec<Condition>>) -> Self {
        let is_plain = empty.is_empty()
            && selections.iter().enumerate().all(|(at, planned)| {
                planned.conditions.is_empty()
                    && selections.iter().take(at).all(|earlier| earlier.key != planned.key)
            });
        Self { selections, empty, is_plain }
    }

    /// All conditions of this level.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &[Condition]> {
        let shown = self.selections.iter().map(|planned| planned.conditions.as_slice());
        shown.chain(self.empty.iter().map(Vec::as_slice))
    }
}

#[derive(Default)]
struct Collected {
    /// In the order in which they are written.
    pub(crate) selections: Vec<Planned>,
    pub(crate) empty: Vec<Vec<Condition>>,
}

struct Planning<'a> {
    document: &'a ExecutableDocument,
    types: &'a TypeSystem,
}

impl Planning<'_> {
    fn plan(&self, set: &SelectionSet, parent: &str) -> Plan {
        let mut collected = Collected::default();
        self.collect(set, parent, &mut Vec::new(), &mut collected);
        Plan::of(collected.selections, collected.empty)
    }

    /// Lists what a set selects of objects of the type `parent`, under `conditions`.
    fn collect(
        &self,
        set: &SelectionSet,
        parent: &str,
        conditions: &mut Vec<Condition>,
        collected: &mut Collected,
    ) {
        for item in &set.items {
            let (outer, before) = (conditions.len(), collected.selections.len());
            if add_directives(item.node.directives(), conditions) {
                match &item.node {
                    Selection::Field(field) => {
                        collected.selections.push(self.field(&field.node, parent, conditions));
                    }
                    Selection::InlineFragment(inline) => {
                        let on = inline.node.type_condition.as_ref();
                        let on = on.map_or(parent, |on| on.node.on.node.as_str());
                        self.fragment(
                            &inline.node.selection_set.node,
                            on,
                            parent,
                            conditions,
                            collected,
                        );
                    }
                    Selection::FragmentSpread(spread) => {
                        if let Some(fragment) =
                            self.document.fragments.get(&spread.node.fragment_name.node)
                        {
                            let on = fragment.node.type_condition.node.on.node.as_str();
                            self.fragment(
                                &fragment.node.selection_set.node,
                                on,
                                parent,
                                conditions,
                                collected,
                            );
                        }
                    }
                }
            }
            if collected.selections.len() == before && !conditions.is_empty() {
                collected.empty.push(conditions.clone());
            }
            conditions.truncate(outer);
        }
    }

    fn fragment(
        &self,
        set: &SelectionSet,
        on: &str,
        parent: &str,
        conditions: &mut Vec<Condition>,
        collected: &mut Collected,
    ) {
        if self.types.applies(on, parent) {
            self.collect(set, parent, conditions, collected);
        } else if self.types.is_abstract(parent) {
            let objects = self.types.objects_of(on);
            conditions.push(Condition::Type(objects));
            self.collect(set, on, conditions, collected);
        }
    }

    fn field(&self, field: &Field, parent: &str, conditions: &[Condition]) -> Planned {
        let name = field.name.node.as_str();
        let definition = self.types.field(parent, name);
        // What the validator does not know is a nullable introspection field.
        let form = definition
            .map_or(Form { is_nullable: true, item: None }, |known| Form::of(known.r#type()));
        let set = &field.selection_set.node;
        let below = definition
            .filter(|_| !set.items.is_empty())
            .map(|definition| self.plan(set, definition.r#type().base_name()));
        Planned {
            key: field.response_key().node.clone(),
            form,
            conditions: conditions.to_vec(),
            below,
            is_interfaces: parent == "__Type" && name == "interfaces",
            constant: introspection::constant(parent, name),
        }
    }
}

/// Adds what the directives of a selection ask for, `@skip` first (GraphQL specification, section
/// 6.3.2); false when it is never shown.
fn add_directives(directives: &[Positioned<Directive>], conditions: &mut Vec<Condition>) -> bool {
    for (kind, shows) in [("skip", false), ("include", true)] {
        for directive in directives.iter().filter(|directive| directive.node.name.node == kind) {
            match directive.node.get_argument("if").map(|argument| &argument.node) {
                Some(Literal::Boolean(given)) if *given != shows => return false,
                Some(Literal::Variable(name)) => {
                    conditions.push(Condition::Variable { name: name.clone(), shows });
                }
                _ => {}
            }
        }
    }
    true
}

impl Form {
    fn of(ty: &OutputType<'static, Context>) -> Self {
        let item = match ty.as_shallow_ref() {
            ShallowOutputTypeReference::Base(..) => None,
            ShallowOutputTypeReference::List(item, _) => Some(Box::new(Self::of(item))),
        };
        Self { is_nullable: !ty.is_required(), item }
    }
}
