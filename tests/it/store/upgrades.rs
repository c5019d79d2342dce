//! Every state of the database that a user may have becomes the state of today, without losing a row or its
//! meaning, and where `migrations/back/` says so, goes back again.
//!
//! A migration is added to all of this by its file in `tests/upgrades/`: rows as the version that brought it
//! writes them. A table or a column of which those files hold nothing fails the first test.

use std::{fs, path::Path};

use chrono::TimeDelta;
use mission_control::accounts::{SyncOptions, SyncScope};
use serde_json::json;
use sqlx::{Connection, PgConnection, SqliteConnection, migrate::Migrator};

use super::schema::shape;
use crate::support::{
    EmptyDatabase, TestApp, TestDatabase, Token, both, deliver, event, noon, start_with_webhooks,
};

/// The tables of the product.
const TABLES_OF_SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' \
    AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE '!_sqlx!_%' ESCAPE '!' ORDER BY name";
const TABLES_OF_POSTGRES: &str = "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
    AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx\\_%' ORDER BY relname";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The migrations as they are committed, in the words of this database.
async fn migrator(database: &EmptyDatabase) -> Migrator {
    let folder = if database.is_postgres() { "postgres" } else { "sqlite" };
    Migrator::new(root().join("migrations").join(folder)).await.unwrap()
}

/// The numbers of all migrations.
async fn versions(database: &EmptyDatabase) -> Vec<i64> {
    migrator(database).await.iter().map(|migration| migration.version).collect()
}

/// Migrates up to a version with the driver's own migrator, which older versions of the program agree with.
async fn migrate_to(database: &EmptyDatabase, version: i64) {
    let migrator = migrator(database).await;
    if database.is_postgres() {
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        migrator.run_to(version, &mut connection).await.unwrap();
    } else {
        let url = format!("{}?mode=rwc", database.url);
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        migrator.run_to(version, &mut connection).await.unwrap();
    }
}

/// Adds the rows that the version with this migration wrote.
async fn fill(database: &EmptyDatabase, version: i64) {
    let file = root().join(format!("tests/upgrades/{version:04}.sql"));
    let rows = fs::read_to_string(&file).unwrap_or_else(|_| {
        panic!("{} is missing: rows as the version with that migration writes them", file.display())
    });
    database.execute(&rows).await;
}

/// A database as it is at a version: grown with the versions before, or begun at this one, where rows as
/// the older versions write them come last. Those versions still run while the first new one starts.
async fn state(is_postgres: bool, version: i64, has_grown: bool) -> EmptyDatabase {
    let database =
        if is_postgres { EmptyDatabase::postgres().await } else { EmptyDatabase::sqlite() };
    let all = versions_until(&database, version).await;
    if !has_grown {
        migrate_to(&database, version).await;
    }
    for step in all {
        if has_grown {
            migrate_to(&database, step).await;
        }
        fill(&database, step).await;
    }
    database
}

async fn versions_until(database: &EmptyDatabase, version: i64) -> Vec<i64> {
    versions(database).await.into_iter().filter(|known| *known <= version).collect()
}

/// Every table and its columns.
async fn tables(database: &EmptyDatabase) -> Vec<(String, Vec<String>)> {
    let list = if database.is_postgres() { TABLES_OF_POSTGRES } else { TABLES_OF_SQLITE };
    let mut tables = Vec::new();
    for table in database.texts(list).await {
        let columns = if database.is_postgres() {
            format!(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = '{table}'::regclass \
                 AND attnum > 0 AND NOT attisdropped ORDER BY attname"
            )
        } else {
            format!("SELECT name FROM pragma_table_info('{table}') ORDER BY name")
        };
        let columns = database.texts(&columns).await;
        tables.push((table, columns));
    }
    tables
}

/// Every value of these columns, a line a row.
async fn values(database: &EmptyDatabase, tables: &[(String, Vec<String>)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, columns) in tables {
        let columns: Vec<_> = columns
            .iter()
            .map(|column| format!("'{column}=' || COALESCE(CAST({column} AS TEXT), 'null')"))
            .collect();
        let line = columns.join(" || ' ' || ");
        lines.extend(
            database.texts(&format!("SELECT '{table}: ' || {line} FROM {table} ORDER BY 1")).await,
        );
    }
    lines
}

