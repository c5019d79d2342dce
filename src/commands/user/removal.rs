//! `user delete`: the deletion that the API does, asked for by an operator.

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::subject::{Subject, find};
use crate::{
    accounts::{AccountError, ClerkOutcome},
    app::open_accounts,
    clock::SystemClock,
    commands::output::{harmless, print, print_json},
    config::{Environment, Faults, Settings},
    store::users::UserEntry,
};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Do not ask first
    #[arg(long)]
    yes: bool,
    /// Delete here alone; a later sign-in starts an empty account
    #[arg(long)]
    keep_at_clerk: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (settings, _) = Settings::read(&environment)?;
    let has_key = settings.auth.clerk().is_some_and(|clerk| clerk.secret_key.is_some());
    let accounts = open_accounts(&settings, Arc::new(SystemClock)).await?;
    let entry = find(accounts.store(), &arguments.subject.who).await?;
    let from_clerk = !arguments.keep_at_clerk;
    if !arguments.yes && !is_confirmed(&entry, from_clerk && has_key)? {
        anyhow::bail!("nothing was deleted; `--yes` does not ask");
    }
    let deleted = accounts.delete_for_operator(entry.user.into(), from_clerk).await;
    let deleted = deleted.map_err(|error| match error {
        AccountError::IdentityProvider(reason) => anyhow::anyhow!(
            "Clerk did not delete the user ({reason}). Nothing is lost: repeat the command, or add \
             --keep-at-clerk to delete here alone"
        ),
        error => error.into(),
    })?;
    accounts.store().close().await;
    let at_clerk = match deleted.at_clerk {
        ClerkOutcome::Deleted => "deleted",
        ClerkOutcome::AlreadyAbsent => "already_absent",
        ClerkOutcome::Kept => "kept",
    };
    if arguments.subject.json {
        print_json(&json!({
            "id": deleted.user_id, "organizations": deleted.organizations, "atClerk": at_clerk,
        }))?;
    } else {
        let organizations = deleted.organizations.len();
        print(&format!(
            "The user {} and {organizations} {} that nobody else was in are deleted; at Clerk: {}.\n",
            deleted.user_id,
            if organizations == 1 { "organization" } else { "organizations" },
            at_clerk.replace('_', " "),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows whom it is about, on standard error, and waits for a yes.
fn is_confirmed(entry: &UserEntry, from_clerk: bool) -> anyhow::Result<bool> {
    let user = &entry.user;
    let place = if from_clerk { "here and at Clerk" } else { "here, and keeps the user at Clerk" };
    let mut errors = io::stderr().lock();
    write!(
        errors,
        "This deletes {} <{}> ({}, {}) {place}. It cannot be undone.\nType yes to go on: ",
        harmless(user.display_name()),
        harmless(user.email.as_deref().unwrap_or("no address")),
        user.id,
        harmless(&user.clerk_user_id),
    )
    .and_then(|()| errors.flush())
    .context("the question cannot be asked; `--yes` does not ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("no answer can be read")?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
