//! What several instances do to one user or organization at the same time. Each interleaving is held
//! open with a transaction of the test's own, and a request counts as waiting when the database says so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use chrono::TimeDelta;
use mission_control::{
    clerk::event::{ClerkMembership, ClerkOrganization},
    clock::Clock,
    model::{OrganizationId, Role, UserId},
    store::{
        Store, StoreError, Tx, locks,
        memberships::{ListOf, Slice, load_slices},
        organizations,
        tombstones::{Tombstone, TombstoneKind, write_tombstone},
        users::{self, NewUser},
    },
};
use serde_json::json;
use tokio::task::JoinHandle;

use super::sample::{at, member, organization, read, rows, standing};
use crate::support::{
    Answer, TestApp, TestDatabase, Token, both, deliver, event, noon, start, start_with_webhooks,
};

const ME: &str = "{ me { id email } }";

/// Sends `me` from a task of its own.
fn ask(app: &Arc<TestApp>, token: Token) -> JoinHandle<Answer> {
    let app = app.clone();
    tokio::spawn(async move { app.query(Some(&token), ME).await })
}

/// Waits until an instance has begun so many statements since `before`, and on PostgreSQL until
/// exactly `waiting` transactions wait for a lock. SQLite tells nobody who waits; there the statement
/// after these reads is the one that begins to write.
async fn until_blocked(database: &TestDatabase, app: &TestApp, statements: u64, waiting: i64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while app.app.state.accounts.store().statements() < statements {
        assert!(Instant::now() < deadline, "the request does not get that far");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    if database.is_postgres() {
        database.until_waiting(waiting).await;
    }
}

/// The rows of one account and nothing else, apart from `more`.
async fn assert_rows(database: &TestDatabase, accounts: i64, more: &[(&'static str, i64)]) {
    let mut expected: Vec<_> = ["organization_members", "organizations", "users"]
        .into_iter()
        .filter(|_| accounts > 0)
        .map(|table| (table, accounts))
        .chain(more.iter().copied())
        .collect();
    expected.sort_unstable();
    assert_eq!(rows(database).await, expected);
}

/// A transaction on another instance that has locked a Clerk id.
async fn lock<'s>(other: &'s Store, clerk_user_id: &str) -> Tx<'s> {
    let mut tx = other.begin().await.unwrap();
    locks::lock_clerk_id(tx.conn(), clerk_user_id).await.unwrap();
    tx
}

/// Removes a user's account and leaves a tombstone, as a purge does.
async fn purge(
    tx: &mut Tx<'_>,
    user: Option<UserId>,
    tombstone: Tombstone,
) -> Result<(), StoreError> {
    if let Some(user) = user {
        for id in organizations::find_solitary_organizations_of(tx.conn(), user).await? {
            organizations::delete_organization(tx.conn(), id).await?;
        }
        users::delete_user(tx.conn(), user).await?;
    }
    write_tombstone(tx.conn(), TombstoneKind::User, "user_a", tombstone).await
}

both! {
    async fn a_first_request_waits_for_an_open_purge(database) {
        let other = database.second_instance().await;
        // Gone for good, kept at Clerk, and kept but the token is from after the deletion.
        let cases = [
            (Tombstone { is_permanent: true, deleted_at: noon() - TimeDelta::hours(1) }, false),
            (Tombstone { is_permanent: false, deleted_at: noon() }, false),
            (Tombstone { is_permanent: false, deleted_at: noon() - TimeDelta::seconds(11) }, true),
        ];
        for (tombstone, starts_anew) in cases {
            let app = Arc::new(start(&database).await);
            let mut open = lock(&other, "user_a").await;
            purge(&mut open, None, tombstone).await.unwrap();
            let reads = app.app.state.accounts.store().statements() + 2;
            let request = ask(&app, app.token("user_a"));
            until_blocked(&database, &app, reads, 1).await;
            open.commit().await.unwrap();
            let answer = request.await.unwrap();
            if starts_anew {
                answer.data();
            } else {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED")
                );
            }
            assert_rows(&database, i64::from(starts_anew), &[("tombstones", 1)]).await;
            database.execute("DELETE FROM tombstones").await;
        }
    }
}

