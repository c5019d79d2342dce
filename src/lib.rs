//! Mission Control turns Clerk sessions into application users.
//!
//! A request carries a Clerk session token; the server verifies it, finds or creates the user and a
//! membership, keeps e-mail and name in step with Clerk, and answers GraphQL.
//!
//! The modules, each importing only from those above it:
//!
//! | module | about |
//! | --- | --- |
//! | [`clock`], [`loopback`], `private_files` | time as a parameter; which hosts are this machine; files for their owner alone |
//! | [`rate_limit`] | how often in a minute each of many may do something |
//! | [`model`] | users, organizations, memberships as plain values |
//! | [`error`] | what a client may see of a failure |
//! | [`telemetry`] | logging and counters |
//! | [`store`] | every SQL statement, once for both databases |
//! | [`clerk`] | tokens, keys, the Backend API, profiles, webhooks |
//! | [`auth`] | from an `Authorization` header to a session |
//! | [`accounts`] | the writes, one transaction each |
//! | [`graphql`] | schema, resolvers, and the checks before them |
//! | [`config`] | settings, all faults at once, in the types of the modules above |
//! | [`dev`] | development mode: an issuer that speaks Clerk's API, and people to sign in as |
//! | [`serving`] | connections: their times and limits, and how they end; knows no route |
//! | [`http`] | routes and middleware |
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
pub mod error;
pub mod graphql;
pub mod http;
pub mod loopback;
pub mod model;
mod private_files;
pub mod rate_limit;
pub mod serving;
pub mod store;
pub mod telemetry;
