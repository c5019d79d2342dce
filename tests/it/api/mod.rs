//! The product through its HTTP face.

mod documents;
mod me;
mod protocol;
