//! The product through its HTTP face.

mod authentication;
mod me;
