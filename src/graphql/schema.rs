//! The schema as such: what it is made of, its limits, and how it is printed.

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder};

use super::{mutation::Mutation, phases::Phases, precheck::NESTING_CEILING, query::Query};
use crate::config::Limits;

/// The schema type.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// A schema without data: printing it needs neither database nor settings.
pub fn schema_builder(
    limits: &Limits,
    introspection: bool,
) -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    let builder = Schema::build(Query, Mutation, EmptySubscription)
        .extension(Phases)
        // `MAX_NESTING` bounds the same, with an error that names it.
        .limit_recursive_depth(NESTING_CEILING)
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity);
    // A suggestion tells what an introspection query would have told.
    if introspection { builder } else { builder.disable_suggestions() }
}

/// The schema as text, in an order that does not depend on the code's.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    schema_builder(&Limits::default(), true).finish().sdl_with_options(options)
}
