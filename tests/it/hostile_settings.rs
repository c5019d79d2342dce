//! Settings with any content: each fault names its variable, and nothing that may be a secret is repeated.

use std::{
    fs,
    process::{Command, Stdio},
};

use mission_control::config::{Environment, Settings, VARIABLES};
use proptest::prelude::*;

use crate::support::for_all;

/// Stands in values that must not be shown.
const MARK: &str = "S3cr3tM4rk";
const SECRET: [&str; 4] =
    ["CLERK_SECRET_KEY", "CLERK_WEBHOOK_SIGNING_SECRET", "LOCAL_AUTH_TOKEN", "DATABASE_URL"];

/// Texts near those that settings have.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "clerk",
            "local",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "10.0",
            "1e9",
            "inf",
            "nan",
            "s",
            "sk_test_",
            "sk_live_",
            "whsec_",
            "pk_test_",
            "https://",
            "http://",
            "localhost",
            "[::1]",
            "127.0.0.1",
            ":",
            "/",
            "//",
            "?",
            "#",
            "@",
            "%",
            "%zz",
            "%00",
            ",",
            ", ",
            "*",
            "null",
            "sqlite:",
            "postgres://",
            "postgresql+psycopg://",
            "user:",
            "?sslmode=",
            "-----BEGIN PUBLIC KEY-----",
            "\\n",
            "\n",
            "=",
            "\u{0}",
            "é",
            "\u{1f600}",
            "debug",
            "mission_control=trace",
            "json",
            "auto",
            "99999999999999999999",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

#[test]
fn any_settings_are_read_or_refused_by_name() {
    let name = || prop::sample::select(VARIABLES).prop_map(|variable| variable.name.to_owned());
    let spelling = prop_oneof![8 => name(), 1 => name().prop_map(|name| name + "_FILE"), 1 => "(CLERK|GRAPHQL|MAX|DB)_[A-Z_]{0,12}"];
    let pairs = prop::collection::vec((spelling, value()), 0..12);
    let mode = prop::sample::select(vec![
        ("AUTH_MODE", "clerk"),
        ("AUTH_MODE", "local"),
        ("LOG_LEVEL", "info"),
    ]);
    for_all(1000, &(mode, pairs), |((name, value), mut pairs)| {
        for (name, value) in &mut pairs {
            if SECRET.contains(&name.as_str()) {
                value.push_str(MARK);
            }
        }
        pairs.push((name.to_owned(), value.to_owned()));
        // No operating system has these in an environment.
        pairs.retain(|(_, value)| !value.contains('\0'));
        let environment = Environment::from_pairs(pairs);
        for outcome in [
            Settings::read(&environment).map(|(_, warnings)| warnings),
            Settings::read_database(&environment).map(|(_, warnings)| warnings),
            Settings::development(&environment).map(|(_, warnings)| warnings),
        ] {
            let texts: Vec<String> = match outcome {
                Ok(warnings) => warnings.iter().map(ToString::to_string).collect(),
                Err(faults) => {
                    prop_assert!(!faults.0.is_empty());
                    for fault in &faults.0 {
                        prop_assert!(!fault.variable.is_empty(), "{fault}");
                        prop_assert!(!fault.reason.is_empty() && !fault.fix.is_empty(), "{fault}");
                    }
                    faults.0.iter().map(ToString::to_string).collect()
                }
            };
            for text in texts {
                prop_assert!(!text.contains(MARK), "{text}");
            }
        }
        Ok(())
    });
}

#[test]
fn any_env_file_is_read_or_refused_without_repeating_it() {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "DATABASE_URL",
            "DB_AUTO_MIGRATE",
            "=",
            "\"",
            "'",
            "\n",
            "\r\n",
            "\r",
            "#",
            "\\",
            "$",
            "${",
            "}",
            " ",
            "export ",
            "\u{feff}",
            "sqlite:",
            "S3cr3tM4rk",
            "true",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    let file = prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat());
    // Each is a process of its own, as the file is looked for in the working directory.
    for_all(60, &file, |content| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".env"), &content).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mission-control"))
            .args(["migrate", "--status"])
            .current_dir(directory.path())
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        prop_assert!(matches!(output.status.code(), Some(0..=2)), "{:?}: {said}", output.status);
        prop_assert!(!said.contains("panicked"), "{said}");
        // A database may well be called so; what is shown of a refused line is its number.
        let is_a_name = said.contains("sqlite:");
        prop_assert!(is_a_name || !said.contains(MARK), "{said}");
        Ok(())
    });
}
