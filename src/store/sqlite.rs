//! Connections to SQLite: one that writes, some that read. Knows no table.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, QueryBuilder, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{MappedMutexGuard, Mutex, MutexGuard, Semaphore},
    time::Instant,
};

use super::{
    StoreError, dialect, pool_use::PoolUse, sqlite_file::SqliteFile, timeouts::ACQUIRE_TIMEOUT,
};

/// How long to wait before opening a SQLite file again that another instance is setting up.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Read connections. Each has a thread and a page cache of its own.
const READERS: usize = 2;
/// Writes that wait for the writer, at most. On a disk that takes 8 ms to make a write durable this many
/// take two seconds; who comes after them hears at once that the database is busy.
const MAX_WAITING: usize = 256;

/// The connections.
pub(super) struct SqliteDatabase {
    /// SQLite has one writer at a time; a pool of one makes them queue here instead of there.
    pub(super) writer: SqlitePool,
    /// Places for those that wait for the writer.
    places: Semaphore,
    readers: SqliteReaders,
    pub(super) file: SqliteFile,
}

impl SqliteDatabase {
    /// Opens the file, making it (and its folder) when there is none.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        SqliteFile::prepare(path).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An answered write is on disk, also after a power failure.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .disable_statement_logging();
        let opened_to_read = Arc::new(AtomicBool::new(false));
        let noted = opened_to_read.clone();
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |writer, _| {
                let noted = noted.clone();
                Box::pin(async move {
                    noted.store(only_reads(writer).await?, Ordering::Relaxed);
                    Ok(())
                })
            })
            .after_release(move |writer, _| {
                let is_of_use = !opened_to_read.load(Ordering::Relaxed);
                Box::pin(async move {
                    // A full disk makes SQLite roll back by itself. The driver's own rollback then fails,
                    // and it would refuse to begin another transaction on this connection for ever.
                    writer.ping().await?;
                    Ok(is_of_use && !writer.is_in_transaction())
                })
            });
        // Before the connections: a file that is replaced meanwhile is then noticed.
        let file = SqliteFile::open(path).map_err(sqlx::Error::Io)?;
        // Of two instances that switch the same new file to WAL, SQLite refuses one at once (SQLITE_BUSY)
        // whatever the busy timeout: it will not wait while it holds a lock of its own.
        let give_up = Instant::now() + ACQUIRE_TIMEOUT;
        let writer = loop {
            match writer.clone().connect_with(options.clone()).await {
                Err(error) if dialect::is_busy(&error) && Instant::now() < give_up => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                outcome => break outcome?,
            }
        };
        let mut connections = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let reader = options.clone().pragma("query_only", "ON").connect().await?;
            connections.push(Mutex::new(Some(reader)));
        }
        let readers = SqliteReaders { connections, next: AtomicUsize::new(0) };
        Ok(Self { writer, places: Semaphore::new(MAX_WAITING), readers, file })
    }

    /// A connection for reading.
    pub(super) async fn read(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, StoreError> {
        self.readers.acquire().await
    }

    /// A transaction that holds the write lock.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        if self.writer.is_closed() {
            return Err(sqlx::Error::PoolClosed.into());
        }
        self.file.check()?;
        let _place = self.places.try_acquire().map_err(|_| StoreError::Overloaded)?;
        Ok(Box::pin(self.writer.begin_with(dialect::SQLITE_BEGIN_WRITE)).await?)
    }

    /// Makes a transaction durable, in a file that will be there after a restart.
    pub(super) async fn commit(
        &self,
        transaction: Transaction<'static, Sqlite>,
    ) -> Result<(), StoreError> {
        transaction.commit().await?;
        self.file.check()
    }

    /// How the connections are used now.
    pub(super) fn pool_use(&self) -> Vec<PoolUse> {
        let readers = &self.readers.connections;
        let taken = readers.iter().filter(|reader| reader.try_lock().is_err());
        let readers = PoolUse { pool: "readers", open: readers.len(), in_use: taken.count() };
        vec![PoolUse::of("writer", &self.writer), readers]
    }

    /// Closes the connections. Everything answered is durable already; but the last connection to close
    /// leaves one file instead of three.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Whether SQLite opened the file or its log for reading, as it does without a word when it may not write to them.
/// Such a connection stays so when they may be written again.
async fn only_reads(writer: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Refused before it asks for the lock, for which nothing here is worth waiting.
    let attempt = "PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; PRAGMA user_version = 0";
    let attempt = sqlx::raw_sql(attempt).execute(&mut *writer).await;
    // Fails where nothing was begun.
    let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *writer).await;
    let mut wait = QueryBuilder::<Sqlite>::new("PRAGMA busy_timeout = ");
    wait.push(ACQUIRE_TIMEOUT.as_millis()).build().execute(writer).await?;
    Ok(attempt.is_err_and(|error| dialect::is_read_only(&error)))
}

/// Read connections that stay open. Not a pool: a SQLite connection needs neither a health check
/// before nor a ping after each use, and those cost more than the statement.
struct SqliteReaders {
    /// `None` once closed.
    connections: Vec<Mutex<Option<SqliteConnection>>>,
    next: AtomicUsize,
}

impl SqliteReaders {
    async fn acquire(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, StoreError> {
        let held = self.lock().await?;
        MutexGuard::try_map(held, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed.into())
    }

    async fn lock(&self) -> Result<MutexGuard<'_, Option<SqliteConnection>>, StoreError> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let from_start = || (0..self.connections.len()).map(|step| start.wrapping_add(step));
        for index in from_start() {
            if let Some(connection) = self.connections.get(index % self.connections.len())
                && let Ok(free) = connection.try_lock()
            {
                return Ok(free);
            }
        }
        let Some(connection) = self.connections.get(start % self.connections.len()) else {
            return Err(sqlx::Error::PoolClosed.into());
        };
        tokio::time::timeout(ACQUIRE_TIMEOUT, connection.lock())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut.into())
    }

    async fn close(&self) {
        for connection in &self.connections {
            if let Some(connection) = connection.lock().await.take()
                && let Err(error) = connection.close().await
            {
                tracing::debug!(%error, "a connection could not be closed");
            }
        }
    }
}
