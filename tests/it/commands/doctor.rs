//! The subcommand `doctor`, each finding against something that really has the fault.

use super::*;
use crate::{
    store::preconditions::PgBouncer,
    support::{EmptyDatabase, administer},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

const FRONTEND: &str = "https://clerk.example.com";
const ORIGIN: &str = "https://app.example.com";

fn publishable_key(host: &str) -> String {
    format!("pk_test_{}", STANDARD_NO_PAD.encode(format!("{host}$")))
}

/// Settings without a fault, pointing at this Clerk.
fn healthy(clerk: &StandInClerk) -> Vec<(&'static str, String)> {
    vec![
        ("AUTH_MODE", "clerk".to_owned()),
        ("CLERK_SECRET_KEY", SECRET_KEY.to_owned()),
        ("CLERK_PUBLISHABLE_KEY", publishable_key("clerk.example.com")),
        ("CLERK_API_URL", clerk.url()),
        ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u".to_owned()),
        ("CLERK_AUTHORIZED_PARTIES", ORIGIN.to_owned()),
        ("CORS_ORIGINS", ORIGIN.to_owned()),
    ]
}

async fn clerk() -> StandInClerk {
    let clerk = StandInClerk::start().await;
    clerk.own_domain(FRONTEND);
    clerk
}

/// The report with these settings in place of the healthy ones, and the exit code.
async fn examine(
    directory: &Path,
    clerk: &StandInClerk,
    changes: &[(&'static str, &str)],
) -> (Option<i32>, Value) {
    let mut variables = healthy(clerk);
    variables.retain(|(name, _)| changes.iter().all(|(other, _)| other != name));
    variables.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ended = run(directory, &["doctor", "--json"], &variables).await;
    assert_eq!(ended.stderr, "");
    for (name, value) in &variables {
        let is_secret = name.contains("SECRET") && value.len() > 8;
        assert!(!is_secret || !ended.stdout.contains(value), "{name}: {}", ended.stdout);
    }
    (ended.code, serde_json::from_str(&ended.stdout).unwrap())
}

/// Wants one check of this name with this status, whose words contain these; fails and only they end with 1.
fn expect((code, report): &(Option<i32>, Value), name: &str, status: &str, words: &[&str]) {
    let checks = report["checks"].as_array().unwrap();
    let has_failed = checks.iter().any(|check| check["status"] == "fail");
    assert_eq!(
        (*code, report["ok"] == true),
        (Some(i32::from(has_failed)), !has_failed),
        "{report:#}"
    );
    let found = checks.iter().any(|check| {
        let text = check.to_string();
        let has_fix = check["fix"].is_string() || status == "pass";
        check["name"] == name
            && check["status"] == status
            && has_fix
            && words.iter().all(|word| text.contains(word))
    });
    assert!(found, "{name} {status} {words:?}: {report:#}");
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    let directory = directory();
    let clerk = clerk().await;
    let migrated = run(directory.path(), &["migrate"], &[]).await;
    assert_eq!(migrated.code, Some(0));
    let file = directory.path().join("data/mission-control.db");
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let report = examine(directory.path(), &clerk, &[]).await;
    for name in [
        "settings",
        "webhooks",
        "origins",
        "database",
        "migrations",
        "clerk",
        "clock",
        "keys",
        "instance",
    ] {
        expect(&report, name, "pass", &[]);
    }
    assert_eq!(report.1["checks"].as_array().unwrap().len(), 9, "{report:#?}");
    // For people.
    let variables = healthy(&clerk);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ended = run(directory.path(), &["doctor"], &variables).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.ends_with("\n0 failed, 0 to look at, 9 passed\n"), "{}", ended.stdout);
    assert!(ended.stdout.starts_with("pass  settings        AUTH_MODE=clerk"), "{}", ended.stdout);
}

#[tokio::test]
async fn faulty_settings_are_found_and_the_rest_is_looked_at_all_the_same() {
    let directory = directory();
    let clerk = clerk().await;
    for (name, value, words) in [
        (
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "sk_0123456789",
            &["CLERK_WEBHOOK_SIGNING_SECRET", "whsec_"][..],
        ),
        (
            "CLERK_SECRET_KEY",
            "'sk_test_0123456789abcdefghij'",
            &["CLERK_SECRET_KEY", "quotation marks"],
        ),
        ("PORT", "80a", &["PORT", "whole number"]),
        ("CORS_ORIGINS", "app.example.com", &["CORS_ORIGINS", "https://app.example.com"]),
    ] {
        let report = examine(directory.path(), &clerk, &[(name, value)]).await;
        expect(&report, "settings", "fail", words);
        expect(&report, "database", "warn", &["there is no database"]);
    }
    let report = examine(directory.path(), &clerk, &[("PORT", "80a")]).await;
    expect(&report, "keys", "pass", &[]);
    let report = examine(directory.path(), &clerk, &[("CLERK_WEBHOOK_SIGNING_SECRET", "")]).await;
    expect(&report, "webhooks", "warn", &["is not set"]);
    let report = examine(directory.path(), &clerk, &[("CLERK_AUTHORIZED_PARTIES", "")]).await;
    expect(&report, "settings", "warn", &["CLERK_AUTHORIZED_PARTIES"]);
    assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
}

#[tokio::test]
async fn an_origin_that_one_of_the_two_lists_misses_is_named() {
    let directory = directory();
    let clerk = clerk().await;
    let report = examine(directory.path(), &clerk, &[("CORS_ORIGINS", "")]).await;
    expect(&report, "origins", "warn", &["CORS_ORIGINS misses", ORIGIN]);
    let both = format!("{ORIGIN},https://admin.example.com");
    let report = examine(directory.path(), &clerk, &[("CORS_ORIGINS", &both)]).await;
    expect(
        &report,
        "origins",
        "fail",
        &["CLERK_AUTHORIZED_PARTIES misses https://admin.example.com"],
    );
}

#[tokio::test]
async fn keys_that_are_wrong_or_of_two_instances_are_found() {
    let directory = directory();
    let clerk = clerk().await;
    let wrong = "sk_test_9876543210zyxwvutsrq";
    let report = examine(directory.path(), &clerk, &[("CLERK_SECRET_KEY", wrong)]).await;
    expect(&report, "keys", "fail", &["refuses CLERK_SECRET_KEY", "clerk_key_invalid"]);
    let other = publishable_key("clerk.other.com");
    let report = examine(directory.path(), &clerk, &[("CLERK_PUBLISHABLE_KEY", &other)]).await;
    expect(&report, "instance", "fail", &["clerk.other.com", "clerk.example.com", "two instances"]);
    let report =
        examine(directory.path(), &clerk, &[("CLERK_ISSUER", "https://clerk.other.com")]).await;
    expect(&report, "instance", "fail", &["CLERK_ISSUER is https://clerk.other.com"]);
    let mut keys: Value = serde_json::from_str(include_str!("../../keys/jwks.json")).unwrap();
    keys["keys"].as_array_mut().unwrap().truncate(1);
    clerk.publish(keys);
    let pem = include_str!("../../keys/other-rsa.pub.pem");
    let report = examine(directory.path(), &clerk, &[("CLERK_JWT_KEY", pem)]).await;
    expect(&report, "keys", "fail", &["CLERK_JWT_KEY is no key of the instance"]);
    let pem = include_str!("../../keys/test-rsa.pub.pem");
    let report = examine(directory.path(), &clerk, &[("CLERK_JWT_KEY", pem)]).await;
    expect(&report, "keys", "pass", &[]);
}

#[tokio::test]
async fn a_clock_that_differs_is_found() {
    let directory = directory();
    let clerk = clerk().await;
    for (ahead, status, words) in [
        (0, "pass", "clock is"),
        (8, "warn", "behind"),
        (-8, "warn", "ahead of"),
        (40, "fail", "good tokens are refused"),
    ] {
        clerk.on_keys(Some(Fault::Ahead(ahead)));
        let report = examine(directory.path(), &clerk, &[]).await;
        expect(&report, "clock", status, &[words]);
    }
    let report = examine(directory.path(), &clerk, &[("CLERK_LEEWAY", "100")]).await;
    expect(&report, "clock", "pass", &[]);
}

#[tokio::test]
async fn a_clerk_that_is_slow_gone_or_somebody_else_is_found() {
    let directory = directory();
    let clerk = clerk().await;
    for (fault, name, status, words) in [
        (Fault::Slow(1100), "clerk", "warn", "answers in"),
        (Fault::Silence, "clerk", "fail", "no usable answer"),
        (Fault::Status(500, "internal_clerk_error"), "keys", "fail", "internal_clerk_error"),
        (Fault::ForeignNotFound, "keys", "fail", "CLERK_API_URL"),
        (Fault::Gibberish, "keys", "fail", "not a JSON Web Key Set"),
    ] {
        clerk.on_keys(Some(fault));
        let report = examine(directory.path(), &clerk, &[]).await;
        expect(&report, name, status, &[words]);
    }
    clerk.stop().await;
    let report = examine(directory.path(), &clerk, &[]).await;
    expect(&report, "clerk", "fail", &["no connection", "CLERK_API_URL"]);
}

#[tokio::test]
async fn a_database_that_is_gone_behind_or_unfit_is_found() {
    let directory = directory();
    let clerk = clerk().await;
    let nobody = format!("postgres://user:hidden-password@127.0.0.1:{}/accounts", free_port());
    let report = examine(directory.path(), &clerk, &[("DATABASE_URL", &nobody)]).await;
    expect(&report, "database", "fail", &["Connection refused", "DATABASE_URL"]);
    assert!(!report.1.to_string().contains("hidden"), "{report:?}");

    for database in [EmptyDatabase::sqlite(), EmptyDatabase::postgres().await] {
        database.execute("CREATE TABLE unrelated (id INTEGER)").await;
        let url = ("DATABASE_URL", database.url.as_str());
        let report = examine(directory.path(), &clerk, &[url]).await;
        expect(&report, "migrations", "warn", &["is behind: 0001"]);
        let report = examine(directory.path(), &clerk, &[url, ("DB_AUTO_MIGRATE", "false")]).await;
        expect(&report, "migrations", "fail", &["is behind: 0001", "mission-control migrate"]);
        assert_eq!(run(directory.path(), &["migrate"], &[url]).await.code, Some(0));
        database.execute("UPDATE _sqlx_migrations SET version = 9000 WHERE version = 1").await;
        let report = examine(directory.path(), &clerk, &[url]).await;
        expect(&report, "migrations", "fail", &["migrated by a newer version"]);
    }

    let database = EmptyDatabase::postgres().await;
    let name = database.name();
    administer(&format!("DROP DATABASE {name}")).await;
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    administer(&create).await;
    let report = examine(directory.path(), &clerk, &[("DATABASE_URL", &database.url)]).await;
    expect(&report, "database", "fail", &["LATIN1", "--encoding=UTF8"]);

    let damaged = directory.path().join("damaged.db");
    std::fs::write(&damaged, "not a database, but long enough to look at ".repeat(100)).unwrap();
    let url = format!("sqlite:{}", damaged.display());
    let report = examine(directory.path(), &clerk, &[("DATABASE_URL", &url)]).await;
    expect(&report, "database", "fail", &["not a database"]);
    expect(&report, "privacy", "warn", &["chmod 600"]);
}

#[tokio::test]
async fn a_pooler_that_keeps_no_statements_or_lends_one_connection_is_found() {
    let directory = directory();
    let clerk = clerk().await;
    let database = TestDatabase::postgres().await;
    let pooler = PgBouncer::start(&database, 4).await;
    // Whatever version is installed: as one before 1.21 would be.
    let url = format!("{}?statement-cache-capacity=0", pooler.url(&database));
    let report = examine(directory.path(), &clerk, &[("DATABASE_URL", &url)]).await;
    expect(&report, "pooler", "warn", &["max_prepared_statements"]);
    expect(&report, "migrations", "pass", &[]);
    let narrow = PgBouncer::start(&database, 1).await;
    let url = narrow.url(&database);
    let report = examine(directory.path(), &clerk, &[("DATABASE_URL", &url)]).await;
    expect(&report, "database", "fail", &["default_pool_size"]);
}
