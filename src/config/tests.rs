//! The settings as a whole: modes, all faults at once, sources, defaults and redaction.

use std::path::Path;

use chrono::TimeDelta;
use secrecy::ExposeSecret;

use super::*;
use crate::{clerk::key::VerifyingKey, store::DatabaseAddress, telemetry::LogFormat};

pub(super) const PUBLIC_KEY: &str = include_str!("../../tests/keys/test-rsa.pub.pem");

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Settings of traces count only when there is somewhere to send them.
const RECEIVER: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_pairs(pairs.iter().copied())
}

fn fault_variables<T>(read: &Result<T, Faults>) -> Vec<&str> {
    read.as_ref()
        .err()
        .map(|faults| faults.0.iter().map(|fault| fault.variable.as_str()).collect())
        .unwrap_or_default()
}

#[test]
fn the_smallest_clerk_settings() -> Result<(), Faults> {
    let (settings, warnings) = Settings::read(&environment(&[
        ("AUTH_MODE", " Clerk "),
        ("CLERK_SECRET_KEY", "sk_test_emulate"),
        // Settings of the other mode are nobody's business.
        ("LOCAL_AUTH_TOKEN", "changeme"),
    ]))?;
    assert!(matches!(settings.auth, AuthSettings::Clerk(_)));
    assert!(settings.auth.clerk().is_some() && !settings.auth.is_development());
    assert_eq!(settings.database.address.to_string(), "sqlite:data/mission-control.db");
    assert!(settings.database.auto_migrate);
    assert_eq!(settings.server.address().to_string(), "127.0.0.1:8000");
    assert_eq!(settings.log.filter, "info");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    Ok(())
}

#[test]
fn the_smallest_local_settings() -> Result<(), Faults> {
    let (settings, warnings) = Settings::read(&environment(&[
        ("AUTH_MODE", "local"),
        ("LOCAL_AUTH_TOKEN", TOKEN),
        ("CLERK_SECRET_KEY", "sk_live_..."),
    ]))?;
    assert!(settings.auth.clerk().is_none());
    assert!(matches!(
        &settings.auth,
        AuthSettings::Local(local) if local.token.expose_secret() == TOKEN
    ));
    assert_eq!(warnings, []);
    Ok(())
}

#[test]
fn a_missing_mode_is_explained() {
    for pairs in [&[][..], &[("AUTH_MODE", "  ")], &[("AUTH_MODE", "jwt")]] {
        let read = Settings::read(&environment(pairs));
        assert_eq!(fault_variables(&read), ["AUTH_MODE"]);
        let text = read.err().map(|faults| faults.to_string()).unwrap_or_default();
        for part in ["AUTH_MODE=clerk", "AUTH_MODE=local", "mission-control dev"] {
            assert!(text.contains(part), "{text}");
        }
    }
    let unset = Settings::read(&environment(&[]));
    let text = unset.err().map(|faults| faults.to_string()).unwrap_or_default();
    assert!(text.contains("AUTH_MODE: is not set\n"), "{text}");
}

