//! One operation of a document, without the rest.

use async_graphql::{
    Positioned,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};

use super::reach::Reach;

/// A document of one operation, with the fragments that it reaches and no others: what remains of
/// another operation would be judged and executed in its name.
pub(crate) fn isolate(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
) -> ExecutableDocument {
    let mut reach = Reach::everything(document, &operation.node.selection_set.node);
    reach.by_ref().for_each(drop);
    let reached = reach.into_fragments();
    let fragments = document
        .fragments
        .iter()
        .filter(|(name, _)| reached.contains(name.as_str()))
        .map(|(name, fragment)| (name.clone(), fragment.clone()))
        .collect();
    ExecutableDocument { operations: DocumentOperations::Single(operation.clone()), fragments }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::strict::samples;

    #[test]
    fn only_the_chosen_operation_and_its_fragments_are_kept() {
        let query = "query A{a{...F}} query B{b{...G}} fragment F on Q{f ...H} fragment G on Q{g} fragment H on Q{h}";
        for (query, name, fragments) in [
            (query, Some("A"), vec!["F", "H"]),
            (query, Some("B"), vec!["G"]),
            ("query A{a} fragment F on Q{f}", None, vec![]),
            ("{a ...F} fragment F on Q{f} fragment G on Q{g}", None, vec!["F"]),
            ("{a ...F} fragment F on Q{...G} fragment G on Q{...F}", None, vec!["F", "G"]),
        ] {
            let document = parse_query(query).expect(query);
            let operation = samples::operation(&document, name);
            let isolated = isolate(&document, operation);
            let mut kept: Vec<_> =
                isolated.fragments.keys().map(|name| name.as_str().to_owned()).collect();
            kept.sort_unstable();
            assert_eq!(kept, fragments, "{query} {name:?}");
            let chosen: Vec<_> = isolated.operations.iter().map(|(_, kept)| kept.pos).collect();
            assert_eq!(chosen, [operation.pos], "{query} {name:?}");
        }
    }
}
