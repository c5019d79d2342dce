//! The register in its file: what the server and the commands of development mode ask it.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::{
    register::{ActiveOrganization, Membership, Person, Register},
    stored::Stored,
};

/// The people who exist at the development issuer, with their organizations.
pub(crate) struct People {
    stored: Stored<Register>,
}

impl People {
    /// The people that are kept in `file`. Without the file there are those of the start.
    pub(crate) fn open(file: PathBuf) -> anyhow::Result<Self> {
        Ok(Self { stored: Stored::open(file)? })
    }

    /// The present state.
    pub(crate) fn read(&self) -> anyhow::Result<Register> {
        self.stored.read()
    }

    /// Changes the state and keeps it.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Register) -> R) -> anyhow::Result<R> {
        self.stored.change(change)
    }

    /// Finds a person by handle.
    pub(crate) fn find(&self, handle: &str) -> anyhow::Result<Option<Person>> {
        Ok(self.read()?.find(handle).cloned())
    }

    /// Deletes a person, and answers the memberships that go with them. `None` when nobody has this id.
    pub(crate) fn delete(
        &self,
        clerk_id: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Option<Vec<Membership>>> {
        self.change(|register| register.delete_person(clerk_id, now))
    }

    /// The organization to name in a person's token: the one wanted, else the one they worked in last.
    /// One that is wanted and does not exist is invented, so that foreign tokens can be tried.
    pub(crate) fn active_organization(
        &self,
        person: &Person,
        wanted: Option<&str>,
    ) -> anyhow::Result<Option<ActiveOrganization>> {
        let register = self.read()?;
        let Some(slug) = wanted else {
            let last = person.organization.as_deref();
            return Ok(last.and_then(|last| register.active_organization(person, last)));
        };
        let invented = || ActiveOrganization {
            id: format!("org_dev_{slug}"),
            slug: slug.to_owned(),
            role: super::register::MEMBER.to_owned(),
        };
        Ok(Some(register.active_organization(person, slug).unwrap_or_else(invented)))
    }
}
