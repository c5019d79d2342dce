//! What one document may ask for. Knows the bounds, not who enforces them.

/// The limits of a document. Counts are inclusive: the limit itself is still accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_QUERY_BYTES`: bytes of a query text.
    pub query_bytes: usize,
    /// `MAX_NESTING`: nesting of all brackets in a query text. A list literal nested 2,000 deep overflows
    /// the stack of the GraphQL parser, which takes 65 levels of selections at most.
    pub nesting: usize,
    /// `MAX_SELECTIONS`: selections after fragments are expanded.
    pub selections: usize,
    /// `MAX_ALIASES`: aliases after fragments are expanded.
    pub aliases: usize,
    /// `MAX_DEPTH`: nesting of fields.
    pub depth: usize,
    /// `MAX_COMPLEXITY`: complexity, where a list counts its page size.
    pub complexity: usize,
    /// `MAX_DIRECTIVES`: directives on one field.
    pub directives: usize,
    /// `MAX_OPERATIONS`: operations in one document.
    pub operations: usize,
}
