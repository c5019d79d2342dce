//! Lookups of several requests at the same time: one statement for many, and nobody is given what
//! another asked for.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use mission_control::{
    model::Role,
    store::{
        Reader, Store, StoreError,
        sessions::revoke_session,
        users::{Lookup, Lookups},
    },
};
use tokio::time::timeout;

use super::sample::{at, commit, member, organization, user};
use crate::support::both;

/// Every connection that lookups could use.
async fn take_readers(store: &Store) -> Vec<Reader<'_>> {
    let mut readers = Vec::new();
    while let Ok(Ok(reader)) = timeout(Duration::from_millis(300), store.read()).await {
        readers.push(reader);
    }
    readers
}

both! {
    async fn requests_that_wait_together_share_a_statement_and_nothing_else(database) {
        const USERS: usize = 150;
        let store = &database.store;
        let mut expected = Vec::new();
        for number in 0..USERS {
            let id = user(store, &format!("user_{number}")).await;
            let mut memberships = HashSet::new();
            for _ in 0..number % 4 {
                let here = organization(store, None).await;
                memberships.insert(member(store, here, id, Role::Member, at(0)).await);
            }
            expected.push((id, memberships));
        }
        let revoked = |number: usize| number.is_multiple_of(3);
        for number in (0..USERS).filter(|number| revoked(*number)) {
            commit!(store, conn => revoke_session(conn, &format!("sess_{number}"), at(0)));
        }
        let lookups = Lookups::new(store.clone());
        let before = store.statements();
        let readers = take_readers(store).await;
        let requests = join_all((0..=USERS).map(|number| {
            let lookups = lookups.clone();
            tokio::spawn(async move {
                let (user, session) = (format!("user_{number}"), format!("sess_{number}"));
                let lookup = Lookup {
                    session_id: Some(&session),
                    with_memberships: !number.is_multiple_of(5),
                    ..Lookup::of_user(&user)
                };
                lookups.find(lookup).await.unwrap()
            })
        }));
        let release = async {
            // All of them have asked by then, or there would be more statements than are allowed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(readers);
        };
        let (found, ()) = tokio::join!(requests, release);
        let mut found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        let nobody = found.pop().unwrap();
        assert!(nobody.standing.user.is_none() && nobody.memberships.is_none());
        for (number, (found, (id, memberships))) in found.into_iter().zip(expected).enumerate() {
            assert_eq!(found.standing.user.unwrap().id, id, "{number}");
            assert_eq!(found.standing.is_session_revoked, revoked(number), "{number}");
            let listed = found.memberships.map(|rows| {
                assert!(rows.iter().all(|row| row.membership.user_id == id), "{number}");
                rows.iter().map(|row| row.membership.id).collect::<HashSet<_>>()
            });
            assert_eq!(listed, (!number.is_multiple_of(5)).then_some(memberships), "{number}");
        }
        let statements = store.statements() - before;
        // Two that began with whoever came first, and 64 lookups in each of the others.
        assert!((3..=6).contains(&statements), "{statements} statements");
    }
}

both! {
    async fn whoever_gives_up_leaves_the_others_alone(database) {
        let store = &database.store;
        let id = user(store, "user_a").await;
        let lookups = Lookups::new(store.clone());
        let find = || lookups.find(Lookup::of_user("user_a"));
        let readers = take_readers(store).await;
        for _ in 0..5 {
            assert!(timeout(Duration::from_millis(5), find()).await.is_err());
        }
        let (found, ()) = tokio::join!(find(), async { drop(readers) });
        assert_eq!(found.unwrap().standing.user.unwrap().id, id);
        assert_eq!(find().await.unwrap().standing.user.unwrap().id, id);
    }
}

both! {
    async fn a_lookup_sees_what_was_committed_before_it(database) {
        let store = &database.store;
        user(store, "user_a").await;
        let lookups = Lookups::new(store.clone());
        let crowd: Vec<_> = (0..8)
            .map(|_| {
                let lookups = lookups.clone();
                tokio::spawn(async move {
                    loop {
                        lookups.find(Lookup::of_user("user_a")).await.unwrap();
                    }
                })
            })
            .collect();
        for number in 0..100 {
            let session_id = format!("sess_{number}");
            let lookup =
                Lookup { session_id: Some(&session_id), ..Lookup::of_user("user_a") };
            assert!(!lookups.find(lookup).await.unwrap().standing.is_session_revoked);
            commit!(store, conn => revoke_session(conn, &session_id, at(0)));
            assert!(lookups.find(lookup).await.unwrap().standing.is_session_revoked);
        }
        crowd.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

both! {
    async fn everybody_is_told_when_the_database_cannot_serve(database) {
        let lookups = Lookups::new(database.store.clone());
        database.store.close().await;
        for _ in 0..2 {
            let requests = (0..100).map(|_| lookups.find(Lookup::of_user("user_a")));
            for found in join_all(requests).await {
                assert!(matches!(found, Err(StoreError::Unavailable(_))));
            }
        }
    }
}
