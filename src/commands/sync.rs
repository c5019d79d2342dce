//! `sync`: the rows in step with everything there is at Clerk.

use std::{fmt::Write as _, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::{
    logging::start_logging,
    output::{BAD, DOUBTFUL, GOOD, Progress, harmless, paint, print_json, print_painted, table},
};
use crate::{
    accounts::{Difference, Kind, Report, SyncOptions, SyncScope},
    app::open_accounts,
    clock::SystemClock,
    config::{Environment, Faults, Settings},
};

/// What there is left to do.
const DIFFERENCES_REMAIN: u8 = 3;
/// Differences that are shown to people one by one.
const SHOWN: usize = 20;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct Arguments {
    /// Change nothing; exit 3 when something differs
    #[arg(long)]
    dry_run: bool,
    /// Users; without this and --organizations, both
    #[arg(long)]
    users: bool,
    /// Organizations and memberships
    #[arg(long)]
    organizations: bool,
    /// Go on where an interrupted one stopped
    #[arg(long, conflicts_with = "dry_run")]
    resume: bool,
    /// Delete what is gone at Clerk, if it is not more than this
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_deletions: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (settings, _) = Settings::read(&environment)?;
    // What events log, this logs too; nobody asked about settings.
    start_logging(&settings, &[])?;
    let accounts = open_accounts(&settings, Arc::new(SystemClock)).await?;
    let scope = match (arguments.users, arguments.organizations) {
        (true, false) => SyncScope::Users,
        (false, true) => SyncScope::Organizations,
        (true, true) | (false, false) => SyncScope::Everything,
    };
    let options = SyncOptions {
        is_dry_run: arguments.dry_run,
        scope,
        resume: arguments.resume,
        max_deletions: arguments.max_deletions,
    };
    let progress = Progress::new();
    let synced = accounts.sync(options, |report, total| progress.show(&line(report, total))).await;
    drop(progress);
    let report = synced.context(if arguments.dry_run {
        "the comparison with Clerk stopped"
    } else {
        "the synchronisation stopped; `mission-control sync --resume` goes on where it was"
    })?;
    accounts.store().close().await;
    let is_dry = arguments.dry_run;
    let has_differences = report.left_over() > 0 || (is_dry && report.differing() > 0);
    if arguments.json {
        print_json(&json!({ "dryRun": is_dry, "inStep": !has_differences, "report": report }))?;
    } else {
        print_painted(&shown(&report, arguments, has_differences))?;
    }
    Ok(if has_differences { ExitCode::from(DIFFERENCES_REMAIN) } else { ExitCode::SUCCESS })
}

/// How far it has come, for people who wait.
fn line(report: &Report, total: Option<u64>) -> String {
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    format!(
        "users: {}{of}, organizations: {}, memberships: {}, differing: {}",
        report.users.seen,
        report.organizations.seen,
        report.memberships.seen,
        report.differing()
    )
}

fn shown(report: &Report, arguments: &Arguments, has_differences: bool) -> String {
    let heading = ["", "AT CLERK", "CREATED", "CHANGED", "GONE AT CLERK", "DELETED HERE BEFORE"];
    let rows = Kind::ALL.map(|kind| {
        let numbers = report.numbers(kind);
        let gone = report.gone.iter().filter(|gone| gone.kind == kind).count();
        let mut row = vec![kind.plural().to_owned()];
        row.extend([numbers.seen, numbers.created, numbers.changed].map(|n| n.to_string()));
        row.extend([gone.to_string(), numbers.deleted_here.to_string()]);
        row
    });
    let heading = heading.map(str::to_owned).to_vec();
    let mut text = table(&[heading].into_iter().chain(rows).collect::<Vec<_>>());
    for found in report.differences.iter().take(SHOWN) {
        let what = match &found.difference {
            Difference::Created => "created".to_owned(),
            Difference::Changed { values } => format!("changed: {}", values.join(", ")),
        };
        let _ = writeln!(text, "  {} {}", harmless(&found.id), what);
    }
    let hidden = report.differing().saturating_sub(SHOWN as u64);
    if hidden > 0 {
        let _ = writeln!(text, "  and {hidden} more (--json lists up to a thousand)");
    }
    for gone in &report.gone {
        let state = if gone.is_deleted { "gone at Clerk, deleted" } else { "gone at Clerk" };
        let _ = writeln!(text, "  {} {}", harmless(&gone.id), paint(DOUBTFUL, state));
    }
    let unreadable: u64 = Kind::ALL.iter().map(|kind| report.numbers(*kind).unreadable).sum();
    if unreadable > 0 {
        let _ = writeln!(
            text,
            "{} objects of Clerk's could not be read and were left alone.",
            paint(BAD, &unreadable.to_string())
        );
    }
    let end = match (report.left_over(), arguments.dry_run, has_differences) {
        (left, false, true) => format!(
            "{left} rows are of what is gone at Clerk and more than --max-deletions {}: none was deleted. \
             `--max-deletions {left}` deletes them.\n",
            arguments.max_deletions
        ),
        (_, true, true) => {
            "Nothing was changed. `mission-control sync` brings the rows in step.\n".to_owned()
        }
        (_, true, false) => paint(GOOD, "The rows are in step with Clerk.\n"),
        (_, false, _) => paint(GOOD, "The rows are in step with Clerk now.\n"),
    };
    text + &end
}
