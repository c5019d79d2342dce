//! The product through its HTTP face.

mod authentication;
mod creation;
mod impersonation;
mod key_set;
mod local_mode;
mod me;
mod page_size_variables;
mod standing;
mod synchronisation;
