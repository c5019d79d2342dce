//! What the tests are built from: databases, a stand-in for Clerk, tokens, and the real router.

mod app;
mod clerk;
mod database;
mod property;
mod proxy;
mod server;
mod tokens;
mod webhooks;

pub use app::{Answer, TestApp, start};
pub use clerk::{Fault, SECRET_KEY, StandInClerk};
pub(crate) use database::both;
pub use database::{EmptyDatabase, TestDatabase, administer, parse};
pub use property::for_all;
pub use proxy::Proxy;
pub use server::{Raw, Server, post};
pub use tokens::Token;
pub use webhooks::{
    WEBHOOK_SECRET, deliver, event, membership_object, organization_object, start_with_webhooks,
    user_object,
};

use chrono::{DateTime, Utc};

/// When every test begins.
pub fn noon() -> DateTime<Utc> {
    "2026-11-01T12:00:00Z".parse().unwrap()
}
