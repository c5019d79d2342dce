//! The product through its HTTP face.

mod bootstrap;
mod me;
mod nodes;
mod organizations;
mod schema;
mod seed;
mod statements;
mod update_profile;
