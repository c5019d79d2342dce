//! What the schema takes as input, read from its printed form.
//!
//! async-graphql keeps its registry to itself, so what variables may look like and where they may
//! stand is taken from the SDL that it prints: scalars, enums, input objects and the arguments of
//! fields. Descriptions, directives and what fields answer, apart from the name of its type, are
//! not kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::{
    Positioned,
    parser::{
        self,
        types::{
            BaseType, ExecutableDocument, FieldDefinition, InputValueDefinition, OperationType,
            SchemaDefinition, Type, TypeKind, TypeSystemDefinition,
        },
    },
};
use async_graphql_value::Name;

use super::{Refusal, excerpt, positions};

/// The input types of a schema, and the arguments of its fields.
#[derive(Debug, Clone)]
pub struct InputTypes {
    types: HashMap<String, InputKind>,
    objects: HashMap<String, HashMap<String, Field>>,
    roots: Roots,
    condition: Expected,
}

/// What a value of a named input type looks like.
#[derive(Debug, Clone)]
pub(super) enum InputKind {
    /// A 32-bit whole number.
    Int,
    /// Any number.
    Float,
    /// Text.
    String,
    /// `true` or `false`.
    Boolean,
    /// Text, or a whole number standing for its digits.
    Id,
    /// A scalar of the schema's own, which judges its values itself.
    Custom,
    /// One of these names.
    Enum(BTreeSet<String>),
    /// An object with these fields.
    Object(BTreeMap<String, Expected>),
}

/// What an argument or a field of an input object expects.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl Expected {
    /// Whether something must be given here.
    pub(super) const fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

/// A field of an object or interface.
#[derive(Debug, Clone)]
struct Field {
    arguments: BTreeMap<String, Expected>,
    /// The name of its type, below any lists.
    type_name: String,
}

/// The names of the types on which operations are made.
#[derive(Debug, Clone)]
struct Roots {
    query: Option<String>,
    mutation: Option<String>,
    subscription: Option<String>,
}

