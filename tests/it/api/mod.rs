//! The product through its HTTP face.

mod graphiql;
mod me;