both! {
    async fn a_purge_waits_for_an_open_first_request(database) {
        let app = Arc::new(start(&database).await);
        let other = database.second_instance().await;
        let tombstone = Tombstone { is_permanent: true, deleted_at: noon() };
        let purge_once = |store: Store| async move {
            let mut tx = lock(&store, "user_a").await;
            let user = standing_in(&mut tx).await;
            purge(&mut tx, user, tombstone).await.unwrap();
            tx.commit().await.unwrap();
            user
        };
        if database.is_postgres() {
            // The request has its user in, but not yet its organization.
            let mut gate =
                sqlx::PgPool::connect(&database.url).await.unwrap().begin().await.unwrap();
            sqlx::query("LOCK TABLE organizations IN SHARE MODE")
                .execute(&mut *gate)
                .await
                .unwrap();
            let request = ask(&app, app.token("user_a"));
            database.until_waiting(1).await;
            let purging = tokio::spawn(purge_once(other));
            database.until_waiting(2).await;
            gate.commit().await.unwrap();
            // The request reads its user once more after it was created, and may find the tombstone.
            let status = request.await.unwrap().status;
            assert!(matches!(status.as_u16(), 200 | 401), "{status}");
            assert!(purging.await.unwrap().is_some(), "the purge saw the new user");
        } else {
            // Whoever comes first: nobody is left, and nobody gets in after the purge.
            let gate = database.second_instance().await;
            let gate = gate.begin().await.unwrap();
            let request = ask(&app, app.token("user_a"));
            let purging = tokio::spawn(purge_once(other));
            gate.commit().await.unwrap();
            let status = request.await.unwrap().status;
            let purged = purging.await.unwrap().is_some();
            assert!(status == StatusCode::UNAUTHORIZED || (purged && status == StatusCode::OK));
        }
        assert_rows(&database, 0, &[("tombstones", 1)]).await;
        assert_eq!(
            app.query(Some(&app.token("user_a")), ME).await.status,
            StatusCode::UNAUTHORIZED
        );
        assert_rows(&database, 0, &[("tombstones", 1)]).await;
    }
}

/// The user of a transaction, if there is one.
async fn standing_in(tx: &mut Tx<'_>) -> Option<UserId> {
    let lookup = users::Lookup::of_user("user_a");
    users::find_standing(tx.conn(), lookup).await.unwrap().user.map(|user| user.id)
}

both! {
    async fn another_instance_creates_and_deletes_in_between(database) {
        let app = Arc::new(start(&database).await);
        let other = database.second_instance().await;
        let mut open = lock(&other, "user_a").await;
        let request = ask(&app, app.token("user_a"));
        until_blocked(&database, &app, 2, 1).await;
        let user = NewUser::nameless(UserId::generate(), "user_a", noon());
        users::insert_user(open.conn(), &user).await.unwrap();
        purge(&mut open, Some(user.id), Tombstone { is_permanent: false, deleted_at: noon() })
            .await
            .unwrap();
        open.commit().await.unwrap();
        assert_eq!(request.await.unwrap().status, StatusCode::UNAUTHORIZED);
        assert_rows(&database, 0, &[("tombstones", 1)]).await;
    }
}

both! {
    async fn a_user_who_vanishes_under_a_request_is_401_and_never_500(database) {
        let other = database.second_instance().await;
        let tombstone = Tombstone { is_permanent: true, deleted_at: noon() };
        let update = json!({
            "query": "mutation { updateProfile(input: { notes: \"x\" }) { user { id } } }",
        });
        let delete = json!({ "query": "mutation { deleteUser { clerkDeletion } }" });
        for case in ["me", "bootstrap", "updateProfile", "deleteUser", "PATCH", "DELETE"] {
            let app = Arc::new(start(&database).await);
            app.query(Some(&app.token("user_a")), ME).await.data();
            app.clock.advance(TimeDelta::seconds(5));
            let mut open = lock(&other, "user_a").await;
            let user = standing_in(&mut open).await;
            purge(&mut open, user, tombstone).await.unwrap();
            let before = app.app.state.accounts.store().statements();
            let request = tokio::spawn({
                let (app, update, delete) = (app.clone(), update.clone(), delete.clone());
                async move {
                    let token = app.token("user_a");
                    let changed = app.token("user_a").claim("email", "new@example.com");
                    let patch = json!({ "notes": "x" });
                    match case {
                        "me" => app.query(Some(&changed), ME).await,
                        "bootstrap" => {
                            app.rest("POST", "/api/v1/auth/bootstrap", Some(&changed), None).await
                        }
                        "updateProfile" => app.graphql(Some(&token), update).await,
                        "deleteUser" => app.graphql(Some(&token), delete).await,
                        "PATCH" => {
                            app.rest("PATCH", "/api/v1/users/me", Some(&token), Some(patch)).await
                        }
                        _ => app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await,
                    }
                }
            });
            until_blocked(&database, &app, before + 1, 1).await;
            open.commit().await.unwrap();
            let answer = request.await.unwrap();
            if case == "updateProfile" {
                // The user had been resolved: a fault of the field.
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (StatusCode::OK, "UNAUTHENTICATED"),
                    "{}",
                    answer.text
                );
            } else {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{case}: {}", answer.text);
            }
            assert_rows(&database, 0, &[("tombstones", 1)]).await;
            database.execute("DELETE FROM tombstones").await;
        }
    }
}

