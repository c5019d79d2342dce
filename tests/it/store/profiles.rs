//! Whose word counts about a profile, and who asks Clerk for it.

use mission_control::{
    model::{OrganizationId, Profile, Role, UserId},
    store::users::{
        ClaimsUpdate, ClerkUpdate, NewUser, ProfileChanges, ProfileTry, apply_claims,
        apply_clerk_update, claim_profile_try, mark_deletion, note_active_organization,
        update_profile,
    },
};

use super::sample::{
    at, commit, how_many, mark, member, nameless, organization, profile, standing, user, user_as,
};
use crate::support::both;

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
    async fn a_claimed_name_only_fills_an_empty_place(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let claims = |name| ClaimsUpdate { profile: profile(None, name), as_of: None, now: at(1) };
        for (claimed, expected) in [(None, None), (Some("Ada"), Some("Ada")), (Some("Eve"), Some("Ada")), (None, Some("Ada"))] {
            assert!(commit!(store, conn => apply_claims(conn, ada, &claims(claimed))));
            let found = standing(store, "user_a").await.user.unwrap();
            assert_eq!(found.name.as_deref(), expected);
        }
        let stranger = UserId::generate();
        assert!(!commit!(store, conn => apply_claims(conn, stranger, &claims(Some("Eve")))));
        commit!(store, conn => mark_deletion(conn, &mark(ada, 0)));
        assert!(
            !commit!(store, conn => apply_claims(conn, ada, &claims(Some("Eve")))),
            "being deleted"
        );
    }
}

both! {
    async fn a_named_organization_is_noted_for_its_members(database) {
        let store = &database.store;
        let ada = user(store, "user_a").await;
        let (first, second) = (organization(store, None).await, organization(store, None).await);
        member(store, first, ada, Role::Member, at(0)).await;
        let before = standing(store, "user_a").await.user.unwrap().updated_at;
        for (named, is_noted, expected) in [
            (second, false, None),
            (first, true, Some(first)),
            (second, false, Some(first)),
            (OrganizationId::generate(), false, Some(first)),
        ] {
            assert_eq!(commit!(store, conn => note_active_organization(conn, ada, named)), is_noted);
            let found = standing(store, "user_a").await.user.unwrap();
            assert_eq!((found.active_organization_id, found.updated_at), (expected, before));
        }
        let stranger = UserId::generate();
        assert!(!commit!(store, conn => note_active_organization(conn, stranger, first)));
        commit!(store, conn => mark_deletion(conn, &mark(ada, 0)));
        assert!(!commit!(store, conn => note_active_organization(conn, ada, first)), "being deleted");
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
