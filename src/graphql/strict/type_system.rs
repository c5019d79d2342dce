//! The schema as the validator knows it, read once from its printed form.
//!
//! async-graphql keeps its registry to itself, so the types of fields and arguments are taken from the
//! SDL that it prints. bluejay adds the introspection types.

use async_graphql::Name;
use bluejay_core::{
    AsIter,
    definition::{
        FieldsDefinition as _, InterfaceImplementation as _, ObjectTypeDefinition as _,
        SchemaDefinition as _, TypeDefinitionReference,
    },
};
use bluejay_parser::ast::{
    Parse,
    definition::{DefinitionDocument, FieldDefinition, SchemaDefinition},
};

/// What bluejay's definitions carry beside themselves: nothing.
pub(crate) use bluejay_parser::ast::definition::DefaultContext as Context;

/// The schema in the validator's terms.
pub(crate) type Definition = SchemaDefinition<'static>;

/// A type of the schema, by reference.
pub(crate) type TypeRef<'a> = TypeDefinitionReference<'a, Definition>;

/// The types of one schema.
pub(crate) struct TypeSystem {
    definition: Definition,
}

impl TypeSystem {
    /// Reads a schema in the schema definition language (GraphQL specification, section 3).
    ///
    /// The parsed schema borrows from its text and is needed for as long as the program runs, so both
    /// are leaked: call this once for a schema.
    pub(crate) fn from_sdl(sdl: String) -> anyhow::Result<Self> {
        let text: &'static str = Box::leak(sdl.into_boxed_str());
        let document: DefinitionDocument<'static> =
            DefinitionDocument::parse(text).result.map_err(|errors| {
                let messages: Vec<_> = errors.iter().map(bluejay_parser::Error::message).collect();
                anyhow::anyhow!("the schema cannot be read: {}", messages.join("; "))
            })?;
        let document: &'static DefinitionDocument<'static> = Box::leak(Box::new(document));
        let definition = Definition::try_from(document)
            .map_err(|errors| anyhow::anyhow!("the schema has {} errors", errors.len()))?;
        Ok(Self { definition })
    }

    /// The schema for the validator.
    pub(crate) const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The type of that name.
    pub(crate) fn named(&self, name: &str) -> Option<TypeRef<'_>> {
        self.definition.get_type_definition(name)
    }

    /// A field of an object or interface, `__typename` included.
    pub(crate) fn field(
        &self,
        parent: &str,
        name: &str,
    ) -> Option<&FieldDefinition<'static, Context>> {
        self.named(parent)?.fields_definition()?.get(name)
    }

    /// Whether objects of that type may be of several types.
    pub(crate) fn is_abstract(&self, name: &str) -> bool {
        self.named(name).is_some_and(|found| found.is_abstract())
    }

    /// Whether a fragment on `condition` applies to every object of the type `object` (GraphQL
    /// specification, section 6.3.2, `DoesFragmentTypeApply`).
    pub(crate) fn applies(&self, condition: &str, object: &str) -> bool {
        if condition == object {
            return true;
        }
        let Some(TypeRef::Object(object)) = self.named(object) else { return false };
        object
            .interface_implementations()
            .is_some_and(|all| all.iter().any(|one| one.name() == condition))
    }

    /// The names of the types that an object of the type `name` may have.
    pub(crate) fn objects_of(&self, name: &str) -> Vec<Name> {
        match self.named(name) {
            Some(TypeRef::Object(object)) => vec![Name::new(object.name())],
            Some(TypeRef::Interface(interface)) => self
                .definition
                .get_interface_implementors(interface)
                .map(|object| Name::new(object.name()))
                .collect(),
            _ => Vec::new(),
        }
    }
}
