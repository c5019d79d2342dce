//! What the product is about: users, organizations and the memberships between them, as plain
//! values. Knows neither SQL nor GraphQL nor Clerk's wire format, and does no I/O.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares an id as a type of its own, so that ids of different things cannot be mixed up.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id: UUID version 7, so that ids made later sort later.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads the canonical hyphenated text; anything else is not an id of ours.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Identifies a user here (not at Clerk).
    UserId
}
id! {
    /// Identifies an organization here (not at Clerk).
    OrganizationId
}
id! {
    /// Identifies one person's membership in one organization.
    MembershipId
}
id! {
    /// Identifies an invitation into an organization.
    InvitationId
}
id! {
    /// Identifies one attempt to delete a user, so that an attempt undoes only its own mark.
    AttemptId
}

/// A person known to this installation.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Ours.
    pub id: UserId,
    /// Clerk's: the `sub` of the session token.
    pub clerk_user_id: String,
    /// Primary address, trimmed and in lower case.
    pub email: Option<String>,
    /// Whether Clerk says that the address was verified.
    pub email_verified: bool,
    /// As of when the address holds: a claim's `iat` or the `updated_at` of an event or API answer.
    pub email_as_of: Option<DateTime<Utc>>,
    /// Full display name.
    pub name: Option<String>,
    /// Short name.
    pub preferred_name: Option<String>,
    /// Pronouns.
    pub pronouns: Option<String>,
    /// IANA time zone name.
    pub timezone: Option<String>,
    /// Notes for operators.
    pub notes: Option<String>,
    /// Background used to personalise the product.
    pub context: Option<String>,
    /// Administers the whole installation.
    pub is_super_admin: bool,
    /// The organization last made active; may be one the user has left since.
    pub active_organization_id: Option<OrganizationId>,
    /// Earliest time of the next profile call to Clerk; `None` while none has been tried.
    pub profile_next_try: Option<DateTime<Utc>>,
    /// When a profile call was last tried.
    pub profile_tried_at: Option<DateTime<Utc>>,
    /// How many profile calls in a row left the profile incomplete.
    pub profile_tries: i64,
    /// When the user was first seen.
    pub created_at: DateTime<Utc>,
    /// When the user was last changed.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// The best name available; never empty.
    pub(crate) fn display_name(&self) -> &str {
        display_name(self.preferred_name.as_deref(), self.name.as_deref(), self.email.as_deref())
    }

    /// The address, if it was verified.
    pub(crate) fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }

    /// Whether Clerk could still tell us something we would store.
    pub(crate) fn is_profile_incomplete(&self) -> bool {
        self.email.is_none() || self.name.is_none()
    }
}

// Rows hold names and addresses, which do not belong in logs.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("clerk_user_id", &self.clerk_user_id)
            .finish_non_exhaustive()
    }
}

/// What a source says about a person: a session token, Clerk's user object, or local mode. A value
/// that is absent says nothing.
///
/// Every place that reads, merges or stores a profile names all fields, so that the compiler lists
/// them when a field is added.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// E-mail address, trimmed and in lower case.
    pub email: Option<String>,
    /// Whether the source vouches for the address; never true without one.
    pub email_verified: bool,
    /// Display name: no outer white space, no control characters.
    pub name: Option<String>,
}

impl Profile {
    /// Whether both address and name are known, so that there is nothing left to ask Clerk for.
    pub(crate) fn is_complete(&self) -> bool {
        self.email.is_some() && self.name.is_some()
    }
}

impl fmt::Debug for Profile {
    /// Shows what is known without showing it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { email, email_verified, name } = self;
        f.debug_struct("Profile")
            .field("has_email", &email.is_some())
            .field("email_verified", email_verified)
            .field("has_name", &name.is_some())
            .finish()
    }
}

/// A group of people working together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Ours.
    pub id: OrganizationId,
    /// Clerk's, for an organization mirrored from there.
    pub clerk_organization_id: Option<String>,
    /// Display name.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// One person in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Ours.
    pub id: MembershipId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The person.
    pub user_id: UserId,
    /// What the person may do there.
    pub role: Role,
    /// When the person joined.
    pub created_at: DateTime<Utc>,
    /// When the membership was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Membership {
    /// Where the membership stands in a list: oldest first, ties by id.
    pub fn position(&self) -> Position {
        Position { created_at: self.created_at, id: self.id.0 }
    }
}

