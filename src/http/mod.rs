//! The HTTP face: routes, middleware, and one handler per file. Knows everything below; contains no
//! rule about accounts.

mod authentication;
mod body;
mod bounded_answer;
mod bounds;
mod client_address;
mod cors;
mod database_check;
mod fallback;
mod graphiql;
mod graphql;
mod headers;
mod health;
mod in_flight;
mod measuring;
mod media_type;
mod metrics;
mod organization_bodies;
mod organization_shapes;
mod organizations;
mod paging;
mod request_id;
mod rest;
mod rest_error;
mod router;
mod security_headers;
mod state;
mod users;
mod webhooks;
mod whole_body;

pub(crate) use bounds::{MAX_HEADER_BYTES, MAX_HEADERS};
pub use database_check::CHECK_HOLDS;
pub(crate) use database_check::DatabaseCheck;
pub(crate) use graphiql::Page;
pub use graphql::PersistedQueries;
pub(crate) use in_flight::InFlight;
pub use metrics::serve_metrics;
pub use router::Front;
pub use state::AppState;
pub(crate) use webhooks::{MAX_WEBHOOK_BYTES, WEBHOOKS_AT_ONCE};
