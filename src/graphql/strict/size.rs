//! The size of a document once its fragments are expanded, found without expanding them.
//!
//! Twenty-four fragments that each spread the next one twice are 943 bytes of text and sixteen
//! million fields, and both the validator and the framework walk all of them. So each fragment is
//! measured once and its measure is reused for every spread, with arithmetic that saturates. The walk
//! recurses, but never deeper than the bound on nesting: the text's own depth was bounded before, and
//! going from fragment to fragment counts as well. It knows the names of the introspection fields and
//! nothing else of the schema.

use std::collections::HashMap;

use async_graphql::{
    Pos, Positioned,
    parser::types::{
        ExecutableDocument, Field, FragmentDefinition, FragmentSpread, OperationDefinition,
        Selection, SelectionSet,
    },
};

use super::{Bounds, RequestError, request_error::excerpt};

/// The introspection fields that lead from one type to a list of others, and so multiply when
/// nested.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// How many of [`INTROSPECTION_LISTS`] may be nested in each other. The published introspection
/// queries need one; graphql-js draws the line at the same place.
const INTROSPECTION_DEPTH: usize = 2;

/// Checks everything about a document that depends neither on the schema nor on the values of
/// variables: for each operation the depth, selections and aliases with fragments expanded, nested
/// introspection, fragment cycles, and whether introspection is answered at all.
///
/// Fragments that no operation uses are held to the same bounds, because validation walks them too.
/// A spread of a fragment that does not exist counts as one selection and is left to validation.
///
/// # Errors
///
/// [`GraphqlValidationFailed`](crate::error::Code::GraphqlValidationFailed). Of several faults in one document the one that comes first is
/// named, operations before unused fragments.
pub(crate) fn check_size(
    document: &ExecutableDocument,
    bounds: &Bounds,
) -> Result<(), RequestError> {
    let mut operations: Vec<_> =
        document.operations.iter().map(|(_, operation)| operation).collect();
    operations.sort_by_key(|operation| operation.pos);
    let fragments = HashMap::with_capacity(document.fragments.len());
    let mut expansion = Expansion { document, bounds, fragments };
    for operation in operations {
        expansion.operation(operation)?;
    }
    let mut fragments: Vec<_> = document.fragments.iter().collect();
    fragments.sort_by_key(|(_, fragment)| fragment.pos);
    for (name, fragment) in fragments {
        expansion.fragment(name.as_str(), fragment, fragment.pos, 1)?;
    }
    Ok(())
}

/// The measure of a selection set with its fragments expanded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    selections: usize,
    aliases: usize,
    /// Levels of fields.
    depth: usize,
    /// Levels of selection sets, the set itself and those of fragments included.
    sets: usize,
    /// The most introspection lists nested in each other.
    lists: usize,
}

impl Size {
    /// Side by side with another: counts add up, depths do not.
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            depth: self.depth.max(other.depth),
            sets: self.sets.max(other.sets),
            lists: self.lists.max(other.lists),
        }
    }
}

/// What is known of a fragment during the walk.
#[derive(Debug, Clone, Copy)]
enum Fragment {
    /// Its selections are being measured; meeting it again is a cycle.
    Open,
    Measured(Size),
}

struct Expansion<'a> {
    document: &'a ExecutableDocument,
    bounds: &'a Bounds,
    fragments: HashMap<&'a str, Fragment>,
}

impl<'a> Expansion<'a> {
    fn operation(
        &mut self,
        operation: &'a Positioned<OperationDefinition>,
    ) -> Result<(), RequestError> {
        let size = self.selection_set(&operation.node.selection_set.node, operation.pos, 1)?;
        self.bound(size, operation.pos)
    }

    /// The measure of a selection set found at level `depth`, counted from one.
    fn selection_set(
        &mut self,
        set: &'a SelectionSet,
        at: Pos,
        depth: usize,
    ) -> Result<Size, RequestError> {
        if set.items.is_empty() {
            return Ok(Size::default());
        }
        self.bound_sets(depth, at)?;
        let mut size = Size::default();
        for item in &set.items {
            size = size.beside(self.selection(item, depth)?);
        }
        size.sets = size.sets.saturating_add(1);
        Ok(size)
    }

