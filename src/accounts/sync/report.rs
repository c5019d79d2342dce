//! What a synchronisation found.

use serde::{Deserialize, Serialize};

/// Differences that are listed one by one; beyond them only their number is known.
const MAX_LISTED: usize = 1000;

/// What Clerk has and we mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A person.
    User,
    /// An organization of Clerk's.
    Organization,
    /// Somebody's place in one.
    Membership,
}

impl Kind {
    /// The word for several.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Organization => "organizations",
            Self::Membership => "memberships",
        }
    }

    /// In the order in which they are read.
    pub(crate) const ALL: [Self; 3] = [Self::User, Self::Organization, Self::Membership];
}

/// How a row differed from what Clerk says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "difference")]
pub(crate) enum Difference {
    /// There was none.
    Created,
    /// Values differed.
    Changed {
        /// Which; never what they are.
        values: Vec<String>,
    },
}

/// A row that differed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Of what kind.
    pub(crate) kind: Kind,
    /// Clerk's id.
    pub(crate) id: String,
    /// How.
    #[serde(flatten)]
    pub(crate) difference: Difference,
}

/// A row whose object is gone at Clerk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Gone {
    /// Of what kind.
    pub(crate) kind: Kind,
    /// Clerk's id.
    pub(crate) id: String,
    /// Whether the row is gone too now.
    pub(crate) is_deleted: bool,
}

/// The numbers of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Numbers {
    /// Objects that Clerk listed.
    pub(crate) seen: u64,
    /// Of these, rows that were missing.
    pub(crate) created: u64,
    /// Of these, rows with other values.
    pub(crate) changed: u64,
    /// Of these, objects that were deleted here and are kept at Clerk.
    pub(crate) deleted_here: u64,
    /// Objects that could not be read.
    pub(crate) unreadable: u64,
}

/// Everything that a synchronisation found, in all of its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// About people.
    pub(crate) users: Numbers,
    /// About organizations.
    pub(crate) organizations: Numbers,
    /// About memberships.
    pub(crate) memberships: Numbers,
    /// The rows that differed, up to a bound.
    pub(crate) differences: Vec<Found>,
    /// The rows whose object is gone at Clerk: all of them.
    pub(crate) gone: Vec<Gone>,
}

impl Report {
    /// The numbers of a kind.
    pub(crate) const fn numbers(&self, kind: Kind) -> &Numbers {
        match kind {
            Kind::User => &self.users,
            Kind::Organization => &self.organizations,
            Kind::Membership => &self.memberships,
        }
    }

    pub(super) const fn numbers_mut(&mut self, kind: Kind) -> &mut Numbers {
        match kind {
            Kind::User => &mut self.users,
            Kind::Organization => &mut self.organizations,
            Kind::Membership => &mut self.memberships,
        }
    }

    pub(super) fn note(&mut self, kind: Kind, id: &str, difference: Difference) {
        let numbers = self.numbers_mut(kind);
        match difference {
            Difference::Created => numbers.created += 1,
            Difference::Changed { .. } => numbers.changed += 1,
        }
        if self.differences.len() < MAX_LISTED {
            self.differences.push(Found { kind, id: id.to_owned(), difference });
        }
    }

    pub(super) fn note_gone(&mut self, kind: Kind, id: String) {
        if self.gone.iter().all(|gone| gone.kind != kind || gone.id != id) {
            self.gone.push(Gone { kind, id, is_deleted: false });
        }
    }

    /// How many rows differed or were missing.
    pub(crate) fn differing(&self) -> u64 {
        Kind::ALL.map(|kind| self.numbers(kind)).iter().map(|n| n.created + n.changed).sum()
    }

    /// How many rows are still there whose object is gone.
    pub(crate) fn left_over(&self) -> usize {
        self.gone.iter().filter(|gone| !gone.is_deleted).count()
    }
}
