//! The HTTP face: routes, middleware, and one handler per file. Knows everything below; contains no
//! rule about accounts.

mod authentication;
mod body;
mod bounded_answer;
mod bounds;
mod cors;
mod graphiql;
mod graphql;
mod graphql_request;
mod graphql_response;
mod health;
mod in_flight;
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

pub use body::is_json;
pub use bounds::{MAX_HEADER_BYTES, MAX_HEADERS};
pub use graphiql::Page;
pub use in_flight::InFlight;
pub use metrics::metrics_router;
pub use persisted_queries::PersistedQueries;
pub use router::Front;
pub use state::AppState;
pub use webhooks::{MAX_WEBHOOK_BYTES, WEBHOOKS_AT_ONCE};
