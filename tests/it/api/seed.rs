//! People and organizations as the tests of operations need them, put there by the store's own
//! functions, and replies without what varies.

use std::time::Duration;

use mission_control::{
    clock::Clock,
    model::{MembershipId, OrganizationId, Role, UserId},
    store::{
        Reader, Store, Tx,
        memberships::{
            ClerkMembershipState, NewMembership, insert_membership, upsert_mirrored_membership,
        },
        organizations::{
            ClerkOrganizationState, NewOrganization, insert_organization, upsert_mirror,
        },
        users::{Lookup, find_standing, set_super_admin},
    },
};
use serde_json::Value;
use tokio::time::timeout;

use crate::support::TestApp;

/// Signs somebody in for the first time and answers the id.
pub async fn sign_in(app: &TestApp, clerk_user_id: &str) -> UserId {
    let answer = app.query(Some(&app.token(clerk_user_id)), "{ me { id } }").await;
    UserId::parse(answer.data()["me"]["id"].as_str().unwrap()).unwrap()
}

/// Whether there is a user, and whether a deletion is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Here,
    Marked,
    Gone,
}

/// Asks the database about a user.
pub async fn presence(app: &TestApp, clerk_user_id: &str) -> Presence {
    let mut reader = app.app.state.accounts.store().read().await.unwrap();
    let standing = find_standing(reader.conn(), Lookup::of_user(clerk_user_id)).await.unwrap();
    match standing.user {
        None => Presence::Gone,
        Some(_) if standing.is_being_deleted => Presence::Marked,
        Some(_) => Presence::Here,
    }
}

/// Waits for something that is under way. What never comes fails the test.
pub async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came");
}

/// Everything that connects to the database, so that nobody else can until it is dropped.
pub struct Exhausted<'s> {
    _readers: Vec<Reader<'s>>,
    _writers: Vec<Tx<'s>>,
}

/// Takes every connection.
pub async fn exhaust(store: &Store) -> Exhausted<'_> {
    let wait = Duration::from_millis(500);
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    while let Ok(Ok(tx)) = timeout(wait, store.begin()).await {
        writers.push(tx);
    }
    while let Ok(Ok(reader)) = timeout(wait, store.read()).await {
        readers.push(reader);
    }
    Exhausted { _readers: readers, _writers: writers }
}

/// Makes somebody a super admin.
pub async fn promote(app: &TestApp, user: UserId) {
    let mut tx = app.app.state.accounts.store().begin().await.unwrap();
    assert!(set_super_admin(tx.conn(), user, true).await.unwrap());
    tx.commit().await.unwrap();
}

/// A local organization with these members, who all join now.
pub async fn found(app: &TestApp, name: &str, members: &[(UserId, Role)]) -> OrganizationId {
    let id = OrganizationId::generate();
    let organization = NewOrganization { id, personal_user_id: None, name, now: app.clock.now() };
    let mut tx = app.app.state.accounts.store().begin().await.unwrap();
    insert_organization(tx.conn(), &organization).await.unwrap();
    tx.commit().await.unwrap();
    join(app, id, members).await;
    id
}

/// The mirror of an organization at Clerk.
pub async fn found_mirrored(
    app: &TestApp,
    name: &str,
    clerk_organization_id: &str,
    members: &[(UserId, Role)],
) -> OrganizationId {
    let now = app.clock.now();
    let organization = ClerkOrganizationState {
        clerk_organization_id,
        name: Some(name),
        created_by: None,
        updated_at: now,
        now,
    };
    let mut tx = app.app.state.accounts.store().begin().await.unwrap();
    let organization_id = upsert_mirror(tx.conn(), &organization).await.unwrap().id;
    for (user_id, role) in members {
        let clerk_membership_id = format!("orgmem_{clerk_organization_id}_{user_id}");
        let membership = ClerkMembershipState {
            clerk_membership_id: &clerk_membership_id,
            organization_id,
            user_id: *user_id,
            role: *role,
            updated_at: now,
            now,
        };
        upsert_mirrored_membership(tx.conn(), &membership).await.unwrap();
    }
    tx.commit().await.unwrap();
    organization_id
}

/// Adds members to an organization, now.
pub async fn join(app: &TestApp, organization: OrganizationId, members: &[(UserId, Role)]) {
    let mut tx = app.app.state.accounts.store().begin().await.unwrap();
    for (user, role) in members {
        let membership = membership(app, organization, *user, *role);
        assert!(insert_membership(tx.conn(), &membership).await.unwrap());
    }
    tx.commit().await.unwrap();
}

fn membership(
    app: &TestApp,
    organization_id: OrganizationId,
    user_id: UserId,
    role: Role,
) -> NewMembership {
    NewMembership {
        id: MembershipId::generate(),
        organization_id,
        user_id,
        role,
        now: app.clock.now(),
    }
}

/// So many more organizations of one person, in one transaction, named `Group 0` and so on.
pub async fn found_many(app: &TestApp, count: usize, user: UserId) -> Vec<OrganizationId> {
    let mut tx = app.app.state.accounts.store().begin().await.unwrap();
    let mut ids = Vec::with_capacity(count);
    for index in 0..count {
        let organization = NewOrganization {
            id: OrganizationId::generate(),
            personal_user_id: None,
            name: &format!("Group {index}"),
            now: app.clock.now(),
        };
        insert_organization(tx.conn(), &organization).await.unwrap();
        let membership = membership(app, organization.id, user, Role::Member);
        assert!(insert_membership(tx.conn(), &membership).await.unwrap());
        ids.push(organization.id);
    }
    tx.commit().await.unwrap();
    ids
}

/// So many people who are in one organization and nowhere else, all since now.
pub async fn crowd(app: &TestApp, organization: OrganizationId, count: usize) -> Vec<UserId> {
    use mission_control::store::users::{NewUser, insert_user};
    let mut tx = app.app.state.accounts.store().begin().await.unwrap();
    let mut ids = Vec::with_capacity(count);
    for index in 0..count {
        let clerk_user_id = format!("user_crowd{index}");
        let user = NewUser::nameless(UserId::generate(), &clerk_user_id, app.clock.now());
        insert_user(tx.conn(), &user).await.unwrap();
        let membership = membership(app, organization, user.id, Role::Member);
        assert!(insert_membership(tx.conn(), &membership).await.unwrap());
        ids.push(user.id);
    }
    tx.commit().await.unwrap();
    ids
}

/// A reply with `[id]`, `[cursor]` and `[request]` in place of what differs from run to run.
pub fn redacted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(redacted).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("cursor" | "startCursor" | "endCursor", Value::String(_)) => "[cursor]".into(),
                    ("requestId", Value::String(_)) => "[request]".into(),
                    (_, value) => redacted(value),
                };
                (name, value)
            })
            .collect(),
        Value::String(text) if uuid::Uuid::try_parse(&text).is_ok() => "[id]".into(),
        other => other,
    }
}
