//! Connections to PostgreSQL, direct or through a pooler in transaction mode. Knows no table.
//!
//! Such a pooler lends a server connection for the length of a transaction. The driver sends a statement
//! in two rounds (Parse, then Bind and Execute), so behind a pooler both have to be in one transaction, and
//! a name given to a prepared statement would be looked for, later, on the connection of somebody else.

#![expect(clippy::disallowed_methods, reason = "settings of numbers and constants")]

use futures_util::{future::BoxFuture, stream::BoxStream};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, Execute, Executor, PgConnection, PgPool,
    Postgres, SqlStr, Transaction,
    pool::PoolConnection,
    postgres::{
        PgArguments, PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo,
    },
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    StoreError,
    address::PostgresAddress,
    dialect,
    pool_use::PoolUse,
    preconditions::{self, Traits},
    timeouts::{ACQUIRE_TIMEOUT, LIVENESS_TIMEOUT, SESSION_TIMEOUTS, within},
};

/// Connections to PostgreSQL, at most. Several instances share the server's limit.
const POSTGRES_CONNECTIONS: u32 = 10;
/// Transactions that write, at most. Those that wait for a lock, however long, leave the other connections
/// to look-ups.
const POSTGRES_WRITERS: usize = 7;

/// The connections, and how they are used.
pub(super) struct PostgresPool {
    pool: PgPool,
    writers: Semaphore,
    traits: Traits,
}

/// A transaction that may write, in its place among those.
pub(super) struct PostgresTransaction<'s> {
    pub(super) transaction: Transaction<'static, Postgres>,
    _place: SemaphorePermit<'s>,
}

/// A connection for reading.
pub(super) enum PostgresReader {
    Direct(PoolConnection<Postgres>),
    /// A pooler keeps the rounds of a statement on one server connection only inside a transaction. It is
    /// on READ COMMITTED, so that each statement sees what is committed by then, as outside.
    Transaction(Transaction<'static, Postgres>),
}

impl PostgresPool {
    /// Connects, after the server was found to fit.
    pub(super) async fn connect(address: &PostgresAddress) -> Result<Self, StoreError> {
        let options = address
            .connect_options()
            // No number of ours is a float, and poolers refuse to be asked for this.
            .extra_float_digits(None)
            .disable_statement_logging();
        let pair = open(PgPoolOptions::new().max_connections(2), &options).await?;
        let traits = preconditions::check(&pair, address.forbids_named_statements()).await?;
        pair.close().await;
        let session = (!traits.is_pooled).then(|| session_settings(traits, Scope::Session));
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            // The driver's own tests before and after each use have no time limit: a host that is gone
            // without a TCP reset would hold a connection for a quarter of an hour.
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move {
                    // Behind a pooler the next user of the server connection would inherit them.
                    if let Some(session) = session {
                        sqlx::raw_sql(AssertSqlSafe(session)).execute(connection).await?;
                    }
                    Ok(())
                })
            })
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    within(LIVENESS_TIMEOUT, connection.ping()).await?;
                    Ok(true)
                })
            })
            .after_release(|connection, _| {
                Box::pin(async move {
                    // After a fail-over a connection may lead to a server that is a standby now. In one
                    // round, which a pooler does not tear apart.
                    let is_read_only = sqlx::raw_sql("SHOW transaction_read_only");
                    let row = within(LIVENESS_TIMEOUT, is_read_only.fetch_one(connection)).await?;
                    Ok(sqlx::Row::try_get::<String, _>(&row, 0)? == "off")
                })
            });
        let writers = Semaphore::new(POSTGRES_WRITERS);
        Ok(Self { pool: open(pool, &options).await?, writers, traits })
    }

    /// Whether statements go without a name.
    pub(super) const fn naming(&self) -> Naming {
        if self.traits.keeps_named_statements { Naming::Named } else { Naming::Unnamed }
    }

    pub(super) async fn read(&self) -> Result<PostgresReader, StoreError> {
        // The driver's futures are thousands of bytes, and every future that may wait for one holds it,
        // down to that of each field of an answer.
        Ok(if self.traits.is_pooled {
            PostgresReader::Transaction(self.open_transaction().await?)
        } else {
            PostgresReader::Direct(Box::pin(self.pool.acquire()).await?)
        })
    }

    pub(super) async fn begin(&self) -> Result<PostgresTransaction<'_>, StoreError> {
        let place = tokio::time::timeout(ACQUIRE_TIMEOUT, self.writers.acquire()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok(PostgresTransaction {
            _place: place.map_err(|_| sqlx::Error::PoolClosed)?,
            transaction: self.open_transaction().await?,
        })
    }

    async fn open_transaction(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut statement = dialect::POSTGRES_BEGIN_WRITE.to_owned();
        if self.traits.is_pooled {
            statement += "; ";
            statement += &session_settings(self.traits, Scope::Transaction);
        }
        Ok(Box::pin(self.pool.begin_with(AssertSqlSafe(statement))).await?)
    }

    /// How the connections are used now.
    pub(super) fn pool_use(&self) -> PoolUse {
        PoolUse::of("all", &self.pool)
    }

    pub(super) async fn close(&self) {
        self.writers.close();
        self.pool.close().await;
    }
}

/// Opens the first connection, waiting a while for a server that does not listen yet.
async fn open(pool: PgPoolOptions, options: &PgConnectOptions) -> Result<PgPool, StoreError> {
    match pool.acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options.clone()).await {
        Ok(pool) => Ok(pool),
        // While no server listens the pool retries, and in the end it reports only a time-out. A
        // connection outside the pool reports the cause.
        Err(sqlx::Error::PoolTimedOut) => {
            match tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await {
                Ok(Err(cause)) => Err(cause.into()),
                Ok(Ok(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// How long a setting holds.
#[derive(Clone, Copy)]
enum Scope {
    Session,
    Transaction,
}

/// The statement that bounds how long one client can occupy a session. It needs no round of its own when
/// it follows BEGIN.
fn session_settings(traits: Traits, scope: Scope) -> String {
    let check = traits.checks_connections.then_some(super::timeouts::CONNECTION_CHECK);
    let values: Vec<_> = SESSION_TIMEOUTS
        .into_iter()
        .chain(check)
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    let is_local = matches!(scope, Scope::Transaction);
    format!(
        "SELECT set_config(s.name, s.value, {is_local}) FROM (VALUES {}) s (name, value) \
         WHERE current_setting(s.name) = '0'",
        values.join(", ")
    )
}

/// Whether a prepared statement has a name, under which it is found again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    Named,
    Unnamed,
}

/// A connection to PostgreSQL for one statement.
#[derive(Debug)]
pub(super) struct PostgresLink<'a> {
    connection: &'a mut PgConnection,
    is_unnamed: bool,
}

impl<'a> PostgresLink<'a> {
    pub(super) fn new(connection: &'a mut PgConnection, naming: Naming) -> Self {
        Self { connection, is_unnamed: naming == Naming::Unnamed }
    }
}

impl<'c> Executor<'c> for PostgresLink<'c> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.connection.fetch_many(MaybeUnnamed { query, is_unnamed: self.is_unnamed })
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.connection.fetch_optional(MaybeUnnamed { query, is_unnamed: self.is_unnamed })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(
        self,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}

/// A statement that is not to be kept under a name.
struct MaybeUnnamed<E> {
    query: E,
    is_unnamed: bool,
}

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for MaybeUnnamed<E> {
    fn sql(self) -> SqlStr {
        self.query.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.query.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        self.query.take_arguments()
    }

    fn persistent(&self) -> bool {
        !self.is_unnamed && self.query.persistent()
    }
}
