//! The product through its HTTP face.

mod authentication;
mod bootstrap;
mod cors;
mod creation;
mod delete_user;
mod deletion_at_clerk;
mod documents;
mod graphiql;
mod impersonation;
mod key_set;
mod limits;
mod local_mode;
mod me;
mod nodes;
mod organizations;
mod page_size_variables;
mod panics;
mod persisted_queries;
mod protocol;
mod schema;
mod seed;
mod standing;
mod statements;
mod synchronisation;
mod update_profile;
