//! `serve`: the API with the configured auth mode.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::logging::start_logging;
use crate::{
    app::App,
    clock::SystemClock,
    config::{Environment, Faults, Settings},
    serving::{Stage, listen},
    telemetry::traces::start_traces,
};

pub(crate) async fn run() -> anyhow::Result<()> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (settings, warnings) = Settings::read(&environment)?;
    start_logging(&settings, &warnings)?;
    let traces = start_traces(settings.traces.as_ref())?;
    let address = settings.server.address();
    let app = App::build(settings, Arc::new(SystemClock)).await?;
    let listener = bind(address)?;
    let stop = stop_signals()?;
    tracing::info!(
        address = %listener.local_addr()?,
        database = app.state.accounts.store().kind(),
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    app.run(listener, stop).await;
    traces.stop().await;
    Ok(())
}

/// Listens, or says what to change.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| {
        format!("cannot listen on {address}; set PORT (or HOST) to an address that is free")
    })
}

/// How far stopping has come, by the signals that arrive. SIGTERM, of whoever runs many servers, lets
/// others notice first; SIGINT, of somebody at a terminal, does not, and a second one does not wait.
pub(crate) fn stop_signals() -> anyhow::Result<watch::Receiver<Stage>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stage, receiver) = watch::channel(Stage::Serving);
    tokio::spawn(async move {
        loop {
            let is_interrupt = tokio::select! {
                Some(()) = terminate.recv() => false,
                Some(()) = interrupt.recv() => true,
                else => break,
            };
            stage.send_modify(|stage| {
                *stage = match (*stage, is_interrupt) {
                    (Stage::Serving, false) => Stage::Draining,
                    (Stage::Serving | Stage::Draining, true) => Stage::Stopping,
                    (Stage::Stopping | Stage::Ending, true) => Stage::Ending,
                    (reached, false) => reached,
                };
            });
        }
    });
    Ok(receiver)
}
