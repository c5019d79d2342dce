//! `user list`.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::{
    record::{marks, summary},
    subject::open,
};
use crate::{
    commands::output::{harmless, print_json, print_painted, table, time},
    model::UserId,
    store::users::{self, UserEntry},
};

#[derive(Args)]
pub(super) struct Arguments {
    /// How many at most
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// The id of the last user of the part before
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    after: Option<UserId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_id(text: &str) -> Result<UserId, String> {
    UserId::parse(text).ok_or_else(|| "write an id as `user list` prints it".to_owned())
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let store = open().await?;
    let mut reader = store.read().await?;
    // One more tells whether there are more.
    let mut found =
        users::list_users(reader.conn(), arguments.after, arguments.limit.saturating_add(1))
            .await?;
    drop(reader);
    store.close().await;
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| last.user.id);
    if arguments.json {
        let users: Vec<_> = found.iter().map(summary).collect();
        print_json(&json!({ "users": users, "next": next }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = shown(&found);
    if let Some(next) = next {
        let _ = writeln!(text, "More with: mission-control user list --after {next}");
    }
    print_painted(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn shown(found: &[UserEntry]) -> String {
    if found.is_empty() {
        return "There are no users.\n".to_owned();
    }
    let heading = ["ID", "CLERK ID", "E-MAIL", "NAME", "CREATED", ""].map(str::to_owned).to_vec();
    let rows = found.iter().map(|entry| {
        let user = &entry.user;
        vec![
            user.id.to_string(),
            harmless(&user.clerk_user_id).into_owned(),
            harmless(user.email.as_deref().unwrap_or("-")).into_owned(),
            harmless(user.name.as_deref().unwrap_or("-")).into_owned(),
            time(user.created_at),
            marks(entry).join(", "),
        ]
    });
    table(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
}
