//! Connections and transactions of either database behind one type, and the macro that lets a
//! statement be written once, counted and traced. Knows no table.

use std::{
    any::type_name_of_val,
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::MappedMutexGuard;

use super::{
    DatabaseAddress, StoreError,
    pool_use::PoolUse,
    postgres::{Naming, PostgresLink, PostgresPool, PostgresReader, PostgresTransaction},
    sqlite::SqliteDatabase,
};
use crate::telemetry::{Batches, Waiting, traces};

/// The database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    backend: Backend,
    statements: StatementCounter,
    waiting: Waiting,
    batches: Batches,
}

/// Counts the statements that are done. A statement counts when its answer is there: a test that waits
/// for the count knows what the request has seen.
#[derive(Default)]
pub(super) struct StatementCounter(AtomicU64);

impl StatementCounter {
    /// Counts one more.
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) enum Backend {
    Sqlite(SqliteDatabase),
    Postgres(PostgresPool),
}

/// What one statement runs on: a connection of either kind, for the length of that statement.
pub struct Conn<'a> {
    pub(super) link: Link<'a>,
    statements: &'a StatementCounter,
}

pub(super) enum Link<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(PostgresLink<'a>),
}

impl<'a> Conn<'a> {
    pub(super) fn new(link: Link<'a>, statements: &'a StatementCounter) -> Self {
        Self { link, statements }
    }

    /// Where its statement is to be counted once it is done. [`on!`] does it.
    pub(super) fn counter(&self) -> &'a StatementCounter {
        self.statements
    }

    /// A span for its statement. [`on!`] makes it. `place` is a function inside the one that the statement is
    /// in, whose name stands for the statement: its text is long, and its values are nobody's business.
    pub(super) fn span<F: Fn()>(&self, place: F) -> traces::Span {
        let span = traces::Span::call(|| Cow::Borrowed(statement_name(type_name_of_val(&place))));
        span.note("db.system.name", || match self.link {
            Link::Sqlite(_) => "sqlite",
            Link::Postgres(_) => "postgresql",
        });
        span
    }
}

/// `users::standing::find_standings` of
/// `mission_control::store::users::standing::find_standings::{{closure}}::place`.
fn statement_name(place: &'static str) -> &'static str {
    let name = place.trim_end_matches("::place").trim_end_matches("::{{closure}}");
    name.split_once("::store::").map_or(name, |(_, name)| name)
}

/// Runs one expression with `$link` being the connection of whichever database it is, so that a
/// statement is written once and checked by the compiler against both drivers.
macro_rules! on {
    ($conn:expr, $link:ident => $run:expr) => {{
        fn place() {}
        let conn: $crate::store::Conn<'_> = $conn;
        let counter = conn.counter();
        let span = conn.span(place);
        let outcome = match conn.link {
            $crate::store::connection::Link::Sqlite($link) => $run,
            $crate::store::connection::Link::Postgres($link) => $run,
        };
        counter.count();
        if outcome.is_err() {
            span.fail();
        }
        drop(span);
        outcome.map_err($crate::store::StoreError::from)
    }};
}
pub(super) use on;

/// A connection for reading outside a transaction; each statement sees what is committed by then.
pub struct Reader<'s> {
    held: Held<'s>,
    statements: &'s StatementCounter,
}

enum Held<'s> {
    Sqlite(MappedMutexGuard<'s, SqliteConnection>),
    Postgres(PostgresReader, Naming),
}

impl Reader<'_> {
    /// Whether it takes round trips to get such a connection and to give it back.
    pub(super) const fn is_pooled(&self) -> bool {
        match self.held {
            Held::Sqlite(_) => false,
            Held::Postgres(..) => true,
        }
    }

    /// Lends the connection to one statement.
    pub fn conn(&mut self) -> Conn<'_> {
        let link = match &mut self.held {
            Held::Sqlite(connection) => Link::Sqlite(connection),
            Held::Postgres(PostgresReader::Direct(connection), naming) => {
                Link::Postgres(PostgresLink::new(connection, *naming))
            }
            Held::Postgres(PostgresReader::Transaction(transaction), naming) => {
                Link::Postgres(PostgresLink::new(transaction, *naming))
            }
        };
        Conn { link, statements: self.statements }
    }
}

