//! `healthcheck`: whether the server on this machine is ready, for containers without a shell.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;

use super::output::print;
use crate::config::{Environment, Faults, Settings};

/// `/readyz` has answered within a second or two, or the server is in trouble.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    let (server, _) = Settings::read_server(&environment)?;
    let address = server.address();
    if address.port() == 0 {
        bail!("PORT is 0, so nobody knows which port the server took; set PORT");
    }
    let url = format!("http://{}/readyz", reachable(address));
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let reply = client.get(&url).send().await;
    let reply = reply.with_context(|| format!("no server answers at {url}"))?;
    let status = reply.status();
    let body: Value = reply.json().await.unwrap_or_default();
    if status.is_success() {
        print("ready\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{url} answers {status}: {}", unmet(&body));
}

/// A server that listens everywhere is asked at home.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Which checks of `/readyz` fail.
fn unmet(body: &Value) -> String {
    let checks = body.get("checks").and_then(Value::as_object);
    let failing: Vec<_> = checks
        .into_iter()
        .flatten()
        .filter(|(_, state)| *state != "ok")
        .map(|(name, state)| format!("{name}: {}", state.as_str().unwrap_or("?")))
        .collect();
    if failing.is_empty() { "this is not Mission Control".to_owned() } else { failing.join(", ") }
}