#[test]
fn local_mode_needs_its_token() {
    for pairs in
        [&[("AUTH_MODE", "local")][..], &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", "short")]]
    {
        let read = Settings::read(&environment(pairs));
        assert_eq!(fault_variables(&read), ["LOCAL_AUTH_TOKEN"]);
    }
}

#[test]
fn all_faults_are_collected_and_nothing_secret_is_shown() {
    let read = Settings::read(&environment(&[
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", "sk_prod_hidden"),
        ("CLERK_API_URL", "https://user:hidden@api.clerk.com"),
        ("CLERK_VERIFY_IAT", "perhaps"),
        ("CLERK_LEEWAY", "NaN"),
        ("CLERK_JWT_KEY", "-----BEGIN PRIVATE KEY-----hidden"),
        ("CLERK_PUBLISHABLE_KEY", "sk_live_hidden"),
        ("CLERK_ISSUER", "https://clerk.example.com/"),
        ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_hidden!"),
        ("DATABASE_URL", "mysql://user:hidden@host/name"),
        ("DB_AUTO_MIGRATE", "perhaps"),
        ("HOST", "example.com"),
        ("PORT", "sk_live_hidden"),
        ("CORS_ORIGINS", "a.com,*"),
        ("METRICS_ADDR", "9000"),
        ("MAX_DEPTH", "0"),
        ("BODY_TIMEOUT", "never"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ]));
    assert_eq!(
        fault_variables(&read),
        [
            "CLERK_SECRET_KEY",
            "CLERK_PUBLISHABLE_KEY",
            "CLERK_API_URL",
            "CLERK_ISSUER",
            "CLERK_VERIFY_IAT",
            "CLERK_LEEWAY",
            "CLERK_JWT_KEY",
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "DATABASE_URL",
            "DB_AUTO_MIGRATE",
            "HOST",
            "PORT",
            "CORS_ORIGINS",
            "CORS_ORIGINS",
            "METRICS_ADDR",
            "BODY_TIMEOUT",
            "MAX_DEPTH",
            "LOG_LEVEL",
            "LOG_FORMAT",
        ]
    );
    let faults = read.err().unwrap_or(Faults(Vec::new()));
    let text = faults.to_string();
    assert!(text.starts_with("19 faults in the settings:\n"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
    assert!(!format!("{faults:?}").contains("hidden"));
    for fault in &faults.0 {
        assert!(fault.reason.ends_with("(from the environment)"), "{fault}");
        assert!(!fault.fix.is_empty());
    }
}

#[test]
fn an_unknown_mode_still_has_everything_else_checked() {
    let read = Settings::read(&environment(&[
        ("CLERK_SECRET_KEY", "sk_live_..."),
        ("LOCAL_AUTH_TOKEN", "short"),
        ("PORT", "x"),
    ]));
    assert_eq!(
        fault_variables(&read),
        ["AUTH_MODE", "CLERK_SECRET_KEY", "LOCAL_AUTH_TOKEN", "PORT"]
    );
}

#[test]
fn faults_name_the_source_of_the_value() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("token");
    std::fs::write(&path, "short\n")?;
    let path = path.display().to_string();
    let environment =
        environment(&[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN_FILE", &path), ("PORT", "x")])
            .with_dotenv("PORT=1\nHOST=y\n");
    let text =
        Settings::read(&environment).err().map(|faults| faults.to_string()).unwrap_or_default();
    for part in [
        format!(
            "LOCAL_AUTH_TOKEN: has 5 characters, fewer than 50 (from LOCAL_AUTH_TOKEN_FILE {path})"
        ),
        "PORT: \"x\" is not a whole number (from the environment)".to_owned(),
        "HOST: \"y\" is not an IP address (from .env)".to_owned(),
    ] {
        assert!(text.contains(&part), "{text}");
    }
    Ok(())
}

#[test]
fn every_secret_is_read_from_its_file() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, contents: &str| -> std::io::Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{contents}\n"))?;
        Ok(path.display().to_string())
    };
    let webhook = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u";
    let (settings, _) = Settings::read(&environment(&[
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY_FILE", &file("secret", "sk_test_emulate")?),
        ("CLERK_JWT_KEY_FILE", &file("pem", PUBLIC_KEY)?),
        ("CLERK_WEBHOOK_SIGNING_SECRET_FILE", &file("webhook", webhook)?),
        ("DATABASE_URL_FILE", &file("database", "postgresql://u:p@h/d")?),
    ]))?;
    let clerk = settings.auth.clerk().ok_or("no Clerk settings")?;
    let secret_key = clerk.secret_key.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(secret_key, Some("sk_test_emulate"));
    assert_eq!(clerk.jwt_key, VerifyingKey::from_pem(PUBLIC_KEY).ok());
    assert!(clerk.webhook_secrets.is_some());
    assert_eq!(settings.database.address.to_string(), "postgres://h:5432/d");
    Ok(())
}

/// With nothing set every default is parsed, by the parser of its variable.
#[test]
fn every_default_is_accepted() -> Result<(), Faults> {
    for mode in [
        &[("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", "sk_test_emulate")][..],
        &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN)],
        &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN), RECEIVER],
    ] {
        let (unset, _) = Settings::read(&environment(mode))?;
        let table = VARIABLES.iter().filter(|variable| !variable.default.is_empty());
        let defaults = table.map(|variable| (variable.name, variable.default));
        let pairs: Vec<_> = mode.iter().copied().chain(defaults).collect();
        let (set, _) = Settings::read(&environment(&pairs))?;
        assert_eq!(format!("{set:?}"), format!("{unset:?}"));
    }
    Ok(())
}

