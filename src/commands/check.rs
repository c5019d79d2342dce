//! `check`: the settings of `serve`, without opening or asking anything.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::output::{DOUBTFUL, GOOD, paint, print_json, print_painted};
use crate::config::{Environment, Faults, Settings, Warning};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let read = Environment::from_process()
        .map_err(Faults::from)
        .and_then(|environment| Settings::read(&environment));
    if arguments.json {
        return print_as_json(&read);
    }
    let (settings, warnings) = read?;
    let mut text = String::new();
    for warning in &warnings {
        let _ = writeln!(text, "{} {warning}", paint(DOUBTFUL, "warning:"));
    }
    let _ = writeln!(
        text,
        "{} AUTH_MODE={}, {}, to listen on {}",
        paint(GOOD, "The settings are right:"),
        settings.auth.mode_name(),
        settings.database.address,
        settings.server.address(),
    );
    print_painted(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn print_as_json(read: &Result<(Settings, Vec<Warning>), Faults>) -> anyhow::Result<ExitCode> {
    let (faults, warnings) = match read {
        Ok((_, warnings)) => (&[][..], &warnings[..]),
        Err(faults) => (&faults.0[..], &[][..]),
    };
    let faults: Vec<_> = faults
        .iter()
        .map(
            |fault| json!({ "variable": fault.variable, "reason": fault.reason, "fix": fault.fix }),
        )
        .collect();
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    print_json(&json!({ "ok": faults.is_empty(), "faults": faults, "warnings": warnings }))?;
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
