//! The people who exist at the development issuer. A person who is deleted there exists again at once
//! under a new id, as a person who registers anew would.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// When the people and their organizations came to be.
pub(crate) const CREATED_AT: DateTime<Utc> =
    DateTime::from_timestamp_nanos(1_767_225_600_000_000_000);

/// A person to sign in as.
#[derive(Debug)]
pub(crate) struct Person {
    /// What to call them on the command line.
    pub(crate) handle: &'static str,
    /// First name.
    pub(crate) first_name: &'static str,
    /// Last name.
    pub(crate) last_name: &'static str,
    /// Verified e-mail address.
    pub(crate) email: Option<&'static str>,
    /// The organization that is active in their sessions.
    pub(crate) organization: Option<PersonOrganization>,
}

/// An organization at the development issuer.
#[derive(Debug)]
pub(crate) struct PersonOrganization {
    /// Its id there.
    pub(crate) clerk_id: &'static str,
    /// Its slug there.
    pub(crate) slug: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// What the person is there, without the prefix `org:`.
    pub(crate) role: &'static str,
}

static PEOPLE: [Person; 3] = [
    Person {
        handle: "ada",
        first_name: "Ada",
        last_name: "Lovelace",
        email: Some("ada@example.com"),
        organization: None,
    },
    Person {
        handle: "grace",
        first_name: "Grace",
        last_name: "Hopper",
        email: Some("grace@example.com"),
        organization: Some(PersonOrganization {
            clerk_id: "org_dev_acme",
            slug: "acme",
            name: "Acme",
            role: "admin",
        }),
    },
    Person {
        handle: "alan",
        first_name: "Alan",
        last_name: "Turing",
        email: None,
        organization: None,
    },
];

/// The people and how often each has been deleted, which is kept in a file: the server and the
/// commands that act for it are different processes.
pub(crate) struct People {
    file: PathBuf,
}

impl People {
    /// The people whose deletions are kept in `file`. Without the file no person counts as deleted.
    pub(crate) fn open(file: PathBuf) -> anyhow::Result<Self> {
        let people = Self { file };
        people.deletions()?;
        Ok(people)
    }

    fn deletions(&self) -> anyhow::Result<BTreeMap<String, u32>> {
        let file = &self.file;
        match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| {
                format!("{} cannot be read; delete it to start over", file.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// All people.
    pub(crate) const fn all() -> &'static [Person] {
        &PEOPLE
    }

    /// Finds a person by handle.
    pub(crate) fn find(handle: &str) -> Option<&'static Person> {
        Self::all().iter().find(|person| person.handle == handle)
    }

    /// The person's present id.
    pub(crate) fn clerk_user_id(&self, person: &Person) -> String {
        // The file was readable at the start. If it no longer is, nobody counts as deleted.
        match self.deletions().unwrap_or_default().get(person.handle) {
            None | Some(0) => format!("user_dev_{}", person.handle),
            Some(times) => format!("user_dev_{}_{}", person.handle, times + 1),
        }
    }

    /// Finds a person by present id.
    pub(crate) fn find_by_clerk_id(&self, clerk_user_id: &str) -> Option<&'static Person> {
        Self::all().iter().find(|person| self.clerk_user_id(person) == clerk_user_id)
    }

    /// Deletes a person; from then on they have another id. `false` when no person has this one.
    pub(crate) fn delete(&self, clerk_user_id: &str) -> anyhow::Result<bool> {
        let Some(person) = self.find_by_clerk_id(clerk_user_id) else { return Ok(false) };
        let mut deletions = self.deletions()?;
        *deletions.entry(person.handle.to_owned()).or_default() += 1;
        // Whole or not at all.
        let draft = self.file.with_extension("draft");
        fs::write(&draft, serde_json::to_vec(&deletions)?)?;
        fs::rename(&draft, &self.file)?;
        Ok(true)
    }

    /// The person as a user object of Clerk's Backend API.
    pub(crate) fn user_object(&self, person: &Person) -> Value {
        let id = self.clerk_user_id(person);
        let addresses: Vec<Value> = person
            .email
            .iter()
            .map(|email| {
                json!({
                    "id": format!("idn_dev_{}", person.handle),
                    "object": "email_address",
                    "email_address": email,
                    "verification": { "status": "verified", "strategy": "email_code" },
                    "linked_to": [],
                })
            })
            .collect();
        json!({
            "id": id,
            "object": "user",
            "username": null,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "primary_email_address_id": person.email.map(|_| format!("idn_dev_{}", person.handle)),
            "email_addresses": addresses,
            "banned": false,
            "locked": false,
            "created_at": CREATED_AT.timestamp_millis(),
            "updated_at": CREATED_AT.timestamp_millis(),
        })
    }
}