/// The place of a membership or an invitation in a list of its kind; what a cursor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When the person joined, or was invited.
    pub(crate) created_at: DateTime<Utc>,
    /// Its id, which decides between those of the same instant.
    pub(crate) id: Uuid,
}

/// An open invitation into a local organization.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Ours.
    pub id: InvitationId,
    /// Where to.
    pub organization_id: OrganizationId,
    /// For whom: the address that the person must have verified, in the form of [`User::email`].
    pub email: String,
    /// As what.
    pub role: Role,
    /// Who invited; `None` when that user is gone.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it counts no more.
    pub expires_at: DateTime<Utc>,
}

impl Invitation {
    /// Where the invitation stands in a list by time, ties by id.
    pub(crate) fn position(&self) -> Position {
        Position { created_at: self.created_at, id: self.id.0 }
    }
}

// An address does not belong in logs.
impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("id", &self.id)
            .field("organization_id", &self.organization_id)
            .finish_non_exhaustive()
    }
}

/// What a member may do in an organization, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes part in the work.
    Member,
    /// Manages members and settings.
    Admin,
    /// Full control.
    Owner,
}

impl Role {
    /// The stored spelling.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the stored spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "member" => Some(Self::Member),
            "admin" => Some(Self::Admin),
            "owner" => Some(Self::Owner),
            _ => None,
        }
    }
}

/// Whether a text has nothing to show: white space and invisible characters only, or nothing at all.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|sign| sign.is_whitespace() || is_invisible(sign))
}

/// Unicode's property `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt), and the empty Braille
/// pattern.
fn is_invisible(sign: char) -> bool {
    matches!(sign,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The best name available: preferred name, else full name, else the part of the e-mail address
/// before the `@`, else `User`.
pub(crate) fn display_name<'a>(
    preferred: Option<&'a str>,
    name: Option<&'a str>,
    email: Option<&'a str>,
) -> &'a str {
    preferred
        .or(name)
        .or_else(|| email.and_then(|email| email.split_once('@')).map(|(local, _)| local))
        .filter(|name| !name.is_empty())
        .unwrap_or("User")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_name_is_shown() {
        let cases = [
            ((Some("Al"), Some("Alex Chen"), Some("alex@example.com")), "Al"),
            ((None, Some("Alex Chen"), Some("alex@example.com")), "Alex Chen"),
            ((None, None, Some("alex@example.com")), "alex"),
            ((None, None, Some("@example.com")), "User"),
            ((None, None, None), "User"),
        ];
        for ((preferred, name, email), shown) in cases {
            assert_eq!(display_name(preferred, name, email), shown);
        }
    }

    #[test]
    fn invisible_characters_alone_are_blank() {
        for blank in
            ["", " \t", "\u{200b}", "\u{2060} \u{feff}", "\u{3164}", "\u{2800}", "\u{e0041}"]
        {
            assert!(is_blank(blank), "{blank:?}");
        }
        // A joined emoji, a name with a joiner in it, Khmer.
        for shown in ["a", "\u{200b}a", "👩\u{200d}💻", "می\u{200c}خواهم", "ខ្មែរ"]
        {
            assert!(!is_blank(shown), "{shown:?}");
        }
    }

    #[test]
    fn a_profile_is_complete_with_address_and_name() {
        let profile = |email: Option<&str>, name: Option<&str>| Profile {
            email: email.map(str::to_owned),
            email_verified: false,
            name: name.map(str::to_owned),
        };
        assert!(profile(Some("a@x.test"), Some("Ada")).is_complete());
        assert!(!profile(Some("a@x.test"), None).is_complete());
        assert!(!profile(None, Some("Ada")).is_complete());
    }

    #[test]
    fn debug_shows_neither_address_nor_name() {
        let profile = Profile {
            email: Some("ada@x.test".to_owned()),
            email_verified: true,
            name: Some("Lovelace".to_owned()),
        };
        let text = format!("{profile:?}");
        assert!(!text.contains("ada") && !text.contains("Lovelace"), "{text}");
    }

    #[test]
    fn only_canonical_text_is_an_id() {
        let id = UserId::generate();
        assert_eq!(UserId::parse(&id.to_string()), Some(id));
        for text in ["", "x", &id.0.simple().to_string(), &format!("{{{id}}}"), &format!("{id} ")] {
            assert_eq!(UserId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn roles_are_ordered_and_spelled() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Member);
        for role in [Role::Owner, Role::Admin, Role::Member] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::from_value::<Role>(role.as_str().into()).ok(), Some(role));
        }
        assert_eq!(Role::parse("OWNER"), None);
    }
}
