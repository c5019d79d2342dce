//! `dev`: everything built in.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use clap::Args;

use super::{
    logging::start_logging,
    output::print,
    serve::{bind, stop_signals},
};
use crate::{
    app::App,
    clock::SystemClock,
    config::{Environment, Settings},
    dev::FrontEnd,
    telemetry::traces::start_traces,
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Print the settings of a front end (for .env.local), and do nothing else
    #[arg(long)]
    env: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (settings, warnings) = Settings::development(&Environment::process_only())?;
    let clerk = settings.auth.clerk().context("development mode has no Clerk settings")?;
    let front_end = FrontEnd::new(clerk)?;
    if arguments.env {
        return print(&front_end.env());
    }
    start_logging(&settings, &warnings)?;
    let traces = start_traces(settings.traces.as_ref())?;
    let address = settings.server.address();
    let database = settings.database.address.to_string();
    // Before anything is made on disk: a second `dev` must not touch the first one's files.
    let listener = bind(address)?;
    let app = App::build(settings, Arc::new(SystemClock)).await?;
    let stop = stop_signals()?;
    if let Err(error) = print(&banner(address, &database, &front_end)) {
        tracing::warn!("the banner of development mode is lost: {error:#}");
    }
    app.run(listener, stop).await;
    traces.stop().await;
    Ok(())
}

fn banner(address: SocketAddr, database: &str, front_end: &FrontEnd) -> String {
    let program = program();
    // The name that front ends have, because a sign-in belongs to the name of the host.
    let page = &front_end.origin;
    let env = front_end.env();
    format!(
        "
  ==================================================================
   DEVELOPMENT MODE - anybody on this machine can sign in as anyone
  ==================================================================

   GraphQL    http://{address}/graphql
   GraphiQL   {page}/
   Database   {database}
   People     ada@example.com, grace@example.com (in an organization at Clerk),
              alan +12015550100 (no e-mail); the code is 424242

   Try it:

     curl -s http://{address}/graphql \\
       -H \"Authorization: Bearer $({program} token --user ada)\" \\
       -H 'Content-Type: application/json' \\
       -d '{{\"query\":\"{{ me {{ id displayName email memberships {{ nodes {{ role organization {{ name }} }} }} }} }}\"}}'

   A front end with Clerk's own SDK, at http://localhost:3000 or http://localhost:5173
   (elsewhere: CORS_ORIGINS=http://localhost:4000 {program} dev).
   Its .env.local, which `{program} dev --env` prints alone:

{env}
   With your own Clerk application: AUTH_MODE=clerk CLERK_SECRET_KEY=sk_test_... {program} serve

"
    )
}

/// How this program was called, so that a pasted line calls the same one.
fn program() -> String {
    std::env::args().next().filter(|name| !name.is_empty()).map_or_else(
        || "mission-control".to_owned(),
        |name| {
            let is_plain =
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
            if is_plain { name } else { format!("'{}'", name.replace('\'', r"'\''")) }
        },
    )
}
