//! Every store function on both databases.
