//! What an operation reaches: its selections with fragments expanded, each fragment once.
//!
//! An iterator with its own stack, so neither cycles nor long chains of fragments can hurt it; it
//! does not depend on the checks made before. It knows the shape of documents and nothing of the
//! schema.

use std::{collections::HashSet, slice::Iter};

use async_graphql::{
    Positioned,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// The selections below a selection set, each fragment entered at most once.
pub(crate) struct Reach<'a> {
    document: &'a ExecutableDocument,
    pending: Vec<Iter<'a, Positioned<Selection>>>,
    entered: HashSet<&'a str>,
    below_fields: bool,
}

impl<'a> Reach<'a> {
    /// Everything below `set`.
    pub(crate) fn everything(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Self {
        Self {
            document,
            pending: vec![set.items.iter()],
            entered: HashSet::new(),
            below_fields: true,
        }
    }

    /// What applies to the object on which `set` itself is selected: fragments are entered, fields
    /// are not.
    pub(crate) fn level(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Self {
        Self { below_fields: false, ..Self::everything(document, set) }
    }

    /// The names of the fragments spread so far, those the document does not define included.
    pub(crate) fn into_fragments(self) -> HashSet<&'a str> {
        self.entered
    }
}

impl<'a> Iterator for Reach<'a> {
    type Item = &'a Selection;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(items) = self.pending.last_mut() {
            let Some(item) = items.next() else {
                self.pending.pop();
                continue;
            };
            let inner = match &item.node {
                Selection::Field(field) if self.below_fields => Some(&field.node.selection_set),
                Selection::Field(_) => None,
                Selection::InlineFragment(inline) => Some(&inline.node.selection_set),
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let first = self.entered.insert(name);
                    let fragment = self.document.fragments.get(name).filter(|_| first);
                    fragment.map(|fragment| &fragment.node.selection_set)
                }
            };
            self.pending.extend(inner.map(|set| set.node.items.iter()));
            return Some(&item.node);
        }
        None
    }
}
