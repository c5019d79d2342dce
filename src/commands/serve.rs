//! `serve`: the API with the configured auth mode.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::logging::start_logging;
use crate::{
    app::App,
    clock::SystemClock,
    config::{Environment, Faults, Settings},
};

pub async fn run() -> anyhow::Result<()> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (settings, warnings) = Settings::read(&environment)?;
    start_logging(&settings, &warnings)?;
    let address = settings.server.address();
    let app = App::build(settings, Arc::new(SystemClock)).await?;
    let listener = bind(address).await?;
    let stop = stop_signal()?;
    tracing::info!(
        address = %listener.local_addr()?,
        database = app.state.accounts.store().kind(),
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    app.run(listener, stop).await;
    Ok(())
}

/// Listens, or says what to change.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; set PORT (or HOST) to an address that is free")
    })
}

/// Done when the process is asked to stop.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
