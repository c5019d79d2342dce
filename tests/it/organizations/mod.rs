//! Local organizations and invitations: what people may do in them, through both faces, on both databases.

mod authorization;
mod headers;
mod invitations;
mod life;
mod people;
mod races;
mod rest;
mod verified;
