//! What people do in local organizations, in between and at the same time as Clerk's events: steps for the histories
//! of [`any_order`](super::any_order), and what holds after any of them.

use std::{collections::HashMap, sync::Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{TestApp, TestDatabase, Token};

/// Something that a person does, or tries to.
#[derive(Debug, Clone)]
pub enum Deed {
    Found,
    Invite { team: usize, email: u8, role: u8 },
    Accept { invitation: usize },
    Revoke { invitation: usize },
    SetRole { team: usize, member: usize, role: u8 },
    Remove { team: usize, member: usize },
    Leave { team: usize },
    Delete { team: usize },
    Work { team: usize },
    Bootstrap,
}

/// What people have in hand: ids of organizations, invitations with their tokens, and how often each was accepted.
#[derive(Default)]
pub struct Team {
    organizations: Mutex<Vec<String>>,
    invitations: Mutex<Vec<(String, String)>>,
    accepted: Mutex<HashMap<String, usize>>,
}

const ROLES: [&str; 3] = ["MEMBER", "ADMIN", "OWNER"];

pub fn deed() -> impl Strategy<Value = Deed> {
    let (team, nth, role) = (0..3_usize, 0..4_usize, 0..3_u8);
    prop_oneof![
        3 => Just(Deed::Found),
        5 => (team.clone(), 0..3_u8, role.clone())
            .prop_map(|(team, email, role)| Deed::Invite { team, email, role }),
        6 => nth.clone().prop_map(|invitation| Deed::Accept { invitation }),
        1 => nth.clone().prop_map(|invitation| Deed::Revoke { invitation }),
        3 => (team.clone(), nth.clone(), role)
            .prop_map(|(team, member, role)| Deed::SetRole { team, member, role }),
        2 => (team.clone(), nth).prop_map(|(team, member)| Deed::Remove { team, member }),
        2 => team.clone().prop_map(|team| Deed::Leave { team }),
        1 => team.clone().prop_map(|team| Deed::Delete { team }),
        1 => team.prop_map(|team| Deed::Work { team }),
        1 => Just(Deed::Bootstrap),
    ]
}

/// One of a list, whatever the number.
fn pick<T: Clone>(list: &Mutex<Vec<T>>, number: usize) -> Option<T> {
    let list = list.lock().unwrap();
    (!list.is_empty()).then(|| list[number % list.len()].clone())
}

/// Lets somebody try a deed. Whether it is allowed does not matter, only what it leaves.
pub async fn act(app: &TestApp, token: &Token, team: &Team, deed: &Deed) {
    let organization = |number: usize| pick(&team.organizations, number);
    let mutation = match deed {
        Deed::Found => {
            let field = "createOrganization(input: { name: \"Team\" }) { organization { id } }";
            let it = change(app, token, field).await;
            if let Some(id) = it["organization"]["id"].as_str() {
                team.organizations.lock().unwrap().push(id.to_owned());
            }
            return;
        }
        Deed::Invite { team: number, email, role } => {
            let Some(id) = organization(*number) else { return };
            let role = ROLES[usize::from(*role)];
            let field = format!(
                "createInvitation(input: {{ organizationId: \"{id}\", email: \"{email}@x.test\", role: {role} }}) \
                 {{ invitation {{ id }} token }}"
            );
            let it = change(app, token, &field).await;
            if let (Some(id), Some(text)) = (it["invitation"]["id"].as_str(), it["token"].as_str())
            {
                team.invitations.lock().unwrap().push((id.to_owned(), text.to_owned()));
            }
            return;
        }
        Deed::Accept { invitation } => {
            let Some((_, text)) = pick(&team.invitations, *invitation) else { return };
            let field =
                format!("acceptInvitation(input: {{ token: \"{text}\" }}) {{ member {{ id }} }}");
            let it = change(app, token, &field).await;
            if it["member"]["id"].is_string() {
                *team.accepted.lock().unwrap().entry(text).or_default() += 1;
            }
            return;
        }
        Deed::Revoke { invitation } => {
            let Some((id, _)) = pick(&team.invitations, *invitation) else { return };
            format!(
                "revokeInvitation(input: {{ invitationId: \"{id}\" }}) {{ deletedInvitationId }}"
            )
        }
        Deed::SetRole { team: number, member, role } => {
            let Some(id) = organization(*number) else { return };
            let Some(member) = nth_member(app, token, &id, *member).await else { return };
            let role = ROLES[usize::from(*role)];
            format!(
                "updateMemberRole(input: {{ membershipId: \"{member}\", role: {role} }}) {{ member {{ id }} }}"
            )
        }
        Deed::Remove { team: number, member } => {
            let Some(id) = organization(*number) else { return };
            let Some(member) = nth_member(app, token, &id, *member).await else { return };
            format!(
                "removeMember(input: {{ membershipId: \"{member}\" }}) {{ deletedMembershipId }}"
            )
        }
        Deed::Leave { team: number } => {
            let Some(id) = organization(*number) else { return };
            format!(
                "leaveOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedMembershipId }}"
            )
        }
        Deed::Delete { team: number } => {
            let Some(id) = organization(*number) else { return };
            format!(
                "deleteOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedOrganizationId }}"
            )
        }
        Deed::Work { team: number } => {
            let Some(id) = organization(*number) else { return };
            format!(
                "setActiveOrganization(input: {{ organizationId: \"{id}\" }}) {{ organization {{ id }} }}"
            )
        }
        Deed::Bootstrap => "bootstrap { user { id } }".to_owned(),
    };
    change(app, token, &mutation).await;
}

async fn change(app: &TestApp, token: &Token, field: &str) -> Value {
    let answer = app.query(Some(token), &format!("mutation {{ it: {field} }}")).await;
    let body = answer.json();
    let codes = ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"];
    assert!(!codes.contains(&answer.code().as_str()), "{field}: {body}");
    body["data"]["it"].clone()
}

async fn nth_member(app: &TestApp, token: &Token, id: &str, number: usize) -> Option<String> {
    let body = json!({
        "query": "query($id: ID!) { organization(id: $id) { members { nodes { id } } } }",
        "variables": { "id": id },
    });
    let body = app.graphql(Some(token), body).await.json();
    let nodes = body["data"]["organization"]["members"]["nodes"].as_array()?;
    nodes.get(number % nodes.len().max(1))?["id"].as_str().map(str::to_owned)
}

/// What holds after every history: the first fault, in words.
pub async fn fault(database: &TestDatabase, team: &Team) -> Option<String> {
    if let Some((_, count)) = team.accepted.lock().unwrap().iter().find(|(_, count)| **count > 1) {
        return Some(format!("an invitation was accepted {count} times"));
    }
    for (fault, sql) in FAULTS {
        if database.number(sql).await > 0 {
            return Some(fault.to_owned());
        }
    }
    None
}

const FAULTS: [(&str, &str); 5] = [
    (
        "a local organization has people and no owner",
        "SELECT COUNT(*) FROM organizations o WHERE o.clerk_organization_id IS NULL \
         AND EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id) \
         AND NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id AND m.role = 'owner')",
    ),
    (
        "a local organization is nobody's",
        "SELECT COUNT(*) FROM organizations o WHERE o.clerk_organization_id IS NULL \
         AND NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id)",
    ),
    (
        "a pair has two memberships",
        "SELECT COUNT(*) FROM (SELECT 1 FROM organization_members GROUP BY organization_id, user_id \
         HAVING COUNT(*) > 1) twice",
    ),
    (
        "somebody came back from a tombstone",
        "SELECT COUNT(*) FROM users u JOIN tombstones t ON t.kind = 'user' AND t.clerk_id = u.clerk_user_id",
    ),
    (
        "a mirrored organization has an invitation",
        "SELECT COUNT(*) FROM organization_invitations i JOIN organizations o ON o.id = i.organization_id \
         WHERE o.clerk_organization_id IS NOT NULL",
    ),
];
