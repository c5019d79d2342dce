//! Tests of the whole product: one binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]
#![expect(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "requests are put together where they read best"
)]

mod api;
mod commands;
mod hostile;
mod lifecycle;
mod socket;
mod store;
mod support;
