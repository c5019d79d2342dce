//! The command line: one file per command.

mod dev;
mod logging;
mod migrate;
mod output;
mod schema;
mod serve;
mod token;
mod webhook;

use std::{process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    config::{Faults, help_table},
    telemetry,
};

/// How long the last log lines may take to be written; their reader may have stopped.
const FLUSHING_TIME: Duration = Duration::from_millis(500);

/// Users, organizations and memberships kept in step with Clerk, behind one typed GraphQL API.
#[derive(Parser)]
#[command(name = "mission-control", version, about, after_long_help = help_table())]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the API with the configured auth mode (the default)
    Serve,
    /// Run with everything built in: no settings, no account, no network
    Dev(dev::Arguments),
    /// Print a session token of the development issuer, and nothing else
    Token(token::Arguments),
    /// In development: send the local server a sample event
    Webhook(webhook::Arguments),
    /// Print the GraphQL schema
    Schema,
    /// Apply the migrations that the database lacks
    Migrate(migrate::Arguments),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Parses the arguments and runs the command. Exit codes: 0 done, 1 failed, 2 faulty settings or
/// arguments.
pub fn run() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let command = CommandLine::parse().command.unwrap_or(Command::Serve);
    let outcome = match command {
        Command::Serve => runtime.block_on(serve::run()),
        Command::Dev(arguments) => runtime.block_on(dev::run(&arguments)),
        Command::Token(arguments) => token::run(&arguments),
        Command::Webhook(arguments) => runtime.block_on(webhook::run(&arguments)),
        Command::Schema => schema::run(),
        Command::Migrate(arguments) => runtime.block_on(migrate::run(&arguments)),
        Command::Completions { shell } => {
            let mut command = CommandLine::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "mission-control", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
    };
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    };
    telemetry::flush_log(FLUSHING_TIME);
    code
}

/// Tells of a failure directly: logging may not have been started.
fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(faults) = error.downcast_ref::<Faults>() {
        output::complain(&faults.to_string());
        return ExitCode::from(2);
    }
    telemetry::flush_log(FLUSHING_TIME);
    output::complain(&format!("error: {error:#}"));
    ExitCode::FAILURE
}