    fn selection(
        &mut self,
        selection: &'a Positioned<Selection>,
        depth: usize,
    ) -> Result<Size, RequestError> {
        let mut size = match &selection.node {
            Selection::Field(field) => self.field(field, depth)?,
            Selection::InlineFragment(inline) => {
                self.selection_set(&inline.node.selection_set.node, inline.pos, depth + 1)?
            }
            Selection::FragmentSpread(spread) => self.spread(spread, depth)?,
        };
        size.selections = size.selections.saturating_add(1);
        Ok(size)
    }

    fn field(&mut self, field: &'a Positioned<Field>, depth: usize) -> Result<Size, RequestError> {
        let name = field.node.name.node.as_str();
        let mut size = self.selection_set(&field.node.selection_set.node, field.pos, depth + 1)?;
        let introspection = matches!(name, "__schema" | "__type");
        if introspection && !self.bounds.introspection {
            let message = format!("\"{name}\" is refused: introspection is off.");
            return Err(RequestError::invalid(message, field.pos));
        }
        if introspection && size.lists > INTROSPECTION_DEPTH {
            let message = format!(
                "\"fields\", \"interfaces\", \"possibleTypes\" and \"inputFields\" are nested in each other deeper than \
                 {INTROSPECTION_DEPTH}."
            );
            return Err(RequestError::invalid(message, field.pos));
        }
        if INTROSPECTION_LISTS.contains(&name) {
            size.lists = size.lists.saturating_add(1);
        }
        size.aliases = size.aliases.saturating_add(usize::from(field.node.alias.is_some()));
        size.depth = size.depth.saturating_add(1);
        Ok(size)
    }

    fn spread(
        &mut self,
        spread: &'a Positioned<FragmentSpread>,
        depth: usize,
    ) -> Result<Size, RequestError> {
        let name = spread.node.fragment_name.node.as_str();
        match self.document.fragments.get(name) {
            Some(fragment) => self.fragment(name, fragment, spread.pos, depth + 1),
            None => Ok(Size::default()),
        }
    }

    /// The measure of a fragment whose selections take the place of a spread at `at`, on level
    /// `depth`.
    fn fragment(
        &mut self,
        name: &'a str,
        fragment: &'a Positioned<FragmentDefinition>,
        at: Pos,
        depth: usize,
    ) -> Result<Size, RequestError> {
        match self.fragments.get(name) {
            Some(Fragment::Open) => {
                let message = format!("Fragment \"{}\" spreads itself.", excerpt(name));
                return Err(RequestError::invalid(message, at));
            }
            Some(Fragment::Measured(size)) => {
                let size = *size;
                let deepest = depth.saturating_add(size.sets).saturating_sub(1);
                return self.bound_sets(deepest, at).map(|()| size);
            }
            None => {}
        }
        self.fragments.insert(name, Fragment::Open);
        let size = self.selection_set(&fragment.node.selection_set.node, at, depth)?;
        self.bound(size, fragment.pos)?;
        self.fragments.insert(name, Fragment::Measured(size));
        Ok(size)
    }

    fn bound(&self, size: Size, at: Pos) -> Result<(), RequestError> {
        let Bounds { selections, aliases, depth, .. } = *self.bounds;
        let message = if size.selections > selections {
            format!(
                "More than {selections} selections once fragments are expanded (MAX_SELECTIONS)."
            )
        } else if size.aliases > aliases {
            format!("More than {aliases} aliases once fragments are expanded (MAX_ALIASES).")
        } else if size.depth > depth {
            format!("Fields are nested deeper than {depth} (MAX_DEPTH).")
        } else {
            return Ok(());
        };
        Err(RequestError::invalid(message, at))
    }

    fn bound_sets(&self, depth: usize, at: Pos) -> Result<(), RequestError> {
        let limit = self.bounds.nesting;
        if depth <= limit {
            return Ok(());
        }
        let message = format!(
            "Selections are nested deeper than {limit} once fragments are expanded (MAX_NESTING)."
        );
        Err(RequestError::invalid(message, at))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::Write,
        time::{Duration, Instant},
    };

