//! From bluejay's syntax tree to the framework's document, with the bounds that depend on nothing but
//! the text: brackets, directives on one element, operations in one document.

mod literals;

use std::collections::{HashMap, hash_map::Entry};

use async_graphql::{
    Name, Positioned,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        FragmentSpread, InlineFragment, OperationDefinition, OperationType, Selection,
        SelectionSet, Type, TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::Value;
use bluejay_core::{
    AsIter, OperationType as Kind,
    executable::{
        ExplicitOperationDefinition, Field as _, FragmentDefinition as _, FragmentSpread as _,
        InlineFragment as _, VariableDefinition as _,
    },
};
use bluejay_parser::{
    HasSpan,
    ast::{self, executable as tree},
};

use super::{
    Bounds, RequestError, parsing::too_deep, positions::Positions, request_error::excerpt,
};
use crate::error::Code;

/// Converts a document.
///
/// # Errors
///
/// [`Code::GraphqlValidationFailed`] over a bound, and for names used twice, which the framework's
/// document cannot hold (GraphQL specification, sections 5.2.1.1, 5.2.2.1 and 5.5.1.1).
/// [`Code::OperationResolutionFailure`] without an operation.
pub(crate) fn convert(
    document: &tree::ExecutableDocument<'_>,
    text: &str,
    bounds: &Bounds,
) -> Result<ExecutableDocument, RequestError> {
    let conversion = Conversion { positions: Positions::new(text), bounds };
    let operations = conversion.operations(document.operation_definitions())?;
    let mut fragments = HashMap::with_capacity(document.fragment_definitions().len());
    for fragment in document.fragment_definitions() {
        let name = fragment.name();
        match fragments.entry(Name::new(name.as_str())) {
            Entry::Vacant(entry) => entry.insert(conversion.fragment(fragment)?),
            Entry::Occupied(_) => {
                let message =
                    format!("There are several fragments named \"{}\".", excerpt(name.as_str()));
                return Err(conversion.refuse(message, name));
            }
        };
    }
    Ok(ExecutableDocument { operations, fragments })
}

struct Conversion<'a> {
    positions: Positions,
    bounds: &'a Bounds,
}

/// Arguments as the framework's document has them.
type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;
/// A node with its place, or why the document is refused.
type Converted<T> = Result<Positioned<T>, RequestError>;

