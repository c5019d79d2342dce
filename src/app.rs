//! A server: built from settings in one step, run in another, so that tests can build one and run it
//! as they like.

mod observed;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::{
    accounts::Accounts,
    auth::{Authenticator, ClerkTokens, SharedToken},
    clerk::{
        api::ClerkApi,
        http::ClerkHttp,
        jwks::{KeySource, RemoteKeySet},
    },
    clock::Clock,
    config::{AuthSettings, ClerkSettings, DatabaseSettings, RequestLimits, Settings},
    dev::{DATA_DIRECTORY, Development},
    graphql::{AuthMode, Pipeline, ServerInfo},
    http::{
        AppState, DatabaseCheck, Front, InFlight, MAX_HEADER_BYTES, MAX_HEADERS, MAX_WEBHOOK_BYTES,
        Page, PersistedQueries, WEBHOOKS_AT_ONCE, serve_metrics,
    },
    rate_limit::RateLimit,
    serving::{self, Stage, Stopping, serve},
    store::{DatabaseAddress, Store, StoreError},
    telemetry::Metrics,
};

/// How long closing the database may take. Whatever was answered is on disk already.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// A server that is ready to run.
pub struct App {
    /// What its handlers share.
    pub state: Arc<AppState>,
    /// Its counters.
    pub metrics: Arc<Metrics>,
    metrics_listener: Option<TcpListener>,
    stopping: Stopping,
}

/// What a mode contributes to a server.
struct Identity {
    authenticator: Authenticator,
    keys: Option<KeySource>,
    clerk: Option<ClerkApi>,
    mode: AuthMode,
}

impl App {
    /// Connects to the database, migrates it when that is wanted, and wires everything together.
    pub(crate) async fn build(settings: Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let store = open_store(&settings.database).await?;
        let metrics_address = settings.server.metrics_addr;
        let mut app = Self::with_store(settings, store, clock).await?;
        if let Some(address) = metrics_address {
            let listener = TcpListener::bind(address).await.with_context(|| {
                format!("cannot listen on {address}; set METRICS_ADDR to an address that is free")
            })?;
            app.metrics_listener = Some(listener);
        }
        Ok(app)
    }

    /// Wires everything together around an open, migrated database.
    pub async fn with_store(
        settings: Settings,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let identity = identity(&settings.auth, &clock, &metrics)?;
        observed::show(&metrics, &store, identity.keys.as_ref());
        let clerk_settings = settings.auth.clerk();
        let leeway = clerk_settings.map(|clerk| clerk.expectations.leeway).unwrap_or_default();
        let webhook_secrets = clerk_settings.and_then(|clerk| clerk.webhook_secrets.clone());
        let accounts = Accounts::new(store, clock.clone(), identity.clerk, leeway, metrics.clone())
            .limited(settings.limits.writes_per_minute);
        let server_info = ServerInfo { auth_mode: identity.mode };
        let execution_time = settings.limits.execution_timeout;
        let pipeline = Pipeline::new(settings.graphql, execution_time, server_info)?;
        observed::show_hits(&metrics, "document_lookups", pipeline.document_hits());
        let development = match &settings.auth {
            AuthSettings::Development(clerk) => {
                let development = open_development(clerk, clock)?;
                development.mirror(&accounts).await?;
                Some(Arc::new(development))
            }
            AuthSettings::Clerk(_) | AuthSettings::Local(_) => None,
        };
        let page = settings.server.playground.then(|| Page::new(&settings.auth)).transpose()?;
        let state = Arc::new(AppState {
            authenticator: identity.authenticator,
            accounts,
            pipeline,
            persisted_queries: PersistedQueries::default(),
            webhook_secrets: webhook_secrets.map(Arc::new),
            refused_tokens: settings.limits.refused_per_minute.map(RateLimit::per_minute),
            metrics: metrics.clone(),
            keys: identity.keys,
            in_flight: InFlight::new(settings.limits.in_flight_bytes),
            webhook_places: Semaphore::new(WEBHOOKS_AT_ONCE),
            database_check: DatabaseCheck::default(),
            limits: settings.limits,
            page,
            development,
            draining: AtomicBool::new(false),
            server: settings.server,
        });
        let stopping = Stopping {
            drain_delay: state.server.drain_delay,
            timeout: state.server.shutdown_timeout,
        };
        Ok(Self { state, metrics, metrics_listener: None, stopping })
    }

    /// The HTTP face.
    pub fn front(&self) -> Front {
        Front::new(self.state.clone())
    }

    /// Serves until `stage` says otherwise; then finishes what is in flight, closes what stalls, and
    /// closes the database.
    pub async fn run(mut self, listener: TcpListener, stage: watch::Receiver<Stage>) {
        let background = self.start_background();
        let draining = self.state.clone();
        let on_drain = move || draining.draining.store(true, Ordering::Relaxed);
        let limits = connection_limits(&self.state.limits);
        serve(listener, self.front(), limits, stage, self.stopping, on_drain).await;
        for task in background {
            task.abort();
        }
        if timeout(CLOSING_TIME, self.state.accounts.store().close()).await.is_err() {
            tracing::warn!("the database was still busy and is left as it is");
        }
        tracing::info!("stopped");
    }

    /// Fetching keys, finishing deletions, answering whoever collects metrics.
    fn start_background(&mut self) -> Vec<tokio::task::JoinHandle<()>> {
        let accounts = self.state.accounts.clone();
        let mut tasks = vec![tokio::spawn(accounts.keep_tidy())];
        if let Some(KeySource::Remote(keys)) = &self.state.keys {
            tasks.push(tokio::spawn(keys.clone().keep_fresh()));
        }
        if let Some(listener) = self.metrics_listener.take() {
            tasks.push(tokio::spawn(serve_metrics(listener, self.metrics.clone())));
        }
        tasks
    }
}

