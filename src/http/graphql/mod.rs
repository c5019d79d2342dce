//! `/graphql`: GraphQL over HTTP around the pipeline that answers GraphQL.

mod handler;
mod parameters;
mod persisted_queries;
mod response;

pub use handler::serve;
pub use persisted_queries::PersistedQueries;
pub use response::Responder;
