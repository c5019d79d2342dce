//! Bringing a database up to date, and telling whether it is. A database that does not fit this version
//! is refused with a reason.

#![expect(
    clippy::disallowed_methods,
    reason = "the driver's migrations, and a table whose name is its constant"
)]

use sqlx::{AssertSqlSafe, migrate::Migrator};

use super::{
    Conn, Store, StoreError, Tx,
    connection::{Backend, Link, on},
    dialect, locks,
};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// One migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Number, ascending.
    pub version: i64,
    /// What it is about.
    pub(crate) description: String,
    /// Whether the database has it.
    pub applied: bool,
}

impl Store {
    /// Applies the migrations that are missing. Instances that start together wait for each other.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if let Backend::Sqlite(database) = self.backend() {
            // SQLite opens a file without write permission for reading only and reports no error.
            // This write reports it at the start instead of in the first request that writes.
            let mut tx = database.writer.begin_with(dialect::SQLITE_BEGIN_WRITE).await?;
            sqlx::query("PRAGMA user_version = 1").execute(&mut *tx).await?;
            tx.rollback().await?;
        }
        let mut tx = self.begin().await?;
        locks::lock_migrations(tx.conn()).await?;
        apply(self.migrator(), &mut tx).await?;
        tx.commit().await
    }

    /// All migrations of this version, oldest first, and whether the database has each.
    pub async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let migrator = self.migrator();
        // Not the writer: whether the database answers must not depend on who is writing.
        let mut reader = self.read().await?;
        // A database that was never migrated has no table of migrations.
        let applied = match find_applied(reader.conn(), migrator).await {
            Err(StoreError::Driver(error)) if dialect::is_missing_table(&error) => Vec::new(),
            outcome => outcome?,
        };
        refuse_foreign(migrator, &applied)?;
        Ok(migrator
            .iter()
            .map(|migration| MigrationStatus {
                version: migration.version,
                description: migration.description.to_string(),
                applied: applied.iter().any(|known| known.version == migration.version),
            })
            .collect())
    }

    fn migrator(&self) -> &'static Migrator {
        match self.backend() {
            Backend::Sqlite(_) => &SQLITE_MIGRATIONS,
            Backend::Postgres(_) => &POSTGRES_MIGRATIONS,
        }
    }

    /// Whether the database answers and has every migration of this version.
    pub async fn is_current(&self) -> Result<bool, StoreError> {
        if let Backend::Sqlite(database) = self.backend() {
            database.file.check()?;
        }
        Ok(self.migrations().await?.iter().all(|migration| migration.applied))
    }
}

/// A migration that the database has.
#[derive(sqlx::FromRow)]
struct Applied {
    version: i64,
    checksum: Vec<u8>,
}

// The statements are those of the driver's migrator, whose own would be prepared under names; behind some
// poolers these are lost (see `postgres`). The table is the same.

async fn find_applied(conn: Conn<'_>, migrator: &Migrator) -> Result<Vec<Applied>, StoreError> {
    let sql = format!("SELECT version, checksum FROM {} ORDER BY version", migrator.table_name);
    on!(conn, link => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(link).await)
}

/// Refuses a SQLite database that was never migrated, or not by this version or an older one.
pub(super) async fn refuse_unfit(conn: Conn<'_>) -> Result<(), StoreError> {
    let applied = match find_applied(conn, &SQLITE_MIGRATIONS).await {
        Err(StoreError::Driver(error)) if dialect::is_missing_table(&error) => Vec::new(),
        outcome => outcome?,
    };
    if applied.is_empty() {
        return Err(StoreError::Migration("it is no database of Mission Control".to_owned()));
    }
    refuse_foreign(&SQLITE_MIGRATIONS, &applied)
}

/// Applies what is missing, inside the transaction of the caller.
async fn apply(migrator: &Migrator, tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let table = &migrator.table_name;
    let create = AssertSqlSafe(format!(
        "CREATE TABLE IF NOT EXISTS {table} (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
         installed_on {} NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
         checksum {} NOT NULL, execution_time BIGINT NOT NULL)",
        match tx.conn().link {
            Link::Sqlite(_) => "TIMESTAMP",
            Link::Postgres(_) => "TIMESTAMPTZ",
        },
        match tx.conn().link {
            Link::Sqlite(_) => "BLOB",
            Link::Postgres(_) => "BYTEA",
        },
    ));
    on!(tx.conn(), link => sqlx::raw_sql(create).execute(link).await.map(|_| ()))?;
    let applied = find_applied(tx.conn(), migrator).await?;
    refuse_foreign(migrator, &applied)?;
    for migration in migrator.iter() {
        if applied.iter().all(|known| known.version != migration.version) {
            let text = migration.sql.clone();
            on!(tx.conn(), link => sqlx::raw_sql(text).execute(link).await.map(|_| ()))?;
            // How long it took is not kept.
            let insert = AssertSqlSafe(format!(
                "INSERT INTO {table} (version, description, success, checksum, execution_time) \
                 VALUES ($1, $2, TRUE, $3, -1)"
            ));
            on!(tx.conn(), link => sqlx::query(insert)
                .bind(migration.version)
                .bind(&*migration.description)
                .bind(&*migration.checksum)
                .execute(link)
                .await
                .map(|_| ()))?;
            tracing::info!(version = migration.version, "migration applied");
        }
    }
    Ok(())
}

/// A database that a newer version has migrated, or that was migrated from other files, must not be
/// written by this version.
fn refuse_foreign(migrator: &Migrator, applied: &[Applied]) -> Result<(), StoreError> {
    for known in applied {
        let version = known.version;
        match migrator.iter().find(|ours| ours.version == version) {
            Some(ours) if *ours.checksum == *known.checksum => {}
            Some(_) => {
                return Err(StoreError::Migration(format!(
                    "migration {version} of this database was applied from a different text"
                )));
            }
            None => {
                return Err(StoreError::Migration(format!(
                    "the database has migration {version}, which this version does not know: it was migrated by a newer version"
                )));
            }
        }
    }
    Ok(())
}
