//! The product through its HTTP face.

mod me;
mod page_size_variables;
