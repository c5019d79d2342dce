//! The command line: one file per command.

mod backup;
mod check;
mod dev;
mod doctor;
mod healthcheck;
mod logging;
mod manual;
mod migrate;
mod output;
mod schema;
mod serve;
mod sync;
mod token;
mod user;
mod webhook;

use std::{process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    config::{Faults, help_table},
    telemetry,
};

/// How long the last log lines may take to be written; their reader may have stopped.
const FLUSHING_TIME: Duration = Duration::from_millis(500);

/// What most commands end with.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 faulty settings or arguments. A command that has others says so.";

const SYNC_EXIT_CODES: &str = "Exit codes: 0 in step, 1 stopped (--resume goes on), 2 faulty settings or \
    arguments, 3 differences remain: with --dry-run any, else what is gone at Clerk and was not deleted.";

/// Users, organizations and memberships kept in step with Clerk, behind one typed GraphQL API.
#[derive(Parser)]
#[command(
    name = "mission-control",
    version,
    about,
    after_help = EXIT_CODES,
    after_long_help = format!("{}\n{EXIT_CODES}", help_table()),
)]
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
    /// Validate the settings without opening or asking anything
    #[command(after_help = "Exit codes: 0 right, 2 faulty settings or arguments.")]
    Check(check::Arguments),
    /// Find out what is wrong: settings, database, Clerk, clock
    #[command(
        after_help = "Exit codes: 0 nothing is wrong (warnings count as nothing), 1 something is."
    )]
    Doctor(doctor::Arguments),
    /// Tell whether the server on this machine is ready
    #[command(after_help = "Exit codes: 0 ready, 1 not ready or not there, 2 faulty settings.")]
    Healthcheck,
    /// Print a session token of the development issuer, and nothing else; or inspect one
    Token(token::Arguments),
    /// Administer users
    User(user::Arguments),
    /// Copy the SQLite database into a file, while the server runs
    Backup(backup::Backup),
    /// Put a file that `backup` made in the place of the SQLite database
    Restore(backup::Restore),
    /// Bring users, organizations and memberships in step with everything there is at Clerk
    #[command(after_help = SYNC_EXIT_CODES)]
    Sync(sync::Arguments),
    /// In development: send the local server a sample event
    Webhook(webhook::Arguments),
    /// Print the GraphQL schema
    Schema,
    /// Apply the migrations that the database lacks
    Migrate(migrate::Arguments),
    /// Print completions for a shell
    Completions(manual::Completions),
    /// Print the manual page
    Man(manual::Man),
}

/// Parses the arguments and runs the command. Exit codes: 0 done, 1 failed, 2 faulty settings or
/// arguments.
pub fn run() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let command = CommandLine::parse().command.unwrap_or(Command::Serve);
    let code = match runtime.block_on(execute(command)) {
        Ok(code) => code,
        Err(error) => report(&error),
    };
    telemetry::flush_log(FLUSHING_TIME);
    code
}

async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(arguments) => return check::run(&arguments),
        Command::Doctor(arguments) => return doctor::run(&arguments).await,
        Command::Healthcheck => return healthcheck::run().await,
        Command::Token(arguments) => return token::run(&arguments).await,
        Command::User(arguments) => return user::run(arguments).await,
        Command::Backup(arguments) => return backup::back_up(&arguments).await,
        Command::Restore(arguments) => return backup::restore(&arguments).await,
        Command::Sync(arguments) => return sync::run(&arguments).await,
        Command::Serve => serve::run().await?,
        Command::Dev(arguments) => dev::run(&arguments).await?,
        Command::Webhook(arguments) => webhook::run(&arguments).await?,
        Command::Schema => schema::run()?,
        Command::Migrate(arguments) => migrate::run(&arguments).await?,
        Command::Completions(arguments) => {
            manual::print_completions(&arguments, CommandLine::command())?;
        }
        Command::Man(arguments) => manual::print_man(&arguments, CommandLine::command())?,
    }
    Ok(ExitCode::SUCCESS)
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
