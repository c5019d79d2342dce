//! `doctor`: what is wrong, found by looking. Each check says what it saw and, where that is not as it
//! should be, what to do. Changes nothing, makes nothing, shows no secret.

mod clerk;
mod database;
mod finding;
mod settings;

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use serde_json::json;

use self::finding::{Check, Status};
use super::output::{BAD, DOUBTFUL, GOOD, Progress, harmless, paint, print_json, print_painted};
use crate::config::{Environment, Faults};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let progress = Progress::new();
    progress.show("looking at the settings");
    let mut checks = settings::check(&environment);
    progress.show("looking at the database");
    checks.extend(database::check(&environment).await);
    progress.show("asking Clerk");
    checks.extend(clerk::check(&environment).await?);
    drop(progress);
    let count = |status: Status| checks.iter().filter(|check| check.status == status).count();
    let (failed, warned) = (count(Status::Fail), count(Status::Warn));
    if arguments.json {
        print_json(&json!({ "ok": failed == 0, "checks": checks }))?;
    } else {
        let passed = count(Status::Pass);
        let total = format!("{failed} failed, {warned} to look at, {passed} passed\n");
        print_painted(&(checks.iter().map(shown).collect::<String>() + "\n" + &total))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(check: &Check) -> String {
    let (style, word) = match check.status {
        Status::Pass => (GOOD, "pass"),
        Status::Warn => (DOUBTFUL, "warn"),
        Status::Fail => (BAD, "fail"),
    };
    let mut text =
        format!("{}  {:<16}{}\n", paint(style, word), check.name, harmless(&check.detail));
    if let Some(fix) = &check.fix {
        let _ = writeln!(text, "{:22}fix: {}", "", harmless(fix));
    }
    text
}