both! {
    async fn a_later_token_starts_anew_under_a_kept_deletion(database) {
        let app = Arc::new(start(&database).await);
        let other = database.second_instance().await;
        let first = app.query(Some(&app.token("user_a")), ME).await.data();
        let deleted_at = app.clock.now();
        app.clock.advance(TimeDelta::seconds(11));
        let mut open = lock(&other, "user_a").await;
        let user = standing_in(&mut open).await;
        purge(&mut open, user, Tombstone { is_permanent: false, deleted_at }).await.unwrap();
        let before = app.app.state.accounts.store().statements();
        let request = ask(&app, app.token("user_a").claim("email", "new@example.com"));
        until_blocked(&database, &app, before + 1, 1).await;
        open.commit().await.unwrap();
        let second = request.await.unwrap().data();
        assert_eq!(second["me"]["email"], "new@example.com");
        assert_ne!(second["me"]["id"], first["me"]["id"], "an empty account, not the old one");
        assert_rows(&database, 1, &[("tombstones", 1)]).await;
    }
}

async fn two_first_requests(database: &TestDatabase) {
    let first = Arc::new(start(database).await);
    let second = Arc::new(first.second_instance(database).await);
    let other = database.second_instance().await;
    let open = lock(&other, "user_a").await;
    let requests = [ask(&first, first.token("user_a")), ask(&second, second.token("user_a"))];
    until_blocked(database, &first, 2, 2).await;
    until_blocked(database, &second, 2, 2).await;
    open.commit().await.unwrap();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap().data());
    }
    assert_eq!(answers[0], answers[1]);
    assert_rows(database, 1, &[]).await;
}