/// A setting that is listed and read by nobody would be documented and without effect.
#[test]
fn every_listed_setting_is_read() {
    for variable in VARIABLES {
        let modes = [
            &[("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", "sk_test_emulate")][..],
            &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN)],
            &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN), RECEIVER],
        ];
        let is_read = modes.into_iter().any(|mode| {
            let read = Settings::read(&environment(mode).with_garbled(variable.name));
            fault_variables(&read).contains(&variable.name)
        });
        assert!(is_read, "{} is listed, and nobody reads it", variable.name);
    }
}

#[test]
fn debug_shows_no_secret() -> Result<(), Faults> {
    for pairs in [
        &[
            ("AUTH_MODE", "clerk"),
            ("CLERK_SECRET_KEY", "sk_test_hidden1"),
            ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_aGlkZGVuaGlkZGVuaGlkZGVu"),
            ("DATABASE_URL", "postgres://user:hidden@host/name"),
            RECEIVER,
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hidden"),
        ][..],
        &[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN)],
    ] {
        let (settings, warnings) = Settings::read(&environment(pairs))?;
        let text = format!("{settings:?} {warnings:?}");
        for secret in ["hidden", "aGlk", &TOKEN[..16]] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    Ok(())
}

#[test]
fn unknown_names_warn_in_every_mode() -> Result<(), Faults> {
    let misspelt = ("CORS_ORIGIN", "https://a.com");
    let local = [("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN), misspelt];
    let (_, serve) = Settings::read(&environment(&local))?;
    let (_, development) = Settings::development(&environment(&[misspelt]))?;
    for warnings in [serve, development] {
        let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert!(matches!(texts.as_slice(), [text] if text.ends_with("did you mean CORS_ORIGINS?")));
    }
    Ok(())
}

#[test]
fn migrate_reads_the_database_alone() -> Result<(), Faults> {
    let (database, _) = Settings::read_database(&environment(&[
        ("DATABASE_URL", "sqlite:////var/lib/a.db"),
        ("DB_AUTO_MIGRATE", "off"),
        ("PORT", "not looked at"),
    ]))?;
    assert!(!database.auto_migrate);
    assert!(matches!(
        database.address,
        DatabaseAddress::Sqlite { path } if path == Path::new("/var/lib/a.db")
    ));
    let read = Settings::read_database(&environment(&[("DATABASE_URL", ":memory:")]));
    assert_eq!(fault_variables(&read), ["DATABASE_URL"]);
    Ok(())
}

#[test]
fn development_needs_nothing() -> Result<(), Faults> {
    let (settings, warnings) = Settings::development(&environment(&[]))?;
    assert!(settings.auth.is_development());
    let clerk = settings.auth.clerk().cloned();
    let Some(clerk) = clerk else {
        return Err(Faults(Vec::new()));
    };
    assert_eq!(clerk.api.as_str(), "http://127.0.0.1:8000/dev/clerk/v1");
    assert_eq!(clerk.expectations.issuers, ["http://127.0.0.1:8000/dev/clerk"]);
    assert_eq!(clerk.expectations.leeway, TimeDelta::seconds(10));
    assert!(clerk.expectations.verify_iat);
    assert!(clerk.webhook_secrets.is_some());
    let secret_key = clerk.secret_key.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(secret_key, Some("sk_test_development"));
    assert_eq!(settings.database.address.to_string(), "sqlite:data/development.db");
    assert_eq!(warnings, []);
    Ok(())
}

#[test]
fn development_honours_where_it_listens_and_ignores_the_database() -> Result<(), Faults> {
    let (settings, _) = Settings::development(&environment(&[
        ("AUTH_MODE", "local"),
        ("HOST", "::1"),
        ("PORT", "8100"),
        ("DATABASE_URL", "postgres://host/name"),
        ("CORS_ORIGINS", "http://localhost:3000"),
        ("GRAPHQL_PLAYGROUND", "false"),
        ("MAX_DEPTH", "3"),
        ("LOG_FORMAT", "json"),
    ]))?;
    let issuers = settings.auth.clerk().map(|clerk| clerk.expectations.issuers.clone());
    assert_eq!(issuers, Some(vec!["http://[::1]:8100/dev/clerk".to_owned()]));
    assert_eq!(settings.database.address.to_string(), "sqlite:data/development.db");
    assert_eq!(settings.server.cors_origins, ["http://localhost:3000"]);
    assert!(!settings.server.playground);
    assert_eq!(settings.graphql.bounds.depth, 3);
    assert_eq!(settings.log.format, LogFormat::Json);
    Ok(())
}

#[test]
fn development_refuses_clerk_keys_and_other_machines() {
    for name in [
        "CLERK_SECRET_KEY",
        "CLERK_SECRET_KEY_FILE",
        "CLERK_PUBLISHABLE_KEY",
        "CLERK_PUBLISHABLE_KEY_FILE",
        "CLERK_JWT_KEY",
        "CLERK_JWT_KEY_FILE",
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
    ] {
        let read = Settings::development(&environment(&[(name, "sk_live_hidden")]));
        assert_eq!(fault_variables(&read), [name]);
        let text = read.err().map(|faults| faults.to_string()).unwrap_or_default();
        assert!(text.contains("dev refuses to run with a Clerk key in its environment"));
        assert!(text.contains(&format!("unset {name}")) && !text.contains("hidden"));
        assert!(Settings::development(&environment(&[(name, " ")])).is_ok());
    }
    for (name, value) in [
        ("HOST", "0.0.0.0"),
        ("HOST", "192.168.1.2"),
        ("METRICS_ADDR", "0.0.0.0:9000"),
        ("PORT", "0"),
    ] {
        let read = Settings::development(&environment(&[(name, value)]));
        assert_eq!(fault_variables(&read), [name], "{value}");
    }
}

#[test]
fn serve_refuses_the_public_secrets_of_development() {
    let read = Settings::read(&environment(&[
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", credentials::DEVELOPMENT_SECRET_KEY),
        ("CLERK_WEBHOOK_SIGNING_SECRET", credentials::DEVELOPMENT_WEBHOOK_SECRET),
    ]));
    assert_eq!(fault_variables(&read), ["CLERK_SECRET_KEY", "CLERK_WEBHOOK_SIGNING_SECRET"]);
}

/// A file that other tools read too: their lines do no harm, ours are read whatever they hold.
#[test]
fn a_shared_file_of_settings_is_read() -> Result<(), Faults> {
    let environment = Environment::default().with_dotenv(&format!(
        "# shared with the front end\n\
         NEXT_PUBLIC_TITLE=Mission Control for all\n\
         app.name=mission\n\
         my-tool.key: value\n\
         WELCOME=don't panic\n\
         WINDOWS_PATH=C:\\new\\table\n\
         FEATURES={{\"a\": [1, 2]}}\n\
         AUTH_MODE = clerk\n\
         CLERK_JWT_KEY=\"{PUBLIC_KEY}\"\n\
         CLERK_AUTHORIZED_PARTIES=https://a.example, http://localhost:3000 # two\n\
         export PORT=9000\n"
    ));
    let (settings, _) = Settings::read(&environment)?;
    let clerk = settings.auth.clerk();
    let parties = clerk.map(|clerk| clerk.expectations.authorized_parties.clone());
    let expected = vec!["https://a.example".to_owned(), "http://localhost:3000".to_owned()];
    assert_eq!(parties, Some(expected));
    assert!(clerk.is_some_and(|clerk| clerk.jwt_key.is_some()));
    assert_eq!(settings.server.port, 9000);
    Ok(())
}

#[test]
fn the_guide_lists_every_variable_with_its_default() {
    let guide = include_str!("../../docs/settings.md");
    for variable in VARIABLES {
        let mark = if variable.kind == Kind::Plain { "" } else { " *" };
        let default = match variable.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let row = format!("| `{}`{mark} | {default} | {} |", variable.name, variable.meaning);
        assert!(guide.contains(&row), "docs/settings.md lacks this row:\n{row}");
    }
}

/// The example names settings that exist, and shows no other default than the one that holds.
#[test]
fn the_example_file_agrees_with_the_list() {
    let example = include_str!("../../.env.example");
    let assignments = example.lines().filter_map(|line| {
        let (name, value) = line.trim_start_matches(['#', ' ']).split_once('=')?;
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_').then_some((name, value))
    });
    let mut seen = 0;
    for (name, value) in assignments {
        let variable = VARIABLES.iter().find(|variable| variable.name == name);
        let Some(variable) = variable else { panic!("{name} is no setting") };
        if !variable.default.is_empty() {
            assert_eq!(value, variable.default, "{name}");
        }
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
    assert!(Settings::read(&Environment::default().with_dotenv(example)).is_err_and(|faults| {
        matches!(faults.0.as_slice(), [fault] if fault.variable == "CLERK_SECRET_KEY")
    }));
}