both! {
    async fn the_rows_of_past_versions_use_every_column(database) {
        let last = *versions(&database).await.last().unwrap();
        for version in versions(&database).await {
            let past = state(database.is_postgres(), version, true).await;
            for (table, columns) in tables(&past).await {
                assert!(past.count(&table).await > 0, "{version:04}: no row of {table}");
                for column in columns {
                    let filled = format!("SELECT COUNT({column}) FROM {table}");
                    let has_value = past.number(&filled).await > 0;
                    assert!(has_value, "{version:04}: no value of {table}.{column}");
                }
            }
        }
        let files = fs::read_dir(root().join("tests/upgrades")).unwrap().count();
        assert_eq!(files, usize::try_from(last).unwrap(), "a file for each migration, none without");
    }
}

both! {
    async fn every_past_state_becomes_todays_without_losing_a_row(database) {
        for version in versions(&database).await {
            for has_grown in [true, false] {
                let case = format!("{version:04}, grown: {has_grown}");
                let past = state(database.is_postgres(), version, has_grown).await;
                let tables = tables(&past).await;
                let before = values(&past, &tables).await;
                assert!(before.len() > 15, "{case}: {before:#?}");
                let upgraded = TestDatabase::open(past).await;
                assert!(upgraded.store.is_current().await.unwrap(), "{case}");
                assert_eq!(values(&upgraded, &tables).await, before, "{case}");
                assert_eq!(shape(&upgraded).await, shape(&database).await, "{case}");
                // The next start finds nothing to do.
                upgraded.store.migrate().await.unwrap();
                assert_eq!(values(&upgraded, &tables).await, before, "{case}");
            }
        }
    }
}

both! {
    async fn what_past_versions_wrote_still_means_the_same(database) {
        for version in versions(&database).await {
            for has_grown in [true, false] {
                let past = state(database.is_postgres(), version, has_grown).await;
                assert_served(&TestDatabase::open(past).await, version).await;
            }
        }
    }
}

/// Asks the server of today about the rows of `tests/upgrades/` until a version.
async fn assert_served(database: &TestDatabase, version: i64) {
    let app = start_with_webhooks(database).await;
    let token = |user: &str| Token::new(user, noon());
    let me = "{ me { id clerkUserId email name preferredName pronouns timezone notes context createdAt \
        isSuperAdmin activeOrganization { name } \
        memberships { nodes { role organization { name } } } } }";
    let answer = app.query(Some(&token("user_ada")), me).await;
    assert_eq!(
        answer.data()["me"],
        json!({
            "id": "01930000-0000-7000-8000-00000000ada1", "clerkUserId": "user_ada",
            "email": "ada@example.com", "name": "Ada Lovelace", "preferredName": "Ada",
            "pronouns": "she/her", "timezone": "Europe/London", "notes": "Prefers mornings",
            "context": "Line one\nline two", "createdAt": "2026-10-01T08:59:59.999Z",
            "isSuperAdmin": true, "activeOrganization": { "name": "Acme" },
            "memberships": { "nodes": [
                { "role": "OWNER", "organization": { "name": "Personal" } },
                { "role": "ADMIN", "organization": { "name": "Acme" } },
            ] },
        })
    );
    let renamed = "mutation { updateProfile(input: { preferredName: \"Countess\" }) { userErrors { code } } }";
    app.query(Some(&token("user_ada")), renamed).await.data();

    // An event that was applied before the upgrade is not applied again.
    let deleted = event("user.deleted", json!({ "id": "user_grace", "deleted": true }));
    assert_eq!(deliver(&app, "msg_applied", &deleted).await.status, 204);
    let grace = token("user_grace").claim("email", "grace@example.com").claim("name", "Grace");
    let answer = app.query(Some(&grace), "{ me { id email } }").await;
    let kept =
        json!({ "id": "01930000-0000-7000-8000-00000000beef", "email": "grace@example.com" });
    assert_eq!(answer.data()["me"], kept);

    for (reason, refused) in [
        ("banned", token("user_banned")),
        ("gone at Clerk", token("user_gone")),
        ("being deleted", token("user_leaving")),
        ("issued before the deletion", token("user_left").shifted(TimeDelta::days(-30))),
        ("signed out", token("user_ada").claim("sid", "sess_signed_out")),
        ("signed out for ever", token("user_ada").claim("sid", "sess_for_ever")),
    ] {
        let answer = app.query(Some(&refused), "{ me { id } }").await;
        assert_eq!(answer.status, 401, "{reason}: {}", answer.text);
    }
    if version >= 2 {
        assert_invited(&app).await;
    }
    if version >= 3 {
        assert_synchronisation_goes_on(&app).await;
    }
    let newcomer = app.token("user_left");
    let answer = app.query(Some(&newcomer), "mutation { bootstrap { created } }").await;
    assert_eq!(answer.data()["bootstrap"]["created"], true, "a later token begins anew");

    // Clerk knows nobody of that id any more: the interrupted deletion is finished.
    app.app.state.accounts.finish_deletions().await.unwrap();
    let left = "SELECT COUNT(*) FROM users WHERE clerk_user_id = 'user_leaving'";
    assert_eq!(database.number(left).await, 0);
}