both! {
    async fn two_first_requests_on_two_instances(database) {
        two_first_requests(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_isolation_of_the_database_does_not_matter() {
    for level in ["repeatable read", "serializable"] {
        let database = TestDatabase::postgres().await;
        let name = database.name();
        database
            .execute(&format!(
                "ALTER DATABASE {name} SET default_transaction_isolation = '{level}'"
            ))
            .await;
        database.store.close().await;
        let database = database.reopened().await;
        two_first_requests(&database).await;
    }
}

/// What an event says about a membership of `user_a`.
fn membership() -> ClerkMembership {
    ClerkMembership {
        clerk_id: "orgmem_a".to_owned(),
        organization: ClerkOrganization {
            clerk_id: "org_a".to_owned(),
            name: Some("Sample".to_owned()),
            created_by: None,
            updated_at: Some(noon()),
        },
        user_id: "user_a".to_owned(),
        role: Some("admin".to_owned()),
        updated_at: Some(noon()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_ends_while_it_is_made_stays_ended() {
    let database = TestDatabase::postgres().await;
    let app = start_with_webhooks(&database).await;
    app.query(Some(&app.token("user_a")), ME).await.data();
    let other = organization(&database.store, None).await;
    let user = standing(&database.store, "user_a").await.user.unwrap().id;
    // Somebody is about to use the same id, which holds the insert up: it has been seen that the
    // membership has not ended, and it is not there yet.
    let mut gate = sqlx::PgPool::connect(&database.url).await.unwrap().begin().await.unwrap();
    sqlx::query(
        "INSERT INTO organization_members (id, organization_id, user_id, role, clerk_membership_id, \
         created_at, updated_at) VALUES ($1, $2, $3, 'member', 'orgmem_a', now(), now())",
    )
    .bind(uuid::Uuid::now_v7())
    .bind(other.0)
    .bind(user.0)
    .execute(&mut *gate)
    .await
    .unwrap();
    let accounts = app.app.state.accounts.clone();
    let making = tokio::spawn(async move { accounts.apply_membership(&membership()).await });
    database.until_waiting(1).await;
    let ending = tokio::spawn(async move {
        // An event that tells no more than the id.
        let event = event("organizationMembership.deleted", json!({ "id": "orgmem_a" }));
        deliver(&app, "msg_a", &event).await
    });
    while !ending.is_finished() && database.waiting().await < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gate.rollback().await.unwrap();
    making.await.unwrap().unwrap();
    assert_eq!(ending.await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(database.count("organization_members").await, 1, "the personal one");
}

both! {
    async fn a_first_request_and_an_event_about_the_same_user(database) {
        let app = Arc::new(start(&database).await);
        let other = database.second_instance().await;
        let open = lock(&other, "user_a").await;
        let request = ask(&app, app.token("user_a"));
        until_blocked(&database, &app, 2, 1).await;
        let event = tokio::spawn({
            let accounts = app.second_instance(&database).await.app.state.accounts.clone();
            let membership = membership();
            async move { accounts.apply_membership(&membership).await }
        });
        if database.is_postgres() {
            database.until_waiting(2).await;
        }
        open.commit().await.unwrap();
        request.await.unwrap().data();
        event.await.unwrap().unwrap();
        assert_eq!(
            rows(&database).await,
            [("organization_members", 2), ("organizations", 2), ("users", 1)],
            "one user, personal and mirrored organization"
        );
    }
}

both! {
    async fn a_token_makes_an_organization_active_that_is_being_deleted(database) {
        let app = Arc::new(start(&database).await);
        let other = database.second_instance().await;
        app.query(Some(&app.token("user_a")), ME).await.data();
        let ada = standing(&database.store, "user_a").await.user.unwrap().id;
        let gone = organization(&database.store, Some("org_a")).await;
        member(&database.store, gone, ada, Role::Member, at(0)).await;
        let mut open = other.begin().await.unwrap();
        organizations::delete_organization(open.conn(), gone).await.unwrap();
        let statements = app.app.state.accounts.store().statements();
        let token = app.token("user_a").claim("o", json!({ "id": "org_a", "rol": "member" }));
        let request = ask(&app, token);
        // It has found the membership, and is about to refer to the organization.
        until_blocked(&database, &app, statements + 1, 1).await;
        open.commit().await.unwrap();
        request.await.unwrap().data();
        let user = standing(&database.store, "user_a").await.user.unwrap();
        assert_eq!(user.active_organization_id, None);
    }
}

both! {
    async fn a_user_who_vanishes_under_a_super_admin_was_not_there(database) {
        let app = Arc::new(start(&database).await);
        let other = database.second_instance().await;
        for name in ["user_admin", "user_a"] {
            app.query(Some(&app.token(name)), ME).await.data();
        }
        database
            .execute("UPDATE users SET is_super_admin = TRUE WHERE clerk_user_id = 'user_admin'")
            .await;
        let id = standing(&database.store, "user_a").await.user.unwrap().id;
        let mut open = lock(&other, "user_a").await;
        purge(&mut open, Some(id), Tombstone { is_permanent: true, deleted_at: noon() })
            .await
            .unwrap();
        let statements = app.app.state.accounts.store().statements();
        let query = format!("mutation {{ deleteUser(input: {{ userId: \"{id}\" }}) {{ clerkDeletion }} }}");
        let deletion = tokio::spawn({
            let app = app.clone();
            async move { app.query(Some(&app.token("user_admin")), &query).await }
        });
        until_blocked(&database, &app, statements + 2, 1).await;
        open.commit().await.unwrap();
        let answer = deletion.await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (200, "BAD_USER_INPUT"));
        assert!(answer.text.contains("There is no user with this ID."), "{}", answer.text);
    }
}

/// Accounts of these people, and several organizations that they share, whose first person owns them.
async fn shared(
    database: &TestDatabase,
    app: &TestApp,
    people: &[(&str, Role)],
) -> Vec<OrganizationId> {
    let mut shared = Vec::new();
    let mut ids = Vec::new();
    for (clerk_user_id, _) in people {
        app.query(Some(&app.token(clerk_user_id)), ME).await.data();
        ids.push(standing(&database.store, clerk_user_id).await.user.unwrap().id);
    }
    for _ in 0..5 {
        let id = organization(&database.store, None).await;
        for ((joined, (_, role)), person) in (0..).zip(people).zip(&ids) {
            member(&database.store, id, *person, *role, at(joined)).await;
        }
        shared.push(id);
    }
    shared
}

/// Lets both delete their accounts at once, each on an instance of its own.
async fn both_leave(
    database: &TestDatabase,
    first: Arc<TestApp>,
    organizations: &[OrganizationId],
) {
    let second = Arc::new(first.second_instance(database).await);
    let other = database.second_instance().await;
    for name in ["user_a", "user_b"] {
        first.clerk.add_user(name, None, None);
    }
    let mut open = other.begin().await.unwrap();
    locks::lock_organizations(open.conn(), organizations).await.unwrap();
    let deletions = [(first, "user_a"), (second, "user_b")].map(|(app, name)| {
        tokio::spawn(async move {
            app.rest("DELETE", "/api/v1/users/me", Some(&app.token(name)), None).await
        })
    });
    if database.is_postgres() {
        database.until_waiting(2).await;
    }
    open.commit().await.unwrap();
    for deletion in deletions {
        let answer = deletion.await.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "{\"ok\":true}"));
    }
}

both! {
    async fn the_last_two_members_leave_at_once(database) {
        let app = Arc::new(start(&database).await);
        let organizations =
            shared(&database, &app, &[("user_a", Role::Owner), ("user_b", Role::Member)]).await;
        both_leave(&database, app, &organizations).await;
        assert_eq!(rows(&database).await, [("tombstones", 2)], "no organization without people");
    }
}

both! {
    async fn owner_and_successor_leave_at_once(database) {
        let app = Arc::new(start(&database).await);
        let people = [("user_a", Role::Owner), ("user_b", Role::Admin), ("user_c", Role::Member)];
        let organizations = shared(&database, &app, &people).await;
        both_leave(&database, app, &organizations).await;
        let who = standing(&database.store, "user_c").await.user.unwrap().id;
        for id in organizations {
            let lists = [ListOf::Organization(id)];
            let slice = Slice::first(10);
            let left =
                read!(database.store, conn => load_slices(conn, who, &lists, slice)).unwrap();
            let left: Vec<_> =
                left.iter().map(|row| (row.membership.user_id, row.membership.role)).collect();
            assert_eq!(left, [(who, Role::Owner)], "the one who stays is the one owner");
        }
        assert_eq!(
            rows(&database).await,
            [("organization_members", 6), ("organizations", 6), ("tombstones", 2), ("users", 1)]
        );
    }
}

/// A thousand first requests of one user, half on each instance.
async fn crowd(
    database: &TestDatabase,
    token: impl Fn(&TestApp) -> Token,
) -> (Arc<TestApp>, usize) {
    let first = Arc::new(start(database).await);
    let second = Arc::new(first.second_instance(database).await);
    first.clerk.add_user("user_a", Some("ada@example.com"), Some("Ada"));
    let requests: Vec<_> = (0..1000)
        .map(|number| if number % 2 == 0 { &first } else { &second })
        .map(|app| ask(app, token(app)))
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap().data());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all see the same user");
    assert_rows(database, 1, &[]).await;
    let reads = first.clerk.reads();
    (first, reads)
}

both! {
    async fn a_thousand_first_requests_make_one_account(database) {
        let (_, reads) = crowd(&database, |app| app.token("user_a")).await;
        assert_eq!(reads, 0, "the claims were complete");
    }
}

both! {
    async fn a_thousand_incomplete_first_requests_ask_clerk_once_per_instance(database) {
        let (app, reads) = crowd(&database, |app| Token::new("user_a", app.clock.now())).await;
        assert!((1..=2).contains(&reads), "{reads} profile calls");
        let answer = app.query(Some(&app.token("user_a")), "{ me { email name } }").await.data();
        assert_eq!(answer["me"]["name"], "Ada");
    }
}

#[tokio::test]
async fn ids_that_look_alike_do_not_share_a_lock() {
    let database = TestDatabase::postgres().await;
    let _open = lock(&database.store, "user_a").await;
    for id in ["user_b", "USER_A", "user_a ", ""] {
        let other = tokio::time::timeout(Duration::from_secs(5), lock(&database.store, id)).await;
        assert!(other.is_ok(), "{id:?}");
    }
}
