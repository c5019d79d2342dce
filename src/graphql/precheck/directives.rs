//! Directives of executable documents: how many, which, where, with which arguments.
//!
//! async-graphql's own rules never look at variable definitions and at `__typename`, so the whole
//! question is settled here, on every element. The server defines no directives of its own: `@skip`
//! and `@include` are all there are (GraphQL specification, section 3.13).

use async_graphql::{Positioned, parser::types::Directive};

use super::{Refusal, excerpt};

/// The kind of element that carries directives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// A field, a fragment spread or an inline fragment.
    Selection,
    /// A query, mutation or subscription.
    Operation,
    /// A fragment definition.
    Fragment,
    /// The definition of a variable.
    Variable,
}

impl Site {
    const fn noun(self) -> &'static str {
        match self {
            Self::Selection => "a selection",
            Self::Operation => "an operation",
            Self::Fragment => "a fragment definition",
            Self::Variable => "a variable definition",
        }
    }
}

/// Refuses more than `limit` directives on one element, unknown ones, known ones out of place, and
/// arguments other than the one `if` they take. That none is repeated and that `if` is a boolean is
/// left to async-graphql.
///
/// # Errors
///
/// [`ValidationFailed`](super::RefusalCode::ValidationFailed), at the directive.
pub(super) fn check(
    directives: &[Positioned<Directive>],
    site: Site,
    limit: usize,
) -> Result<(), Refusal> {
    if let Some(excess) = directives.get(limit) {
        let message = format!("More than {limit} directives on {} (MAX_DIRECTIVES).", site.noun());
        return Err(Refusal::validation(message, excess.pos));
    }
    for directive in directives {
        let name = directive.node.name.node.as_str();
        let shown = excerpt(name);
        let message = if !matches!(name, "skip" | "include") {
            format!("Unknown directive \"@{shown}\".")
        } else if site != Site::Selection {
            format!("Directive \"@{shown}\" may not be used on {}.", site.noun())
        } else if !takes_only_if(&directive.node) {
            format!("Directive \"@{shown}\" takes exactly one argument, \"if\".")
        } else {
            continue;
        };
        return Err(Refusal::validation(message, directive.pos));
    }
    Ok(())
}

fn takes_only_if(directive: &Directive) -> bool {
    matches!(directive.arguments.as_slice(), [(name, _)] if name.node.as_str() == "if")
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use crate::graphql::precheck::{Bounds, check_document};

    #[test]
    fn directives_are_judged_on_every_element() {
        for (query, expected) in [
            ("{a @skip(if:true)}", None),
            ("{a @skip(if:true) @include(if:false)}", None),
            ("{...@include(if:true){a}}", None),
            ("{...F @skip(if:false)} fragment F on Q{a}", None),
            ("query($v:Boolean!){__typename @include(if:$v)}", None),
            ("{a @cached}", Some("Unknown directive \"@cached\".")),
            ("{a{b{c @x}}}", Some("Unknown directive \"@x\".")),
            ("{__typename @x}", Some("Unknown directive \"@x\".")),
            ("{...@x{a}}", Some("Unknown directive \"@x\".")),
            ("{...F @x} fragment F on Q{a}", Some("Unknown directive \"@x\".")),
            ("{...F} fragment F on Q{a @x}", Some("Unknown directive \"@x\".")),
            ("{a} fragment F on Q{a @x}", Some("Unknown directive \"@x\".")),
            ("{a} fragment F on Q @x {a}", Some("Unknown directive \"@x\".")),
            ("query @x {a}", Some("Unknown directive \"@x\".")),
            ("query($v:Int @x){a(v:$v)}", Some("Unknown directive \"@x\".")),
            ("query A{a} query B{b @x}", Some("Unknown directive \"@x\".")),
            ("{a @deprecated}", Some("Unknown directive \"@deprecated\".")),
            (
                "query @skip(if:true) {a}",
                Some("Directive \"@skip\" may not be used on an operation."),
            ),
            (
                "{a} fragment F on Q @skip(if:true) {a}",
                Some("Directive \"@skip\" may not be used on a fragment definition."),
            ),
            (
                "query($v:Int @include(if:true)){a(v:$v)}",
                Some("Directive \"@include\" may not be used on a variable definition."),
            ),
            ("{a @skip}", Some("Directive \"@skip\" takes exactly one argument, \"if\".")),
            (
                "{__typename @skip(unless:true)}",
                Some("Directive \"@skip\" takes exactly one argument, \"if\"."),
            ),
            (
                "{a @skip(if:true,if:false)}",
                Some("Directive \"@skip\" takes exactly one argument, \"if\"."),
            ),
        ] {
            let document = parse_query(query).expect(query);
            let refusal = check_document(&document, &Bounds::default()).err();
            assert_eq!(refusal.map(|refusal| refusal.message).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn the_bound_on_directives_is_exact() {
        for (count, allowed) in [(5, true), (6, false), (1_000, false)] {
            for element in ["{a D}", "{...D{a}}", "{...F D} fragment F on Q{a}", "{__typename D}"] {
                let query = element.replace('D', &"@skip(if:false)".repeat(count));
                let document = parse_query(&query).expect(element);
                assert_eq!(
                    check_document(&document, &Bounds::default()).is_ok(),
                    allowed,
                    "{element}"
                );
            }
        }
    }

    #[test]
    fn long_names_are_cut() {
        let document = parse_query(format!("{{a @{}}}", "x".repeat(5_000))).expect("a document");
        let refusal = check_document(&document, &Bounds::default()).expect_err("unknown");
        assert!(refusal.message.chars().count() < 100, "{}", refusal.message);
    }
}
