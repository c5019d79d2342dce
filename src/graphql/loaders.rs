//! Batched reads for one request: however many fields ask for a kind of row on one level, one
//! statement answers them. A set of loaders belongs to one request and one viewer, so that nothing
//! cached can reach anybody else.

mod lists;

use std::{collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use chrono::{DateTime, Utc};
use dataloader::{BatchFn, cached::Loader};

use crate::{
    error::ApiError,
    model::{MembershipId, OrganizationId, User, UserId},
    store::{
        Store, StoreError,
        invitations::VisibleInvitation,
        memberships::{self, ListOf, Slice, VisibleMembership},
        organizations::{self, VisibleOrganization},
        users,
    },
};

/// Keys per statement.
const MAX_BATCH: usize = 1000;

/// What a loader holds for a key: the row, its absence, or why neither is known. There is an entry
/// for every key, because a key without one would be asked for again.
type Loaded<T> = Result<Option<Arc<T>>, ApiError>;

/// One slice of one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SliceOf {
    /// Whose list.
    pub(crate) list: ListOf,
    /// Which part.
    pub(crate) slice: Slice,
}

/// Asks for the organization this user works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ActiveOf(UserId);

/// Whose list of invitations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum InvitationsOf {
    /// Those into an organization, for its owners and admins.
    Organization(OrganizationId),
    /// Those for an address, which is the viewer's.
    Address(String),
}

/// The loaders of one request.
pub(crate) struct Loaders {
    organizations: Loader<OrganizationId, Loaded<VisibleOrganization>, Source>,
    memberships: Loader<MembershipId, Loaded<VisibleMembership>, Source>,
    users: Loader<UserId, Loaded<User>, Source>,
    slices: Loader<SliceOf, Loaded<Vec<Arc<VisibleMembership>>>, Source>,
    counts: Loader<ListOf, Loaded<i64>, Source>,
    active_organizations: Loader<ActiveOf, Loaded<OrganizationId>, Source>,
    invitations: Loader<InvitationsOf, Loaded<Vec<Arc<VisibleInvitation>>>, Source>,
    viewer: UserId,
}

impl Loaders {
    /// Everything is read as `viewer` may see it `now`.
    pub(crate) fn new(store: Store, viewer: UserId, now: DateTime<Utc>) -> Self {
        let source = Source { store, viewer, now };
        Self {
            organizations: loader(&source),
            memberships: loader(&source),
            users: loader(&source),
            slices: loader(&source),
            counts: loader(&source),
            active_organizations: loader(&source),
            invitations: loader(&source),
            viewer,
        }
    }

    /// An organization the viewer belongs to.
    pub(crate) async fn organization(&self, id: OrganizationId) -> Loaded<VisibleOrganization> {
        load(&self.organizations, id).await
    }

    /// A membership in an organization the viewer belongs to.
    pub(crate) async fn membership(&self, id: MembershipId) -> Loaded<VisibleMembership> {
        load(&self.memberships, id).await
    }

    /// Any user; whether the viewer may see it is the caller's question.
    pub(crate) async fn user(&self, id: UserId) -> Loaded<User> {
        load(&self.users, id).await
    }

    /// A part of a list, oldest first.
    pub(crate) async fn slice(
        &self,
        key: SliceOf,
    ) -> Result<Arc<Vec<Arc<VisibleMembership>>>, ApiError> {
        Ok(load(&self.slices, key).await?.unwrap_or_default())
    }

    /// How long a list is.
    pub(crate) async fn count(&self, list: ListOf) -> Result<i64, ApiError> {
        Ok(load(&self.counts, list).await?.map_or(0, |count| *count))
    }

    /// The organization a user works in, if the viewer belongs to it.
    pub(crate) async fn active_organization(&self, user: UserId) -> Loaded<VisibleOrganization> {
        match load(&self.active_organizations, ActiveOf(user)).await? {
            Some(organization) => self.organization(*organization).await,
            None => Ok(None),
        }
    }

    /// The open invitations into an organization, newest first.
    pub(crate) async fn invitations_into(
        &self,
        organization: OrganizationId,
    ) -> Result<Arc<Vec<Arc<VisibleInvitation>>>, ApiError> {
        let key = InvitationsOf::Organization(organization);
        Ok(load(&self.invitations, key).await?.unwrap_or_default())
    }

