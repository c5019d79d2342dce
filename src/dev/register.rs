//! Who and what exists at the development issuer: people, organizations, memberships. Knows neither
//! sessions nor HTTP. A person who was there from the start and is deleted exists again at once under a
//! new id, as a person who registers anew would.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// When the people of the start and their organizations came to be, in milliseconds.
const BEGINNING: i64 = 1_767_225_600_000;

/// The role of whoever manages an organization.
pub(crate) const ADMIN: &str = "admin";
/// Everybody else's.
pub(crate) const MEMBER: &str = "member";

/// A person to sign in as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// What to call them on the command line: a short name, or the e-mail address they signed up with.
    pub(crate) handle: String,
    /// `user_…`
    pub(crate) clerk_id: String,
    /// First name.
    pub(crate) first_name: Option<String>,
    /// Last name.
    pub(crate) last_name: Option<String>,
    /// Verified e-mail address.
    pub(crate) email: Option<String>,
    /// Verified telephone number.
    pub(crate) phone: Option<String>,
    /// The organization they worked in last, which a new session begins with.
    pub(crate) organization: Option<String>,
    /// Milliseconds.
    pub(crate) created_at: i64,
    /// Milliseconds.
    pub(crate) updated_at: i64,
    /// How many people of this handle were deleted before.
    pub(crate) predecessors: u32,
}

impl Person {
    /// First and last name, as far as there are any.
    pub(crate) fn full_name(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Organization {
    /// `org_…`
    pub(crate) clerk_id: String,
    /// Its short name in addresses.
    pub(crate) slug: String,
    /// Its name.
    pub(crate) name: String,
    /// Who made it.
    pub(crate) created_by: Option<String>,
    /// Milliseconds.
    pub(crate) created_at: i64,
    /// Milliseconds.
    pub(crate) updated_at: i64,
}

/// One person's membership in one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// `orgmem_…`
    pub(crate) clerk_id: String,
    /// `org_…`
    pub(crate) organization_id: String,
    /// `user_…`
    pub(crate) user_id: String,
    /// Without the prefix `org:`.
    pub(crate) role: String,
    /// Milliseconds.
    pub(crate) created_at: i64,
    /// Milliseconds.
    pub(crate) updated_at: i64,
}

/// An organization as a token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActiveOrganization {
    /// `org_…`
    pub(crate) id: String,
    /// Its slug.
    pub(crate) slug: String,
    /// What the person is there, without the prefix `org:`.
    pub(crate) role: String,
}

/// What a new person says about themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewPerson {
    /// First name.
    pub(crate) first_name: Option<String>,
    /// Last name.
    pub(crate) last_name: Option<String>,
    /// E-mail address, in lower case.
    pub(crate) email: String,
}

/// Everybody and everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Register {
    /// In the order in which they came.
    pub(crate) people: Vec<Person>,
    /// In the order in which they were made.
    pub(crate) organizations: Vec<Organization>,
    /// In the order in which they were made.
    pub(crate) memberships: Vec<Membership>,
}

impl Default for Register {
    /// The state of the start: ada, grace in an organization, alan without an e-mail address.
    fn default() -> Self {
        let mut register = Self {
            people: Vec::new(),
            organizations: vec![Organization {
                clerk_id: "org_dev_acme".to_owned(),
                slug: "acme".to_owned(),
                name: "Acme".to_owned(),
                created_by: None,
                created_at: BEGINNING,
                updated_at: BEGINNING,
            }],
            memberships: Vec::new(),
        };
        for seed in &SEEDS {
            register.plant(seed, 0, BEGINNING);
        }
        register
    }
}

/// Somebody who is there from the start.
struct Seed {
    handle: &'static str,
    first_name: &'static str,
    last_name: &'static str,
    email: Option<&'static str>,
    phone: Option<&'static str>,
    is_in_acme: bool,
}

/// Telephone numbers that belong to nobody (North American Numbering Plan, 555-01XX), which are also
/// those that Clerk's test mode takes.
static SEEDS: [Seed; 3] = [
    Seed {
        handle: "ada",
        first_name: "Ada",
        last_name: "Lovelace",
        email: Some("ada@example.com"),
        phone: None,
        is_in_acme: false,
    },
    Seed {
        handle: "grace",
        first_name: "Grace",
        last_name: "Hopper",
        email: Some("grace@example.com"),
        phone: None,
        is_in_acme: true,
    },
    Seed {
        handle: "alan",
        first_name: "Alan",
        last_name: "Turing",
        email: None,
        phone: Some("+12015550100"),
        is_in_acme: false,
    },
];

