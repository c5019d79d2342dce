//! Migrations: of several instances each waits for the other, and a database that does not fit is
//! refused with a reason.

use mission_control::{
    app::open_store,
    config::{Environment, Settings},
    store::{Store, StoreError},
};

use crate::support::{EmptyDatabase, TestDatabase, both, parse};

/// A second database of the same kind, empty.
async fn empty(is_postgres: bool) -> EmptyDatabase {
    if is_postgres { EmptyDatabase::postgres().await } else { EmptyDatabase::sqlite() }
}

/// Opens the database as a server does at its start.
async fn open(database: &EmptyDatabase, auto_migrate: bool) -> anyhow::Result<Store> {
    let environment = Environment::from_pairs([
        ("DATABASE_URL", database.url.as_str()),
        ("DB_AUTO_MIGRATE", if auto_migrate { "true" } else { "false" }),
    ]);
    open_store(&Settings::read_database(&environment).unwrap().0).await
}

both! {
    async fn instances_that_start_together_migrate_once(database) {
        for _ in 0..10 {
            let fresh = empty(database.is_postgres()).await;
            let instances: Vec<_> = (0..4)
                .map(|_| {
                    let url = fresh.url.clone();
                    tokio::spawn(async move {
                        let store = Store::connect(&parse(&url)).await?;
                        store.migrate().await?;
                        store.is_current().await
                    })
                })
                .collect();
            for instance in instances {
                assert!(instance.await.unwrap().unwrap());
            }
            let versions = "SELECT COUNT(*) FROM _sqlx_migrations";
            let expected = database.number(versions).await;
            assert_eq!(fresh.number(versions).await, expected);
        }
    }
}

both! {
    async fn migrating_again_changes_nothing(database) {
        let before =
            database.texts("SELECT CAST(installed_on AS TEXT) FROM _sqlx_migrations").await;
        database.store.migrate().await.unwrap();
        let after = database.texts("SELECT CAST(installed_on AS TEXT) FROM _sqlx_migrations").await;
        assert_eq!(after, before);
        assert!(database.store.is_current().await.unwrap());
    }
}

both! {
    async fn an_empty_database_lacks_everything(database) {
        let fresh = empty(database.is_postgres()).await;
        let store = Store::connect(&parse(&fresh.url)).await.unwrap();
        let missing = store.migrations().await.unwrap();
        assert!(!missing.is_empty() && missing.iter().all(|migration| !migration.applied));
        assert!(!store.is_current().await.unwrap());
        let tables = if database.is_postgres() {
            "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"
        } else {
            "SELECT COUNT(*) FROM sqlite_schema"
        };
        assert_eq!(fresh.number(tables).await, 0, "asking creates nothing");
        store.migrate().await.unwrap();
        let applied = store.migrations().await.unwrap();
        assert!(applied.iter().all(|migration| migration.applied));
        let versions: Vec<_> = applied.iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted() && versions.len() == missing.len());
    }
}

both! {
    async fn a_database_that_is_behind_is_not_served_unless_it_may_be_migrated(database) {
        let fresh = empty(database.is_postgres()).await;
        let error = open(&fresh, false).await.err().unwrap().to_string();
        assert!(
            error.contains("DB_AUTO_MIGRATE") && error.contains("mission-control migrate"),
            "{error}"
        );
        open(&fresh, true).await.unwrap();
        open(&fresh, false).await.unwrap();
        // A later version of the server brings one more than this database has.
        fresh.execute("DELETE FROM _sqlx_migrations").await;
        assert!(open(&fresh, false).await.is_err());
    }
}

both! {
    async fn a_database_of_a_newer_version_is_refused(database) {
        let unknown = if database.is_postgres() { "'\\x00'::bytea" } else { "x'00'" };
        database
            .execute(&format!(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', TRUE, {unknown}, 0)"
            ))
            .await;
        for auto_migrate in [true, false] {
            let error = format!("{:#}", open(&database, auto_migrate).await.err().unwrap());
            assert!(error.contains("9999") && error.contains("newer version"), "{error}");
        }
        for outcome in
            [database.store.migrate().await, database.store.is_current().await.map(|_| ())]
        {
            assert!(matches!(outcome, Err(StoreError::Migration(_))), "{outcome:?}");
        }
    }
}

both! {
    async fn a_migration_whose_text_has_changed_is_refused(database) {
        let other = if database.is_postgres() { "'\\x00'::bytea" } else { "x'00'" };
        database
            .execute(&format!("UPDATE _sqlx_migrations SET checksum = {other} WHERE version = 1"))
            .await;
        for auto_migrate in [true, false] {
            let error = format!("{:#}", open(&database, auto_migrate).await.err().unwrap());
            assert!(error.contains("migration 1 ") && error.contains("different text"), "{error}");
        }
    }
}

both! {
    async fn a_migration_that_fails_leaves_nothing_behind(database) {
        let fresh = empty(database.is_postgres()).await;
        // In the way of the last table.
        fresh.execute("CREATE TABLE revoked_sessions (id BIGINT)").await;
        assert!(open(&fresh, true).await.is_err());
        let store = Store::connect(&parse(&fresh.url)).await.unwrap();
        assert!(store.migrations().await.unwrap().iter().all(|migration| !migration.applied));
        let users = if database.is_postgres() {
            "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'users'"
        } else {
            "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'users'"
        };
        assert_eq!(fresh.number(users).await, 0);
        fresh.execute("DROP TABLE revoked_sessions").await;
        store.migrate().await.unwrap();
        assert!(store.is_current().await.unwrap());
    }
}

#[tokio::test]
async fn a_question_that_the_database_cannot_answer_is_not_taken_for_an_empty_database() {
    let database = TestDatabase::postgres().await;
    database.execute("CREATE ROLE nobody_in_particular LOGIN").await;
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_username("nobody_in_particular").unwrap();
    let store = Store::connect(&parse(url.as_str())).await.unwrap();
    let outcome = store.migrations().await;
    assert!(matches!(outcome, Err(StoreError::Driver(_))), "permission denied: {outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_migrate_together_whatever_the_default_isolation() {
    let fresh = EmptyDatabase::postgres().await;
    let name = fresh.name();
    fresh
        .execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        ))
        .await;
    let instances: Vec<_> = (0..4)
        .map(|_| {
            let url = fresh.url.clone();
            tokio::spawn(async move { Store::connect(&parse(&url)).await?.migrate().await })
        })
        .collect();
    for instance in instances {
        instance.await.unwrap().unwrap();
    }
}
