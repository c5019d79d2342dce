//! What people do in local organizations, in between and at the same time as Clerk's events: steps for the histories
//! of [`any_order`](super::any_order), and what holds after any of them.

use std::{collections::HashMap, sync::Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{TestApp, TestDatabase, Token, deliver, event, noon};

/// Something that a person does, or tries to.
#[derive(Debug, Clone)]
pub enum Deed {
    Found,
    Invite { team: usize, email: usize, role: u8 },
    Accept { invitation: usize },
    Revoke { invitation: usize },
    SetRole { team: usize, member: usize, role: u8 },
    Remove { team: usize, member: usize },
    Leave { team: usize },
    Delete { team: usize },
    Work { team: usize },
    Bootstrap,
    Vanish,
}

/// Who does it: one of the people whom the events are about, or of two more with verified addresses of whom Clerk says
/// nothing until they vanish.
#[derive(Debug, Clone, Copy)]
pub enum Actor {
    OfEvents(usize),
    Other(usize),
}

impl Actor {
    /// A session of theirs in the history of this name.
    pub fn token(self, name: &str) -> Token {
        match self {
            Self::OfEvents(user) => Token::new(&format!("user_{name}_{user}"), noon())
                .claim("sid", format!("sess_{name}_{user}")),
            Self::Other(number) => Token::complete(&format!("user_{name}_t{number}"), noon())
                .claim("email", format!("t{number}@x.test"))
                .claim("email_verified", true),
        }
    }
}

pub fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        1 => (0..2_usize).prop_map(Actor::OfEvents),
        3 => (0..2_usize).prop_map(Actor::Other),
    ]
}

/// Whether a row is about one of the two more.
pub fn is_of_others(row: &str) -> bool {
    row.contains("user_t")
}

/// An invitation as the person who made it has it.
#[derive(Clone)]
struct Invited {
    id: String,
    token: String,
    email: String,
}

/// What people have in hand: ids of organizations, invitations with their tokens, and how often each was accepted.
#[derive(Default)]
pub struct Team {
    organizations: Mutex<Vec<String>>,
    invitations: Mutex<Vec<Invited>>,
    accepted: Mutex<HashMap<String, usize>>,
}

impl Team {
    /// How many invitations were accepted.
    pub fn joined(&self) -> u64 {
        self.accepted.lock().unwrap().len().try_into().unwrap()
    }
}

/// The addresses that are invited: those that events give to people, and those of the two more.
const ADDRESSES: [&str; 7] = ["t0", "t1", "t0", "t1", "0", "1", "2"];
const ROLES: [&str; 3] = ["MEMBER", "ADMIN", "OWNER"];

pub fn deed() -> impl Strategy<Value = Deed> {
    let (team, nth, role) = (0..3_usize, 0..4_usize, 0..3_u8);
    prop_oneof![
        3 => Just(Deed::Found),
        5 => (team.clone(), 0..ADDRESSES.len(), role.clone())
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
        1 => Just(Deed::Vanish),
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
            let (role, email) = (ROLES[usize::from(*role)], ADDRESSES[*email]);
            let field = format!(
                "createInvitation(input: {{ organizationId: \"{id}\", email: \"{email}@x.test\", role: {role} }}) \
                 {{ invitation {{ id }} token }}"
            );
            let it = change(app, token, &field).await;
            if let (Some(id), Some(text)) = (it["invitation"]["id"].as_str(), it["token"].as_str())
            {
                let (id, token) = (id.to_owned(), text.to_owned());
                let email = format!("{email}@x.test");
                team.invitations.lock().unwrap().push(Invited { id, token, email });
            }
            return;
        }
        Deed::Accept { invitation } => {
            let own = team
                .invitations
                .lock()
                .unwrap()
                .iter()
                .filter(|one| one.email == token.claims["email"])
                .cloned()
                .collect();
            // Mostly one's own, and sometimes somebody else's.
            let own = pick(&Mutex::new(own), *invitation);
            let Some(Invited { token: text, .. }) =
                own.or_else(|| pick(&team.invitations, *invitation))
            else {
                return;
            };
            let field =
                format!("acceptInvitation(input: {{ token: \"{text}\" }}) {{ member {{ id }} }}");
            let it = change(app, token, &field).await;
            if it["member"]["id"].is_string() {
                *team.accepted.lock().unwrap().entry(text).or_default() += 1;
            }
            return;
        }
        Deed::Revoke { invitation } => {
            let Some(Invited { id, .. }) = pick(&team.invitations, *invitation) else { return };
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
        Deed::Vanish => {
            let id = token.claims["sub"].as_str().unwrap();
            if is_of_others_id(id) {
                let data = json!({ "id": id, "deleted": true });
                let answer = deliver(app, &format!("msg_{id}"), &event("user.deleted", data)).await;
                assert_eq!(answer.status, 204, "{}", answer.text);
            }
            return;
        }
        Deed::Bootstrap => "bootstrap { user { id } }".to_owned(),
    };
    change(app, token, &mutation).await;
}

/// Whether a Clerk id is that of one of the two more; the others vanish by the events.
fn is_of_others_id(id: &str) -> bool {
    id.rsplit('_').next().is_some_and(|end| end.starts_with('t'))
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
