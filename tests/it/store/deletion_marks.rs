//! Marks of deletions under way: who may go on with one.

use mission_control::{
    model::{AttemptId, UserId},
    store::users::{
        DeletionMark, find_stale_deletion_marks, mark_deletion, take_over_deletion_mark,
        unmark_deletion,
    },
};

use super::sample::{at, commit, how_many, mark, read, standing, user};
use crate::support::both;

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
