//! Memberships: order, cursors, counts, visibility, and who succeeds an owner.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mission_control::{
    model::{MembershipId, OrganizationId, Role, UserId},
    store::{
        StoreError,
        memberships::{
            ClerkMembershipState, ListOf, NewMembership, Slice, VisibleMembership,
            count_memberships, delete_mirrored_membership, insert_membership, load_memberships,
            load_slices, promote_creator, promote_successor, upsert_mirrored_membership,
        },
        users::{Lookup, NewUser, find_standings},
    },
};

use super::sample::{
    at, commit, corrupt_role, member, organization, profile, read, rows, user, user_as,
};
use crate::support::{TestDatabase, both};

/// Positions of memberships, in the order of a list.
fn positions(mut found: Vec<Arc<VisibleMembership>>) -> Vec<(DateTime<Utc>, MembershipId)> {
    found.sort_by_key(|row| row.membership.position());
    found.iter().map(|row| (row.membership.created_at, row.membership.id)).collect()
}

/// An organization with a member at each of these times, and the first of them.
async fn crowd(
    database: &TestDatabase,
    times: &[i64],
) -> (OrganizationId, UserId, Vec<(DateTime<Utc>, MembershipId)>) {
    let organization = organization(&database.store, None).await;
    let mut members = Vec::new();
    let mut viewer = None;
    for (index, time) in times.iter().enumerate() {
        let person = user(&database.store, &format!("user_{organization}_{index}")).await;
        viewer.get_or_insert(person);
        let id = member(&database.store, organization, person, Role::Member, at(*time)).await;
        members.push((at(*time), id));
    }
    members.sort_unstable();
    (organization, viewer.unwrap(), members)
}

/// Times that differ in the last digit, tie, and have all lengths of text.
const TIMES: [i64; 9] = [0, 0, 1, 500_000, 500_000, 500_000, 500_001, 999_999, 1_000_000];

both! {
    async fn every_page_size_walks_the_whole_list_in_order(database) {
        let (organization, viewer, members) = crowd(&database, &TIMES).await;
        let list = [ListOf::Organization(organization)];
        for limit in 1..=10 {
            let mut slice = Slice::first(limit);
            let mut walked = Vec::new();
            loop {
                let page =
                    read!(database.store, conn => load_slices(conn, viewer, &list, slice)).unwrap();
                assert!(page.len() <= usize::try_from(limit).unwrap());
                let Some(last) = page.iter().map(|row| row.membership.position()).max() else {
                    break;
                };
                slice = Slice::behind(last, limit);
                walked.extend(positions(page));
                assert!(walked.len() <= members.len(), "a row comes twice, {limit} at a time");
            }
            assert_eq!(walked, members, "{limit} at a time");
        }
    }
}

both! {
    async fn a_cursor_need_not_be_a_row(database) {
        let (organization, viewer, members) = crowd(&database, &TIMES).await;
        let lists = [ListOf::Organization(organization)];
        let (low, high) = (MembershipId(uuid::Uuid::nil()), MembershipId(uuid::Uuid::max()));
        for time in [-1, 0, 1, 2, 499_999, 500_000, 500_001, 999_999, 1_000_000, 1_000_001] {
            for id in [low, high] {
                let slice = Slice { limit: 100, after: Some((at(time), id)) };
                let found = read!(database.store, conn => load_slices(conn, viewer, &lists, slice))
                    .unwrap();
                let expected: Vec<_> =
                    members.iter().copied().filter(|row| *row > (at(time), id)).collect();
                assert_eq!(positions(found), expected, "behind {time} {id}");
            }
        }
    }
}

