//! The members of an organization in the order of their addresses, page by page, as clients of the original
//! read them.

use std::sync::Arc;

use sqlx::{Executor, QueryBuilder};

use super::{SELECT_VISIBLE, VisibleColumns, VisibleMembership};
use crate::{
    model::{OrganizationId, UserId},
    store::{Conn, StoreError, connection::on, dialect::Spelling},
};

/// Loads at most `limit` members behind the first `offset`, by e-mail address, then name, as `viewer` sees
/// them. Members without an address come first.
pub async fn load_page(
    conn: Conn<'_>,
    viewer: UserId,
    organization: OrganizationId,
    limit: i64,
    offset: i64,
) -> Result<Vec<Arc<VisibleMembership>>, StoreError> {
    let rows: Vec<VisibleColumns> = on!(conn, link => {
        let mut query = QueryBuilder::new(SELECT_VISIBLE);
        query.push_bind(viewer).push(" AND m.organization_id = ").push_bind(organization);
        push_order(&link, &mut query);
        query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().map(VisibleColumns::into_visible).collect())
}

/// The order, in the words of the database of a connection.
fn push_order<'c, C>(_: &C, query: &mut QueryBuilder<C::Database>)
where
    C: Executor<'c>,
    C::Database: Spelling,
{
    let by_code_point = <C::Database as Spelling>::BY_CODE_POINT;
    query.push(" ORDER BY COALESCE(p.email, '')").push(by_code_point);
    query.push(", COALESCE(LOWER(p.name), '')").push(by_code_point).push(", m.id");
}
