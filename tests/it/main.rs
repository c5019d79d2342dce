//! Tests of the whole product: one binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test ends with a panic, reads its environment and the time, makes up SQL, and prints figures"
)]
#![expect(
    clippy::pedantic,
    clippy::type_complexity,
    reason = "tables of cases are long and of odd types, and read better in one piece"
)]

mod api;
mod commands;
mod hostile;
mod lifecycle;
mod socket;
mod store;
mod support;