both! {
    async fn lists_of_both_kinds_come_from_one_statement(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let stranger = user(store, "user_c").await;
        let [first, second, hidden] = [
            organization(store, None).await,
            organization(store, Some("org_b")).await,
            organization(store, None).await,
        ];
        let ada_first = member(store, first, ada, Role::Owner, at(3)).await;
        let bob_first = member(store, first, bob, Role::Member, at(2)).await;
        let ada_second = member(store, second, ada, Role::Admin, at(1)).await;
        let bob_hidden = member(store, hidden, bob, Role::Owner, at(0)).await;
        let lists = [
            ListOf::User(ada),
            ListOf::User(bob),
            ListOf::Organization(first),
            ListOf::Organization(second),
            ListOf::Organization(hidden),
            ListOf::Organization(OrganizationId::generate()),
        ];
        let load = async |viewer, lists: &[ListOf], limit| {
            read!(store, conn => load_slices(conn, viewer, lists, Slice::first(limit))).unwrap()
        };
        let ids = |found: &[Arc<VisibleMembership>], list: ListOf| {
            let mut found: Vec<_> =
                found.iter().filter(|row| list.holds(&row.membership)).collect();
            found.sort_by_key(|row| row.membership.position());
            found.dedup_by_key(|row| row.membership.id);
            found.iter().map(|row| row.membership.id).collect::<Vec<_>>()
        };
        let before = store.statements();
        let found = load(ada, &lists, 10).await;
        assert_eq!(store.statements() - before, 1);
        assert_eq!(ids(&found, lists[0]), [ada_second, ada_first]);
        assert_eq!(ids(&found, lists[1]), [bob_first], "of others, only what is shared");
        assert_eq!(ids(&found, lists[2]), [bob_first, ada_first]);
        assert_eq!(ids(&found, lists[3]), [ada_second]);
        assert_eq!(ids(&found, lists[4]), [], "not a member");
        assert_eq!(ids(&found, lists[5]), []);
        // The limit is one of each list, not of all together.
        let found = load(ada, &lists[2..4], 1).await;
        assert_eq!(found.len(), 2);
        let found = load(bob, &[ListOf::User(bob)], 10).await;
        assert_eq!(ids(&found, ListOf::User(bob)), [bob_hidden, bob_first]);
        assert!(load(stranger, &lists, 10).await.is_empty());
        let before = store.statements();
        assert!(load(ada, &[], 10).await.is_empty());
        assert_eq!(store.statements(), before, "no keys, no statement");
    }
}

both! {
    async fn a_membership_comes_with_the_person_and_the_viewers_role(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let new = NewUser {
            profile: profile(Some("bob@example.com"), Some("Bob Example")),
            ..NewUser::nameless(UserId::generate(), "user_b", at(0))
        };
        let bob = user_as(store, &new).await;
        database
            .execute(&format!("UPDATE users SET preferred_name = 'Bobby' WHERE id = '{bob}'"))
            .await;
        let organization = organization(store, Some("org_a")).await;
        member(store, organization, ada, Role::Admin, at(0)).await;
        let id = member(store, organization, bob, Role::Owner, at(654_321)).await;
        let found =
            read!(store, conn => load_memberships(conn, ada, &[id, id, MembershipId::generate()]))
                .unwrap();
        let [found] = found.as_slice() else { panic!("{}", found.len()) };
        assert_eq!(found.name.as_deref(), Some("Bob Example"));
        assert_eq!(found.preferred_name.as_deref(), Some("Bobby"));
        assert_eq!(found.email.as_deref(), Some("bob@example.com"));
        assert_eq!(found.membership.id, id);
        assert_eq!(found.membership.role, Role::Owner);
        assert_eq!(found.membership.user_id, bob);
        assert_eq!(found.membership.organization_id, organization);
        assert_eq!(found.membership.created_at, at(654_321));
        assert_eq!(found.membership.updated_at, at(654_321));
        assert_eq!(found.organization.viewer_role, Role::Admin);
        assert_eq!(found.organization.organization.clerk_organization_id.as_deref(), Some("org_a"));

        let stranger = user(store, "user_c").await;
        assert!(read!(store, conn => load_memberships(conn, stranger, &[id])).unwrap().is_empty());
        let before = store.statements();
        assert!(read!(store, conn => load_memberships(conn, ada, &[])).unwrap().is_empty());
        assert_eq!(store.statements(), before, "no keys, no statement");
    }
}

