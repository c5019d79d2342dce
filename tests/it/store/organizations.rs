//! Organizations: who sees them, which are local, which are solitary, and what goes with them.

use mission_control::{
    model::{OrganizationId, Role, UserId},
    store::{
        StoreError,
        organizations::{
            ClerkOrganizationState, Mirror, NewOrganization, delete_organization,
            find_local_organizations_of, find_mirror, find_solitary_organizations_of,
            insert_organization, load_organizations, upsert_mirror,
        },
    },
};

use super::sample::{
    at, commit, corrupt_role, member, organization, personal, read, rows, standing, user,
};
use crate::support::{TestDatabase, both};

async fn visible(
    database: &TestDatabase,
    viewer: UserId,
    ids: &[OrganizationId],
) -> Vec<(OrganizationId, Role)> {
    let found = read!(database.store, conn => load_organizations(conn, viewer, ids)).unwrap();
    let mut found: Vec<_> =
        found.iter().map(|row| (row.organization.id, row.viewer_role)).collect();
    found.sort_unstable_by_key(|(id, _)| *id);
    found
}

both! {
    async fn an_organization_is_stored_as_given(database) {
        let viewer = user(&database.store, "user_a").await;
        let new = NewOrganization {
            id: OrganizationId::generate(),
            personal_user_id: Some(viewer),
            name: "Größe & \"Söhne\" 🦀",
            now: at(123_456),
        };
        commit!(database.store, conn => insert_organization(conn, &new));
        member(&database.store, new.id, viewer, Role::Admin, at(0)).await;
        let found =
            read!(database.store, conn => load_organizations(conn, viewer, &[new.id])).unwrap();
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(found.viewer_role, Role::Admin);
        assert_eq!(found.organization.id, new.id);
        assert_eq!(found.organization.clerk_organization_id, None);
        assert_eq!(found.organization.name, new.name);
        assert_eq!(found.organization.created_at, new.now);
        assert_eq!(found.organization.updated_at, new.now);
    }
}

both! {
    async fn only_members_see_an_organization(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let (shared, foreign) =
            (organization(store, None).await, organization(store, Some("org_b")).await);
        member(store, shared, ada, Role::Member, at(0)).await;
        member(store, shared, bob, Role::Owner, at(0)).await;
        member(store, foreign, bob, Role::Admin, at(0)).await;
        let both = [shared, foreign, OrganizationId::generate(), shared];
        assert_eq!(visible(&database, ada, &both).await, [(shared, Role::Member)]);
        assert_eq!(
            visible(&database, bob, &both).await,
            [(shared, Role::Owner), (foreign, Role::Admin)]
        );
        assert_eq!(visible(&database, UserId::generate(), &both).await, []);
        let (none, statements) = {
            let before = store.statements();
            (visible(&database, bob, &[]).await, store.statements() - before)
        };
        assert_eq!((none.len(), statements), (0, 0), "no keys, no statement");
    }
}

both! {
    async fn a_role_no_version_knows_is_an_error(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let organization = organization(store, None).await;
        let membership = member(store, organization, ada, Role::Owner, at(0)).await;
        corrupt_role(&database, membership).await;
        let outcome = read!(store, conn => load_organizations(conn, ada, &[organization]));
        assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
    }
}

both! {
    async fn local_and_solitary_organizations(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let own = personal(store, ada).await;
        let alone = organization(store, None).await;
        member(store, alone, ada, Role::Member, at(0)).await;
        let shared = organization(store, None).await;
        member(store, shared, ada, Role::Owner, at(0)).await;
        member(store, shared, bob, Role::Member, at(0)).await;
        let mirrored = organization(store, Some("org_m")).await;
        member(store, mirrored, ada, Role::Owner, at(0)).await;
        let foreign = personal(store, bob).await;

        let local = read!(store, conn => find_local_organizations_of(conn, ada)).unwrap();
        let mut expected = vec![own, alone, shared];
        expected.sort_unstable();
        assert_eq!(local, expected, "by id, without mirrored ones");
        let solitary = read!(store, conn => find_solitary_organizations_of(conn, ada)).unwrap();
        let mut expected = vec![own, alone];
        expected.sort_unstable();
        assert_eq!(solitary, expected);
        let solitary = read!(store, conn => find_solitary_organizations_of(conn, bob)).unwrap();
        assert_eq!(solitary, [foreign]);
        let nobody = UserId::generate();
        assert_eq!(read!(store, conn => find_local_organizations_of(conn, nobody)).unwrap(), []);
        assert_eq!(read!(store, conn => find_solitary_organizations_of(conn, nobody)).unwrap(), []);
    }
}

