//! The schema as such: what it is made of, its limits, and how it is printed.

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder, ValidationMode};

use super::{
    dry_run::DryRun, limits::Limits, mutation::Mutation, precheck::NESTING_CEILING, query::Query,
    types::ServerInfo,
};

/// The schema type.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    // `MAX_NESTING` bounds the same, with an error that names it.
    Schema::build(Query, Mutation, EmptySubscription).limit_recursive_depth(NESTING_CEILING)
}

/// The schema that documents are validated against, with the limits they must keep.
pub fn validator(limits: &Limits, introspection: bool) -> Schema {
    let builder =
        builder().extension(DryRun).limit_depth(limits.depth).limit_complexity(limits.complexity);
    // A suggestion tells what an introspection query would have told.
    if introspection { builder } else { builder.disable_suggestions() }.finish()
}

/// The schema that runs documents which the other one has passed. Without extensions, which would be
/// asked about every field, and without most of the rules, which would be checked once more.
pub fn executor(server_info: ServerInfo) -> Schema {
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