both! {
    async fn counts_hold_what_the_viewer_may_see(database) {
        let store = &database.store;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let carol = user(store, "user_c").await;
        let (shared, hidden) = (organization(store, None).await, organization(store, None).await);
        for person in [ada, bob, carol] {
            member(store, shared, person, Role::Member, at(0)).await;
        }
        member(store, hidden, bob, Role::Owner, at(0)).await;
        let (users, organizations) = (
            [ListOf::User(ada), ListOf::User(bob), ListOf::User(UserId::generate())],
            [
                ListOf::Organization(shared),
                ListOf::Organization(hidden),
                ListOf::Organization(OrganizationId::generate()),
            ],
        );
        // Every mixture and order of the two kinds: PostgreSQL decides the types of a union from its
        // first two parts.
        let orders: [Vec<ListOf>; 5] = [
            users.to_vec(),
            organizations.to_vec(),
            [&users[..], &organizations].concat(),
            [&organizations[..], &users].concat(),
            vec![
                users[0],
                organizations[0],
                users[1],
                users[2],
                organizations[1],
                organizations[2],
            ],
        ];
        for lists in orders {
            for (viewer, expected) in
                [(ada, [1, 1, 0, 3, 0, 0]), (bob, [1, 2, 0, 3, 1, 0]), (UserId::generate(), [0; 6])]
            {
                let found = read!(store, conn => count_memberships(conn, viewer, &lists)).unwrap();
                let count = |list| {
                    found.iter().find(|(found, _)| *found == list).map_or(0, |(_, count)| *count)
                };
                for (list, expected) in users.iter().chain(&organizations).zip(expected) {
                    if lists.contains(list) {
                        assert_eq!(count(*list), expected, "{list:?} of {lists:?}");
                    }
                }
            }
        }
        let before = store.statements();
        assert!(read!(store, conn => count_memberships(conn, ada, &[])).unwrap().is_empty());
        assert_eq!(store.statements(), before, "no keys, no statement");
    }
}

both! {
    async fn nobody_is_a_member_twice(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let organization = organization(store, None).await;
        let first = member(store, organization, ada, Role::Owner, at(1)).await;
        let again = NewMembership {
            id: MembershipId::generate(),
            organization_id: organization,
            user_id: ada,
            role: Role::Member,
            now: at(2),
        };
        assert!(!commit!(store, conn => insert_membership(conn, &again)));
        let found = read!(store, conn => load_memberships(conn, ada, &[first])).unwrap();
        assert_eq!(found[0].membership.role, Role::Owner);
        assert_eq!(found[0].membership.created_at, at(1));
        assert_eq!(database.count("organization_members").await, 1);
    }
}

both! {
    async fn a_membership_needs_its_user_and_its_organization(database) {
        let store = &database.store;
        let (ada, here) = (user(store, "user_a").await, organization(store, None).await);
        let strangers = [(OrganizationId::generate(), ada), (here, UserId::generate())];
        for (organization_id, user_id) in strangers {
            let new = NewMembership {
                id: MembershipId::generate(),
                organization_id,
                user_id,
                role: Role::Owner,
                now: at(0),
            };
            let mut tx = store.begin().await.unwrap();
            let outcome = insert_membership(tx.conn(), &new).await;
            assert!(matches!(outcome, Err(StoreError::Driver(_))), "{outcome:?}");
        }
        assert_eq!(rows(&database).await, [("organizations", 1), ("users", 1)]);
    }
}

both! {
    async fn a_role_no_version_knows_is_an_error(database) {
        let store = &database.store;
        let (organization, viewer, members) = crowd(&database, &[0, 1]).await;
        // The second member's: the viewer's own would make everything of the organization unreadable.
        corrupt_role(&database, members[1].1).await;
        let lists = [ListOf::Organization(organization)];
        let slices = read!(store, conn => load_slices(conn, viewer, &lists, Slice::first(10)));
        assert!(matches!(slices, Err(StoreError::Corrupt(_))));
        let rows = read!(store, conn => load_memberships(conn, viewer, &[members[1].1]));
        assert!(matches!(rows, Err(StoreError::Corrupt(_))));
        let others = read!(store, conn => load_memberships(conn, viewer, &[members[0].1])).unwrap();
        assert_eq!(others.len(), 1);
        let clerk_user_id = format!("user_{organization}_1");
        let lookup = |with_memberships| {
            Lookup { with_memberships, ..Lookup::of_user(&clerk_user_id) }
        };
        let found = read!(store, conn => find_standings(conn, &[lookup(true), lookup(false)], 10));
        // Only who asked for it.
        let [with, without] = found.unwrap().try_into().unwrap_or_else(|_| panic!("not two"));
        assert!(matches!(with, Err(StoreError::Corrupt(_))));
        assert!(without.unwrap().standing.user.is_some());
    }
}

