//! The product through its HTTP face.

mod authentication;
mod bootstrap;
mod creation;
mod delete_user;
mod deletion_at_clerk;
mod impersonation;
mod key_set;
mod local_mode;
mod me;
mod nodes;
mod organizations;
mod page_size_variables;
mod rest;
mod schema;
mod seed;
mod standing;
mod statements;
mod synchronisation;
mod update_profile;