impl Register {
    fn plant(&mut self, seed: &Seed, predecessors: u32, now: i64) {
        let clerk_id = match predecessors {
            0 => format!("user_dev_{}", seed.handle),
            deleted => format!("user_dev_{}_{}", seed.handle, deleted + 1),
        };
        if seed.is_in_acme {
            self.memberships.push(Membership {
                clerk_id: format!("orgmem_dev_{clerk_id}"),
                organization_id: "org_dev_acme".to_owned(),
                user_id: clerk_id.clone(),
                role: ADMIN.to_owned(),
                created_at: now,
                updated_at: now,
            });
        }
        self.people.push(Person {
            handle: seed.handle.to_owned(),
            clerk_id,
            first_name: Some(seed.first_name.to_owned()),
            last_name: Some(seed.last_name.to_owned()),
            email: seed.email.map(str::to_owned),
            phone: seed.phone.map(str::to_owned),
            organization: seed.is_in_acme.then(|| "org_dev_acme".to_owned()),
            created_at: now,
            updated_at: now,
            predecessors,
        });
    }

    /// Finds a person by handle.
    pub(crate) fn find(&self, handle: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.handle == handle)
    }

    /// Finds a person by id.
    pub(crate) fn person(&self, clerk_id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.clerk_id == clerk_id)
    }

    /// Finds a person by what people type to sign in: e-mail address or telephone number.
    pub(crate) fn find_by_identifier(&self, identifier: &str) -> Option<&Person> {
        let wanted = identifier.trim().to_lowercase();
        let matches = |known: &Option<String>| known.as_deref() == Some(wanted.as_str());
        self.people.iter().find(|person| matches(&person.email) || matches(&person.phone))
    }

    /// Adds a person.
    pub(crate) fn sign_up(&mut self, new: NewPerson, now: DateTime<Utc>) -> Person {
        let now = now.timestamp_millis();
        let person = Person {
            handle: new.email.clone(),
            clerk_id: format!("user_dev_{}", Uuid::new_v4().simple()),
            first_name: new.first_name,
            last_name: new.last_name,
            email: Some(new.email),
            phone: None,
            organization: None,
            created_at: now,
            updated_at: now,
            predecessors: 0,
        };
        self.people.push(person.clone());
        person
    }

    /// Changes a person, and says so in `updated_at`.
    pub(crate) fn change_person(
        &mut self,
        clerk_id: &str,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Person),
    ) -> Option<Person> {
        let person = self.people.iter_mut().find(|person| person.clerk_id == clerk_id)?;
        change(person);
        person.updated_at = now.timestamp_millis().max(person.updated_at + 1);
        Some(person.clone())
    }

    /// Deletes a person with their memberships, and answers those. `None` when nobody has this id.
    pub(crate) fn delete_person(
        &mut self,
        clerk_id: &str,
        now: DateTime<Utc>,
    ) -> Option<Vec<Membership>> {
        let at = self.people.iter().position(|person| person.clerk_id == clerk_id)?;
        let person = self.people.remove(at);
        let (gone, kept) =
            self.memberships.drain(..).partition(|membership| membership.user_id == clerk_id);
        self.memberships = kept;
        if let Some(seed) = SEEDS.iter().find(|seed| seed.handle == person.handle) {
            self.plant(seed, person.predecessors + 1, now.timestamp_millis());
        }
        Some(gone)
    }

    /// Finds an organization by id or slug.
    pub(crate) fn organization(&self, id_or_slug: &str) -> Option<&Organization> {
        self.organizations
            .iter()
            .find(|known| known.clerk_id == id_or_slug || known.slug == id_or_slug)
    }

    /// A person's membership in an organization.
    pub(crate) fn membership(&self, organization_id: &str, user_id: &str) -> Option<&Membership> {
        self.memberships
            .iter()
            .find(|known| known.organization_id == organization_id && known.user_id == user_id)
    }

    /// The organization to name in a person's token, by its id or slug. An organization that does not
    /// exist, or that they are not in, is nothing.
    pub(crate) fn active_organization(
        &self,
        person: &Person,
        id_or_slug: &str,
    ) -> Option<ActiveOrganization> {
        let organization = self.organization(id_or_slug)?;
        let membership = self.membership(&organization.clerk_id, &person.clerk_id)?;
        Some(ActiveOrganization {
            id: organization.clerk_id.clone(),
            slug: organization.slug.clone(),
            role: membership.role.clone(),
        })
    }
}
