//! Clerk as it really behaves: session tokens, the key set that signs them, the two Backend API
//! calls we make, profiles, webhooks and events. Knows neither our database nor GraphQL.

pub mod api;
pub mod event;
pub mod http;
mod id;
pub mod jwks;
pub mod key;
pub(crate) mod key_set;
pub(crate) mod listing;
pub(crate) mod pem;
pub(crate) mod profile;
mod strict_json;
pub mod token;
pub mod webhook;
