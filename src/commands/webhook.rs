//! `webhook send`: a signed sample event for the local development server, as Clerk would send it.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::print;
use crate::{
    app::open_development,
    clerk::webhook::{WebhookSecrets, sign},
    clock::{Clock, SystemClock},
    config::{Environment, Settings},
    dev::{People, Person},
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
        /// Whom it is about: ada, grace or alan
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
    let people = open_development(clerk, Arc::new(SystemClock))?.people;
    let person = People::find(user).with_context(|| format!("there is no person {user:?}"))?;
    let now = SystemClock.now();
    let clerk_user_id = people.clerk_user_id(person);
    let data = sample(event, &people, person, session, now.timestamp_millis());
    let body = json!({
        "type": event, "object": "event", "data": data, "timestamp": now.timestamp_millis(),
        "instance_id": "ins_development",
        "event_attributes": { "http_request": { "client_ip": "127.0.0.1", "user_agent": "" } },
    })
    .to_string();
    let secrets = clerk.webhook_secrets.as_ref();
    let secret = secrets.and_then(WebhookSecrets::first);
    let secret = secret.context("development mode has no webhook secret")?;
    let id = format!("msg_dev_{}", Uuid::new_v4().simple());
    let url = format!("http://{}/api/v1/webhooks/clerk", settings.server.address());
    let reply = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(&url)
        .header("svix-id", &id)
        .header("svix-timestamp", now.timestamp())
        .header("svix-signature", sign(secret, &id, now.timestamp(), body.as_bytes()))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .with_context(|| format!("nobody answers at {url}; start `mission-control dev` first"))?;
    let status = reply.status();
    if !status.is_success() {
        bail!("{url} answered {status}: {}", reply.text().await.unwrap_or_default());
    }
    if event == "user.deleted" {
        // As at Clerk: whoever registers anew has another id.
        people.delete(&clerk_user_id)?;
    }
    print(&format!("{event} for {clerk_user_id}: {status}\n"))
}

fn sample(event: &str, people: &People, person: &Person, session: &str, now: i64) -> Value {
    let user_id = people.clerk_user_id(person);
    let organization = json!({
        "id": "org_dev_acme", "object": "organization", "name": "Acme", "slug": "acme",
        "created_by": null, "created_at": now, "updated_at": now,
    });
    let Some((object, what)) = event.split_once('.') else { return Value::Null };
    match (object, what) {
        ("user", "deleted") => json!({ "id": user_id, "object": "user", "deleted": true }),
        ("user", _) => {
            let mut user = people.user_object(person);
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
    }
}
