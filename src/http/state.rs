//! What every handler may need: one struct that they share, no globals.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Semaphore;

use super::{
    client_address::ClientAddress, database_check::DatabaseCheck, graphiql::Page,
    graphql::PersistedQueries, in_flight::InFlight,
};
use crate::{
    accounts::Accounts,
    auth::Authenticator,
    clerk::{jwks::KeySource, webhook::WebhookSecrets},
    config::{RequestLimits, ServerSettings},
    dev::Development,
    graphql::Pipeline,
    rate_limit::RateLimit,
    telemetry::Metrics,
};

/// The parts of a running server.
pub struct AppState {
    /// Verifies tokens.
    pub authenticator: Authenticator,
    /// The account functions, and through them the database.
    pub accounts: Accounts,
    /// Answers GraphQL.
    pub pipeline: Pipeline,
    /// Texts of queries known by their hash.
    pub(crate) persisted_queries: PersistedQueries,
    /// What webhook messages are signed with; `None` when none are expected.
    pub(crate) webhook_secrets: Option<Arc<WebhookSecrets>>,
    /// How many refused tokens one client may send (`RATE_LIMIT_UNAUTHENTICATED`).
    pub(crate) refused_tokens: Option<RateLimit<ClientAddress>>,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// Where verifying keys come from; `None` in local mode.
    pub keys: Option<KeySource>,
    /// What bodies and undelivered answers hold in memory.
    pub in_flight: InFlight,
    /// Places for webhook messages whose bodies are being read.
    pub(crate) webhook_places: Semaphore,
    /// Bounds of a request.
    pub(crate) limits: RequestLimits,
    /// What `/readyz` last heard of the database.
    pub(crate) database_check: DatabaseCheck,
    /// Addresses, origins and switches.
    pub(crate) server: ServerSettings,
    /// The GraphiQL page, unless it is switched off.
    pub(crate) page: Option<Page>,
    /// The issuer of development mode.
    pub(crate) development: Option<Arc<Development>>,
    /// Set when the server is about to stop.
    pub draining: AtomicBool,
}

impl AppState {
    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
