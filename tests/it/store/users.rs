//! Users: what decides about a session, whose word counts about a profile, and who may delete whom.

use mission_control::{
    model::{AttemptId, OrganizationId, Profile, Role, UserId},
    store::{
        Store, StoreError,
        sessions::revoke_session,
        tombstones::{Tombstone, TombstoneKind, write_tombstone},
        users::{
            ClaimsUpdate, ClerkUpdate, DeletionMark, Lookup, NewUser, ProfileChanges, ProfileTry,
            Standing, apply_claims, apply_clerk_update, claim_profile_try, delete_user,
            find_stale_deletion_marks, find_standing, find_standings, insert_user,
            load_active_organizations, load_users, mark_deletion, set_super_admin,
            take_over_deletion_mark, unmark_deletion, update_profile,
        },
    },
};

use super::sample::{
    at, commit, member, organization, personal, profile, read, rows, standing, user, user_as,
};
use crate::support::{TestDatabase, both};

fn nameless(clerk_user_id: &str) -> NewUser<'_> {
    NewUser::nameless(UserId::generate(), clerk_user_id, at(0))
}

fn mark(user_id: UserId, marked_at: i64) -> DeletionMark {
    DeletionMark {
        user_id,
        clerk_user_id: "user_a".to_owned(),
        attempt: AttemptId::generate(),
        from_clerk: true,
        sessions: vec!["sess_a".to_owned(), "sess_b".to_owned()],
        marked_at: at(marked_at),
    }
}

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
        commit!(store, conn => revoke_session(conn, "sess_b", at(0), None));
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
        commit!(store, conn => revoke_session(conn, "sess_a", at(0), None));
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
        commit!(store, conn => revoke_session(conn, "sess_a", at(0), None));
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
    async fn a_claimed_address_counts_when_it_is_later(database) {
        let (old, new) = (Some("old@example.com"), Some("new@example.com"));
        // Stored address and its time, the claim's address and time, and what is stored then.
        let cases = [
            ((old, Some(10)), (new, Some(9)), (old, Some(10))),
            ((old, Some(10)), (new, Some(10)), (old, Some(10))),
            ((old, Some(10)), (new, Some(11)), (new, Some(11))),
            ((old, Some(10)), (new, None), (old, Some(10))),
            ((old, Some(10)), (None, Some(11)), (old, Some(10))),
            ((old, None), (new, Some(1)), (new, Some(1))),
            // Without a time it only fills an empty place.
            ((old, None), (new, None), (old, None)),
            ((None, None), (new, None), (new, None)),
            ((None, None), (new, Some(5)), (new, Some(5))),
            // Taken away by an event: comes back only with something later.
            ((None, Some(10)), (new, Some(9)), (None, Some(10))),
            ((None, Some(10)), (new, Some(10)), (None, Some(10))),
            ((None, Some(10)), (new, Some(11)), (new, Some(11))),
            ((None, Some(10)), (new, None), (None, Some(10))),
            // Times whose text has different lengths.
            ((old, Some(0)), (new, Some(1)), (new, Some(1))),
            ((old, Some(500_000)), (new, Some(499_999)), (old, Some(500_000))),
            ((old, Some(500_000)), (new, Some(500_001)), (new, Some(500_001))),
            ((old, Some(999_999)), (new, Some(1_000_000)), (new, Some(1_000_000))),
        ];
        let store = &database.store;
        for (index, (stored, claimed, expected)) in cases.into_iter().enumerate() {
            let clerk_user_id = format!("user_{index}");
            let stored_user = NewUser {
                profile: profile(stored.0, None),
                email_as_of: stored.1.map(at),
                ..nameless(&clerk_user_id)
            };
            let id = user_as(store, &stored_user).await;
            let claims = ClaimsUpdate {
                profile: Profile { email_verified: true, ..profile(claimed.0, None) },
                as_of: claimed.1.map(at),
                active_organization: None,
                now: at(77),
            };
            assert!(commit!(store, conn => apply_claims(conn, id, &claims)));
            let found = standing(store, &clerk_user_id).await.user.unwrap();
            let case = format!("{stored:?} then {claimed:?}");
            assert_eq!(
                (found.email.as_deref(), found.email_as_of),
                (expected.0, expected.1.map(at)),
                "{case}"
            );
            assert_eq!(found.email_verified, found.email.as_deref() == new, "{case}");
            assert_eq!(found.updated_at, at(77), "{case}");
        }
    }
}

