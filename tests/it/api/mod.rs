//! The product through its HTTP face.

mod authentication;
mod cors;
mod creation;
mod documents;
mod graphiql;
mod impersonation;
mod key_set;
mod local_mode;
mod me;
mod page_size_variables;
mod panics;
mod persisted_queries;
mod protocol;
mod standing;
mod synchronisation;
