//! `webhook send`: a signed sample event for the local development server, as Clerk would send it.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::print;
use crate::{
    app::open_development,
    clock::{Clock, SystemClock},
    config::{Environment, Settings},
    dev::{Person, UserObject},
};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Sign and post a sample event to the server that `dev` runs
    Send {
        /// For example user.updated or session.revoked
        event: String,
        /// Whom it is about: ada, grace, alan, or the e-mail address of somebody who signed up
        #[arg(long, value_name = "NAME", default_value = "ada")]
        user: String,
        /// The session a session event is about: the `sid` of a token
        #[arg(long, value_name = "ID", default_value = "sess_dev_sample")]
        session: String,
    },
}

/// Every event that the server acts on.
const EVENTS: [&str; 12] = [
    "user.created",
    "user.updated",
    "user.deleted",
    "organization.created",
    "organization.updated",
    "organization.deleted",
    "organizationMembership.created",
    "organizationMembership.updated",
    "organizationMembership.deleted",
    "session.ended",
    "session.removed",
    "session.revoked",
];

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Action::Send { event, user, session } = &arguments.action;
    if !EVENTS.contains(&event.as_str()) {
        bail!("there is no sample of {event:?}; there are {}", EVENTS.join(", "));
    }
    let (settings, _) = Settings::development(&Environment::process_only())?;
    let clerk = settings.auth.clerk().context("development mode has no Clerk settings")?;
    let development = open_development(clerk, Arc::new(SystemClock))?;
    let register = development.people.read()?;
    let person = register.find(user).with_context(|| format!("there is no person {user:?}"))?;
    let now = SystemClock.now();
    let object = UserObject::new(person, &register, &development.front_end.url);
    let data = sample(event, person, &object, session, now.timestamp_millis())?;
    let status = development.webhooks.deliver(event, &data).await?;
    if event == "user.deleted" {
        // As at Clerk: whoever registers anew has another id.
        development.people.delete(&person.clerk_id, now)?;
    }
    print(&format!("{event} for {}: {status}\n", person.clerk_id))
}

fn sample(
    event: &str,
    person: &Person,
    object: &UserObject,
    session: &str,
    now: i64,
) -> anyhow::Result<Value> {
    let user_id = &person.clerk_id;
    let organization = json!({
        "id": "org_dev_acme", "object": "organization", "name": "Acme", "slug": "acme",
        "created_by": null, "created_at": now, "updated_at": now,
    });
    let Some((kind, what)) = event.split_once('.') else { return Ok(Value::Null) };
    Ok(match (kind, what) {
        ("user", "deleted") => json!({ "id": user_id, "object": "user", "deleted": true }),
        ("user", _) => {
            let mut user = serde_json::to_value(object)?;
            if let Some(members) = user.as_object_mut() {
                members.insert("updated_at".to_owned(), now.into());
            }
            user
        }
        ("organization", "deleted") => {
            json!({ "id": "org_dev_acme", "object": "organization", "deleted": true })
        }
        ("organization", _) => organization,
        ("organizationMembership", _) => json!({
            "id": format!("orgmem_dev_{user_id}"), "object": "organization_membership",
            "role": "org:member", "organization": organization,
            "public_user_data": { "user_id": user_id, "identifier": person.email },
            "created_at": now, "updated_at": now,
        }),
        _ => json!({
            "id": session, "object": "session", "user_id": user_id, "status": what,
            "created_at": now, "updated_at": now,
        }),
    })
}
