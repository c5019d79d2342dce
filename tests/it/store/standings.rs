//! What decides about a session: the standing of its user.

use mission_control::{
    model::{Role, UserId},
    store::{
        sessions::revoke_session,
        tombstones::{Tombstone, TombstoneKind, write_tombstone},
        users::{
            Lookup, NewUser, Standing, find_standing, find_standings, load_active_organizations,
            mark_deletion,
        },
    },
};

use super::sample::{
    at, commit, mark, member, nameless, organization, personal, profile, read, user, user_as,
};
use crate::support::{TestDatabase, both};

async fn look_up(
    database: &TestDatabase,
    session: Option<&str>,
    organization: Option<&str>,
) -> Standing {
    let lookup = Lookup {
        session_id: session,
        clerk_organization_id: organization,
        ..Lookup::of_user("user_a")
    };
    read!(database.store, conn => find_standing(conn, lookup)).unwrap()
}

both! {
    async fn a_standing_holds_what_is_about_this_session_and_nothing_else(database) {
        let store = &database.store;
        let nothing = look_up(&database, Some("sess_a"), Some("org_a")).await;
        assert!(nothing.user.is_none() && nothing.tombstone.is_none());
        assert!(!nothing.is_session_revoked && !nothing.is_banned && !nothing.is_being_deleted);
        assert_eq!(nothing.token_organization, None);

        // Everything that is about somebody or something else.
        let tombstone = Tombstone { is_permanent: false, deleted_at: at(7) };
        commit!(store, conn => write_tombstone(conn, TombstoneKind::Organization, "user_a", tombstone));
        commit!(store, conn => write_tombstone(conn, TombstoneKind::Membership, "user_a", tombstone));
        commit!(store, conn => write_tombstone(conn, TombstoneKind::User, "user_b", tombstone));
        commit!(store, conn => revoke_session(conn, "sess_b", at(0)));
        let bob = user_as(store, &NewUser { banned: true, ..nameless("user_b") }).await;
        commit!(store, conn => mark_deletion(conn, &mark(bob, 0)));
        let mirrored = organization(store, Some("org_a")).await;
        member(store, mirrored, bob, Role::Owner, at(0)).await;
        let nothing = look_up(&database, Some("sess_a"), Some("org_a")).await;
        assert!(nothing.user.is_none() && nothing.tombstone.is_none());
        assert!(!nothing.is_session_revoked && !nothing.is_banned && !nothing.is_being_deleted);
        assert_eq!(nothing.token_organization, None, "somebody else's membership");

        // Each thing that is about this one, also without a user.
        commit!(store, conn => write_tombstone(conn, TombstoneKind::User, "user_a", tombstone));
        commit!(store, conn => revoke_session(conn, "sess_a", at(0)));
        let found = look_up(&database, Some("sess_a"), None).await;
        assert!(found.user.is_none() && found.is_session_revoked);
        assert_eq!(found.tombstone, Some(tombstone));
        assert!(!look_up(&database, None, None).await.is_session_revoked);

        let ada = user(store, "user_a").await;
        let found = look_up(&database, None, Some("org_a")).await;
        assert_eq!(found.token_organization, None, "not a member");
        member(store, mirrored, ada, Role::Member, at(0)).await;
        let found = look_up(&database, None, Some("org_a")).await;
        assert_eq!(found.token_organization, Some(mirrored));
        assert_eq!(look_up(&database, None, None).await.token_organization, None);
        assert_eq!(look_up(&database, None, Some("org_b")).await.token_organization, None);
        commit!(store, conn => mark_deletion(conn, &mark(ada, 0)));
        assert!(look_up(&database, None, None).await.is_being_deleted);
    }
}

both! {
    async fn the_first_memberships_come_with_the_standing(database) {
        let store = &database.store;
        let lookup = Lookup {
            session_id: Some("sess_a"),
            with_memberships: true,
            ..Lookup::of_user("user_a")
        };
        let find = async |limit| {
            let found = read!(store, conn => find_standings(conn, &[lookup], limit)).unwrap();
            let found = found.into_iter().next().unwrap().unwrap();
            (found.standing, found.memberships.unwrap())
        };
        let tombstone = Tombstone { is_permanent: true, deleted_at: at(7) };
        commit!(store, conn => write_tombstone(conn, TombstoneKind::User, "user_a", tombstone));
        commit!(store, conn => revoke_session(conn, "sess_a", at(0)));
        let (found, memberships) = find(3).await;
        assert!(found.user.is_none() && memberships.is_empty());
        assert!(found.is_session_revoked && found.tombstone == Some(tombstone));

        let known = profile(Some("a@example.com"), Some("Ada"));
        let new = NewUser { profile: known, ..nameless("user_a") };
        let ada = user_as(store, &new).await;
        let (found, memberships) = find(3).await;
        assert!(found.user.is_some() && memberships.is_empty());

        let bob = user(store, "user_b").await;
        let mut expected = Vec::new();
        for (joined, role) in [
            (0, Role::Owner),
            (1, Role::Admin),
            (1, Role::Member),
            (500_000, Role::Owner),
            (500_001, Role::Member),
        ] {
            let here = organization(store, None).await;
            expected.push((at(joined), member(store, here, ada, role, at(joined)).await, role));
            member(store, here, bob, Role::Owner, at(0)).await;
        }
        expected.sort_unstable_by_key(|(joined, id, _)| (*joined, *id));
        for limit in 1..=6 {
            let (found, memberships) = find(limit).await;
            assert!(found.user.is_some_and(|user| user.id == ada));
            let rows: Vec<_> = memberships
                .iter()
                .map(|row| (row.membership.created_at, row.membership.id, row.membership.role))
                .collect();
            assert_eq!(
                rows,
                expected[..expected.len().min(usize::try_from(limit).unwrap())],
                "in order, limit {limit}"
            );
            for row in &memberships {
                assert_eq!(row.organization.viewer_role, row.membership.role);
                assert_eq!(row.organization.organization.id, row.membership.organization_id);
                assert_eq!(
                    (row.name.as_deref(), row.email.as_deref()),
                    (Some("Ada"), Some("a@example.com"))
                );
            }
        }
    }
}

both! {
    async fn a_user_works_in_the_stored_organization_else_in_the_oldest(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let lonely = user(store, "user_c").await;
        let mut organizations = Vec::new();
        for joined in [500_001, 500_000, 1_000_000] {
            let here = organization(store, None).await;
            member(store, here, ada, Role::Member, at(joined)).await;
            organizations.push(here);
        }
        let foreign = personal(store, bob).await;
        // What is stored as active, and what is active then.
        let cases = [
            (None, organizations[1]),
            (Some(organizations[2]), organizations[2]),
            (Some(organizations[0]), organizations[0]),
            // Of an organization that the user has left.
            (Some(foreign), organizations[1]),
        ];
        for (stored, expected) in cases {
            let value = stored.map_or("NULL".to_owned(), |id| format!("'{id}'"));
            database
                .execute(&format!(
                    "UPDATE users SET active_organization_id = {value} WHERE id = '{ada}'"
                ))
                .await;
            let ids = [ada, lonely, bob, UserId::generate(), ada];
            let mut found = read!(store, conn => load_active_organizations(conn, &ids)).unwrap();
            found.sort_unstable();
            let mut expected = vec![(ada, expected), (bob, foreign)];
            expected.sort_unstable();
            assert_eq!(found, expected, "{stored:?}");
        }
        let before = store.statements();
        assert!(read!(store, conn => load_active_organizations(conn, &[])).unwrap().is_empty());
        assert_eq!(store.statements(), before, "no keys, no statement");
    }
}
