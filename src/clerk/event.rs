//! What a webhook says, as types: the verified body of a delivery goes in, an `Event` comes out.
//!
//! Only `type` and `data` of the envelope are read, as Clerk advises ("Webhooks overview"). Reading
//! is lenient: a missing or ill-shaped member is absent, except for the ids without which an event has no
//! object. The same reader serves the user objects of the Backend API. This module must not know
//! what an event changes.

use chrono::{DateTime, Utc};
use serde_json::Value;
use thiserror::Error;

use super::{
    id::is_clerk_id,
    profile::{self, display_text},
    strict_json::whole_number,
};
use crate::model::Profile;

/// Times below this count as seconds, others as milliseconds; see [`time`].
const FIRST_MILLISECONDS: i64 = 100_000_000_000;
/// The last millisecond of the year 9999.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;
/// Longest event type that is repeated in a log line, in characters.
const MAX_EVENT_TYPE: usize = 100;

/// A user as Clerk describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClerkUser {
    /// The user's id at Clerk.
    pub(crate) clerk_id: String,
    /// Address and name.
    pub(crate) profile: Profile,
    /// Whether the user is banned. Being locked is temporary and not read.
    pub(crate) banned: bool,
    /// False only when the object says outright that the user has no e-mail address (an empty
    /// list), which is the one case in which a stored address is cleared.
    pub(crate) has_addresses: bool,
    /// When Clerk last changed the user; the time to which the profile is true.
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

impl ClerkUser {
    /// Reads a user object of the Backend API or of an event.
    ///
    /// # Errors
    ///
    /// [`EventError::Malformed`] when the object has no well-shaped `id`.
    pub(crate) fn from_object(user: &Value) -> Result<Self, EventError> {
        let addresses = user.get("email_addresses").and_then(Value::as_array);
        Ok(Self {
            clerk_id: required_id(user, "id")?,
            profile: profile::from_user_object(user),
            banned: user.get("banned") == Some(&Value::Bool(true)),
            has_addresses: !addresses.is_some_and(Vec::is_empty),
            updated_at: user.get("updated_at").and_then(time),
        })
    }
}

/// An organization as Clerk describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClerkOrganization {
    /// The organization's id at Clerk.
    pub clerk_id: String,
    /// Its name: trimmed, without control characters, at most 200 Unicode scalar values.
    pub name: Option<String>,
    /// The id of the user who created it.
    pub created_by: Option<String>,
    /// When Clerk last changed it.
    pub updated_at: Option<DateTime<Utc>>,
}

impl ClerkOrganization {
    /// Reads an organization object of the Backend API or of an event.
    ///
    /// # Errors
    ///
    /// [`EventError::Malformed`] when the object has no well-shaped `id`.
    pub(crate) fn from_object(organization: &Value) -> Result<Self, EventError> {
        Ok(Self {
            clerk_id: required_id(organization, "id")?,
            name: organization.get("name").and_then(display_text),
            created_by: optional_id(organization, "created_by"),
            updated_at: organization.get("updated_at").and_then(time),
        })
    }
}

/// A membership in an organization as Clerk describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClerkMembership {
    /// The membership's own id at Clerk (`orgmem_…`); joining again makes a new one.
    pub clerk_id: String,
    /// The organization, as far as the event describes it.
    pub organization: ClerkOrganization,
    /// The member's id at Clerk.
    pub user_id: String,
    /// The role, without the prefix `org:`.
    pub role: Option<String>,
    /// When Clerk last changed the membership.
    pub updated_at: Option<DateTime<Utc>>,
}

