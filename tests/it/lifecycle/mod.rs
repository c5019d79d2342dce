//! The life of an account: what Clerk's events change, in whatever order they come.

mod any_order;
mod kills;
mod resurrection;
mod teams;
mod webhooks;