both! {
    async fn a_claimed_name_and_organization(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let (first, second) = (organization(store, None).await, organization(store, None).await);
        member(store, first, ada, Role::Member, at(0)).await;
        let claims = |name, active_organization| ClaimsUpdate {
            profile: profile(None, name),
            as_of: None,
            active_organization,
            now: at(1),
        };
        // Name and organization of a claim, and those stored then.
        let steps = [
            ((None, None), (None, None)),
            ((None, Some(second)), (None, None)),
            ((Some("Ada"), Some(first)), (Some("Ada"), Some(first))),
            ((Some("Eve"), Some(second)), (Some("Ada"), Some(first))),
            ((None, Some(OrganizationId::generate())), (Some("Ada"), Some(first))),
            ((None, None), (Some("Ada"), Some(first))),
        ];
        for ((name, organization), expected) in steps {
            assert!(commit!(store, conn => apply_claims(conn, ada, &claims(name, organization))));
            let found = standing(store, "user_a").await.user.unwrap();
            assert_eq!((found.name.as_deref(), found.active_organization_id), expected);
        }
        let stranger = UserId::generate();
        assert!(!commit!(store, conn => apply_claims(conn, stranger, &claims(Some("Eve"), None))));
        commit!(store, conn => mark_deletion(conn, &mark(ada, 0)));
        assert!(
            !commit!(store, conn => apply_claims(conn, ada, &claims(Some("Eve"), None))),
            "being deleted"
        );
    }
}

both! {
    async fn clerks_word_counts_unless_a_later_one_was_applied(database) {
        let (old, new) = (Some("old@example.com"), Some("new@example.com"));
        // Stored: address, its time, time of the last object. Then the object's address and time.
        // Expected: address and its time, and whether the object's ban counts.
        let cases = [
            ((old, None, None), (new, 5), (new, Some(5)), true),
            ((old, Some(10), None), (new, 9), (old, Some(10)), true),
            ((old, Some(10), None), (new, 10), (new, Some(10)), true),
            ((old, Some(10), None), (new, 11), (new, Some(11)), true),
            // A claim was later than the object about the address, but says nothing about a ban.
            ((old, Some(10), Some(3)), (new, 5), (old, Some(10)), true),
            ((old, Some(10), Some(10)), (new, 9), (old, Some(10)), false),
            ((old, Some(10), Some(10)), (new, 10), (new, Some(10)), true),
            ((old, None, Some(10)), (new, 9), (new, Some(9)), false),
            // No address left.
            ((old, Some(10), Some(10)), (None, 11), (None, Some(11)), true),
            ((old, Some(10), Some(10)), (None, 9), (old, Some(10)), false),
            ((old, Some(500_000), Some(500_000)), (new, 499_999), (old, Some(500_000)), false),
            ((old, Some(500_000), Some(500_000)), (new, 500_001), (new, Some(500_001)), true),
            ((old, Some(999_999), Some(999_999)), (new, 1_000_000), (new, Some(1_000_000)), true),
        ];
        let store = &database.store;
        for (index, (stored, (email, updated_at), expected, is_banned)) in
            cases.into_iter().enumerate()
        {
            let clerk_user_id = format!("user_{index}");
            let stored_user = NewUser {
                profile: profile(stored.0, None),
                email_as_of: stored.1.map(at),
                clerk_updated_at: stored.2.map(at),
                ..nameless(&clerk_user_id)
            };
            let id = user_as(store, &stored_user).await;
            let update = ClerkUpdate {
                profile: Profile {
                    email_verified: email.is_some(),
                    ..profile(email, Some("Ada"))
                },
                has_lost_email: email.is_none(),
                banned: true,
                updated_at: at(updated_at),
                next_try: at(77),
                now: at(77),
            };
            assert!(commit!(store, conn => apply_clerk_update(conn, id, &update)));
            let found = standing(store, &clerk_user_id).await;
            let case = format!("{stored:?} then {email:?} at {updated_at}");
            assert_eq!(found.is_banned, is_banned, "{case}");
            let found = found.user.unwrap();
            assert_eq!(
                (found.email.as_deref(), found.email_as_of),
                (expected.0, expected.1.map(at)),
                "{case}"
            );
            assert_eq!(found.email_verified, expected.0 == new, "{case}");
            assert_eq!(
                found.name.as_deref(),
                Some("Ada"),
                "a name fills an empty place whatever its age: {case}"
            );
            assert_eq!(found.updated_at, at(77), "{case}");
            // What was applied is remembered: the one before it changes nothing any more.
            let earlier = ClerkUpdate {
                profile: Profile {
                    email_verified: email.is_some(),
                    ..profile(Some("earlier@example.com"), Some("Eve"))
                },
                has_lost_email: false,
                banned: !is_banned,
                updated_at: at(updated_at - 1),
                ..update
            };
            assert!(commit!(store, conn => apply_clerk_update(conn, id, &earlier)));
            let after = standing(store, &clerk_user_id).await;
            assert_eq!(after.is_banned, is_banned, "{case}");
            let after = after.user.unwrap();
            assert_eq!(
                (after.email, after.email_as_of),
                (found.email, found.email_as_of),
                "{case}"
            );
            assert_eq!(after.name.as_deref(), Some("Ada"), "{case}");
            // Nor does the same once more.
            let again = ClerkUpdate { now: at(99), ..update };
            assert!(commit!(store, conn => apply_clerk_update(conn, id, &again)));
            let after = standing(store, &clerk_user_id).await.user.unwrap();
            assert_eq!(after.updated_at, at(77), "nothing that is shown changed: {case}");
        }
        let stranger = UserId::generate();
        let update = ClerkUpdate {
            profile: Profile::default(),
            has_lost_email: false,
            banned: false,
            updated_at: at(0),
            next_try: at(0),
            now: at(0),
        };
        assert!(!commit!(store, conn => apply_clerk_update(conn, stranger, &update)));
    }
}

