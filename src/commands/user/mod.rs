//! `user`: administration from the shell.

mod listing;
mod record;
mod removal;
mod subject;

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use self::subject::{Subject, find, open};
use super::output::{harmless, print, print_json};
use crate::store::users;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List users, oldest first
    List(listing::Arguments),
    /// Show one user
    Show(Subject),
    /// Print everything stored about a person, as JSON
    Export(Subject),
    /// Delete a user, here and at Clerk
    Delete(removal::Arguments),
    /// Make a user a super admin
    Promote(Subject),
    /// Make a super admin an ordinary user again
    Demote(Subject),
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.action {
        Action::List(arguments) => listing::run(&arguments).await,
        Action::Show(subject) => record::show(&subject).await,
        Action::Export(subject) => record::export(&subject).await,
        Action::Delete(arguments) => removal::run(&arguments).await,
        Action::Promote(subject) => set_super_admin(&subject, true).await,
        Action::Demote(subject) => set_super_admin(&subject, false).await,
    }
}

async fn set_super_admin(subject: &Subject, is_super_admin: bool) -> anyhow::Result<ExitCode> {
    let store = open().await?;
    let entry = find(&store, &subject.who).await?;
    let user = entry.user;
    let mut tx = store.begin().await?;
    if !users::set_super_admin(tx.conn(), user.id, is_super_admin).await? {
        bail!("the user {} was deleted meanwhile", user.id);
    }
    tx.commit().await?;
    store.close().await;
    if subject.json {
        print_json(&json!({ "id": user.id, "isSuperAdmin": is_super_admin }))?;
    } else {
        let state = match (is_super_admin, user.is_super_admin) {
            (true, true) => "was a super admin already",
            (true, false) => "is a super admin now, from the next request on",
            (false, true) => "is no super admin any more, from the next request on",
            (false, false) => "was no super admin",
        };
        print(&format!("{} ({}) {state}.\n", harmless(user.display_name()), user.id))?;
    }
    Ok(ExitCode::SUCCESS)
}
