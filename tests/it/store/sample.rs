//! Rows to test with, and two macros for one statement on a connection of its own.

use chrono::{DateTime, TimeDelta, Utc};
use mission_control::{
    model::{AttemptId, MembershipId, OrganizationId, Profile, Role, UserId},
    store::{
        Store,
        memberships::{self, NewMembership},
        organizations::{self, ClerkOrganizationState, NewOrganization},
        users::{self, DeletionMark, Lookup, NewUser, Standing},
    },
};
use uuid::Uuid;

use crate::support::{TestDatabase, noon};

/// Every table of the product.
pub const TABLES: [&str; 8] = [
    "organization_invitations",
    "organization_members",
    "organizations",
    "revoked_sessions",
    "sync_positions",
    "tombstones",
    "users",
    "webhook_messages",
];

/// Runs a statement that writes, in a transaction of its own, and answers what it answered.
macro_rules! commit {
    ($store:expr, $conn:ident => $run:expr) => {{
        let mut tx = $store.begin().await.unwrap();
        let $conn = tx.conn();
        let outcome = $run.await.unwrap();
        tx.commit().await.unwrap();
        outcome
    }};
}
pub(super) use commit;

/// Runs a statement that reads and answers its whole result.
macro_rules! read {
    ($store:expr, $conn:ident => $run:expr) => {{
        let mut reader = $store.read().await.unwrap();
        let $conn = reader.conn();
        $run.await
    }};
}
pub(super) use read;

/// So many microseconds after noon: 0 has no fraction as text, 500,000 has three digits, 1 has six.
pub fn at(microseconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::microseconds(microseconds)
}

/// The tables that have rows, and how many, by name.
pub async fn rows(database: &TestDatabase) -> Vec<(&'static str, i64)> {
    let mut rows = Vec::new();
    for table in TABLES {
        let count = database.count(table).await;
        if count > 0 {
            rows.push((table, count));
        }
    }
    rows
}

/// What is known of a person, the address not being verified.
pub fn profile(email: Option<&str>, name: Option<&str>) -> Profile {
    Profile {
        email: email.map(str::to_owned),
        email_verified: false,
        name: name.map(str::to_owned),
    }
}

/// A user without anything else.
pub async fn user(store: &Store, clerk_user_id: &str) -> UserId {
    user_as(store, &NewUser::nameless(UserId::generate(), clerk_user_id, at(0))).await
}

/// A user with these columns.
pub async fn user_as(store: &Store, user: &NewUser<'_>) -> UserId {
    commit!(store, conn => users::insert_user(conn, user));
    user.id
}

/// An organization of nobody, mirrored when it has a Clerk id.
pub async fn organization(store: &Store, clerk_organization_id: Option<&str>) -> OrganizationId {
    if let Some(clerk_organization_id) = clerk_organization_id {
        let state = ClerkOrganizationState {
            clerk_organization_id,
            name: Some("Sample"),
            created_by: None,
            updated_at: at(0),
            now: at(0),
        };
        return commit!(store, conn => organizations::upsert_mirror(conn, &state)).id;
    }
    let id = OrganizationId::generate();
    let organization = NewOrganization { id, personal_user_id: None, name: "Sample", now: at(0) };
    commit!(store, conn => organizations::insert_organization(conn, &organization));
    id
}

/// A user's personal organization, and the user as its owner.
pub async fn personal(store: &Store, user: UserId) -> OrganizationId {
    let organization = NewOrganization {
        id: OrganizationId::generate(),
        personal_user_id: Some(user),
        name: "Personal",
        now: at(0),
    };
    commit!(store, conn => organizations::insert_organization(conn, &organization));
    member(store, organization.id, user, Role::Owner, at(0)).await;
    organization.id
}

/// A membership. Its id is random, so that order by id is not order of making.
pub async fn member(
    store: &Store,
    organization_id: OrganizationId,
    user_id: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> MembershipId {
    let id = MembershipId(Uuid::new_v4());
    let membership = NewMembership { id, organization_id, user_id, role, now };
    assert!(commit!(store, conn => memberships::insert_membership(conn, &membership)));
    id
}

/// What decides about a session of a user without session id or organization.
pub async fn standing(store: &Store, clerk_user_id: &str) -> Standing {
    let lookup = Lookup::of_user(clerk_user_id);
    read!(store, conn => users::find_standing(conn, lookup)).unwrap()
}

/// Breaks the check of a membership's role and stores one that no version knows.
pub async fn corrupt_role(database: &TestDatabase, membership: MembershipId) {
    if database.is_postgres() {
        database
            .execute(
                "ALTER TABLE organization_members DROP CONSTRAINT organization_members_role_check",
            )
            .await;
        database
            .execute(&format!(
                "UPDATE organization_members SET role = 'king' WHERE id = '{membership}'"
            ))
            .await;
    } else {
        database
            .execute(&format!(
                "PRAGMA ignore_check_constraints = ON; \
                 UPDATE organization_members SET role = 'king' WHERE id = '{membership}'"
            ))
            .await;
    }
}

/// Somebody of whom only the Clerk id is known.
pub fn nameless(clerk_user_id: &str) -> NewUser<'_> {
    NewUser::nameless(UserId::generate(), clerk_user_id, at(0))
}

/// Runs `work` 40 times at once, on two instances by turns, and answers how many said `true`.
pub async fn how_many<W: Future<Output = bool> + Send + 'static>(
    database: &TestDatabase,
    work: impl Fn(Store) -> W,
) -> usize {
    let second = database.second_instance().await;
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = if number % 2 == 0 { database.store.clone() } else { second.clone() };
            tokio::spawn(work(store))
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += usize::from(task.await.unwrap());
    }
    count
}

/// A mark of a deletion of `user_a`.
pub fn mark(user_id: UserId, marked_at: i64) -> DeletionMark {
    DeletionMark {
        user_id,
        clerk_user_id: "user_a".to_owned(),
        attempt: AttemptId::generate(),
        from_clerk: true,
        sessions: vec!["sess_a".to_owned(), "sess_b".to_owned()],
        marked_at: at(marked_at),
    }
}