both! {
    async fn an_object_that_says_nothing_about_the_address_leaves_it(database) {
        let store = &database.store;
        let new = NewUser {
            profile: Profile { email_verified: true, ..profile(Some("a@example.com"), None) },
            email_as_of: Some(at(1)),
            ..nameless("user_a")
        };
        let ada = user_as(store, &new).await;
        let silent = ClerkUpdate {
            profile: Profile::default(),
            has_lost_email: false,
            banned: true,
            updated_at: at(9),
            next_try: at(9),
            now: at(9),
        };
        assert!(commit!(store, conn => apply_clerk_update(conn, ada, &silent)));
        let found = standing(store, "user_a").await;
        assert!(found.is_banned);
        let found = found.user.unwrap();
        assert_eq!(
            (found.email.as_deref(), found.email_as_of),
            (Some("a@example.com"), Some(at(1)))
        );
        assert!(found.email_verified);
    }
}

both! {
    async fn a_complete_profile_ends_the_series_of_tries(database) {
        let store = &database.store;
        let tried = NewUser {
            profile_tried_at: Some(at(0)),
            profile_next_try: Some(at(60)),
            ..nameless("user_a")
        };
        let ada = user_as(store, &tried).await;
        let update = |email, has_lost_email, name, updated_at| ClerkUpdate {
            profile: profile(email, name),
            has_lost_email,
            banned: false,
            updated_at: at(updated_at),
            next_try: at(0),
            now: at(0),
        };
        let steps = [
            (update(Some("a@example.com"), false, None, 1), 1),
            (update(None, true, Some("Ada"), 2), 1),
            (update(None, false, Some("Ada"), 3), 1),
            (update(Some("a@example.com"), false, None, 4), 0),
        ];
        for (update, tries) in steps {
            commit!(store, conn => apply_clerk_update(conn, ada, &update));
            assert_eq!(standing(store, "user_a").await.user.unwrap().profile_tries, tries);
        }
    }
}

