//! Mission Control turns Clerk sessions into application users.
//!
//! A request carries a Clerk session token; the server verifies it, finds or creates the user and a
//! membership, keeps e-mail and name in step with Clerk, and answers GraphQL.
//!
//! The modules, each importing only from those above it:
//!
//! | module | about |
//! | --- | --- |
//! | [`clock`] | time as a parameter |
//! | [`model`] | users, organizations, memberships as plain values |
//! | [`config`] | settings, all faults at once |
//! | [`telemetry`] | logging and counters |
//! | [`store`] | every SQL statement, once for both databases |
//! | [`clerk`] | tokens, keys, the Backend API, profiles, webhooks |
//! | [`auth`] | from an `Authorization` header to a session |
//! | [`accounts`] | the writes, one transaction each |
//! | [`graphql`] | schema, resolvers, and the checks before them |
//! | [`dev`], [`http`] | routes and middleware; development mode's stand-in for Clerk |
//! | [`serving`] | connections: their times and limits, and how they end; knows no route |
//! | [`app`] | building a server apart from running it |
//! | [`commands`] | the command line |
//!
//! A request goes from `http::router` through `http::authentication` to `http::graphql`, from there to
//! a resolver in [`graphql`], and from the resolver to a loader (reads) or to [`accounts`] (writes),
//! which call the [`store`].

pub mod accounts;
pub mod app;
pub mod auth;
pub mod clerk;
pub mod clock;
pub mod commands;
pub mod config;
pub mod dev;
pub mod graphql;
pub mod http;
pub mod model;
pub mod serving;
pub mod store;
pub mod telemetry;
