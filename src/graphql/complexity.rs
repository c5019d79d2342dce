//! What an operation costs at most: a field one, a page as many times what is asked of each entry as it
//! may have entries.
//!
//! The arguments that make a list longer have the same names everywhere, which a test over the schema
//! holds: `first` is a page size, `ids` names every entry. `@skip` and `@include` are ignored.

use std::collections::HashMap;

use async_graphql::{
    Name, Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::Value as Literal;
use bluejay_core::{
    ValueReference,
    definition::{
        ArgumentsDefinition as _, FieldDefinition as _, InputValueDefinition as _, OutputType as _,
    },
};

use super::{
    paging::MAX_PAGE,
    query::MAX_IDS,
    strict::{TypeSystem, is_mark},
};

/// The argument that holds a page size.
const PAGE_SIZE: &str = "first";
/// The argument that names the entries of a list.
const ENTRIES: &str = "ids";
/// What a text of up to 10,000 characters costs. It is fifty times as long as the others, and one that
/// counted like them would let a page of nodes be answered with a hundred megabytes.
const LONG_TEXT: usize = 20;
/// The fields with such texts.
const LONG_TEXTS: [(&str, &str); 2] = [("User", "notes"), ("User", "context")];

/// The cost of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Complexity {
    /// The cost, as far as it was known.
    pub(crate) cost: usize,
    /// Whether some page size is a variable whose value was not known; it counted as one entry.
    pub(crate) depends_on_variables: bool,
}

impl Complexity {
    /// Measures a valid operation whose size was checked. `root` is the type it is made on; without
    /// `variables` the values of none are known.
    pub(crate) fn of(
        operation: &OperationDefinition,
        document: &ExecutableDocument,
        root: &str,
        types: &TypeSystem,
        variables: Option<&Variables>,
    ) -> Self {
        let mut measuring = Measuring {
            document,
            types,
            variables,
            fragments: HashMap::new(),
            depends_on_variables: false,
        };
        let cost = measuring.set(&operation.selection_set.node, root);
        Self { cost, depends_on_variables: measuring.depends_on_variables }
    }
}

struct Measuring<'a> {
    document: &'a ExecutableDocument,
    types: &'a TypeSystem,
    variables: Option<&'a Variables>,
    /// Costs of fragments measured before.
    fragments: HashMap<&'a Name, usize>,
    depends_on_variables: bool,
}

impl<'a> Measuring<'a> {
    fn set(&mut self, set: &'a SelectionSet, parent: &str) -> usize {
        set.items.iter().fold(0, |sum, item| {
            let cost = match &item.node {
                Selection::Field(field) => self.field(&field.node, parent),
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let on = on.map_or(parent, |on| on.node.on.node.as_str());
                    self.set(&inline.node.selection_set.node, on)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            cost.saturating_add(sum)
        })
    }

    fn fragment(&mut self, name: &'a Name) -> usize {
        if let Some(cost) = self.fragments.get(name) {
            return *cost;
        }
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        let fragment = &fragment.node;
        let cost = self.set(&fragment.selection_set.node, &fragment.type_condition.node.on.node);
        self.fragments.insert(name, cost);
        cost
    }

    fn field(&mut self, field: &'a Field, parent: &str) -> usize {
        if is_mark(field) {
            return 0;
        }
        let name = field.name.node.as_str();
        if LONG_TEXTS.contains(&(parent, name)) {
            return LONG_TEXT;
        }
        let Some(definition) = self.types.field(parent, name) else { return 1 };
        let each = self.set(&field.selection_set.node, definition.r#type().base_name());
        let arguments = definition.arguments_definition();
        let entries = if let Some(size) = arguments.and_then(|known| known.get(PAGE_SIZE)) {
            self.page_size(field, size.default_value().map(bluejay_core::Value::as_ref))
        } else if arguments.is_some_and(|known| known.get(ENTRIES).is_some()) {
            self.entries(field)
        } else {
            1
        };
        entries.saturating_mul(each).saturating_add(1)
    }

    /// How many entries a page may have. What is out of range is refused when the field is resolved.
    fn page_size<V: bluejay_core::Value<true>>(
        &mut self,
        field: &Field,
        default: Option<ValueReference<'_, true, V>>,
    ) -> usize {
        let default = match default {
            Some(ValueReference::Integer(size)) => size.as_i64(),
            _ => None,
        };
        let size = match field.get_argument(PAGE_SIZE).map(|argument| &argument.node) {
            Some(Literal::Number(size)) => size.as_i64(),
            Some(Literal::Variable(name)) => match self.variable(name) {
                Some(Value::Number(size)) => size.as_i64(),
                Some(_) => Some(0),
                None if self.variables.is_some() => default,
                None => Some(1),
            },
            Some(_) => Some(0),
            None => default,
        };
        size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0).min(MAX_PAGE_ENTRIES)
    }

    fn entries(&mut self, field: &Field) -> usize {
        let count = match field.get_argument(ENTRIES).map(|argument| &argument.node) {
            Some(Literal::List(items)) => items.len(),
            Some(Literal::Variable(name)) => match self.variable(name) {
                Some(Value::List(items)) => items.len(),
                _ => 1,
            },
            _ => 1,
        };
        count.min(MAX_IDS)
    }

    fn variable(&mut self, name: &Name) -> Option<&'a Value> {
        if self.variables.is_none() {
            self.depends_on_variables = true;
        }
        self.variables?.get(name)
    }
}

/// [`MAX_PAGE`] as a count.
const MAX_PAGE_ENTRIES: usize = MAX_PAGE as usize;