impl InputTypes {
    /// Reads a schema in the schema definition language (GraphQL specification, section 3). The
    /// five built-in scalars are always known.
    ///
    /// # Errors
    ///
    /// When the text is not a schema.
    pub fn from_sdl(sdl: &str) -> Result<Self, parser::Error> {
        let mut schema = Self {
            types: built_in_scalars(),
            objects: HashMap::new(),
            roots: Roots::default(),
            condition: Expected {
                ty: Type { base: BaseType::Named(Name::new("Boolean")), nullable: false },
                has_default: false,
            },
        };
        for definition in parser::parse_schema(sdl)?.definitions {
            match definition {
                TypeSystemDefinition::Schema(definition) => {
                    schema.roots = Roots::from(definition.node);
                }
                TypeSystemDefinition::Type(definition) => {
                    let name = definition.node.name.node.as_str().to_owned();
                    schema.add(name, definition.node.kind);
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(schema)
    }

    /// Refuses variables whose type is not an input type of this schema, variables used where
    /// their type does not fit (GraphQL specification, sections 5.8.2 and 5.8.5), and anything but
    /// objects for input objects, in every operation of the document.
    ///
    /// async-graphql 7 has the first rule for plain types only, and panics over the default value
    /// of a variable whose type is a list of something unknown; the second rule it never runs. So
    /// this must come before its validation, and after [`check_document`](super::check_document).
    ///
    /// # Errors
    ///
    /// [`ValidationFailed`](super::RefusalCode::ValidationFailed), at the definition of the
    /// variable or at the argument.
    pub fn check_variables(&self, document: &ExecutableDocument) -> Result<(), Refusal> {
        let mut operations: Vec<_> =
            document.operations.iter().map(|(_, operation)| operation).collect();
        operations.sort_by_key(|operation| operation.pos);
        for operation in operations {
            for definition in &operation.node.variable_definitions {
                let name = innermost(&definition.node.var_type.node);
                if !self.types.contains_key(name) {
                    let message = format!(
                        "Variable \"${}\" cannot be of type \"{}\": it is not an input type of this schema.",
                        excerpt(&definition.node.name.node),
                        excerpt(name)
                    );
                    return Err(Refusal::validation(message, definition.pos));
                }
            }
            positions::check(document, &operation.node, self)?;
        }
        Ok(())
    }

    /// The input type of that name.
    pub(super) fn kind(&self, name: &str) -> Option<&InputKind> {
        self.types.get(name)
    }

    /// The type on which operations of that kind are made.
    pub(super) fn root(&self, ty: OperationType) -> Option<&str> {
        let root = match ty {
            OperationType::Query => &self.roots.query,
            OperationType::Mutation => &self.roots.mutation,
            OperationType::Subscription => &self.roots.subscription,
        };
        root.as_deref()
    }

    /// The name of the type of a field of an object or interface.
    pub(super) fn field_type(&self, parent: &str, field: &str) -> Option<&str> {
        Some(self.objects.get(parent)?.get(field)?.type_name.as_str())
    }

    /// What an argument of a field of an object or interface expects.
    pub(super) fn argument(&self, parent: &str, field: &str, argument: &str) -> Option<&Expected> {
        self.objects.get(parent)?.get(field)?.arguments.get(argument)
    }

    /// What the argument of `@skip` and `@include` expects.
    pub(super) const fn condition(&self) -> &Expected {
        &self.condition
    }

    fn add(&mut self, name: String, kind: TypeKind) {
        match kind {
            TypeKind::Object(kind) => self.add_fields(name, kind.fields),
            TypeKind::Interface(kind) => self.add_fields(name, kind.fields),
            TypeKind::Union(_) => {}
            TypeKind::Scalar => self.add_input(name, InputKind::Custom),
            TypeKind::Enum(kind) => {
                let names =
                    kind.values.iter().map(|value| value.node.value.node.as_str().to_owned());
                self.add_input(name, InputKind::Enum(names.collect()));
            }
            TypeKind::InputObject(kind) => {
                self.add_input(name, InputKind::Object(expectations(kind.fields)));
            }
        }
    }

    fn add_input(&mut self, name: String, kind: InputKind) {
        self.types.entry(name).or_insert(kind);
    }

    fn add_fields(&mut self, name: String, fields: Vec<Positioned<FieldDefinition>>) {
        let fields = fields.into_iter().map(|field| {
            let type_name = innermost(&field.node.ty.node).to_owned();
            let arguments = expectations(field.node.arguments);
            (field.node.name.node.as_str().to_owned(), Field { arguments, type_name })
        });
        self.objects.insert(name, fields.collect());
    }
}

/// The names that a schema without a `schema` definition uses.
impl Default for Roots {
    fn default() -> Self {
        Self {
            query: Some("Query".to_owned()),
            mutation: Some("Mutation".to_owned()),
            subscription: Some("Subscription".to_owned()),
        }
    }
}

impl From<SchemaDefinition> for Roots {
    fn from(definition: SchemaDefinition) -> Self {
        let text = |name: Option<Positioned<Name>>| name.map(|name| name.node.as_str().to_owned());
        Self {
            query: text(definition.query),
            mutation: text(definition.mutation),
            subscription: text(definition.subscription),
        }
    }
}

fn built_in_scalars() -> HashMap<String, InputKind> {
    HashMap::from([
        ("Int".to_owned(), InputKind::Int),
        ("Float".to_owned(), InputKind::Float),
        ("String".to_owned(), InputKind::String),
        ("Boolean".to_owned(), InputKind::Boolean),
        ("ID".to_owned(), InputKind::Id),
    ])
}

fn expectations(definitions: Vec<Positioned<InputValueDefinition>>) -> BTreeMap<String, Expected> {
    let expectations = definitions.into_iter().map(|definition| {
        let has_default = definition.node.default_value.is_some();
        let ty = definition.node.ty.node;
        (definition.node.name.node.as_str().to_owned(), Expected { ty, has_default })
    });
    expectations.collect()
}

fn innermost(ty: &Type) -> &str {
    let mut base = &ty.base;
    loop {
        match base {
            BaseType::Named(name) => return name.as_str(),
            BaseType::List(item) => base = &item.base,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::precheck::{RefusalCode, samples};

    #[test]
    fn input_types_are_read_from_the_schema() {
        let types = InputTypes::from_sdl(samples::SCHEMA).expect("a schema");
        assert!(matches!(types.kind("Int"), Some(InputKind::Int)));
        assert!(matches!(types.kind("DateTime"), Some(InputKind::Custom)));
        assert!(matches!(types.kind("Colour"), Some(InputKind::Enum(names)) if names.len() == 2));
        assert!(types.kind("Query").is_none());
        let Some(InputKind::Object(fields)) = types.kind("Deletion") else {
            panic!("Deletion is an input object");
        };
        let required: Vec<_> =
            fields.iter().filter(|(_, field)| field.is_required()).map(|(name, _)| name).collect();
        assert_eq!(required, ["userId"]);
        assert!(InputTypes::from_sdl("type {").is_err());
    }

    #[test]
    fn variables_of_other_types_are_refused() {
        let types = InputTypes::from_sdl(samples::SCHEMA).expect("a schema");
        for (query, allowed) in [
            ("query($v:Int,$w:[[Colour!]]!,$p:Profile,$d:DateTime){a}", true),
            ("query($v:Nope){a}", false),
            ("query($v:[Nope]=[1]){a}", false),
            ("query($v:[[Nope!]!]){a}", false),
            ("query($v:[Query]){a}", false),
            ("query($v:[__Type]=[]){a}", false),
            ("query A{a} query B($v:[Nope]=1){a}", false),
        ] {
            let document = parse_query(query).expect(query);
            let checked = types.check_variables(&document);
            assert_eq!(checked.is_ok(), allowed, "{query}");
            if let Err(refusal) = checked {
                assert_eq!(refusal.code, RefusalCode::ValidationFailed);
                assert_eq!(refusal.locations.len(), 1);
            }
        }
    }
}
