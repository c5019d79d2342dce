//! Applying objects as events would be, and telling whether that changed their rows.

use super::report::Kind;
use crate::{
    accounts::{AccountError, Accounts, events::apply_effect},
    clerk::event::Event,
    store::{
        StoreError, Tx, contention,
        mirrored::{self, Mirrored},
    },
};

/// The rows, as a synchronisation may change them.
pub(super) struct Rows<'a> {
    /// Whose they are.
    pub(super) accounts: &'a Accounts,
    /// Whether everything is left as it is.
    pub(super) is_dry_run: bool,
}

/// A row before and after an object was applied to it.
pub(super) type BeforeAndAfter = (Option<Mirrored>, Option<Mirrored>);

impl Rows<'_> {
    /// Applies what Clerk says about some objects of a kind, in one transaction.
    pub(super) async fn apply(
        &self,
        kind: Kind,
        objects: &[(String, Event)],
    ) -> Result<Vec<BeforeAndAfter>, AccountError> {
        contention::retry(|| self.try_apply(kind, objects)).await
    }

    /// Deletes the row of an object that is gone, as the event that says so would.
    pub(super) async fn delete(&self, event: &Event) -> Result<(), AccountError> {
        contention::retry(|| async {
            let mut tx = self.accounts.store.begin().await?;
            apply_effect(&mut tx, event, self.accounts.clock.now()).await?;
            tx.commit().await.map_err(AccountError::from)
        })
        .await
    }

    async fn try_apply(
        &self,
        kind: Kind,
        objects: &[(String, Event)],
    ) -> Result<Vec<BeforeAndAfter>, AccountError> {
        let mut tx = self.accounts.store.begin().await?;
        let mut outcomes = Vec::with_capacity(objects.len());
        for (id, event) in objects {
            let before = find(&mut tx, kind, id).await?;
            apply_effect(&mut tx, event, self.accounts.clock.now()).await?;
            outcomes.push((before, find(&mut tx, kind, id).await?));
        }
        // What says the same is not written to the disk again.
        let has_changes = outcomes.iter().any(|(before, after)| before != after);
        if has_changes && !self.is_dry_run {
            tx.commit().await?;
        }
        Ok(outcomes)
    }
}

async fn find(tx: &mut Tx<'_>, kind: Kind, id: &str) -> Result<Option<Mirrored>, StoreError> {
    match kind {
        Kind::User => mirrored::find_user(tx.conn(), id).await,
        Kind::Organization => mirrored::find_organization(tx.conn(), id).await,
        Kind::Membership => mirrored::find_membership(tx.conn(), id).await,
    }
}