    use async_graphql::parser::parse_query;

    use super::*;
    use crate::{error::Code, graphql::strict::samples};

    fn refusal(query: &str, bounds: &Bounds) -> Option<String> {
        let document = parse_query(query).expect(query);
        let mut refusal = check_size(&document, bounds).err()?;
        assert_eq!(refusal.code, Code::GraphqlValidationFailed);
        let error = refusal.errors.pop()?;
        assert_eq!(error.locations.len(), 1);
        Some(error.message)
    }

    fn size(query: &str) -> Size {
        let document = parse_query(query).expect(query);
        let mut expansion = Expansion {
            document: &document,
            bounds: &Bounds::default(),
            fragments: HashMap::new(),
        };
        let (_, operation) = document.operations.iter().next().expect("an operation");
        let set = &operation.node.selection_set.node;
        expansion.selection_set(set, operation.pos, 1).expect("within bounds")
    }

    /// A chain of fragments each of which spreads the next one several times.
    fn multiplying(levels: usize, times: usize) -> String {
        let mut query = "{...A0}".to_owned();
        for level in 0..levels {
            let spreads = format!("...A{} ", level + 1).repeat(times);
            write!(query, "fragment A{level} on Query{{{spreads}}}").expect("a string");
        }
        write!(query, "fragment A{levels} on Query{{id}}").expect("a string");
        query
    }

    #[test]
    fn sizes_are_those_of_the_expanded_document() {
        for (query, selections, aliases, depth, sets, lists) in [
            ("{a}", 1, 0, 1, 1, 0),
            ("{a b c}", 3, 0, 1, 1, 0),
            ("{x:a{y:b}}", 2, 2, 2, 2, 0),
            ("{...{a}}", 2, 0, 1, 2, 0),
            ("{...F ...F} fragment F on Q{x:a b}", 6, 2, 1, 2, 0),
            ("{a{...F}b{...F}} fragment F on Q{c{...G}} fragment G on Q{d}", 10, 0, 3, 5, 0),
            ("{...Missing}", 1, 0, 0, 1, 0),
            ("{__type{fields{type{fields{name}}}}}", 5, 0, 5, 5, 2),
            (
                "{__type{...F}} fragment F on T{x:fields{type{interfaces{name}}} inputFields{name}}",
                8,
                1,
                5,
                6,
                2,
            ),
        ] {
            let expected = Size { selections, aliases, depth, sets, lists };
            assert_eq!(size(query), expected, "{query}");
        }
    }

    #[test]
    fn doubling_fragments_are_refused_at_once() {
        for levels in [9, 24, 200] {
            let query = multiplying(levels, 2);
            let document = parse_query(&query).expect("a document");
            let started = Instant::now();
            let refusal = check_size(&document, &Bounds::default()).expect_err("a bomb");
            assert!(started.elapsed() < Duration::from_millis(20), "{levels}");
            let message = &refusal.errors[0].message;
            assert!(message.contains("MAX_"), "{message}");
        }
        assert_eq!(refusal(&multiplying(6, 2), &Bounds::default()), None);
        // Four to the power of 40 fields: arithmetic that wrapped would arrive below this bound.
        let lenient = Bounds { selections: usize::MAX - 1, nesting: 64, ..Bounds::default() };
        assert!(refusal(&multiplying(40, 4), &lenient).is_some());
    }