both! {
    async fn a_profile_call_is_due_when_it_is(database) {
        let store = &database.store;
        // Last try and next try as stored, the limit that ignores the back-off, and whether at 100 a
        // call may be made.
        let cases = [
            (None, None, None, true),
            (Some(0), Some(99), None, true),
            (Some(0), Some(100), None, true),
            (Some(0), Some(101), None, false),
            (Some(0), Some(101), Some(0), true),
            (Some(1), Some(101), Some(0), false),
            (Some(1), Some(100), Some(0), true),
            // Never tried, but told to wait.
            (None, Some(101), Some(50), false),
        ];
        for (index, (tried, next, ignore, is_due)) in cases.into_iter().enumerate() {
            let clerk_user_id = format!("user_{index}");
            let new = NewUser {
                profile_tried_at: tried.map(at),
                profile_next_try: next.map(at),
                ..nameless(&clerk_user_id)
            };
            let id = user_as(store, &new).await;
            let before = standing(store, &clerk_user_id).await.user.unwrap();
            let claim =
                ProfileTry { now: at(100), next: at(200), ignore_back_off_before: ignore.map(at) };
            assert_eq!(
                commit!(store, conn => claim_profile_try(conn, id, claim)),
                is_due,
                "case {index}"
            );
            let after = standing(store, &clerk_user_id).await.user.unwrap();
            if is_due {
                assert_eq!(after.profile_tried_at, Some(at(100)));
                assert_eq!(after.profile_next_try, Some(at(200)));
                assert_eq!(after.profile_tries, before.profile_tries + 1);
                assert!(
                    !commit!(store, conn => claim_profile_try(conn, id, claim)),
                    "case {index}: twice"
                );
            } else {
                assert!(after == before, "case {index}");
            }
        }
        let claim = ProfileTry { now: at(100), next: at(200), ignore_back_off_before: None };
        let stranger = UserId::generate();
        assert!(!commit!(store, conn => claim_profile_try(conn, stranger, claim)));
        let marked = user(store, "user_marked").await;
        commit!(store, conn => mark_deletion(conn, &mark(marked, 0)));
        assert!(!commit!(store, conn => claim_profile_try(conn, marked, claim)), "being deleted");
    }
}

/// Runs `work` 40 times at once, on two instances by turns, and answers how many said `true`.
async fn how_many<W: Future<Output = bool> + Send + 'static>(
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

both! {
    async fn of_many_who_want_to_ask_clerk_one_may(database) {
        let tried = NewUser {
            profile_tried_at: Some(at(0)),
            profile_next_try: Some(at(60_000_000)),
            ..nameless("user_tried")
        };
        let (fresh, tried) =
            (user(&database.store, "user_a").await, user_as(&database.store, &tried).await);
        // The back-off has passed; and bootstrap, which ignores it.
        for (id, ignore) in [(fresh, None), (tried, Some(at(0)))] {
            let claim =
                ProfileTry { now: at(1), next: at(60_000_000), ignore_back_off_before: ignore };
            let count = how_many(&database, move |store| async move {
                commit!(store, conn => claim_profile_try(conn, id, claim))
            });
            assert_eq!(count.await, 1);
        }
        assert_eq!(standing(&database.store, "user_a").await.user.unwrap().profile_tries, 1);
        assert_eq!(standing(&database.store, "user_tried").await.user.unwrap().profile_tries, 2);
    }
}

both! {
    async fn each_field_of_a_profile_is_kept_cleared_or_set(database) {
        type Field = fn(&mut ProfileChanges) -> &mut Option<Option<String>>;
        let fields: [Field; 6] = [
            |changes| &mut changes.name,
            |changes| &mut changes.preferred_name,
            |changes| &mut changes.pronouns,
            |changes| &mut changes.timezone,
            |changes| &mut changes.notes,
            |changes| &mut changes.context,
        ];
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let stored = async || {
            let user = standing(store, "user_a").await.user.unwrap();
            [user.name, user.preferred_name, user.pronouns, user.timezone, user.notes, user.context]
        };
        let mut expected = [const { None::<String> }; 6];
        let mut now = 0;
        for value in [Some("erst".to_owned()), Some("O'Brien; -- 🦀\n\t".to_owned()), None] {
            for (index, field) in fields.iter().enumerate() {
                let mut changes = ProfileChanges::default();
                *field(&mut changes) = Some(value.clone());
                now += 1;
                assert!(commit!(store, conn => update_profile(conn, ada, &changes, at(now))));
                expected[index].clone_from(&value);
                assert_eq!(stored().await, expected, "field {index}");
                assert_eq!(standing(store, "user_a").await.user.unwrap().updated_at, at(now));
            }
        }
        let changes =
            ProfileChanges { name: Some(Some("Eve".to_owned())), ..ProfileChanges::default() };
        let stranger = UserId::generate();
        assert!(!commit!(store, conn => update_profile(conn, stranger, &changes, at(0))));
        commit!(store, conn => mark_deletion(conn, &mark(ada, 0)));
        assert!(
            !commit!(store, conn => update_profile(conn, ada, &changes, at(0))),
            "being deleted"
        );
        assert_eq!(stored().await, expected);
    }
}

