//! The caller as a write leaves them, read inside its transaction.

use std::sync::Arc;

use super::{AccountError, SessionRefusal};
use crate::{
    model::{User, UserId},
    store::{StoreError, Tx, users},
};

/// A user as stored inside a transaction.
pub(super) async fn stored(tx: &mut Tx<'_>, id: UserId) -> Result<Arc<User>, AccountError> {
    let found: Result<_, StoreError> = users::load_users(tx.conn(), &[id]).await;
    Ok(found?.pop().ok_or(SessionRefusal::Vanished)?)
}

/// The same, still at work in the organization of this request: another tab may work in another.
pub(super) async fn stored_still_in(
    tx: &mut Tx<'_>,
    user: &User,
) -> Result<Arc<User>, AccountError> {
    let mut now = stored(tx, user.id).await?;
    if now.active_organization_id != user.active_organization_id {
        Arc::make_mut(&mut now).active_organization_id = user.active_organization_id;
    }
    Ok(now)
}
