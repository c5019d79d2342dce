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
pub(crate) mod samples;
mod settling;
mod size;
mod type_system;

pub(crate) use absent::drop_absent_variables;
pub(crate) use coercion::coerce_variables;
pub(crate) use conversion::convert;
pub(crate) use dollars::join_dollars;
pub(crate) use isolation::isolate;
pub(crate) use marks::{is_mark, mark};
pub(crate) use parsing::parse;
pub(crate) use plan::Plan;
pub(crate) use reach::Reach;
pub use request_error::RequestError;
pub(crate) use request_error::excerpt;
pub(crate) use rules::check_rules;
pub(crate) use size::check_size;
pub(crate) use type_system::TypeSystem;

/// How large and how involved a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of brackets in the text, and of selection sets once fragments are expanded
    /// (`MAX_NESTING`).
    pub(crate) nesting: usize,
    /// Fields, fragment spreads and inline fragments of one operation once fragments are expanded
    /// (`MAX_SELECTIONS`).
    pub(crate) selections: usize,
    /// Aliases in one operation once fragments are expanded (`MAX_ALIASES`).
    pub(crate) aliases: usize,
    /// Levels of fields (`MAX_DEPTH`).
    pub(crate) depth: usize,
    /// Directives on one element (`MAX_DIRECTIVES`).
    pub(crate) directives: usize,
    /// Operations in one document (`MAX_OPERATIONS`).
    pub(crate) operations: usize,
    /// Whether `__schema` and `__type` are answered.
    pub(crate) introspection: bool,
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
