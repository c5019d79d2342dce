//! Ids of applied webhook messages: each counts once, whoever applies it.

use mission_control::store::webhook_messages::{expire_messages, insert_message};

use super::sample::{at, commit, rows};
use crate::support::both;

both! {
    async fn a_message_is_recorded_once(database) {
        assert!(commit!(database.store, conn => insert_message(conn, "msg_a", at(0))));
        assert!(!commit!(database.store, conn => insert_message(conn, "msg_a", at(9))));
        assert!(commit!(database.store, conn => insert_message(conn, "msg_b", at(9))));
        assert_eq!(rows(&database).await, [("webhook_messages", 2)]);
    }
}

both! {
    async fn an_effect_that_fails_takes_its_message_with_it(database) {
        let mut tx = database.store.begin().await.unwrap();
        assert!(insert_message(tx.conn(), "msg_a", at(0)).await.unwrap());
        drop(tx);
        assert!(commit!(database.store, conn => insert_message(conn, "msg_a", at(0))));
    }
}

both! {
    async fn of_two_instances_that_apply_a_message_the_second_waits_and_learns(database) {
        let second = database.second_instance().await;
        let mut first = database.store.begin().await.unwrap();
        assert!(insert_message(first.conn(), "msg_a", at(0)).await.unwrap());
        let other =
            tokio::spawn(
                async move { commit!(second, conn => insert_message(conn, "msg_a", at(1))) },
            );
        if database.is_postgres() {
            database.until_waiting(1).await;
        }
        first.commit().await.unwrap();
        assert!(!other.await.unwrap());
    }
}

both! {
    async fn old_messages_are_forgotten_to_the_microsecond(database) {
        for (id, microseconds) in
            [("a", 0), ("b", 1), ("c", 500_000), ("d", 500_001), ("e", 1_000_000)]
        {
            commit!(database.store, conn => insert_message(conn, id, at(microseconds)));
        }
        for (before, gone) in [(-1, 0), (0, 1), (0, 0), (500_000, 2), (999_999, 1), (1_000_000, 1)]
        {
            assert_eq!(
                commit!(database.store, conn => expire_messages(conn, at(before))),
                gone,
                "{before}"
            );
        }
        assert_eq!(rows(&database).await, []);
    }
}
