//! Whether the database can be reached, fits, and is up to date.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::finding::Check;
use crate::{
    config::{DatabaseSettings, Environment, Settings},
    store::{DatabaseAddress, Store, StoreError},
};

/// A look-up that takes longer than this makes every request slow.
const SLOW: Duration = Duration::from_millis(100);

pub(super) async fn check(environment: &Environment) -> Vec<Check> {
    // Its faults are among those of the settings.
    let Ok((settings, _)) = Settings::read_database(environment) else { return Vec::new() };
    let address = &settings.address;
    let mut checks = Vec::new();
    if let DatabaseAddress::Sqlite { path } = address {
        // Opening it would make it.
        if !path.exists() {
            return vec![Check::warn(
                "database",
                format!("there is no database {address} yet"),
                "nothing, if this server is new: serve makes it; else set DATABASE_URL to where it is",
            )];
        }
        checks.extend(check_privacy(path));
    }
    let store = match Store::connect(address).await {
        Ok(store) => store,
        Err(StoreError::Unsuitable { reason, fix }) => {
            checks.push(Check::fail("database", format!("{address}: {reason}"), fix));
            return checks;
        }
        Err(error) => {
            checks.push(Check::fail(
                "database",
                format!("{address}: {error}"),
                "see that DATABASE_URL is right, that the database runs, and that a firewall lets this machine in",
            ));
            return checks;
        }
    };
    checks.extend(check_open(&store, &settings).await);
    store.close().await;
    checks
}

async fn check_open(store: &Store, settings: &DatabaseSettings) -> Vec<Check> {
    let address = &settings.address;
    // The first one may have to open a connection.
    let migrations = store.migrations().await;
    let started = Instant::now();
    let again = store.migrations().await;
    let elapsed = started.elapsed();
    let migrations = match migrations.and(again) {
        Ok(migrations) => migrations,
        Err(error @ StoreError::Migration(_)) => {
            return vec![Check::fail(
                "migrations",
                format!("{address}: {error}"),
                "run the version of Mission Control that migrated it, or a newer one",
            )];
        }
        Err(error) => {
            return vec![Check::fail(
                "database",
                format!("{address}: {error}"),
                "see the log of the database; a damaged SQLite file is replaced with `restore`",
            )];
        }
    };
    let took = format!("{address} answers in {:.1} ms", elapsed.as_secs_f64() * 1000.0);
    let mut checks = vec![if elapsed > SLOW {
        Check::warn(
            "database",
            took,
            "run the server near the database, and see what keeps it busy",
        )
    } else {
        Check::pass("database", took)
    }];
    let missing: Vec<_> = migrations
        .iter()
        .filter(|migration| !migration.applied)
        .map(|migration| format!("{:04} {}", migration.version, migration.description))
        .collect();
    checks.push(match (missing.is_empty(), settings.auto_migrate) {
        (true, _) => Check::pass("migrations", format!("all {} are applied", migrations.len())),
        (false, true) => Check::warn(
            "migrations",
            format!("the database is behind: {} missing", missing.join(", ")),
            "nothing: serve applies them at its start; or run `mission-control migrate` now",
        ),
        (false, false) => Check::fail(
            "migrations",
            format!(
                "the database is behind: {} missing, and DB_AUTO_MIGRATE is off",
                missing.join(", ")
            ),
            "run `mission-control migrate`",
        ),
    });
    if !store.keeps_named_statements() {
        checks.push(Check::warn(
            "pooler",
            "a pooler in transaction mode stands before the database and keeps no prepared statements, \
             which costs every request two more round trips",
            "use PgBouncer 1.21 or later with max_prepared_statements above 0, or connect directly",
        ));
    }
    checks
}

/// The file holds addresses and names.
fn check_privacy(path: &Path) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt;

    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        Check::warn(
            "privacy",
            format!(
                "{} may be read by other users of this machine (mode {mode:o})",
                path.display()
            ),
            format!("chmod 600 {}", path.display()),
        )
    })
}