both! {
    async fn memberships_go_with_an_organization_and_users_stay(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let (shared, other) = (organization(store, None).await, organization(store, None).await);
        for person in [ada, bob] {
            member(store, shared, person, Role::Owner, at(0)).await;
            member(store, other, person, Role::Owner, at(0)).await;
        }
        database
            .execute(&format!(
                "UPDATE users SET active_organization_id = '{shared}' WHERE id = '{ada}'"
            ))
            .await;
        database
            .execute(&format!(
                "UPDATE users SET active_organization_id = '{other}' WHERE id = '{bob}'"
            ))
            .await;
        assert!(commit!(store, conn => delete_organization(conn, shared)));
        assert!(!commit!(store, conn => delete_organization(conn, shared)));
        assert_eq!(
            rows(&database).await,
            [("organization_members", 2), ("organizations", 1), ("users", 2)]
        );
        assert_eq!(standing(store, "user_a").await.user.unwrap().active_organization_id, None);
        assert_eq!(
            standing(store, "user_b").await.user.unwrap().active_organization_id,
            Some(other)
        );
    }
}

both! {
    async fn a_person_has_one_personal_organization(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        personal(store, ada).await;
        let new = NewOrganization {
            id: OrganizationId::generate(),
            personal_user_id: Some(ada),
            name: "Second",
            now: at(0),
        };
        let mut tx = store.begin().await.unwrap();
        let outcome = insert_organization(tx.conn(), &new).await;
        assert!(matches!(outcome, Err(StoreError::Driver(_))), "{outcome:?}");
        drop(tx);
        assert_eq!(database.count("organizations").await, 1);
    }
}

/// What Clerk says about the organization `org_a`.
fn state(
    name: Option<&'static str>,
    created_by: Option<&'static str>,
    updated_at: i64,
) -> ClerkOrganizationState<'static> {
    ClerkOrganizationState {
        clerk_organization_id: "org_a",
        name,
        created_by,
        updated_at: at(updated_at),
        now: at(updated_at + 77),
    }
}

both! {
    async fn a_mirror_follows_what_is_latest_whatever_comes_first(database) {
        let store = &database.store;
        let viewer = user(store, "user_a").await;
        // What Clerk says one after the other, and the name and creator that are stored then.
        let steps = [
            (state(None, None, 500_000), "Organization", None),
            // Without a name it said nothing about the name: an older one counts.
            (state(Some("First"), None, 10), "First", None),
            (state(Some("Older"), Some("user_c"), 9), "First", Some("user_c")),
            (state(Some("Same"), None, 10), "Same", Some("user_c")),
            (state(None, Some("user_d"), 20), "Same", Some("user_c")),
            (state(Some("Größe 🦀"), None, 500_001), "Größe 🦀", Some("user_c")),
            (state(Some("Earlier"), None, 500_000), "Größe 🦀", Some("user_c")),
            (state(Some("Later"), None, 1_000_000), "Later", Some("user_c")),
        ];
        let mut first = None;
        let (mut shown, mut changed_at) = ("", at(0));
        for (number, (said, name, created_by)) in steps.into_iter().enumerate() {
            let mirror = commit!(store, conn => upsert_mirror(conn, &said));
            let id = *first.get_or_insert(mirror.id);
            if number == 0 {
                member(store, id, viewer, Role::Member, at(0)).await;
            }
            assert_eq!(mirror, Mirror { id, clerk_created_by: created_by.map(str::to_owned) });
            let again = read!(store, conn => find_mirror(conn, "org_a")).unwrap();
            assert_eq!(again, Some(mirror));
            let found = read!(store, conn => load_organizations(conn, viewer, &[id])).unwrap();
            let found = &found[0].organization;
            assert_eq!(found.name, name, "step {number}");
            assert_eq!(found.clerk_organization_id.as_deref(), Some("org_a"));
            assert_eq!(found.created_at, at(500_077), "step {number}");
            if shown != name {
                (shown, changed_at) = (name, said.now);
            }
            assert_eq!(found.updated_at, changed_at, "step {number}: when what is shown changed");
        }
        assert_eq!(read!(store, conn => find_mirror(conn, "org_b")).unwrap(), None);
        assert_eq!(database.count("organizations").await, 1);
    }
}
