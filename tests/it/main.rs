//! Tests of the whole product: one binary, so that it links once.

mod api;
mod commands;
mod lifecycle;
mod socket;
mod store;
mod support;
