//! A server: built from settings in one step, run in another, so that tests can build one and run it
//! as they like.

use std::{
    convert::Infallible,
    future::Future,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::body::Body;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
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
    config::{AuthSettings, ClerkSettings, DatabaseSettings, Settings},
    dev::{DATA_DIRECTORY, Development},
    graphql::{AuthMode, Pipeline, ServerInfo},
    http::{
        AppState, FirstBytes, Front, MAX_HEADER_BYTES, MAX_HEADERS, Page, PersistedQueries,
        metrics_router,
    },
    store::{Store, StoreError},
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
    shutdown_timeout: Duration,
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
    pub async fn build(settings: Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
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
        let clerk_settings = settings.auth.clerk();
        let leeway = clerk_settings.map(|clerk| clerk.expectations.leeway).unwrap_or_default();
        let webhook_secrets = clerk_settings.and_then(|clerk| clerk.webhook_secrets.clone());
        let accounts = Accounts::new(store, clock.clone(), identity.clerk, leeway, metrics.clone());
        let server_info = ServerInfo { auth_mode: identity.mode };
        let execution_time = settings.limits.execution_timeout;
        let pipeline = Pipeline::new(settings.graphql, execution_time, server_info)?;
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
            metrics: metrics.clone(),
            keys: identity.keys,
            limits: settings.limits,
            page,
            development,
            draining: AtomicBool::new(false),
            server: settings.server,
        });
        let shutdown_timeout = state.server.shutdown_timeout;
        Ok(Self { state, metrics, metrics_listener: None, shutdown_timeout })
    }

    /// The HTTP face.
    pub fn front(&self) -> Front {
        Front::new(self.state.clone())
    }

    /// Serves until `stop` is done; then finishes what is in flight, closes what stalls, and closes
    /// the database.
    pub async fn run(mut self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let background = self.start_background();
        let header_timeout = self.state.limits.header_timeout;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            // A client may say that it has nothing more to send and still listen.
            .half_close(true)
            // Twice our own bounds, which answer with a reason.
            .max_headers(2 * MAX_HEADERS)
            .max_buf_size(2 * MAX_HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .max_concurrent_streams(100)
            .max_header_list_size(u32::try_from(2 * MAX_HEADER_BYTES).unwrap_or(u32::MAX));
        let front = self.front();
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let connection =
                            connection(&builder, &front, &graceful, stream, header_timeout);
                        connections.spawn(connection);
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely; taking a break lets some close.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        self.state.draining.store(true, Ordering::Relaxed);
        drop(listener);
        tracing::info!("stopping: no new connections, finishing what is in flight");
        if timeout(self.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                "some connections were still open after SHUTDOWN_TIMEOUT and are closed"
            );
        }
        connections.shutdown().await;
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
            let router = metrics_router(self.metrics.clone());
            tasks.push(tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::error!(%error, "metrics are no longer served");
                }
            }));
        }
        tasks
    }
}

/// Serves one connection to its end.
fn connection(
    builder: &auto::Builder<TokioExecutor>,
    front: &Front,
    graceful: &GracefulShutdown,
    stream: TcpStream,
    first_bytes: Duration,
) -> impl Future<Output = ()> + Send + 'static {
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let front = front.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(request.map(Body::new)).await) }
    });
    let stream = TokioIo::new(FirstBytes::within(first_bytes, stream));
    let connection = builder.serve_connection(stream, service).into_owned();
    let connection = graceful.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
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

/// Opens the database, or says what to look at.
pub async fn connect(settings: &DatabaseSettings) -> anyhow::Result<Store> {
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
pub async fn migrate(store: &Store, settings: &DatabaseSettings) -> anyhow::Result<()> {
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
    let keys = match &clerk.jwt_key {
        Some(key) => KeySource::Configured(Arc::new(key.clone())),
        None => {
            let leeway = clerk.expectations.leeway;
            KeySource::Remote(RemoteKeySet::new(http.clone(), clock.clone(), leeway))
        }
    };
    let tokens = ClerkTokens::new(keys.clone(), clerk.expectations.clone(), clock.clone());
    let tokens = if auth.is_development() { tokens.trust_development_keys() } else { tokens };
    Ok(Identity {
        authenticator: Authenticator::clerk(tokens, metrics.clone()),
        keys: Some(keys),
        clerk: clerk.secret_key.is_some().then(|| ClerkApi::new(http)),
        mode,
    })
}

/// The development issuer that a development server verifies its tokens with.
pub fn open_development(
    clerk: &ClerkSettings,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Development> {
    let issuer = clerk.expectations.issuers.first().context("development mode has no issuer")?;
    let secret_key = clerk.secret_key.clone().context("development mode has no secret key")?;
    Development::open(Path::new(DATA_DIRECTORY), issuer.clone(), secret_key, clock)
}