/// A transaction that may write. Dropped without [`Tx::commit`] it leaves nothing behind.
pub struct Tx<'s> {
    transaction: OpenTransaction<'s>,
    statements: &'s StatementCounter,
}

enum OpenTransaction<'s> {
    Sqlite(Transaction<'static, Sqlite>, &'s SqliteDatabase),
    Postgres(PostgresTransaction<'s>, Naming),
}

impl Tx<'_> {
    /// Lends the transaction to one statement.
    pub fn conn(&mut self) -> Conn<'_> {
        let link = match &mut self.transaction {
            OpenTransaction::Sqlite(transaction, _) => Link::Sqlite(&mut *transaction),
            OpenTransaction::Postgres(transaction, naming) => {
                Link::Postgres(PostgresLink::new(&mut transaction.transaction, *naming))
            }
        };
        Conn { link, statements: self.statements }
    }

    /// Makes everything durable and visible at once.
    pub async fn commit(self) -> Result<(), StoreError> {
        let span = traces::Span::call(|| Cow::Borrowed("COMMIT"));
        let outcome = match self.transaction {
            OpenTransaction::Sqlite(transaction, database) => database.commit(transaction).await,
            OpenTransaction::Postgres(open, _) => {
                open.transaction.commit().await.map_err(StoreError::from)
            }
        };
        if outcome.is_err() {
            span.fail();
        }
        outcome
    }
}

impl Store {
    /// Connects, and for SQLite creates the file (and its directory) when there is none.
    pub async fn connect(address: &DatabaseAddress) -> Result<Self, StoreError> {
        let backend = match address {
            DatabaseAddress::Sqlite { path } => Backend::Sqlite(SqliteDatabase::open(path).await?),
            DatabaseAddress::Postgres(address) => {
                Backend::Postgres(PostgresPool::connect(address).await?)
            }
        };
        Ok(Self(Arc::new(Inner {
            backend,
            statements: StatementCounter::default(),
            waiting: Waiting::default(),
            batches: Batches::default(),
        })))
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.0.backend
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<Reader<'_>, StoreError> {
        let _span = traces::Span::part("connection");
        let _waiter = self.0.waiting.enter();
        let held = match &self.0.backend {
            Backend::Sqlite(database) => Held::Sqlite(database.read().await?),
            Backend::Postgres(pool) => Held::Postgres(pool.read().await?, pool.naming()),
        };
        Ok(Reader { held, statements: &self.0.statements })
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx<'_>, StoreError> {
        let _span = traces::Span::call(|| Cow::Borrowed("BEGIN"));
        let _waiter = self.0.waiting.enter();
        let transaction = match &self.0.backend {
            Backend::Sqlite(database) => OpenTransaction::Sqlite(database.begin().await?, database),
            Backend::Postgres(pool) => {
                OpenTransaction::Postgres(pool.begin().await?, pool.naming())
            }
        };
        Ok(Tx { transaction, statements: &self.0.statements })
    }

    /// How many statements of ours are done, transaction control aside. What a request costs is told
    /// by it.
    pub fn statements(&self) -> u64 {
        self.0.statements.0.load(Ordering::Relaxed)
    }

    /// How many wait for a connection, or for one to be ready.
    pub(crate) fn waiting(&self) -> i64 {
        self.0.waiting.count()
    }

    /// How many questions one statement answers.
    pub(crate) fn batches(&self) -> &Batches {
        &self.0.batches
    }

    /// How the connections are used now.
    pub(crate) fn pool_use(&self) -> Vec<PoolUse> {
        match &self.0.backend {
            Backend::Sqlite(database) => database.pool_use(),
            Backend::Postgres(pool) => vec![pool.pool_use()],
        }
    }

    /// Which database this is, for people: `SQLite` or `PostgreSQL`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.0.backend {
            Backend::Sqlite(_) => "SQLite",
            Backend::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether a prepared statement is found again by its name. Not behind an old pooler, where every
    /// look-up costs two more round trips.
    pub(crate) fn keeps_named_statements(&self) -> bool {
        match &self.0.backend {
            Backend::Sqlite { .. } => true,
            Backend::Postgres(pool) => pool.naming() == Naming::Named,
        }
    }

    /// Closes the connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.0.backend {
            Backend::Sqlite(database) => database.close().await,
            Backend::Postgres(pool) => pool.close().await,
        }
    }
}
