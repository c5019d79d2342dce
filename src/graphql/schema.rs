//! The schema as such: what it is made of, and how it is printed.

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder, ValidationMode};

use super::{mutation::Mutation, query::Query, types::ServerInfo};

/// The schema type.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// The deepest nesting of brackets that a document may have, whatever `MAX_NESTING` says. At this depth
/// everything that recurses over a document fits into a one-megabyte stack, unoptimised builds included.
pub(crate) const NESTING_CEILING: usize = 64;

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    // `MAX_NESTING` bounds the same, with an error that names it.
    Schema::build(Query, Mutation, EmptySubscription).limit_recursive_depth(NESTING_CEILING)
}

/// The schema that runs validated documents: without extensions, which would be asked about every
/// field, and without most of the rules, which were checked before.
pub(crate) fn executor(server_info: ServerInfo) -> Schema {
    builder().validation_mode(ValidationMode::Fast).data(server_info).finish()
}

/// The schema as text, in an order that does not depend on the code's.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    builder().finish().sdl_with_options(options)
}