/// Asks about the rows of `tests/upgrades/0002.sql`: an invitation that was handed over before the upgrade counts.
async fn assert_invited(app: &TestApp) {
    let ada = Token::new("user_ada", noon());
    let invited = "{ me { invitations { nodes { role organizationName } } } }";
    let answer = app.query(Some(&ada), invited).await;
    assert_eq!(
        answer.data()["me"]["invitations"]["nodes"],
        json!([{ "role": "ADMIN", "organizationName": "Choir" }])
    );
    let accept = "mutation { acceptInvitation(input: { token: \"%TOKEN%\" }) \
        { member { role organization { name } } userErrors { code } } }"
        .replace("%TOKEN%", "YW4gaW52aXRhdGlvbiBvZiB2ZXJzaW9uIDAwMDIgb2s");
    let answer = app.query(Some(&ada), &accept).await;
    assert_eq!(
        answer.data()["acceptInvitation"],
        json!({ "member": { "role": "ADMIN", "organization": { "name": "Choir" } }, "userErrors": [] })
    );
}

/// A synchronisation that the row of `tests/upgrades/0003.sql` has interrupted goes on behind its users.
async fn assert_synchronisation_goes_on(app: &TestApp) {
    let options =
        SyncOptions { is_dry_run: true, scope: SyncScope::Users, resume: true, max_deletions: 0 };
    let report = app.app.state.accounts.sync(options, |_, _| ()).await.unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["users"]["seen"], 500, "{report}");
    assert_eq!(report["differences"][0]["id"], "user_new", "{report}");
}

both! {
    async fn the_way_back_leads_to_the_state_before_and_forth_again(database) {
        for version in versions(&database).await.into_iter().skip(1) {
            let folder = root().join("migrations/back");
            let file = folder.join(format!("{version:04}.sql"));
            let back = fs::read_to_string(&file).unwrap_or_else(|_| {
                panic!("{} is missing: the statements that undo the migration", file.display())
            });
            let before = state(database.is_postgres(), version - 1, true).await;
            let tables = tables(&before).await;
            let (rows, expected) = (values(&before, &tables).await, shape(&before).await);
            migrate_to(&before, version).await;
            before.execute(&back).await;
            assert_eq!(values(&before, &tables).await, rows, "{version:04}");
            assert_eq!(shape(&before).await, expected, "{version:04}");
            assert_eq!(before.number("SELECT MAX(version) FROM _sqlx_migrations").await, version - 1);
            // With rows of the newer version in it, too; then the upgrade can be repeated.
            let after = state(database.is_postgres(), version, true).await;
            after.execute(&back).await;
            assert_eq!(shape(&after).await, expected, "{version:04}");
            assert_served(&TestDatabase::open(after).await, version - 1).await;
        }
    }
}
