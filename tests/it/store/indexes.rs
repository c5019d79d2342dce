//! No statement reads a whole table. SQLite's plan of the statement that every request runs is tested
//! beside that statement; here PostgreSQL counts what all of them, cascades included, do.

use mission_control::{
    model::{AttemptId, Invitation, InvitationId, OrganizationId, Role, UserId},
    store::{
        Store, invitations, locks, memberships, mirrored, organizations, sessions,
        sync_positions::{self, SyncPosition},
        tombstones, users,
        users::{DeletionMark, Lookup, NewUser, Who},
        webhook_messages,
    },
};

use super::sample::{TABLES, at, commit, member, organization, personal, profile, read, user};
use crate::support::TestDatabase;

/// How often each table was read from end to end.
async fn scans(database: &TestDatabase) -> Vec<String> {
    // A connection that ends hands in its counts.
    let others = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while database.number(others).await > 0 {
        tokio::task::yield_now().await;
    }
    database
        .texts("SELECT relname || ' ' || seq_scan FROM pg_stat_user_tables ORDER BY relname")
        .await
        .into_iter()
        .filter(|line| TABLES.iter().any(|table| line.starts_with(table)))
        .collect()
}

async fn run_everything(store: &Store) {
    let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
    personal(store, ada).await;
    let shared = organization(store, Some("org_a")).await;
    let membership = member(store, shared, ada, Role::Owner, at(0)).await;
    member(store, shared, bob, Role::Member, at(1)).await;
    let lookup = Lookup {
        clerk_user_id: "user_a",
        session_id: Some("sess_a"),
        clerk_organization_id: Some("org_a"),
        with_memberships: true,
    };
    read!(store, conn => users::find_standing(conn, lookup)).unwrap();
    read!(store, conn => users::find_standings(conn, &[lookup; 20], 101)).unwrap();
    read!(store, conn => users::load_users(conn, &[ada, bob])).unwrap();
    read!(store, conn => users::load_active_organizations(conn, &[ada, bob])).unwrap();
    read!(store, conn => users::find_stale_deletion_marks(conn, at(0))).unwrap();
    read!(store, conn => organizations::load_organizations(conn, ada, &[shared])).unwrap();
    read!(store, conn => organizations::find_mirror(conn, "org_a")).unwrap();
    read!(store, conn => organizations::find_local_organizations_of(conn, ada)).unwrap();
    read!(store, conn => organizations::find_solitary_organizations_of(conn, ada)).unwrap();
    let lists = [memberships::ListOf::User(ada), memberships::ListOf::Organization(shared)];
    for after in [None, Some((at(0), membership))] {
        let slice = memberships::Slice { limit: 10, after };
        read!(store, conn => memberships::load_slices(conn, ada, &lists, slice)).unwrap();
    }
    read!(store, conn => memberships::load_memberships(conn, ada, &[membership])).unwrap();
    read!(store, conn => memberships::count_memberships(conn, ada, &lists)).unwrap();
    let state = memberships::ClerkMembershipState {
        clerk_membership_id: "orgmem_b",
        organization_id: shared,
        user_id: bob,
        role: Role::Admin,
        updated_at: at(1),
        now: at(1),
    };
    commit!(store, conn => memberships::upsert_mirrored_membership(conn, &state));
    commit!(store, conn => memberships::promote_creator(conn, shared, "user_b", at(1)));
    commit!(store, conn => memberships::delete_mirrored_membership(conn, "orgmem_b"));
    let kind = tombstones::TombstoneKind::User;
    read!(store, conn => tombstones::find_tombstone(conn, kind, "user_a")).unwrap();
    let tombstone = tombstones::Tombstone { is_permanent: true, deleted_at: at(0) };
    commit!(store, conn => tombstones::write_tombstone(conn, kind, "user_c", tombstone));
    commit!(store, conn => sessions::revoke_session(conn, "sess_a", at(0)));
    commit!(store, conn => sessions::end_session(conn, "sess_a", at(0), at(1)));
    commit!(store, conn => sessions::expire_revocations(conn, at(1)));
    commit!(store, conn => webhook_messages::insert_message(conn, "msg_a", at(0)));
    commit!(store, conn => webhook_messages::expire_messages(conn, at(1)));
    let claims = users::ClaimsUpdate {
        profile: profile(Some("a@example.com"), Some("Ada")),
        as_of: Some(at(0)),
        now: at(0),
    };
    commit!(store, conn => users::apply_claims(conn, ada, &claims));
    commit!(store, conn => users::note_active_organization(conn, ada, shared));
    let update = users::ClerkUpdate {
        profile: profile(None, None),
        has_lost_email: false,
        banned: false,
        updated_at: at(0),
        next_try: at(0),
        now: at(0),
    };
    commit!(store, conn => users::apply_clerk_update(conn, ada, &update));
    let claim = users::ProfileTry { now: at(0), next: at(1), ignore_back_off_before: None };
    commit!(store, conn => users::claim_profile_try(conn, ada, claim));
    let changes = users::ProfileChanges { name: Some(None), ..users::ProfileChanges::default() };
    commit!(store, conn => users::update_profile(conn, ada, &changes, at(0)));
    commit!(store, conn => users::set_super_admin(conn, ada, true));
    let mark = DeletionMark {
        user_id: ada,
        clerk_user_id: "user_a".to_owned(),
        attempt: AttemptId::generate(),
        from_clerk: true,
        sessions: Vec::new(),
        marked_at: at(0),
    };
    commit!(store, conn => users::mark_deletion(conn, &mark));
    read!(store, conn => users::find_deletion_mark(conn, ada)).unwrap();
    let attempt = AttemptId::generate();
    commit!(store, conn => users::take_over_deletion_mark(conn, &mark, attempt, at(1)));
    commit!(store, conn => users::unmark_deletion(conn, ada, attempt));
    commit!(store, conn => locks::lock_organizations(conn, &[shared, OrganizationId::generate()]));
    commit!(store, conn => memberships::promote_successor(conn, shared, ada, at(2)));
    run_administration(store, ada, bob).await;
    read!(store, conn => mirrored::find_user(conn, "user_a")).unwrap();
    read!(store, conn => mirrored::find_organization(conn, "org_a")).unwrap();
    read!(store, conn => mirrored::find_membership(conn, "orgmem_a")).unwrap();
    read!(store, conn => mirrored::list_users(conn, "user", 10)).unwrap();
    read!(store, conn => mirrored::list_organizations(conn, "org", 10)).unwrap();
    read!(store, conn => mirrored::list_memberships(conn, "org_a")).unwrap();
    for who in [Who::Id(ada), Who::ClerkId("user_a".to_owned())] {
        read!(store, conn => users::find_users(conn, &who)).unwrap();
    }
    read!(store, conn => users::list_users(conn, Some(ada), 10)).unwrap();
    let position =
        SyncPosition { phase: "users".to_owned(), position: 100, report: "{}".to_owned() };
    commit!(store, conn => sync_positions::save_position(conn, &position, at(0)));
    let found = read!(store, conn => sync_positions::find_position(conn)).unwrap();
    assert_eq!(found, Some(position));
    commit!(store, conn => sync_positions::clear_position(conn));
    // With everything that hangs on them.
    commit!(store, conn => users::delete_user(conn, ada));
    commit!(store, conn => organizations::delete_organization(conn, shared));
    commit!(store, conn => users::insert_user(conn, &NewUser::nameless(UserId::generate(), "user_d", at(0))));
}

