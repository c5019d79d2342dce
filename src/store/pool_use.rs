//! How many connections are in use. Knows no database.

/// How connections of one kind are used at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolUse {
    /// What they are for.
    pub(crate) pool: &'static str,
    /// How many are open.
    pub(crate) open: usize,
    /// How many of them somebody has.
    pub(crate) in_use: usize,
}

impl PoolUse {
    /// Of a pool of the driver's.
    pub(super) fn of<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> Self {
        let open = usize::try_from(pool.size()).unwrap_or_default();
        Self { pool: name, open, in_use: open.saturating_sub(pool.num_idle()) }
    }
}
