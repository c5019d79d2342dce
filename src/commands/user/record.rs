//! `user show` and `user export`: what is stored about one person.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::subject::{Subject, find, open};
use crate::{
    commands::output::{STRONG, harmless, paint, print_json, print_painted, time},
    model::{Invitation, OrganizationId},
    store::{
        Store, StoreError, invitations,
        memberships::{self, ListOf, Slice, VisibleMembership},
        tombstones::{self, Tombstone, TombstoneKind},
        users::{self, UserEntry, Who},
    },
};

/// Memberships that are read at once.
const PAGE: i64 = 500;

/// Everything stored about one person.
struct Record {
    entry: UserEntry,
    memberships: Vec<std::sync::Arc<VisibleMembership>>,
    active_organization: Option<OrganizationId>,
    invitations: Vec<Invitation>,
    tombstone: Option<Tombstone>,
    deletion: Option<users::DeletionMark>,
}

async fn read(store: &Store, entry: UserEntry) -> Result<Record, StoreError> {
    let id = entry.user.id;
    let mut reader = store.read().await?;
    let mut all = Vec::new();
    let mut slice = Slice::first(PAGE);
    loop {
        let lists = [ListOf::User(id)];
        let mut page = memberships::load_slices(reader.conn(), id, &lists, slice).await?;
        page.sort_by_key(|row| row.membership.position());
        let Some(last) = page.last() else { break };
        slice = Slice::behind(last.membership.position(), PAGE);
        all.append(&mut page);
    }
    let active = users::load_active_organizations(reader.conn(), &[id]).await?;
    let email = entry.user.email.as_deref();
    let invitations = invitations::list_invitations_about(reader.conn(), id, email).await?;
    let clerk_id = &entry.user.clerk_user_id;
    let tombstone =
        tombstones::find_tombstone(reader.conn(), TombstoneKind::User, clerk_id).await?;
    let deletion = users::find_deletion_mark(reader.conn(), id).await?;
    Ok(Record {
        entry,
        memberships: all,
        active_organization: active.first().map(|(_, organization)| *organization),
        invitations,
        tombstone,
        deletion,
    })
}

/// Reads the record, or says that the person was deleted.
async fn record(subject: &Subject) -> anyhow::Result<Record> {
    let store = open().await?;
    let entry = match find(&store, &subject.who).await {
        Ok(entry) => entry,
        Err(missing) => {
            if let Who::ClerkId(clerk_id) = &subject.who {
                let mut reader = store.read().await?;
                let kind = TombstoneKind::User;
                if let Some(tombstone) =
                    tombstones::find_tombstone(reader.conn(), kind, clerk_id).await?
                {
                    bail!("{missing:#}: {}", describe(tombstone));
                }
            }
            return Err(missing);
        }
    };
    let record = read(&store, entry).await?;
    store.close().await;
    Ok(record)
}

fn describe(tombstone: Tombstone) -> String {
    let what = if tombstone.is_permanent {
        "here and at Clerk, for ever"
    } else {
        "here and kept at Clerk; a later sign-in starts an empty account"
    };
    format!("deleted at {} {what}", time(tombstone.deleted_at))
}