    #[test]
    fn every_bound_is_exact() {
        let fields = |count: usize| format!("{{{}}}", "a ".repeat(count));
        let aliases = |count: usize| format!("{{{}}}", "x:a ".repeat(count));
        let spread =
            |count: usize| format!("{{{}}} fragment F on Q{{x:a y:b}}", "...F ".repeat(count));
        let unused = |count: usize| format!("{{a}} fragment F on Q{{{}}}", "a ".repeat(count));
        let deep =
            |count: usize| format!("{{{}a{}}}", "a{".repeat(count - 1), "}".repeat(count - 1));
        let chain = |count: usize| {
            (1..count).fold("{...F1}".to_owned(), |all, n| {
                format!("{all} fragment F{n} on Q{{...F{}}}", n + 1)
            })
        };
        for (query, setting) in [
            (fields(500), None),
            (fields(501), Some("MAX_SELECTIONS")),
            (unused(500), None),
            (unused(501), Some("MAX_SELECTIONS")),
            (aliases(50), None),
            (aliases(51), Some("MAX_ALIASES")),
            (spread(25), None),
            (spread(26), Some("MAX_ALIASES")),
            (deep(16), None),
            (deep(17), Some("MAX_DEPTH")),
            (chain(40), None),
            (chain(41), Some("MAX_NESTING")),
            (chain(5_000), Some("MAX_NESTING")),
        ] {
            let refusal = refusal(&query, &Bounds::default());
            match setting {
                None => assert_eq!(refusal, None),
                Some(setting) => assert!(refusal.expect(setting).contains(setting)),
            }
        }
    }

    #[test]
    fn bounds_hold_for_each_operation_and_not_for_their_sum() {
        let half = "a ".repeat(300);
        let query = format!("query A{{{half}}} query B{{{half}}}");
        assert_eq!(refusal(&query, &Bounds::default()), None);
    }

    #[test]
    fn depth_is_found_again_when_a_measured_fragment_is_spread_deeper() {
        let inner = format!("{}a{}", "a{".repeat(9), "}".repeat(9));
        let outer = |levels: usize| format!("{}...F{}", "a{".repeat(levels), "}".repeat(levels));
        let bounds = Bounds { depth: 100, ..Bounds::default() };
        for (levels, allowed) in [(29, true), (30, false)] {
            let query = format!("{{...F {}}} fragment F on Q{{{inner}}}", outer(levels));
            assert_eq!(refusal(&query, &bounds).is_none(), allowed, "{levels}");
        }
    }

    #[test]
    fn cycles_are_refused_wherever_they_are() {
        for query in [
            "{...A} fragment A on Q{...A}",
            "{...A} fragment A on Q{...B} fragment B on Q{a{...A}}",
            "{...A} fragment A on Q{...on Q{...B}} fragment B on Q{...C} fragment C on Q{...A}",
            "{a} fragment A on Q{a ...A}",
        ] {
            let message = refusal(query, &Bounds::default()).expect(query);
            assert!(message.contains("spreads itself"), "{message}");
        }
    }

    #[test]
    fn published_introspection_queries_pass() {
        for query in [samples::INTROSPECTION, samples::FULL_INTROSPECTION] {
            assert_eq!(refusal(query, &Bounds::default()), None);
            let message = refusal(query, &Bounds { introspection: false, ..Bounds::default() });
            assert_eq!(message.as_deref(), Some("\"__schema\" is refused: introspection is off."));
        }
    }

    #[test]
    fn introspection_off_is_complete() {
        let off = Bounds { introspection: false, ..Bounds::default() };
        for (query, allowed) in [
            ("{__typename serverInfo{name}}", true),
            ("{x:__schema{description}}", false),
            ("{__type(name:\"Query\"){name}}", false),
            ("{...{...F}} fragment F on Query{__schema{description}}", false),
            ("query A{__typename} query B{__schema{description}}", false),
        ] {
            assert_eq!(refusal(query, &off).is_none(), allowed, "{query}");
        }
    }

    #[test]
    fn nested_introspection_lists_are_bounded() {
        for (query, allowed) in [
            ("{__type{fields{type{fields{name}}}}}", true),
            ("{__type{fields{type{fields{type{fields{name}}}}}}}", false),
            ("{__schema{types{x:possibleTypes{interfaces{y:fields{name}}}}}}", false),
            (
                "{__schema{types{...F}}} fragment F on T{fields{type{...G}}} fragment G on T{fields{type{...H}}} fragment H on T{inputFields{name}}",
                false,
            ),
            (
                "{...R} fragment R on Q{__schema{types{...F}}} fragment F on T{fields{type{...G}}} fragment G on T{fields{name}}",
                true,
            ),
            // Fields of these names elsewhere are no introspection.
            ("{fields{fields{fields{name}}}}", true),
        ] {
            assert_eq!(refusal(query, &Bounds::default()).is_none(), allowed, "{query}");
        }
    }
}