impl ClerkMembership {
    /// Reads a membership object of the Backend API or of an event.
    ///
    /// # Errors
    ///
    /// [`EventError::Malformed`] when an id of the membership, its organization or its user is missing.
    pub(crate) fn from_object(membership: &Value) -> Result<Self, EventError> {
        let part =
            |member: &'static str| membership.get(member).ok_or(EventError::Malformed { member });
        let role = optional_id(membership, "role");
        let role = role.map(|role| role.strip_prefix("org:").unwrap_or(&role).to_owned());
        Ok(Self {
            clerk_id: required_id(membership, "id")?,
            organization: ClerkOrganization::from_object(part("organization")?)?,
            user_id: required_id(part("public_user_data")?, "user_id")?,
            role: role.filter(|role| !role.is_empty()),
            updated_at: membership.get("updated_at").and_then(time),
        })
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `user.created` or `user.updated`.
    User(Box<ClerkUser>),
    /// `user.deleted`.
    UserDeleted {
        /// The user's id at Clerk.
        clerk_id: String,
    },
    /// `organization.created` or `organization.updated`.
    Organization(ClerkOrganization),
    /// `organization.deleted`.
    OrganizationDeleted {
        /// The organization's id at Clerk.
        clerk_id: String,
    },
    /// `organizationMembership.created` or `organizationMembership.updated`.
    Membership(Box<ClerkMembership>),
    /// `organizationMembership.deleted`. Clerk describes the membership in full here too, but its
    /// id is all that is required.
    MembershipDeleted {
        /// The membership's id at Clerk.
        clerk_id: String,
        /// The membership as it was, when it is described.
        membership: Option<Box<ClerkMembership>>,
    },
    /// `session.ended`, `session.removed` or `session.revoked`.
    SessionEnded {
        /// The session's id at Clerk, the `sid` of its tokens.
        session_id: String,
        /// The id of the user whose session it was.
        user_id: Option<String>,
    },
    /// Anything else, `session.created` included.
    Unknown {
        /// The type, for a log line: shortened, visible ASCII only.
        event_type: String,
    },
}

/// Why a signed body is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum EventError {
    /// The body is not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// The body is JSON, but something that every such event has is missing or ill-shaped.
    #[error("the event has no well-shaped {member}")]
    Malformed {
        /// Name of the member.
        member: &'static str,
    },
}

impl EventError {
    /// A short stable label for counters and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::Malformed { .. } => "malformed",
        }
    }
}

impl Event {
    /// Reads the body of a delivery whose signature was checked.
    ///
    /// # Errors
    ///
    /// [`EventError`] when the body is not JSON, has no `type`, or is of a known type and lacks an
    /// id that names its object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, EventError> {
        let body: Value = serde_json::from_slice(body).map_err(|_| EventError::NotJson)?;
        let event_type = body.get("type").and_then(Value::as_str);
        let event_type = event_type.ok_or(EventError::Malformed { member: "type" })?;
        let data = body.get("data").unwrap_or(&Value::Null);
        Ok(match event_type {
            "user.created" | "user.updated" => Self::User(Box::new(ClerkUser::from_object(data)?)),
            "user.deleted" => Self::UserDeleted { clerk_id: required_id(data, "id")? },
            "organization.created" | "organization.updated" => {
                Self::Organization(ClerkOrganization::from_object(data)?)
            }
            "organization.deleted" => {
                Self::OrganizationDeleted { clerk_id: required_id(data, "id")? }
            }
            "organizationMembership.created" | "organizationMembership.updated" => {
                Self::Membership(Box::new(ClerkMembership::from_object(data)?))
            }
            "organizationMembership.deleted" => Self::MembershipDeleted {
                clerk_id: required_id(data, "id")?,
                membership: ClerkMembership::from_object(data).ok().map(Box::new),
            },
            "session.ended" | "session.removed" | "session.revoked" => Self::SessionEnded {
                session_id: required_id(data, "id")?,
                user_id: optional_id(data, "user_id"),
            },
            other => Self::Unknown {
                event_type: other
                    .chars()
                    .filter(char::is_ascii_graphic)
                    .take(MAX_EVENT_TYPE)
                    .collect(),
            },
        })
    }
}

impl Event {
    /// When a delivery says that its event happened: the envelope's `timestamp`. Only for measuring how late
    /// it is, because nothing but `type` and `data` may be relied on.
    pub(crate) fn time(body: &[u8]) -> Option<DateTime<Utc>> {
        #[derive(serde::Deserialize)]
        struct Envelope {
            timestamp: Value,
        }
        let envelope: Envelope = serde_json::from_slice(body).ok()?;
        time(&envelope.timestamp)
    }
}

fn optional_id(object: &Value, member: &str) -> Option<String> {
    let id = object.get(member).and_then(Value::as_str);
    id.filter(|id| is_clerk_id(id)).map(str::to_owned)
}

fn required_id(object: &Value, member: &'static str) -> Result<String, EventError> {
    optional_id(object, member).ok_or(EventError::Malformed { member })
}

/// A time of the Backend API or of an event: milliseconds since 1970, or seconds when the number is
/// below 10^11 (Clerk sends milliseconds; some emulators and fixtures send seconds, and as
/// milliseconds the bound is a day in 1973). `None` unless it is a number that lies after 1970 and
/// before the year 10000.
pub(crate) fn time(value: &Value) -> Option<DateTime<Utc>> {
    let number = whole_number(value)?;
    let milliseconds = if number < FIRST_MILLISECONDS { number.checked_mul(1000)? } else { number };
    let in_range = (1..=LAST_MILLISECOND).contains(&milliseconds);
    DateTime::from_timestamp_millis(milliseconds).filter(|_| in_range)
}

#[cfg(test)]
mod tests;
