//! Loaders whose rows are lists: memberships, how many there are, invitations.

use std::{collections::HashMap, sync::Arc};

use dataloader::BatchFn;

use super::{InvitationsOf, Loaded, SliceOf, Source};
use crate::{
    error::ApiError,
    store::{
        invitations::{self, VisibleInvitation},
        memberships::{self, ListOf, Slice, VisibleMembership},
    },
};

/// Lists per statement: SQLite joins at most 500 selects into one.
const MAX_LISTS: usize = 100;

impl BatchFn<SliceOf, Loaded<Vec<Arc<VisibleMembership>>>> for Source {
    async fn load(
        &mut self,
        keys: &[SliceOf],
    ) -> HashMap<SliceOf, Loaded<Vec<Arc<VisibleMembership>>>> {
        // Almost always all fields of a level ask for the same slice of different lists.
        let mut lists_by_slice: HashMap<Slice, Vec<ListOf>> = HashMap::new();
        for key in keys {
            lists_by_slice.entry(key.slice).or_default().push(key.list);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for (slice, lists) in lists_by_slice {
            for lists in lists.chunks(MAX_LISTS) {
                let rows = async {
                    self.store.batches().observe("lists", lists.len());
                    let mut reader = self.store.read().await?;
                    memberships::load_slices(reader.conn(), self.viewer, lists, slice).await
                };
                let rows = rows.await.map_err(ApiError::from);
                for list in lists {
                    let rows = rows
                        .as_ref()
                        .map_err(Clone::clone)
                        .map(|rows| Some(Arc::new(of_list(rows, *list, slice))));
                    answers.insert(SliceOf { list: *list, slice }, rows);
                }
            }
        }
        answers
    }
}

/// Those of the rows that are this slice of a list, in the order of the list. A membership may be
/// there twice, for a person's list and for an organization's, and one may lie behind the slice of
/// the other.
fn of_list(
    rows: &[Arc<VisibleMembership>],
    list: ListOf,
    slice: Slice,
) -> Vec<Arc<VisibleMembership>> {
    let mut rows: Vec<_> = rows.iter().filter(|row| list.holds(&row.membership)).cloned().collect();
    rows.sort_by_key(|row| row.membership.position());
    rows.dedup_by_key(|row| row.membership.id);
    rows.truncate(usize::try_from(slice.limit).unwrap_or(usize::MAX));
    rows
}

impl BatchFn<ListOf, Loaded<i64>> for Source {
    async fn load(&mut self, keys: &[ListOf]) -> HashMap<ListOf, Loaded<i64>> {
        let mut answers: HashMap<_, Loaded<i64>> =
            keys.iter().map(|key| (*key, Ok(None))).collect();
        for lists in keys.chunks(MAX_LISTS) {
            let counts = async {
                self.store.batches().observe("counts", lists.len());
                let mut reader = self.store.read().await?;
                memberships::count_memberships(reader.conn(), self.viewer, lists).await
            };
            match counts.await {
                Ok(counts) => {
                    answers
                        .extend(counts.into_iter().map(|(list, n)| (list, Ok(Some(Arc::new(n))))));
                }
                Err(error) => {
                    let error = ApiError::from(error);
                    answers.extend(lists.iter().map(|list| (*list, Err(error.clone()))));
                }
            }
        }
        answers
    }
}

impl BatchFn<InvitationsOf, Loaded<Vec<Arc<VisibleInvitation>>>> for Source {
    async fn load(
        &mut self,
        keys: &[InvitationsOf],
    ) -> HashMap<InvitationsOf, Loaded<Vec<Arc<VisibleInvitation>>>> {
        let organizations: Vec<_> = keys
            .iter()
            .filter_map(|key| match key {
                InvitationsOf::Organization(id) => Some(*id),
                InvitationsOf::Address(_) => None,
            })
            .collect();
        let into = async {
            let mut reader = self.store.read().await?;
            let (viewer, now) = (self.viewer, self.now);
            invitations::load_invitations_into(reader.conn(), viewer, &organizations, now).await
        };
        let into = into.await.map_err(ApiError::from);
        let mut answers = HashMap::with_capacity(keys.len());
        for key in keys {
            let list = match key {
                InvitationsOf::Organization(id) => into.clone().map(|rows| {
                    rows.into_iter().filter(|row| row.invitation.organization_id == *id).collect()
                }),
                InvitationsOf::Address(email) => {
                    let found = async {
                        let mut reader = self.store.read().await?;
                        invitations::load_invitations_for(reader.conn(), email, self.now).await
                    };
                    found.await.map_err(ApiError::from)
                }
            };
            answers.insert(key.clone(), list.map(|list| Some(Arc::new(list))));
        }
        answers
    }
}
