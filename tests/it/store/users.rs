//! Users as rows: stored, read, removed.

use mission_control::{
    model::{Profile, Role, UserId},
    store::{
        StoreError,
        sessions::revoke_session,
        tombstones::{Tombstone, TombstoneKind, write_tombstone},
        users::{
            Lookup, NewUser, delete_user, find_standing, insert_user, load_users, set_super_admin,
        },
    },
};

use super::sample::{
    at, commit, member, nameless, organization, personal, read, rows, standing, user, user_as,
};
use crate::support::{TestDatabase, both};

both! {
    async fn a_user_is_stored_as_given(database) {
        let store = &database.store;
        let full = NewUser {
            profile: Profile {
                email: Some("größe@example.com".to_owned()),
                email_verified: true,
                name: Some("Größe \"🦀\" O'Neil".to_owned()),
            },
            email_as_of: Some(at(1)),
            clerk_updated_at: Some(at(2)),
            banned: true,
            profile_tried_at: Some(at(3)),
            profile_next_try: Some(at(500_000)),
            now: at(123_456),
            ..nameless("user_full")
        };
        user_as(store, &full).await;
        user_as(store, &nameless("user_bare")).await;

        let standing_of_full = standing(store, "user_full").await;
        assert!(standing_of_full.is_banned && !standing_of_full.is_being_deleted);
        let found = standing_of_full.user.unwrap();
        assert_eq!(found.id, full.id);
        assert_eq!(found.clerk_user_id, "user_full");
        assert_eq!(found.email, full.profile.email);
        assert!(found.email_verified);
        assert_eq!(found.email_as_of, full.email_as_of);
        assert_eq!(found.name, full.profile.name);
        assert_eq!(found.profile_tried_at, full.profile_tried_at);
        assert_eq!(found.profile_next_try, full.profile_next_try);
        assert_eq!(found.profile_tries, 1);
        assert_eq!((found.created_at, found.updated_at), (full.now, full.now));
        assert!(!found.is_super_admin);

        let bare = standing(store, "user_bare").await.user.unwrap();
        assert_eq!(
            (bare.email.as_deref(), bare.email_as_of, bare.name.as_deref()),
            (None, None, None)
        );
        assert_eq!(
            (bare.profile_next_try, bare.profile_tried_at, bare.profile_tries),
            (None, None, 0)
        );
        assert_eq!(bare.active_organization_id, None);
        let fields =
            [&bare.preferred_name, &bare.pronouns, &bare.timezone, &bare.notes, &bare.context];
        assert_eq!(fields, [&None; 5]);
        assert!(!bare.email_verified);

        let ids = [full.id, bare.id, UserId::generate(), full.id];
        let mut loaded = read!(store, conn => load_users(conn, &ids)).unwrap();
        loaded.sort_by_key(|user| user.id);
        assert!(*loaded[0] == found && *loaded[1] == bare && loaded.len() == 2);
        let before = store.statements();
        assert!(read!(store, conn => load_users(conn, &[])).unwrap().is_empty());
        assert_eq!(store.statements(), before, "no keys, no statement");
    }
}

both! {
    async fn a_clerk_id_is_taken_once(database) {
        user_as(&database.store, &nameless("user_a")).await;
        let mut tx = database.store.begin().await.unwrap();
        let outcome = insert_user(tx.conn(), &nameless("user_a")).await;
        assert!(matches!(outcome, Err(StoreError::Driver(_))), "{outcome:?}");
        drop(tx);
        // Letter case is part of an id.
        user_as(&database.store, &nameless("USER_A")).await;
        assert_eq!(database.count("users").await, 2);
    }
}

both! {
    async fn memberships_go_with_a_user_and_nothing_else(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        personal(store, ada).await;
        personal(store, bob).await;
        let shared = organization(store, None).await;
        member(store, shared, ada, Role::Owner, at(0)).await;
        member(store, shared, bob, Role::Member, at(0)).await;
        let tombstone = Tombstone { is_permanent: true, deleted_at: at(0) };
        commit!(store, conn => write_tombstone(conn, TombstoneKind::User, "user_a", tombstone));
        commit!(store, conn => revoke_session(conn, "sess_a", at(0)));
        assert!(commit!(store, conn => delete_user(conn, ada)));
        assert!(!commit!(store, conn => delete_user(conn, ada)));
        // The personal organization stays, without a person: deleting it is a statement of its own.
        assert_eq!(
            rows(&database).await,
            [
                ("organization_members", 2),
                ("organizations", 3),
                ("revoked_sessions", 1),
                ("tombstones", 1),
                ("users", 1),
            ]
        );
        let orphans = "SELECT COUNT(*) FROM organizations WHERE personal_user_id IS NULL";
        assert_eq!(database.number(orphans).await, 2);
        assert!(standing(store, "user_b").await.user.is_some());
    }
}

both! {
    async fn super_admins_are_made_and_unmade(database) {
        let store = &database.store;
        let (ada, _) = (user(store, "user_a").await, user(store, "user_b").await);
        for is_super_admin in [true, true, false] {
            assert!(commit!(store, conn => set_super_admin(conn, ada, is_super_admin)));
            assert_eq!(
                standing(store, "user_a").await.user.unwrap().is_super_admin,
                is_super_admin
            );
            assert!(!standing(store, "user_b").await.user.unwrap().is_super_admin);
        }
        let stranger = UserId::generate();
        assert!(!commit!(store, conn => set_super_admin(conn, stranger, true)));
    }
}

both! {
    async fn a_transaction_that_is_dropped_leaves_nothing(database) {
        let mut tx = database.store.begin().await.unwrap();
        insert_user(tx.conn(), &nameless("user_a")).await.unwrap();
        drop(tx);
        user(&database.store, "user_b").await;
        assert!(standing(&database.store, "user_a").await.user.is_none());
        assert_eq!(rows(&database).await, [("users", 1)]);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_corrupt_and_no_panic() {
    // PostgreSQL's types keep such values out.
    let database = TestDatabase::sqlite().await;
    let ada = user(&database.store, "user_a").await;
    for (column, value) in [
        ("id", "'no-uuid'"),
        ("created_at", "'yesterday'"),
        ("created_at", "17"),
        ("email_as_of", "'soon'"),
        ("active_organization_id", "x'00'"),
        ("profile_tries", "'many'"),
        ("is_super_admin", "'perhaps'"),
    ] {
        let without_keys = "PRAGMA foreign_keys = OFF";
        database
            .execute(&format!(
                "{without_keys}; CREATE TABLE kept AS SELECT {column} AS value FROM users; \
                 UPDATE users SET {column} = {value}"
            ))
            .await;
        let lookup = Lookup::of_user("user_a");
        let outcome = read!(database.store, conn => find_standing(conn, lookup));
        assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{column} = {value}: {outcome:?}");
        database
            .execute(&format!(
                "{without_keys}; UPDATE users SET {column} = (SELECT value FROM kept); \
                 DROP TABLE kept"
            ))
            .await;
    }
    assert_eq!(standing(&database.store, "user_a").await.user.unwrap().id, ada);
}
