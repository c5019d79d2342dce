//! A server: built from settings in one step, run in another, so that tests can build one and run it
//! as they like.

use std::{
    future::Future,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{Router, body::Body, extract::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use secrecy::ExposeSecret;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use url::Url;

use crate::{
    accounts::Accounts,
    auth::{Authenticator, ClerkTokens, SharedToken},
    clerk::{
        api::ClerkApi,
        http::ClerkHttp,
        jwks::{KeySource, RemoteKeySet},
        key::VerifyingKey,
        token::Expectations,
        webhook::WebhookSecrets,
    },
    clock::Clock,
    config::{AuthSettings, ClerkSettings, DatabaseSettings, Settings},
    dev::{DIRECTORY, Development},
    graphql::{AuthMode, ServerInfo, engine::Engine},
    http::{
        AppState, MAX_HEADER_BYTES, MAX_HEADERS, Page, PersistedQueries, metrics_router, router,
    },
    store::Store,
    telemetry::Metrics,
};

/// A server that is ready to run.
pub struct App {
    /// What its handlers share.
    pub state: AppState,
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
        let leeway = clerk_settings.map(|clerk| clerk.leeway).unwrap_or_default();
        let accounts = Accounts::new(store, clock.clone(), identity.clerk, leeway, metrics.clone());
        let server_info = ServerInfo { auth_mode: identity.mode };
        let engine = Engine::new(&settings.limits, settings.server.introspection, server_info)?;
        let development = match &settings.auth {
            AuthSettings::Development(clerk) => {
                let development = open_development(clerk, clock)?;
                development.mirror(&accounts).await?;
                Some(Arc::new(development))
            }
            AuthSettings::Clerk(_) | AuthSettings::Local(_) => None,
        };
        let page = settings.server.playground.then(|| Page::new(&settings.auth)).transpose()?;
        let page = page.map(Arc::new);
        let state = AppState {
            authenticator: identity.authenticator,
            accounts,
            engine,
            persisted_queries: Arc::new(PersistedQueries::default()),
            webhook_secrets: webhook_secrets(&settings.auth)?,
            metrics: metrics.clone(),
            keys: identity.keys,
            limits: Arc::new(settings.limits),
            page,
            development,
            draining: Arc::new(AtomicBool::new(false)),
            server: Arc::new(settings.server),
        };
        let shutdown_timeout = state.server.shutdown_timeout;
        Ok(Self { state, metrics, metrics_listener: None, shutdown_timeout })
    }

    /// The HTTP face.
    pub fn router(&self) -> Router {
        router(self.state.clone())
    }

    /// Serves until `stop` is done; then finishes what is in flight, closes what stalls, and closes
    /// the database.
    pub async fn run(mut self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let background = self.start_background();
        let limits = self.state.limits.clone();
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            // Twice our own bounds, which answer with a reason.
            .max_headers(2 * MAX_HEADERS)
            .max_buf_size(2 * MAX_HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .max_concurrent_streams(100)
            .max_header_list_size(u32::try_from(2 * MAX_HEADER_BYTES).unwrap_or(u32::MAX));
        let router = self.router();
        let connections = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => serve_connection(&builder, &router, &connections, stream),
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
        if tokio::time::timeout(self.shutdown_timeout, connections.shutdown()).await.is_err() {
            tracing::warn!(
                "some connections were still open after SHUTDOWN_TIMEOUT and are closed"
            );
        }
        for task in background {
            task.abort();
        }
        self.state.accounts.store().close().await;
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

fn serve_connection(
    builder: &auto::Builder<TokioExecutor>,
    router: &Router,
    connections: &GracefulShutdown,
    stream: TcpStream,
) {
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = router
        .clone()
        .map_request(|request: Request<hyper::body::Incoming>| request.map(Body::new));
    let connection = builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// Opens the database and brings it up to date, or refuses one that is behind.
pub async fn open_store(settings: &DatabaseSettings) -> anyhow::Result<Store> {
    let store = Store::connect(&settings.url)
        .await
        .with_context(|| format!("the database {} cannot be opened", settings.url))?;
    if settings.auto_migrate {
        store
            .migrate()
            .await
            .with_context(|| format!("the database {} cannot be migrated", settings.url))?;
    } else if !store.is_current().await? {
        anyhow::bail!(
            "the database {} lacks migrations, and DB_AUTO_MIGRATE is off: run `mission-control migrate`",
            settings.url
        );
    }
    Ok(store)
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
    let http = ClerkHttp::new(Url::parse(&clerk.api_base)?, clerk.secret_key.as_ref())?;
    let keys = match &clerk.jwt_key {
        Some(pem) => KeySource::Configured(Arc::new(VerifyingKey::from_pem(pem)?)),
        None => KeySource::Remote(RemoteKeySet::new(http.clone(), clock.clone(), clerk.leeway)),
    };
    let tokens = ClerkTokens::new(keys.clone(), expectations(clerk), clock.clone());
    let tokens = if auth.is_development() { tokens.trust_development_keys() } else { tokens };
    Ok(Identity {
        authenticator: Authenticator::clerk(tokens, metrics.clone()),
        keys: Some(keys),
        clerk: clerk.secret_key.is_some().then(|| ClerkApi::new(http)),
        mode,
    })
}

/// What webhook messages are signed with; none are expected without a secret.
fn webhook_secrets(auth: &AuthSettings) -> anyhow::Result<Option<Arc<WebhookSecrets>>> {
    let secrets = auth.clerk().map(|clerk| clerk.webhook_secrets.as_slice()).unwrap_or_default();
    if secrets.is_empty() {
        return Ok(None);
    }
    let secrets = WebhookSecrets::parse(secrets.iter().map(ExposeSecret::expose_secret))?;
    Ok(Some(Arc::new(secrets)))
}

fn expectations(clerk: &ClerkSettings) -> Expectations {
    Expectations {
        leeway: clerk.leeway,
        verify_iat: clerk.verify_iat,
        issuers: clerk.issuers.clone(),
        audiences: clerk.audiences.clone(),
        authorized_parties: clerk.authorized_parties.clone(),
    }
}

/// The stand-in for Clerk that a development server is its own.
pub fn open_development(
    clerk: &ClerkSettings,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Development> {
    let issuer = clerk.issuers.first().context("development mode has no issuer")?;
    let secret_key = clerk.secret_key.clone().context("development mode has no secret key")?;
    Development::open(Path::new(DIRECTORY), issuer.clone(), secret_key, clock)
}