/// Who is in an organization before and after its succession: role and time of joining of each, the
/// first being the one who leaves.
struct Succession {
    members: &'static [(Role, i64)],
    leaves: bool,
    /// Index of the new owner.
    successor: Option<usize>,
}

both! {
    async fn the_longest_standing_admin_else_member_succeeds(database) {
        use Role::{Admin, Member, Owner};
        let cases = [
            Succession { members: &[(Owner, 0)], leaves: true, successor: None },
            Succession { members: &[(Owner, 0), (Member, 1)], leaves: true, successor: Some(1) },
            Succession {
                members: &[(Owner, 0), (Member, 1), (Admin, 2)],
                leaves: true,
                successor: Some(2),
            },
            Succession {
                members: &[(Owner, 0), (Admin, 500_001), (Admin, 500_000)],
                leaves: true,
                successor: Some(2),
            },
            Succession {
                members: &[(Owner, 0), (Member, 1), (Member, 0)],
                leaves: true,
                successor: Some(2),
            },
            Succession {
                members: &[(Owner, 0), (Owner, 1), (Admin, 0)],
                leaves: true,
                successor: None,
            },
            Succession { members: &[(Member, 0), (Owner, 1)], leaves: true, successor: None },
            // An organization that lost its owner before is healed.
            Succession { members: &[(Member, 0), (Member, 1)], leaves: true, successor: Some(1) },
            // Somebody else leaves: the owner stays, or the first of those who remain is found.
            Succession { members: &[(Owner, 0), (Member, 1)], leaves: false, successor: None },
            Succession { members: &[(Member, 0), (Admin, 1)], leaves: false, successor: Some(1) },
        ];
        let store = &database.store;
        for (index, case) in cases.iter().enumerate() {
            let here = organization(store, None).await;
            let bystander = user(store, &format!("user_{index}")).await;
            let elsewhere = organization(store, None).await;
            let foreign = member(store, elsewhere, bystander, Role::Member, at(0)).await;
            let mut people = Vec::new();
            let mut ids = Vec::new();
            for (number, (role, joined)) in case.members.iter().enumerate() {
                let person = user(store, &format!("user_{index}_{number}")).await;
                ids.push(member(store, here, person, *role, at(*joined)).await);
                people.push(person);
            }
            let leaving = if case.leaves { people[0] } else { bystander };
            let promoted = commit!(store, conn => promote_successor(conn, here, leaving, at(9)));
            assert_eq!(promoted, case.successor.is_some(), "case {index}");
            let found = read!(store, conn => load_memberships(conn, people[0], &ids)).unwrap();
            for row in found {
                let number = ids.iter().position(|id| *id == row.membership.id).unwrap();
                let (role, joined) = case.members[number];
                let expected = if case.successor == Some(number) {
                    (Owner, at(9))
                } else {
                    (role, at(joined))
                };
                assert_eq!(
                    (row.membership.role, row.membership.updated_at),
                    expected,
                    "case {index}, {number}"
                );
            }
            let found =
                read!(store, conn => load_memberships(conn, bystander, &[foreign])).unwrap();
            assert_eq!(found[0].membership.role, Member, "case {index}: another organization");
        }
    }
}

both! {
    async fn of_two_who_joined_at_once_the_smaller_id_succeeds(database) {
        let store = &database.store;
        for round in 0..5 {
            let here = organization(store, None).await;
            let owner = user(store, &format!("user_{round}")).await;
            member(store, here, owner, Role::Owner, at(0)).await;
            let mut ids = Vec::new();
            for number in 0..3 {
                let person = user(store, &format!("user_{round}_{number}")).await;
                ids.push(member(store, here, person, Role::Admin, at(1)).await);
            }
            ids.sort_unstable();
            assert!(commit!(store, conn => promote_successor(conn, here, owner, at(9))));
            let found = read!(store, conn => load_memberships(conn, owner, &ids)).unwrap();
            let owners: Vec<_> = found
                .iter()
                .filter(|row| row.membership.role == Role::Owner)
                .map(|row| row.membership.id)
                .collect();
            assert_eq!(owners, [ids[0]]);
        }
    }
}

