//! The product through its HTTP face.

mod me;
