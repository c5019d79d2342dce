//! async-graphql 7: an object of which nothing is shown is `null`, and the type of an object is lost.
//!
//! An object whose fields were all skipped, or asked of another type, is an empty one (GraphQL
//! specification, section 6.3); `null` tells a client that it does not exist. And the order of fields
//! below an interface depends on the object's type. So wherever either matters one field more is asked
//! for, under a key that no client can write; [`Plan::settle`](super::Plan::settle) takes it out of the
//! answer again. What the framework does not know is not asked for. No longer needed when the test `empty_objects_stay` in `tests/it` passes without.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet,
    },
};
use bluejay_core::definition::{FieldDefinition as _, OutputType as _};

use super::{TypeSystem, introspection::constant};

/// The key of the additional `__typename`.
pub(crate) const TYPE_MARK: &str = " ";
/// The key of the additional `kind` of a `__Type` whose `interfaces` are asked for.
pub(crate) const KIND_MARK: &str = " kind";

/// Asks for the marks that settling the answer will need, in a document of one operation.
pub(crate) fn mark(document: &mut ExecutableDocument, root: &str, types: &TypeSystem) {
    // Marks change no fragment's own level, so the fragments can be judged by a copy taken before.
    let marking = Marking { types, fragments: document.fragments.clone() };
    if let DocumentOperations::Single(operation) = &mut document.operations {
        marking.object(&mut operation.node.selection_set.node, root);
    }
    for fragment in document.fragments.values_mut() {
        let on = fragment.node.type_condition.node.on.node.clone();
        marking.below(&mut fragment.node.selection_set.node, &on);
    }
}

struct Marking<'a> {
    types: &'a TypeSystem,
    fragments: HashMap<Name, Positioned<FragmentDefinition>>,
}

impl Marking<'_> {
    /// Marks the set of a field, as opposed to that of a fragment, whose fields are some field's.
    fn object(&self, set: &mut SelectionSet, ty: &str) {
        if set.items.is_empty() {
            return;
        }
        self.below(set, ty);
        let has_fragments = set.items.iter().any(|item| !matches!(item.node, Selection::Field(_)));
        if has_fragments && self.types.is_abstract(ty) || !self.is_certain(set, ty) {
            set.items.push(additional(TYPE_MARK, "__typename"));
        }
        if ty == "__Type" {
            set.items.push(additional(KIND_MARK, "kind"));
        }
    }

    /// Whether every object of a type shows something of a selection set.
    fn is_certain(&self, set: &SelectionSet, ty: &str) -> bool {
        let is_shown = |set: &SelectionSet, on: Option<&str>| {
            on.is_none_or(|on| self.types.applies(on, ty)) && self.is_certain(set, ty)
        };
        set.items.iter().any(|item| {
            item.node.directives().is_empty()
                && match &item.node {
                    Selection::Field(_) => true,
                    Selection::InlineFragment(inline) => {
                        let on = inline.node.type_condition.as_ref();
                        is_shown(
                            &inline.node.selection_set.node,
                            on.map(|on| on.node.on.node.as_str()),
                        )
                    }
                    Selection::FragmentSpread(spread) => {
                        let name = &spread.node.fragment_name.node;
                        self.fragments.get(name).is_some_and(|fragment| {
                            let on = &fragment.node.type_condition.node.on.node;
                            is_shown(&fragment.node.selection_set.node, Some(on))
                        })
                    }
                }
        })
    }

    /// Recurses as deep as the text of the document is nested; spreads are not followed.
    fn below(&self, set: &mut SelectionSet, ty: &str) {
        set.items.retain(|item| match &item.node {
            Selection::Field(field) => constant(ty, &field.node.name.node).is_none(),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => true,
        });
        for item in &mut set.items {
            match &mut item.node {
                Selection::Field(field) => {
                    let Some(definition) = self.types.field(ty, &field.node.name.node) else {
                        continue;
                    };
                    self.object(
                        &mut field.node.selection_set.node,
                        definition.r#type().base_name(),
                    );
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map(|on| on.node.on.node.clone());
                    let on = on.as_deref().unwrap_or(ty);
                    self.below(&mut inline.node.selection_set.node, on);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

/// Whether a field is such a mark.
pub(crate) fn is_mark(field: &Field) -> bool {
    field.response_key().node.starts_with(' ')
}

fn additional(key: &str, field: &str) -> Positioned<Selection> {
    let at = |name| Positioned::new(Name::new(name), Pos::default());
    let field = Field {
        alias: Some(at(key)),
        name: at(field),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    let field = Positioned::new(field, Pos::default());
    Positioned::new(Selection::Field(field), Pos::default())
}