/// What Clerk says about somebody's membership.
fn state(
    id: &str,
    organization_id: OrganizationId,
    user_id: UserId,
    role: Role,
    updated_at: i64,
) -> ClerkMembershipState<'_> {
    ClerkMembershipState {
        clerk_membership_id: id,
        organization_id,
        user_id,
        role,
        updated_at: at(updated_at),
        now: at(updated_at + 77),
    }
}

both! {
    async fn a_mirrored_membership_follows_what_is_latest_whatever_comes_first(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let here = organization(store, Some("org_a")).await;
        // Membership, role and time of what Clerk says, and the role that is stored then.
        let steps = [
            ("orgmem_1", Role::Member, 500_000, Role::Member),
            ("orgmem_1", Role::Owner, 499_999, Role::Member),
            // As late: the same one of the two counts, in this order and in the other.
            ("orgmem_1", Role::Admin, 500_000, Role::Member),
            ("orgmem_1", Role::Admin, 500_001, Role::Admin),
            ("orgmem_1", Role::Member, 500_001, Role::Member),
            // Left and joined again.
            ("orgmem_2", Role::Owner, 1_000_000, Role::Owner),
            ("orgmem_1", Role::Admin, 999_999, Role::Owner),
        ];
        let (mut changed, mut changed_at) = (Role::Member, at(500_077));
        for (number, (id, role, updated_at, expected)) in steps.into_iter().enumerate() {
            let said = state(id, here, ada, role, updated_at);
            commit!(store, conn => upsert_mirrored_membership(conn, &said));
            let lists = [ListOf::User(ada)];
            let found =
                read!(store, conn => load_slices(conn, ada, &lists, Slice::first(10))).unwrap();
            let [found] = found.as_slice() else { panic!("step {number}: {}", found.len()) };
            assert_eq!(found.membership.role, expected, "step {number}");
            assert_eq!(found.membership.created_at, at(500_077), "joined once");
            if changed != found.membership.role {
                changed = found.membership.role;
                changed_at = said.now;
            }
            assert_eq!(found.membership.updated_at, changed_at, "step {number}");
        }
        assert!(
            !commit!(store, conn => delete_mirrored_membership(conn, "orgmem_1")),
            "the former one"
        );
        assert!(commit!(store, conn => delete_mirrored_membership(conn, "orgmem_2")));
        assert!(!commit!(store, conn => delete_mirrored_membership(conn, "orgmem_2")));
        assert_eq!(rows(&database).await, [("organizations", 1), ("users", 1)]);
    }
}

both! {
    async fn only_an_admin_who_created_a_mirror_becomes_its_owner(database) {
        let store = &database.store;
        let here = organization(store, Some("org_a")).await;
        let elsewhere = organization(store, Some("org_b")).await;
        let (ada, bob) = (user(store, "user_a").await, user(store, "user_b").await);
        let mut ids = Vec::new();
        for (place, person, role) in [
            (here, ada, Role::Admin),
            (here, bob, Role::Admin),
            (elsewhere, ada, Role::Admin),
            (elsewhere, bob, Role::Member),
        ] {
            ids.push(member(store, place, person, role, at(0)).await);
        }
        let roles = async || {
            let mut found = read!(store, conn => load_memberships(conn, ada, &ids)).unwrap();
            found.sort_by_key(|row| ids.iter().position(|id| *id == row.membership.id));
            found.iter().map(|row| row.membership.role).collect::<Vec<_>>()
        };
        commit!(store, conn => promote_creator(conn, here, "user_c", at(1)));
        assert_eq!(roles().await, [Role::Admin, Role::Admin, Role::Admin, Role::Member]);
        commit!(store, conn => promote_creator(conn, here, "user_a", at(1)));
        assert_eq!(roles().await, [Role::Owner, Role::Admin, Role::Admin, Role::Member]);
        commit!(store, conn => promote_creator(conn, elsewhere, "user_b", at(1)));
        assert_eq!(
            roles().await,
            [Role::Owner, Role::Admin, Role::Admin, Role::Member],
            "a member stays one"
        );
    }
}