pub(super) async fn show(subject: &Subject) -> anyhow::Result<ExitCode> {
    let record = record(subject).await?;
    if subject.json {
        print_json(&everything(&record))?;
        return Ok(ExitCode::SUCCESS);
    }
    let UserEntry { user, .. } = &record.entry;
    let text = |value: &Option<String>| harmless(value.as_deref().unwrap_or("-")).into_owned();
    let email = match (&user.email, user.email_verified) {
        (None, _) => "-".to_owned(),
        (Some(email), true) => format!("{} (verified)", harmless(email)),
        (Some(email), false) => format!("{} (not verified)", harmless(email)),
    };
    let marks = marks(&record.entry);
    let mut lines = vec![
        ("id", user.id.to_string()),
        ("Clerk id", harmless(&user.clerk_user_id).into_owned()),
        ("e-mail", email),
        ("name", text(&user.name)),
        ("preferred name", text(&user.preferred_name)),
        ("time zone", text(&user.timezone)),
        ("state", if marks.is_empty() { "ordinary".to_owned() } else { marks.join(", ") }),
        ("created", time(user.created_at)),
        ("updated", time(user.updated_at)),
        ("as of, at Clerk", record.entry.clerk_updated_at.map_or("-".to_owned(), time)),
    ];
    if let Some(tombstone) = record.tombstone {
        lines.push(("earlier account", describe(tombstone)));
    }
    let mut shown = String::new();
    for (name, value) in lines {
        let _ = writeln!(shown, "{name:<17}{value}");
    }
    shown += &paint(STRONG, "memberships\n");
    for row in &record.memberships {
        let organization = &row.organization.organization;
        let is_active = record.active_organization == Some(organization.id);
        let _ = writeln!(
            shown,
            "  {:<7}{}  {} ({}){}",
            row.membership.role.as_str(),
            organization.id,
            harmless(&organization.name),
            organization.clerk_organization_id.as_deref().unwrap_or("local"),
            if is_active { ", active" } else { "" },
        );
    }
    print_painted(&shown)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn export(subject: &Subject) -> anyhow::Result<ExitCode> {
    print_json(&everything(&record(subject).await?))?;
    Ok(ExitCode::SUCCESS)
}

/// A user in a list, for programs.
pub(super) fn summary(entry: &UserEntry) -> Value {
    let user = &entry.user;
    json!({
        "id": user.id, "clerkUserId": user.clerk_user_id, "email": user.email,
        "emailVerified": user.email_verified, "name": user.name,
        "isSuperAdmin": user.is_super_admin, "banned": entry.banned,
        "isBeingDeleted": entry.deletion_marked_at.is_some(),
        "createdAt": time(user.created_at), "updatedAt": time(user.updated_at),
    })
}

fn optional(value: Option<DateTime<Utc>>) -> Value {
    value.map_or(Value::Null, |value| time(value).into())
}

/// Every column of every row about a person, under the names that the API uses where it has one.
fn everything(record: &Record) -> Value {
    let user = &record.entry.user;
    let memberships: Vec<_> = record
        .memberships
        .iter()
        .map(|row| {
            let organization = &row.organization.organization;
            json!({
                "id": row.membership.id, "role": row.membership.role.as_str(),
                "createdAt": time(row.membership.created_at),
                "updatedAt": time(row.membership.updated_at),
                "organization": {
                    "id": organization.id, "name": organization.name,
                    "clerkOrganizationId": organization.clerk_organization_id,
                },
            })
        })
        .collect();
    // Of those that the person made, the address is that of somebody else.
    let invitations: Vec<_> = record
        .invitations
        .iter()
        .map(|invitation| {
            json!({
                "id": invitation.id, "organizationId": invitation.organization_id,
                "email": invitation.email, "role": invitation.role.as_str(),
                "isOwn": invitation.created_by == Some(user.id),
                "createdAt": time(invitation.created_at), "expiresAt": time(invitation.expires_at),
            })
        })
        .collect();
    let tombstone = record.tombstone.map(|tombstone| {
        json!({ "deletedAt": time(tombstone.deleted_at), "isPermanent": tombstone.is_permanent })
    });
    let deletion = record.deletion.as_ref().map(|mark| {
        json!({
            "attempt": mark.attempt, "markedAt": time(mark.marked_at),
            "deleteFromClerk": mark.from_clerk, "sessions": mark.sessions,
        })
    });
    json!({
        "id": user.id, "clerkUserId": user.clerk_user_id,
        "email": user.email, "emailVerified": user.email_verified,
        "emailAsOf": optional(user.email_as_of),
        "name": user.name, "preferredName": user.preferred_name, "pronouns": user.pronouns,
        "timezone": user.timezone, "notes": user.notes, "context": user.context,
        "isSuperAdmin": user.is_super_admin, "banned": record.entry.banned,
        "activeOrganizationId": record.active_organization,
        "storedActiveOrganizationId": user.active_organization_id,
        "clerkUpdatedAt": optional(record.entry.clerk_updated_at),
        "profileTriedAt": optional(user.profile_tried_at),
        "profileNextTry": optional(user.profile_next_try),
        "profileTries": user.profile_tries,
        "createdAt": time(user.created_at), "updatedAt": time(user.updated_at),
        "memberships": memberships, "invitations": invitations, "earlierDeletion": tombstone, "deletionUnderWay": deletion,
    })
}

/// What is out of the ordinary about a user.
pub(super) fn marks(entry: &UserEntry) -> Vec<&'static str> {
    let all = [
        (entry.user.is_super_admin, "super admin"),
        (entry.banned, "banned"),
        (entry.deletion_marked_at.is_some(), "being deleted"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name).collect()
}
