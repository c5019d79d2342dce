//! GraphQL as the specification has it, between a text and the framework's execution of it, and between
//! that and the answer.
//!
//! bluejay parses and validates; async-graphql executes. What neither does is here: the bounds of a
//! document, the values of variables, and the repairs of what async-graphql 7 answers differently from
//! the specification, each in a file whose first line begins `async-graphql 7:`. In the order in which
//! the pipeline uses them: [`join_dollars`], [`parse`], [`convert`], [`check_size`], [`check_rules`],
//! [`isolate`], [`Plan`], [`mark`]; then for each request
//! [`coerce_variables`], [`drop_absent_variables`] and [`Plan::settle`].
//!
//! Everything here is a function of its arguments and recurses over nothing whose depth was not bounded
//! before. The module must not know HTTP, users, the schema's Rust types, or where the bounds come from.

mod absent;
mod coercion;
mod conversion;
mod dollars;
mod introspection;
mod isolation;
mod marks;
mod parsing;
mod plan;
mod positions;
mod reach;
mod request_error;
mod rules;
#[cfg(test)]
pub mod samples;
mod settling;
mod size;
mod type_system;

pub use absent::drop_absent_variables;
pub use coercion::coerce_variables;
pub use conversion::convert;
pub use dollars::join_dollars;
pub use isolation::isolate;
pub use marks::{is_mark, mark};
pub use parsing::parse;
pub use plan::Plan;
pub use reach::Reach;
pub use request_error::{RequestError, excerpt};
pub use rules::check_rules;
pub use size::check_size;
pub use type_system::TypeSystem;

/// How large and how involved a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of brackets in the text, and of selection sets once fragments are expanded
    /// (`MAX_NESTING`).
    pub nesting: usize,
    /// Fields, fragment spreads and inline fragments of one operation once fragments are expanded
    /// (`MAX_SELECTIONS`).
    pub selections: usize,
    /// Aliases in one operation once fragments are expanded (`MAX_ALIASES`).
    pub aliases: usize,
    /// Levels of fields (`MAX_DEPTH`).
    pub depth: usize,
    /// Directives on one element (`MAX_DIRECTIVES`).
    pub directives: usize,
    /// Operations in one document (`MAX_OPERATIONS`).
    pub operations: usize,
    /// Whether `__schema` and `__type` are answered.
    pub introspection: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            nesting: 40,
            selections: 500,
            aliases: 50,
            depth: 16,
            directives: 5,
            operations: 10,
            introspection: true,
        }
    }
}
