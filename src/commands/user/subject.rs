//! Whom a command is about, and where they are looked for.

use anyhow::bail;
use clap::Args;

use crate::{
    app::open_existing,
    clerk::profile::normalise_email,
    commands::output::harmless,
    config::{Environment, Faults, Settings},
    model::UserId,
    store::{
        Store,
        users::{self, UserEntry, Who},
    },
};

/// Whom a command is about.
#[derive(Args)]
pub(super) struct Subject {
    /// An id of ours, an id of Clerk's (user_…) or an e-mail address
    #[arg(value_name = "WHO", value_parser = parse_who)]
    pub(super) who: Who,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

fn parse_who(text: &str) -> Result<Who, String> {
    if let Some(id) = UserId::parse(text) {
        return Ok(Who::Id(id));
    }
    if text.contains('@') {
        let email = normalise_email(text).ok_or("is not an e-mail address")?;
        return Ok(Who::Email(email));
    }
    let is_id = text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_id && !text.is_empty() {
        Ok(Who::ClerkId(text.to_owned()))
    } else {
        Err("write an id of ours, an id of Clerk's (user_…) or an e-mail address".to_owned())
    }
}

/// The database that is configured, which is all that most of these commands need.
pub(super) async fn open() -> anyhow::Result<Store> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (database, _) = Settings::read_database(&environment)?;
    open_existing(&database).await
}

/// The one user that is meant.
pub(super) async fn find(store: &Store, who: &Who) -> anyhow::Result<UserEntry> {
    let mut reader = store.read().await?;
    let mut found = users::find_users(reader.conn(), who).await?;
    match (found.pop(), found.is_empty()) {
        (Some(entry), true) => Ok(entry),
        (Some(last), false) => {
            found.push(last);
            let ids: Vec<_> = found.iter().map(|entry| entry.user.id.to_string()).collect();
            bail!("{} users have this address; name one by its id: {}", ids.len(), ids.join(", "))
        }
        (None, _) => match who {
            Who::Id(id) => bail!("there is no user with the id {id}"),
            Who::ClerkId(id) => bail!("there is no user with the Clerk id {}", harmless(id)),
            Who::Email(email) => bail!("there is no user with the address {}", harmless(email)),
        },
    }
}