fn connection_limits(limits: &RequestLimits) -> serving::Limits {
    let unwanted_bytes = limits.body_bytes.max(MAX_WEBHOOK_BYTES);
    serving::Limits {
        connections: limits.connections,
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        write_timeout: limits.write_timeout,
        // Twice our own bounds, which answer with a reason.
        headers: 2 * MAX_HEADERS,
        header_bytes: 2 * MAX_HEADER_BYTES,
        unwanted_bytes: u64::try_from(unwanted_bytes).unwrap_or(u64::MAX),
    }
}

/// Opens the database and brings it up to date, or refuses one that is behind.
pub async fn open_store(settings: &DatabaseSettings) -> anyhow::Result<Store> {
    let store = connect(settings).await?;
    if settings.auto_migrate {
        migrate(&store, settings).await?;
    } else if !store.is_current().await? {
        anyhow::bail!(
            "the database {} lacks migrations, and DB_AUTO_MIGRATE is off: run `mission-control migrate`",
            settings.address
        );
    }
    Ok(store)
}

/// Opens a database that is there and up to date, for commands that work beside a server and make or
/// migrate nothing.
pub(crate) async fn open_existing(settings: &DatabaseSettings) -> anyhow::Result<Store> {
    let address = &settings.address;
    if let DatabaseAddress::Sqlite { path } = address
        && !path.exists()
    {
        anyhow::bail!(
            "there is no database {address}; `mission-control serve` or `migrate` makes it, or set DATABASE_URL"
        );
    }
    let store = connect(settings).await?;
    if !store.is_current().await? {
        anyhow::bail!("the database {address} lacks migrations: run `mission-control migrate`");
    }
    Ok(store)
}

/// The account functions alone, for commands that work beside a server.
pub(crate) async fn open_accounts(
    settings: &Settings,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Accounts> {
    let store = open_existing(&settings.database).await?;
    let clerk = clerk_api(&settings.auth)?;
    let clerk_settings = settings.auth.clerk();
    let leeway = clerk_settings.map(|clerk| clerk.expectations.leeway).unwrap_or_default();
    Ok(Accounts::new(store, clock, clerk, leeway, Arc::default()))
}

/// Clerk's Backend API, if there is a secret key for it.
pub(crate) fn clerk_api(auth: &AuthSettings) -> anyhow::Result<Option<ClerkApi>> {
    let Some(clerk) = auth.clerk() else { return Ok(None) };
    let Some(secret_key) = &clerk.secret_key else { return Ok(None) };
    Ok(Some(ClerkApi::new(ClerkHttp::new(clerk.api.clone(), Some(secret_key))?)))
}

/// Opens the database, or says what to look at.
pub(crate) async fn connect(settings: &DatabaseSettings) -> anyhow::Result<Store> {
    Store::connect(&settings.address).await.map_err(|error| {
        let address = &settings.address;
        let what = match error {
            StoreError::Unsuitable { .. } => format!("DATABASE_URL: {address} cannot be used"),
            _ => format!(
                "the database {address} cannot be opened; see that DATABASE_URL is right and the database can be reached"
            ),
        };
        anyhow::Error::new(error).context(what)
    })
}

/// Applies the migrations that the database lacks.
pub(crate) async fn migrate(store: &Store, settings: &DatabaseSettings) -> anyhow::Result<()> {
    store.migrate().await.with_context(|| {
        format!(
            "the database {} cannot be migrated; see that DATABASE_URL is right",
            settings.address
        )
    })
}

/// What tells users apart, in the configured mode.
fn identity(
    auth: &AuthSettings,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Identity> {
    let (clerk, mode) = match auth {
        AuthSettings::Local(local) => {
            let token = SharedToken::new(&local.token);
            return Ok(Identity {
                authenticator: Authenticator::local(token, metrics.clone()),
                keys: None,
                clerk: None,
                mode: AuthMode::Local,
            });
        }
        AuthSettings::Clerk(clerk) => (clerk, AuthMode::Clerk),
        AuthSettings::Development(clerk) => (clerk, AuthMode::Development),
    };
    let http = ClerkHttp::new(clerk.api.clone(), clerk.secret_key.as_ref())?;
    metrics.show_clerk_calls(http.calls());
    let keys = if let Some(key) = &clerk.jwt_key {
        KeySource::Configured(Arc::new(key.clone()))
    } else {
        let leeway = clerk.expectations.leeway;
        KeySource::Remote(RemoteKeySet::new(http.clone(), clock.clone(), leeway))
    };
    let tokens = ClerkTokens::new(keys.clone(), clerk.expectations.clone(), clock.clone());
    observed::show_hits(metrics, "token_lookups", tokens.memory_hits());
    let tokens = if auth.is_development() { tokens.trust_development_keys() } else { tokens };
    Ok(Identity {
        authenticator: Authenticator::clerk(tokens, metrics.clone()),
        keys: Some(keys),
        clerk: clerk.secret_key.is_some().then(|| ClerkApi::new(http)),
        mode,
    })
}

/// The development issuer that a development server verifies its tokens with.
pub(crate) fn open_development(
    clerk: &ClerkSettings,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Development> {
    Development::open(Path::new(DATA_DIRECTORY), clerk, clock)
}
