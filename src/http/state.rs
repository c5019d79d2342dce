//! What every handler may need: one struct that they share, no globals.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Semaphore;

use super::{graphiql::Page, in_flight::InFlight, persisted_queries::PersistedQueries};
use crate::{
    accounts::Accounts,
    auth::Authenticator,
    clerk::{jwks::KeySource, webhook::WebhookSecrets},
    config::{Limits, ServerSettings},
    dev::Development,
    graphql::engine::Engine,
    telemetry::Metrics,
};

/// The parts of a running server.
pub struct AppState {
    /// Verifies tokens.
    pub authenticator: Authenticator,
    /// The account functions, and through them the database.
    pub accounts: Accounts,
    /// Answers GraphQL.
    pub engine: Engine,
    /// Texts of queries known by their hash.
    pub persisted_queries: PersistedQueries,
    /// What webhook messages are signed with; `None` when none are expected.
    pub webhook_secrets: Option<Arc<WebhookSecrets>>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Where verifying keys come from; `None` in local mode.
    pub keys: Option<KeySource>,
    /// What bodies and undelivered answers hold in memory.
    pub in_flight: InFlight,
    /// Places for webhook messages whose bodies are being read.
    pub webhook_places: Semaphore,
    /// Bounds of a request.
    pub limits: Limits,
    /// Addresses, origins and switches.
    pub server: ServerSettings,
    /// The GraphiQL page, unless it is switched off.
    pub page: Option<Page>,
    /// Development mode's stand-in for Clerk.
    pub development: Option<Arc<Development>>,
    /// Set when the server is about to stop.
    pub draining: AtomicBool,
}

impl AppState {
    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
