//! Development mode: an issuer inside the process that speaks Clerk's API, with a key of its own and
//! people to sign in as. The production path runs unchanged against it, over real HTTP. Its routes are
//! mounted by `http`, which this module does not know.

mod issuer;
mod key;
mod people;
mod routes;

use std::{path::Path, sync::Arc};

use anyhow::Context;

pub(crate) use issuer::{Issuer, Minting};
pub(crate) use people::{People, Person};
pub(crate) use routes::{refuse_foreign, routes};

use crate::{
    accounts::Accounts,
    clerk::event::{ClerkMembership, ClerkOrganization},
    clock::Clock,
    private_files,
};

/// The folder of the database, the key and the people of development mode.
pub(crate) const DATA_DIRECTORY: &str = "data";

/// The development issuer with its people.
pub(crate) struct Development {
    /// Mints and publishes.
    pub(crate) issuer: Issuer,
    /// Who there is to sign in as.
    pub(crate) people: People,
    /// What a request to the issuer must carry in `Authorization`, as Clerk demands it.
    pub(crate) secret_key: secrecy::SecretString,
}

impl Development {
    /// Loads the key and the people from `directory`, making them on the first start.
    pub(crate) fn open(
        directory: &Path,
        issuer: String,
        secret_key: secrecy::SecretString,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        private_files::create_directory(directory)
            .with_context(|| format!("the directory {} cannot be made", directory.display()))?;
        let key = key::load_or_create(&directory.join("development-key.pem"))?;
        Ok(Self {
            issuer: Issuer::new(key, issuer, clock),
            people: People::open(directory.join("development-people.json"))?,
            secret_key,
        })
    }

    /// Mirrors the organizations that people are members of at the issuer, as Clerk's events would.
    pub(crate) async fn mirror(&self, accounts: &Accounts) -> anyhow::Result<()> {
        for person in People::all() {
            let Some(organization) = &person.organization else { continue };
            let clerk_user_id = self.people.clerk_user_id(person);
            let membership_id = format!("orgmem_dev_{clerk_user_id}");
            accounts
                .apply_membership(&ClerkMembership {
                    clerk_id: membership_id,
                    organization: ClerkOrganization {
                        clerk_id: organization.clerk_id.to_owned(),
                        name: Some(organization.name.to_owned()),
                        created_by: None,
                        updated_at: Some(people::CREATED_AT),
                    },
                    user_id: clerk_user_id,
                    role: Some(organization.role.to_owned()),
                    updated_at: Some(people::CREATED_AT),
                })
                .await?;
        }
        Ok(())
    }
}
