//! Settings: from environment variables and `.env` to typed values that need no further checking.
//!
//! All faults of an environment are collected and reported together, each with its variable, the
//! reason (and where the value came from) and the fix. Nothing outside this module reads the
//! environment, and nothing in it opens a connection, listens or logs. Secrets are wrapped as soon
//! as they are accepted and appear in no message.

mod address;
mod auth;
mod clerk;
mod credentials;
mod database;
mod development;
mod dotenv;
mod fault;
mod limits;
mod log;
mod lookup;
mod number;
mod placeholder;
mod reading;
mod server;
mod spelling;
mod table;

#[cfg(test)]
mod tests;

pub use auth::{AuthSettings, LocalSettings};
pub use clerk::{ClerkFrontend, ClerkSettings};
pub use database::{DatabaseSettings, DatabaseUrl};
pub use fault::{Fault, Faults, Warning};
pub use limits::Limits;
pub use log::{LogFormat, LogSettings};
pub use lookup::Environment;
pub use server::ServerSettings;
pub use table::{VARIABLES, Variable, help_table};

use reading::Reading;

/// Everything the server needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who answers for the users.
    pub auth: AuthSettings,
    /// Where the rows live.
    pub database: DatabaseSettings,
    /// Where the server listens and what it offers.
    pub server: ServerSettings,
    /// What one request may cost.
    pub limits: Limits,
    /// What is logged and how.
    pub log: LogSettings,
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
        let limits = Limits::read(&mut reading);
        let log = LogSettings::read(&mut reading);
        spelling::warn_unknown_names(&mut reading);
        let settings = auth.map(|auth| Self { auth, database, server, limits, log });
        reading.finish(settings)
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
        reading.finish(Some(database))
    }

    /// The settings of `dev`: a built-in issuer in Clerk's place, a database of its own, loopback
    /// only. Give it [`Environment::process_only`]: `dev` does not read `.env`.
    ///
    /// # Errors
    /// All faults at once; a Clerk key in the environment and an address that other machines reach
    /// are faults here.
    pub fn development(environment: &Environment) -> Result<(Self, Vec<Warning>), Faults> {
        let mut reading = Reading::new(environment);
        let settings = development::read(&mut reading);
        spelling::warn_unknown_names(&mut reading);
        reading.finish(Some(settings))
    }
}