/// What local organizations are administered with, by the first of two people.
async fn run_administration(store: &Store, ada: UserId, bob: UserId) {
    let team = organization(store, None).await;
    let own = member(store, team, ada, Role::Owner, at(0)).await;
    let other = member(store, team, bob, Role::Member, at(1)).await;
    let person = "user_a";
    read!(store, conn => organizations::find_local_organizations_of_person(conn, person)).unwrap();
    read!(store, conn => organizations::find_owned_organizations(conn, ada, 10)).unwrap();
    read!(store, conn => memberships::load_page(conn, ada, team, 10, 0)).unwrap();
    read!(store, conn => memberships::find_membership(conn, own)).unwrap();
    read!(store, conn => memberships::find_own_membership(conn, team, ada)).unwrap();
    read!(store, conn => memberships::has_other_owner(conn, team, ada)).unwrap();
    read!(store, conn => memberships::has_member_with_address(conn, team, "x@example.com"))
        .unwrap();
    commit!(store, conn => organizations::rename_organization(conn, team, "Other", at(1)));
    commit!(store, conn => users::set_active_organization(conn, ada, team, at(1)));
    commit!(store, conn => users::verify_email(conn, ada, "a@example.com"));
    commit!(store, conn => memberships::set_role(conn, other, Role::Admin, at(1)));
    commit!(store, conn => memberships::delete_membership(conn, other));
    commit!(store, conn => organizations::release_personal_organization(conn, team, ada));
    let invitation = |email: &str| Invitation {
        id: InvitationId::generate(),
        organization_id: team,
        email: email.to_owned(),
        role: Role::Member,
        created_by: Some(ada),
        created_at: at(0),
        expires_at: at(10),
    };
    let (one, two) = (invitation("one@example.com"), invitation("two@example.com"));
    commit!(store, conn => invitations::insert_invitation(conn, &one, "1"));
    commit!(store, conn => invitations::insert_invitation(conn, &two, "2"));
    read!(store, conn => invitations::load_invitations_into(conn, ada, &[team], at(1))).unwrap();
    read!(store, conn => invitations::load_invitations_for(conn, "one@example.com", at(1)))
        .unwrap();
    let address = Some("two@example.com");
    read!(store, conn => invitations::list_invitations_about(conn, ada, address)).unwrap();
    read!(store, conn => invitations::find_invitation(conn, one.id, at(1))).unwrap();
    read!(store, conn => invitations::find_invitation_by_hash(conn, "1", at(1))).unwrap();
    read!(store, conn => invitations::count_invitations(conn, team, at(1))).unwrap();
    commit!(store, conn => invitations::delete_invitation(conn, one.id));
    commit!(store, conn => invitations::delete_invitation_for(conn, team, "x@example.com"));
    commit!(store, conn => invitations::expire_invitations(conn, at(1)));
}

#[tokio::test]
async fn no_statement_and_no_cascade_needs_to_read_a_whole_table() {
    let database = TestDatabase::postgres().await;
    // So small a table is read whole whatever indexes it has, unless that is made expensive.
    let name = database.name();
    database.execute(&format!("ALTER DATABASE {name} SET enable_seqscan = off")).await;
    database.store.close().await;
    let before = scans(&database).await;
    assert_eq!(before.len(), TABLES.len(), "{before:?}");
    let store = database.second_instance().await;
    run_everything(&store).await;
    store.close().await;
    assert_eq!(scans(&database).await, before);

    // The count notices: a column without an index.
    database.count("users").await;
    database.execute("SELECT COUNT(*) FROM users WHERE notes = 'x'").await;
    assert_ne!(scans(&database).await, before);
}
