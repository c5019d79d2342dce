//! The product through its HTTP face.

mod authentication;
mod key_set;
mod me;
