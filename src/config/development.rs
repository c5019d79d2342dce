//! The settings of development mode: everything built in, loopback only, and no way to point it
//! at real accounts by accident.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::{
    AuthSettings, Settings,
    clerk::ClerkSettings,
    credentials::{DEVELOPMENT_SECRET_KEY, DEVELOPMENT_WEBHOOK_SECRET},
    database::DatabaseSettings,
    limits::{self, RequestLimits},
    log,
    reading::Reading,
    server::ServerSettings,
    traces,
    variables::{CORS_ORIGINS, DRAIN_DELAY, HOST, METRICS_ADDR, PORT},
};
use crate::{
    clerk::{
        token::Expectations,
        webhook::{WebhookSecret, WebhookSecrets},
    },
    store::DatabaseAddress,
};

/// The database of development mode; `DATABASE_URL` does not apply.
const DATABASE_PATH: &str = "data/development.db";

/// The path of the built-in issuer; its tokens name `http://HOST:PORT` and this path as issuer.
const ISSUER_PATH: &str = "/dev/clerk";

/// Where the development servers of Next.js and Vite are found; their pages may read answers unless
/// `CORS_ORIGINS` says otherwise.
const FRONT_ENDS: [&str; 2] = ["http://localhost:3000", "http://localhost:5173"];

/// Variables that say this environment belongs to a real Clerk application.
const CLERK_KEYS: [&str; 7] = [
    "CLERK_SECRET_KEY",
    "CLERK_SECRET_KEY_FILE",
    "CLERK_PUBLISHABLE_KEY",
    "CLERK_PUBLISHABLE_KEY_FILE",
    "CLERK_JWT_KEY",
    "CLERK_JWT_KEY_FILE",
    "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
];

/// Settings for a server on loopback whose Clerk is this process.
pub(super) fn read(reading: &mut Reading<'_>) -> Option<Settings> {
    for name in CLERK_KEYS {
        if reading.environment().find(name).is_some() {
            reading.refuse_name(
                name,
                "dev refuses to run with a Clerk key in its environment",
                format!(
                    "unset {name} to use the built-in people, or run `mission-control serve` \
                         with AUTH_MODE=clerk to use real ones"
                ),
            );
        }
    }
    let server = ServerSettings::read(reading);
    let limits = RequestLimits::read(reading);
    let graphql = limits::read_graphql(reading);
    let log = log::read(reading);
    let traces = traces::read(reading);
    let mut server = server?;
    if !reading.is_set(&DRAIN_DELAY.variable) {
        // No balancer stands before it that would have to notice.
        server.drain_delay = Duration::ZERO;
    }
    if !reading.is_set(&CORS_ORIGINS.variable) {
        server.cors_origins = FRONT_ENDS.map(str::to_owned).to_vec();
    }
    refuse_reachable(reading, &server);
    Some(Settings {
        auth: AuthSettings::Development(clerk(server.address())?),
        database: DatabaseSettings {
            address: DatabaseAddress::Sqlite { path: PathBuf::from(DATABASE_PATH) },
            auto_migrate: true,
        },
        server,
        limits,
        graphql,
        log,
        traces,
    })
}

/// Anybody who reaches the development issuer can sign in as anyone.
fn refuse_reachable(reading: &mut Reading<'_>, server: &ServerSettings) {
    if !server.host.is_loopback() {
        reading.refuse(
            &HOST.variable,
            "is reachable from other machines, and dev lets anyone sign in as anyone",
            "unset HOST or write 127.0.0.1",
        );
    }
    if server.metrics_addr.is_some_and(|address| !address.ip().is_loopback()) {
        reading.refuse(
            &METRICS_ADDR.variable,
            "is reachable from other machines, and dev listens on this one only",
            "unset METRICS_ADDR or write 127.0.0.1:9000",
        );
    }
    if server.port == 0 {
        reading.refuse(
            &PORT.variable,
            "is 0, and the tokens of dev name the port in their issuer",
            "unset PORT or write a port from 1 to 65535",
        );
    }
}

/// The address prints an IPv6 host in brackets, as URLs need it.
fn clerk(address: SocketAddr) -> Option<ClerkSettings> {
    let issuer = format!("http://{address}{ISSUER_PATH}");
    let webhook_secret = WebhookSecret::parse(DEVELOPMENT_WEBHOOK_SECRET).ok()?;
    Some(ClerkSettings {
        secret_key: Some(SecretString::from(DEVELOPMENT_SECRET_KEY)),
        api: Url::parse(&format!("{issuer}/v1")).ok()?,
        jwt_key: None,
        frontend: None,
        expectations: Expectations {
            leeway: TimeDelta::seconds(10),
            verify_iat: true,
            issuers: vec![issuer],
            audiences: Vec::new(),
            authorized_parties: Vec::new(),
        },
        webhook_secrets: WebhookSecrets::new(vec![webhook_secret]),
    })
}
