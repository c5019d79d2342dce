//! Every store function on both databases, and what only a database can get wrong.

mod addresses;
mod indexes;
mod lookups;
mod memberships;
mod migrations;
mod organizations;
mod preconditions;
mod races;
mod resilience;
mod sample;
mod schema;
mod sessions;
mod tombstones;
mod users;
mod webhook_messages;
