//! Development mode: a stand-in for Clerk inside the process, with a key of its own and people to sign in
//! as. It speaks the parts of Clerk's Backend API that servers use (`backend`) and of its Frontend API
//! that Clerk's own browser SDK uses (`frontend`), and tells the server of changes as Clerk does, in
//! signed webhooks. The production path runs unchanged against it, over real HTTP. Its routes are mounted
//! by `http`, which this module does not know.

mod backend;
mod changes;
mod clients;
mod errors;
mod frontend;
mod issuer;
mod key;
mod objects;
mod people;
mod publishable;
mod register;
mod routes;
mod stored;
mod webhooks;

use std::{path::Path, sync::Arc};

use anyhow::Context;
use chrono::{DateTime, TimeDelta};

pub(crate) use clients::new_id;
pub(crate) use issuer::{Issuer, Minting};
pub(crate) use objects::UserObject;
pub(crate) use people::People;
pub(crate) use publishable::FrontEnd;
pub(crate) use register::Person;
pub(crate) use routes::{refuse_foreign, routes};
pub(crate) use webhooks::Webhooks;

use self::{clients::Clients, stored::Stored};
use crate::{
    accounts::Accounts,
    clerk::{
        event::{ClerkMembership, ClerkOrganization},
        webhook::WebhookSecrets,
    },
    clock::Clock,
    config::ClerkSettings,
    private_files,
};

/// The folder of the database, the key and the people of development mode.
pub(crate) const DATA_DIRECTORY: &str = "data";

/// How long a session token lives: as long as Clerk's.
pub(crate) const TOKEN_TTL: TimeDelta = TimeDelta::seconds(60);

/// Where the server takes Clerk's webhooks.
const WEBHOOK_PATH: &str = "/api/v1/webhooks/clerk";

/// The development issuer with its people.
pub(crate) struct Development {
    /// Mints and publishes.
    pub(crate) issuer: Issuer,
    /// Who there is to sign in as.
    pub(crate) people: People,
    /// The browsers that signed in.
    pub(crate) clients: Stored<Clients>,
    /// Tells the server of changes.
    pub(crate) webhooks: Webhooks,
    /// What a front end needs to know.
    pub(crate) front_end: FrontEnd,
    /// What a request to the issuer must carry in `Authorization`, as Clerk demands it.
    pub(crate) secret_key: secrecy::SecretString,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Development {
    /// Loads the key and the people from `directory`, making them on the first start. `clerk` are the
    /// settings of development mode.
    pub(crate) fn open(
        directory: &Path,
        clerk: &ClerkSettings,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let issuer = clerk.expectations.issuers.first().context("there is no issuer")?;
        let secret_key = clerk.secret_key.clone().context("there is no secret key")?;
        let secret = clerk.webhook_secrets.as_ref().and_then(WebhookSecrets::first);
        let secret = secret.context("there is no webhook secret")?.clone();
        private_files::create_directory(directory)
            .with_context(|| format!("the directory {} cannot be made", directory.display()))?;
        let key = key::load_or_create(&directory.join("development-key.pem"))?;
        let webhook_url = url::Url::parse(issuer)?.join(WEBHOOK_PATH)?.to_string();
        Ok(Self {
            issuer: Issuer::new(key, issuer.clone(), clock.clone()),
            people: People::open(directory.join("development-people.json"))?,
            clients: Stored::open(directory.join("development-sessions.json"))?,
            webhooks: Webhooks::new(webhook_url, secret, clock.clone())?,
            front_end: FrontEnd::new(clerk)?,
            secret_key,
            clock,
        })
    }

    /// Mirrors the organizations that people are members of at the issuer, as Clerk's events would.
    pub(crate) async fn mirror(&self, accounts: &Accounts) -> anyhow::Result<()> {
        let register = self.people.read()?;
        for membership in &register.memberships {
            let organization = register.organization(&membership.organization_id);
            let Some(organization) = organization else { continue };
            accounts
                .apply_membership(&ClerkMembership {
                    clerk_id: membership.clerk_id.clone(),
                    organization: ClerkOrganization {
                        clerk_id: organization.clerk_id.clone(),
                        name: Some(organization.name.clone()),
                        created_by: organization.created_by.clone(),
                        updated_at: DateTime::from_timestamp_millis(organization.updated_at),
                    },
                    user_id: membership.user_id.clone(),
                    role: Some(membership.role.clone()),
                    updated_at: DateTime::from_timestamp_millis(membership.updated_at),
                })
                .await?;
        }
        Ok(())
    }
}