both! {
    async fn an_attempt_undoes_only_its_own_mark(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let (first, second) =
            (mark(ada, 1), DeletionMark { from_clerk: false, sessions: Vec::new(), ..mark(ada, 2) });
        assert!(commit!(store, conn => mark_deletion(conn, &first)));
        assert!(commit!(store, conn => mark_deletion(conn, &second)), "a later attempt takes over");
        assert!(!commit!(store, conn => unmark_deletion(conn, ada, first.attempt)));
        assert!(standing(store, "user_a").await.is_being_deleted);
        let stale = read!(store, conn => find_stale_deletion_marks(conn, at(2))).unwrap();
        assert_eq!(stale, std::slice::from_ref(&second));
        assert!(commit!(store, conn => unmark_deletion(conn, ada, second.attempt)));
        assert!(
            !commit!(store, conn => unmark_deletion(conn, ada, second.attempt)),
            "nothing left to undo"
        );
        assert!(!standing(store, "user_a").await.is_being_deleted);
        assert_eq!(read!(store, conn => find_stale_deletion_marks(conn, at(9))).unwrap(), []);
        let stranger = mark(UserId::generate(), 0);
        assert!(!commit!(store, conn => mark_deletion(conn, &stranger)));
    }
}

both! {
    async fn stale_marks_are_found_oldest_first_and_to_the_microsecond(database) {
        let store = &database.store;
        let mut marks = Vec::new();
        for marked_at in [500_001, 0, 1, 500_000, 1_000_000] {
            let clerk_user_id = format!("user_{marked_at}");
            let id = user(store, &clerk_user_id).await;
            let mark = DeletionMark { clerk_user_id, ..mark(id, marked_at) };
            commit!(store, conn => mark_deletion(conn, &mark));
            marks.push(mark);
        }
        user(store, "user_unmarked").await;
        marks.sort_by_key(|mark| mark.marked_at);
        for (before, count) in [
            (-1, 0),
            (0, 1),
            (1, 2),
            (499_999, 2),
            (500_000, 3),
            (500_001, 4),
            (999_999, 4),
            (1_000_000, 5),
        ] {
            let stale = read!(store, conn => find_stale_deletion_marks(conn, at(before))).unwrap();
            assert_eq!(stale, marks[..count], "before {before}");
        }
    }
}

both! {
    async fn of_many_who_take_over_a_mark_one_gets_it(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let stale = mark(ada, 0);
        commit!(store, conn => mark_deletion(conn, &stale));
        let before = stale.clone();
        let count = how_many(&database, move |store| {
            let stale = before.clone();
            async move {
                commit!(store, conn => take_over_deletion_mark(conn, &stale, AttemptId::generate(), at(9)))
            }
        });
        assert_eq!(count.await, 1);
        assert!(
            !commit!(store, conn => unmark_deletion(conn, ada, stale.attempt)),
            "the old attempt is out"
        );
        let taken = read!(store, conn => find_stale_deletion_marks(conn, at(9))).unwrap();
        let [taken] = taken.as_slice() else { panic!("{taken:?}") };
        assert_ne!(taken.attempt, stale.attempt);
        assert_eq!(taken.marked_at, at(9));
        let rest =
            DeletionMark { attempt: stale.attempt, marked_at: stale.marked_at, ..taken.clone() };
        assert_eq!(rest, stale, "what was asked for is kept");
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
        commit!(store, conn => revoke_session(conn, "sess_a", at(0), None));
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
