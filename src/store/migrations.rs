//! Bringing a database up to date, and telling whether it is. A database that does not fit this version
//! is refused with a reason.

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};

use super::{Store, StoreError, connection::Backend, dialect};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Serialises migrations of several instances; any constant does as long as it never changes.
const MIGRATION_LOCK: i64 = 0x6d69_7373_696f_6e63;

/// One migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Number, ascending.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// Whether the database has it.
    pub applied: bool,
}

impl Store {
    /// Applies the migrations that are missing. Instances that start together wait for each other.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite { writer, .. } => {
                // SQLite opens a file without write permission for reading only and reports no error.
                // This write reports it at the start instead of in the first request that writes.
                let mut tx = writer.begin_with(dialect::SQLITE_BEGIN_WRITE).await?;
                sqlx::query("PRAGMA user_version = 1").execute(&mut *tx).await?;
                tx.rollback().await?;
                let mut tx = writer.begin_with(dialect::SQLITE_BEGIN_WRITE).await?;
                apply(&SQLITE_MIGRATIONS, &mut *tx).await?;
                tx.commit().await?;
            }
            Backend::Postgres(pool) => {
                // A lock that ends with the transaction: a pooler in transaction mode would lose one
                // that belongs to the session.
                let mut tx = pool.begin_with(dialect::POSTGRES_BEGIN_WRITE).await?;
                sqlx::query("SELECT pg_advisory_xact_lock($1)")
                    .bind(MIGRATION_LOCK)
                    .execute(&mut *tx)
                    .await?;
                apply(&POSTGRES_MIGRATIONS, &mut *tx).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// All migrations of this version, oldest first, and whether the database has each.
    pub async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        match self.backend() {
            // Not the writer: whether the database answers must not depend on who is writing.
            Backend::Sqlite { readers, .. } => {
                status(&SQLITE_MIGRATIONS, &mut *readers.acquire().await?).await
            }
            Backend::Postgres(pool) => {
                status(&POSTGRES_MIGRATIONS, &mut *pool.acquire().await?).await
            }
        }
    }

    /// Whether the database answers and has every migration of this version.
    pub async fn is_current(&self) -> Result<bool, StoreError> {
        Ok(self.migrations().await?.iter().all(|migration| migration.applied))
    }
}

/// Applies what is missing, inside the transaction of the caller.
async fn apply<C: Migrate>(migrator: &Migrator, connection: &mut C) -> Result<(), StoreError> {
    let table = migrator.table_name.as_ref();
    connection.ensure_migrations_table(table).await.map_err(describe)?;
    let applied = connection.list_applied_migrations(table).await.map_err(describe)?;
    refuse_foreign(migrator, &applied)?;
    for migration in migrator.iter() {
        if applied.iter().all(|known| known.version != migration.version) {
            connection.apply(table, migration).await.map_err(describe)?;
            tracing::info!(version = migration.version, "migration applied");
        }
    }
    Ok(())
}

async fn status<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
) -> Result<Vec<MigrationStatus>, StoreError> {
    // A database that was never migrated has no table of migrations.
    let applied = match connection.list_applied_migrations(migrator.table_name.as_ref()).await {
        Ok(applied) => applied,
        Err(MigrateError::Execute(error)) if dialect::is_missing_table(&error) => Vec::new(),
        Err(error) => return Err(describe(error)),
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

/// A database that a newer version has migrated, or that was migrated from other files, must not be
/// written by this version.
fn refuse_foreign(migrator: &Migrator, applied: &[AppliedMigration]) -> Result<(), StoreError> {
    for known in applied {
        let version = known.version;
        match migrator.iter().find(|ours| ours.version == version) {
            Some(ours) if ours.checksum == known.checksum => {}
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

fn describe(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Migration(other.to_string()),
    }
}
