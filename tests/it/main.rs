//! Tests of the whole product: one binary, so that it links once.

#![expect(unreachable_pub, reason = "a test binary is a crate that nobody reaches into")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test ends with a panic, reads its environment and the time, and makes up SQL"
)]
#![expect(clippy::pedantic, reason = "tables of cases are long, and read better in one piece")]

mod api;
mod commands;
mod connections;
mod guides;
mod hostile;
mod hostile_settings;
mod lifecycle;
mod logging;
mod organizations;
mod security_log;
mod socket;
mod store;
mod structure;
mod support;
mod traces;
