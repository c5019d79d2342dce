//! `migrate`: applies or lists migrations.

use std::fmt::Write;

use clap::Args;

use super::output::print;
use crate::{
    app::{connect, migrate},
    config::{Environment, Faults, Settings},
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// List the migrations and change nothing
    #[arg(long)]
    status: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (database, _) = Settings::read_database(&environment)?;
    let store = connect(&database).await?;
    if !arguments.status {
        migrate(&store, &database).await?;
    }
    let mut list = String::new();
    for migration in store.migrations().await? {
        let state = if migration.applied { "applied" } else { "missing" };
        let (version, description) = (migration.version, migration.description);
        let _ = writeln!(list, "{version:04}  {state}  {description}");
    }
    store.close().await;
    print(&list)
}
