//! The HTTP face: routes, middleware, and one handler per file. Knows everything below; contains no
//! rule about accounts.

mod authentication;
mod body;
mod bounds;
mod cors;
mod first_bytes;
mod graphiql;
mod graphql;
mod graphql_request;
mod graphql_response;
mod health;
mod media_type;
mod metrics;
mod persisted_queries;
mod request_id;
mod rest_error;
mod router;
mod stand_in;
mod state;
mod users;
mod webhooks;

pub use bounds::{MAX_HEADER_BYTES, MAX_HEADERS};
pub use first_bytes::FirstBytes;
pub use graphiql::Page;
pub use metrics::metrics_router;
pub use persisted_queries::PersistedQueries;
pub use router::Front;
pub use state::AppState;
