//! Settings: from environment variables and `.env` to typed values that need no further checking.
//!
//! All faults of an environment are collected and reported together, each with its variable, the
//! reason (and where the value came from) and the fix. Nothing outside this module reads the
//! environment, and nothing in it opens a connection, listens or logs. Secrets are wrapped as soon
//! as they are accepted and appear in no message. A value is parsed once, into the type that its user
//! works with; types that belong to a module below are defined there.
//!
//! # Adding a setting
//!
//! 1. One constant in `variables.rs`: name, type, default, meaning and parser. It is in `--help` with
//!    that, and nothing else can be read.
//! 2. One field in the struct that its user takes (`server.rs`, `limits.rs`, …), filled by
//!    `reading.value(&NAME)`; a type with an empty value may use `reading.value_or_empty(&NAME)`. A test
//!    finds a constant that nobody reads.
//! 3. One row in the table of `docs/settings.md`. A test compares the two and prints the row that is missing.

mod auth;
mod choice;
mod clerk;
mod credentials;
mod database;
mod development;
mod dotenv;
mod environment;
mod fault;
mod limits;
mod listener;
mod log;
mod number;
mod placeholder;
mod reading;
mod server;
mod spelling;
mod trace_values;
mod traces;
mod variables;
mod web_address;

#[cfg(test)]
mod tests;

pub(crate) use auth::AuthSettings;
pub(crate) use clerk::ClerkSettings;
pub(crate) use database::DatabaseSettings;
pub use environment::Environment;
pub(crate) use fault::{Faults, Warning};
pub(crate) use limits::RequestLimits;
pub use server::ServerSettings;
pub use variables::{Kind, VARIABLES, Variable, help_table};

use reading::Reading;

use crate::{
    graphql::Limits,
    telemetry::{LogSettings, traces::TraceSettings},
};

/// Everything the server needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who answers for the users.
    pub(crate) auth: AuthSettings,
    /// Where the rows live.
    pub(crate) database: DatabaseSettings,
    /// Where the server listens and what it offers.
    pub(crate) server: ServerSettings,
    /// What one request may cost, whatever it is.
    pub(crate) limits: RequestLimits,
    /// What one GraphQL document may ask for.
    pub(crate) graphql: Limits,
    /// What is logged and how.
    pub(crate) log: LogSettings,
    /// Where traces are sent, if anywhere.
    pub(crate) traces: Option<TraceSettings>,
}

impl Settings {
    /// The settings of `serve`.
    ///
    /// # Errors
    /// All faults at once. Settings of a mode that is not chosen are not looked at.
    pub fn read(environment: &Environment) -> Result<(Self, Vec<Warning>), Faults> {
        let mut reading = Reading::new(environment);
        let auth = AuthSettings::read(&mut reading);
        let database = DatabaseSettings::read(&mut reading);
        let server = ServerSettings::read(&mut reading);
        let limits = RequestLimits::read(&mut reading);
        let graphql = limits::read_graphql(&mut reading);
        let log = log::read(&mut reading);
        let traces = traces::read(&mut reading);
        spelling::warn_unknown_names(&mut reading);
        reading.finish(match (auth, database, server) {
            (Some(auth), Some(database), Some(server)) => {
                Some(Self { auth, database, server, limits, graphql, log, traces })
            }
            _ => None,
        })
    }

    /// The settings of `migrate`, which works before anything else is configured.
    ///
    /// # Errors
    /// The faults of `DATABASE_URL` and `DB_AUTO_MIGRATE`.
    pub fn read_database(
        environment: &Environment,
    ) -> Result<(DatabaseSettings, Vec<Warning>), Faults> {
        let mut reading = Reading::new(environment);
        let database = DatabaseSettings::read(&mut reading);
        reading.finish(database)
    }

    /// The settings that say where the server is, whatever else is set.
    ///
    /// # Errors
    /// The faults of its own variables.
    pub(crate) fn read_server(
        environment: &Environment,
    ) -> Result<(ServerSettings, Vec<Warning>), Faults> {
        let mut reading = Reading::new(environment);
        let server = ServerSettings::read(&mut reading);
        reading.finish(server)
    }

    /// The settings that say who answers for the users, whatever else is set.
    ///
    /// # Errors
    /// The faults of its own variables.
    pub(crate) fn read_auth(
        environment: &Environment,
    ) -> Result<(AuthSettings, Vec<Warning>), Faults> {
        let mut reading = Reading::new(environment);
        let auth = AuthSettings::read(&mut reading);
        reading.finish(auth)
    }

    /// The settings of `dev`: a built-in issuer in Clerk's place, a database of its own, loopback
    /// only. Give it `Environment::process_only`: `dev` does not read `.env`.
    ///
    /// # Errors
    /// All faults at once; a Clerk key in the environment and an address that other machines reach
    /// are faults here.
    pub fn development(environment: &Environment) -> Result<(Self, Vec<Warning>), Faults> {
        let mut reading = Reading::new(environment);
        let settings = development::read(&mut reading);
        spelling::warn_unknown_names(&mut reading);
        reading.finish(settings)
    }
}
