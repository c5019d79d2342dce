//! The product through its HTTP face.

mod cors;
mod documents;
mod limits;
mod me;
mod panics;
mod persisted_queries;
mod protocol;