    /// The open invitations for the verified address of a user who is the viewer, newest first; of anybody else
    /// none.
    pub(crate) async fn invitations_for(
        &self,
        user: &User,
    ) -> Result<Arc<Vec<Arc<VisibleInvitation>>>, ApiError> {
        let address = user.verified_email().filter(|_| user.id == self.viewer);
        let Some(address) = address else { return Ok(Arc::default()) };
        let key = InvitationsOf::Address(address.to_owned());
        Ok(load(&self.invitations, key).await?.unwrap_or_default())
    }
}

#[derive(Clone)]
struct Source {
    store: Store,
    viewer: UserId,
    now: DateTime<Utc>,
}

fn loader<K, T>(source: &Source) -> Loader<K, Loaded<T>, Source>
where
    K: Eq + Hash + Clone + Debug,
    Source: BatchFn<K, Loaded<T>>,
{
    // One yield collects a level: every sibling has asked by then. More only costs time.
    Loader::new(source.clone()).with_yield_count(1).with_max_batch_size(MAX_BATCH)
}

async fn load<K, T>(loader: &Loader<K, Loaded<T>, Source>, key: K) -> Loaded<T>
where
    K: Eq + Hash + Clone + Debug,
    Source: BatchFn<K, Loaded<T>>,
{
    // A sibling field that is dropped (null propagation) can take a batch with it; the others of that
    // batch then find no entry, once.
    for _ in 0..2 {
        // In a box, to keep it out of the size of every field that may load something.
        if let Ok(found) = Box::pin(loader.try_load(key.clone())).await {
            return found;
        }
    }
    tracing::error!("a batch was lost twice");
    Err(ApiError::internal())
}

/// Sorts rows to the keys that asked for them, with an entry for every key.
fn answer<K: Eq + Hash + Clone, T>(
    keys: &[K],
    rows: Result<Vec<Arc<T>>, StoreError>,
    key_of: impl Fn(&T) -> K,
) -> HashMap<K, Loaded<T>> {
    match rows {
        Err(error) => {
            let error = ApiError::from(error);
            keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect()
        }
        Ok(rows) => {
            let mut answers: HashMap<K, Loaded<T>> =
                keys.iter().map(|key| (key.clone(), Ok(None))).collect();
            for row in rows {
                answers.insert(key_of(&row), Ok(Some(row)));
            }
            answers
        }
    }
}

impl BatchFn<OrganizationId, Loaded<VisibleOrganization>> for Source {
    async fn load(
        &mut self,
        keys: &[OrganizationId],
    ) -> HashMap<OrganizationId, Loaded<VisibleOrganization>> {
        let rows = async {
            self.store.batches().observe("organizations", keys.len());
            let mut reader = self.store.read().await?;
            organizations::load_organizations(reader.conn(), self.viewer, keys).await
        };
        answer(keys, rows.await, |row| row.organization.id)
    }
}

impl BatchFn<MembershipId, Loaded<VisibleMembership>> for Source {
    async fn load(
        &mut self,
        keys: &[MembershipId],
    ) -> HashMap<MembershipId, Loaded<VisibleMembership>> {
        let rows = async {
            self.store.batches().observe("memberships", keys.len());
            let mut reader = self.store.read().await?;
            memberships::load_memberships(reader.conn(), self.viewer, keys).await
        };
        answer(keys, rows.await, |row| row.membership.id)
    }
}

impl BatchFn<UserId, Loaded<User>> for Source {
    async fn load(&mut self, keys: &[UserId]) -> HashMap<UserId, Loaded<User>> {
        let rows = async {
            self.store.batches().observe("users", keys.len());
            let mut reader = self.store.read().await?;
            users::load_users(reader.conn(), keys).await
        };
        answer(keys, rows.await, |row| row.id)
    }
}

impl BatchFn<ActiveOf, Loaded<OrganizationId>> for Source {
    async fn load(&mut self, keys: &[ActiveOf]) -> HashMap<ActiveOf, Loaded<OrganizationId>> {
        let rows = async {
            let users: Vec<_> = keys.iter().map(|key| key.0).collect();
            self.store.batches().observe("active_organizations", keys.len());
            let mut reader = self.store.read().await?;
            users::load_active_organizations(reader.conn(), &users).await
        };
        let mut answers: HashMap<_, Loaded<OrganizationId>> =
            keys.iter().map(|key| (*key, Ok(None))).collect();
        match rows.await {
            Ok(rows) => {
                let found =
                    |(user, organization)| (ActiveOf(user), Ok(Some(Arc::new(organization))));
                answers.extend(rows.into_iter().map(found));
            }
            Err(error) => {
                let error = ApiError::from(error);
                answers.extend(keys.iter().map(|key| (*key, Err(error.clone()))));
            }
        }
        answers
    }
}
