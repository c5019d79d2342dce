//! Every store function on both databases, and what only a database can get wrong.

mod addresses;
mod deletion_marks;
mod files;
mod indexes;
mod invitations;
mod lookups;
mod memberships;
mod migrations;
mod organizations;
pub mod preconditions;
mod profiles;
mod races;
mod resilience;
mod sample;
mod schema;
mod sessions;
mod shares;
mod standings;
mod tombstones;
mod upgrades;
mod users;
mod webhook_messages;
