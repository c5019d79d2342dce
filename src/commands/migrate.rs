//! `migrate`: applies or lists migrations.

use clap::Args;

use crate::{
    app::{connect, migrate},
    config::{Environment, Faults, Settings},
};

#[derive(Args)]
pub struct Arguments {
    /// List the migrations and change nothing
    #[arg(long)]
    status: bool,
}

#[expect(clippy::print_stdout, reason = "the list is what the command is for")]
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (database, _) = Settings::read_database(&environment)?;
    let store = connect(&database).await?;
    if !arguments.status {
        migrate(&store, &database).await?;
    }
    for migration in store.migrations().await? {
        let state = if migration.applied { "applied" } else { "missing" };
        println!("{:04}  {state}  {}", migration.version, migration.description);
    }
    store.close().await;
    Ok(())
}
