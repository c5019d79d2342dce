//! The product through its HTTP face.

mod authentication;
mod creation;
mod key_set;
mod me;
mod standing;
mod synchronisation;