impl Conversion<'_> {
    fn refuse(&self, message: String, place: &impl HasSpan) -> RequestError {
        RequestError::invalid(message, self.positions.of(*place.span()))
    }

    fn at<T>(&self, node: T, place: &impl HasSpan) -> Positioned<T> {
        Positioned::new(node, self.positions.of(*place.span()))
    }

    /// Enters a bracket on level `depth`, counted from zero.
    fn open(&self, depth: usize, place: &impl HasSpan) -> Result<usize, RequestError> {
        if depth == self.bounds.nesting {
            return Err(self.refuse(too_deep(self.bounds.nesting), place));
        }
        Ok(depth + 1)
    }

    fn operations(
        &self,
        operations: &[tree::OperationDefinition<'_>],
    ) -> Result<DocumentOperations, RequestError> {
        if let Some(excess) = operations.get(self.bounds.operations) {
            let limit = self.bounds.operations;
            let message =
                format!("The document has more than {limit} operations (MAX_OPERATIONS).");
            return Err(self.refuse(message, excess));
        }
        let mut named = HashMap::with_capacity(operations.len());
        for operation in operations {
            let name = match operation {
                tree::OperationDefinition::Explicit(explicit) => explicit.name(),
                tree::OperationDefinition::Implicit(_) => None,
            };
            let converted = self.operation(operation)?;
            match name {
                None if operations.len() == 1 => return Ok(DocumentOperations::Single(converted)),
                None => {
                    let message =
                        "An operation without a name must be the only one of its document.";
                    return Err(self.refuse(message.to_owned(), operation));
                }
                Some(name) => match named.entry(Name::new(name.as_str())) {
                    Entry::Vacant(entry) => entry.insert(converted),
                    Entry::Occupied(_) => {
                        let message = format!(
                            "There are several operations named \"{}\".",
                            excerpt(name.as_str())
                        );
                        return Err(self.refuse(message, name));
                    }
                },
            };
        }
        if named.is_empty() {
            let message = "The document has no operation to run.";
            return Err(RequestError::new(Code::OperationResolutionFailure, message));
        }
        Ok(DocumentOperations::Multiple(named))
    }

    fn operation(
        &self,
        operation: &tree::OperationDefinition<'_>,
    ) -> Converted<OperationDefinition> {
        let (mut ty, mut variable_definitions, mut directives) =
            (OperationType::Query, Vec::new(), Vec::new());
        if let tree::OperationDefinition::Explicit(explicit) = operation {
            ty = match ExplicitOperationDefinition::operation_type(explicit) {
                Kind::Query => OperationType::Query,
                Kind::Mutation => OperationType::Mutation,
                Kind::Subscription => OperationType::Subscription,
            };
            if let Some(definitions) = explicit.variable_definitions() {
                for definition in definitions.iter() {
                    variable_definitions.push(self.variable_definition(definition)?);
                }
            }
            let given = explicit.directives();
            directives = self.directives(given, "an operation", operation, 0)?;
        }
        let selection_set = self.selection_set(operation.selection_set(), 0)?;
        let node = OperationDefinition { ty, variable_definitions, directives, selection_set };
        Ok(self.at(node, operation))
    }

    fn variable_definition(
        &self,
        definition: &tree::VariableDefinition<'_>,
    ) -> Converted<VariableDefinition> {
        let name = definition.variable();
        // One bracket around all definitions of an operation.
        let depth = self.open(0, name)?;
        let default_value = match tree::VariableDefinition::default_value(definition) {
            None => None,
            Some(value) => {
                let literal = self.value(value, depth)?;
                // The parser accepts no variables here.
                let constant = literal.into_const().unwrap_or_default();
                Some(self.at(constant, value))
            }
        };
        let node = VariableDefinition {
            name: self.at(Name::new(name.as_str()), name),
            var_type: self.at(
                self.variable_type(tree::VariableDefinition::r#type(definition), depth)?,
                tree::VariableDefinition::r#type(definition),
            ),
            directives: self.directives(
                definition.directives(),
                "a variable definition",
                name,
                depth,
            )?,
            default_value,
        };
        Ok(self.at(node, name))
    }

    fn variable_type(
        &self,
        ty: &tree::VariableType<'_>,
        depth: usize,
    ) -> Result<Type, RequestError> {
        Ok(match ty {
            tree::VariableType::Named { name, is_required, .. } => {
                Type { base: BaseType::Named(Name::new(name.as_str())), nullable: !is_required }
            }
            tree::VariableType::List { inner, is_required, .. } => {
                let depth = self.open(depth, ty)?;
                let item = Box::new(self.variable_type(inner, depth)?);
                Type { base: BaseType::List(item), nullable: !is_required }
            }
        })
    }

    fn fragment(&self, fragment: &tree::FragmentDefinition<'_>) -> Converted<FragmentDefinition> {
        let node = FragmentDefinition {
            type_condition: self.type_condition(tree::FragmentDefinition::type_condition(fragment)),
            directives: self.directives(
                fragment.directives(),
                "a fragment definition",
                fragment.name(),
                0,
            )?,
            selection_set: self
                .selection_set(tree::FragmentDefinition::selection_set(fragment), 0)?,
        };
        Ok(self.at(node, fragment.name()))
    }

    fn type_condition(&self, condition: &tree::TypeCondition<'_>) -> Positioned<TypeCondition> {
        let name = condition.named_type();
        let on = self.at(Name::new(name.as_str()), name);
        self.at(TypeCondition { on }, name)
    }

    fn selection_set(&self, set: &tree::SelectionSet<'_>, depth: usize) -> Converted<SelectionSet> {
        let depth = self.open(depth, set)?;
        let mut items = Vec::with_capacity(set.len());
        for selection in set.iter() {
            items.push(match selection {
                tree::Selection::Field(field) => {
                    self.at(Selection::Field(self.field(field, depth)?), field)
                }
                tree::Selection::FragmentSpread(spread) => {
                    let name = spread.name();
                    let node = FragmentSpread {
                        fragment_name: self.at(Name::new(name.as_str()), name),
                        directives: self.directives(
                            spread.directives(),
                            "a selection",
                            spread,
                            depth,
                        )?,
                    };
                    self.at(Selection::FragmentSpread(self.at(node, spread)), spread)
                }
                tree::Selection::InlineFragment(inline) => {
                    let node = InlineFragment {
                        type_condition: tree::InlineFragment::type_condition(inline)
                            .map(|condition| self.type_condition(condition)),
                        directives: self.directives(
                            inline.directives(),
                            "a selection",
                            inline,
                            depth,
                        )?,
                        selection_set: self
                            .selection_set(tree::InlineFragment::selection_set(inline), depth)?,
                    };
                    self.at(Selection::InlineFragment(self.at(node, inline)), inline)
                }
            });
        }
        Ok(self.at(SelectionSet { items }, set))
    }

    fn field(&self, field: &tree::Field<'_>, depth: usize) -> Converted<Field> {
        let name = tree::Field::name(field);
        let node = Field {
            alias: field.alias().map(|alias| self.at(Name::new(alias), field)),
            name: self.at(Name::new(name.as_str()), name),
            arguments: self.arguments(tree::Field::arguments(field), depth)?,
            directives: self.directives(field.directives(), "a selection", field, depth)?,
            selection_set: match tree::Field::selection_set(field) {
                Some(set) => self.selection_set(set, depth)?,
                None => Positioned::default(),
            },
        };
        Ok(self.at(node, field))
    }

    fn arguments<const CONST: bool>(
        &self,
        arguments: Option<&ast::Arguments<'_, CONST>>,
        depth: usize,
    ) -> Result<Arguments, RequestError> {
        let Some(arguments) = arguments else { return Ok(Vec::new()) };
        let depth = self.open(depth, arguments)?;
        let converted = arguments.iter().map(|argument| {
            let (name, value) = (argument.name(), argument.value());
            Ok((self.at(Name::new(name.as_str()), name), self.at(self.value(value, depth)?, value)))
        });
        converted.collect()
    }

    /// The directives on an element, which `noun` names and `place` locates.
    fn directives<const CONST: bool>(
        &self,
        directives: Option<&ast::Directives<'_, CONST>>,
        noun: &str,
        place: &impl HasSpan,
        depth: usize,
    ) -> Result<Vec<Positioned<Directive>>, RequestError> {
        let Some(directives) = directives else { return Ok(Vec::new()) };
        let limit = self.bounds.directives;
        if directives.len() > limit {
            let message = format!("More than {limit} directives on {noun} (MAX_DIRECTIVES).");
            return Err(self.refuse(message, place));
        }
        let converted = directives.iter().map(|directive| {
            let name = directive.name();
            let node = Directive {
                name: self.at(Name::new(name.as_str()), name),
                arguments: self.arguments(bluejay_core::Directive::arguments(directive), depth)?,
            };
            Ok(self.at(node, directive))
        });
        converted.collect()
    }
}
