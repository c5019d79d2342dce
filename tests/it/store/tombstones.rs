//! Tombstones: what is deleted stays deleted, and nothing weakens the memory of it.

use mission_control::store::tombstones::{
    Tombstone, TombstoneKind, find_tombstone, write_tombstone,
};

use super::sample::{at, commit, read, rows};
use crate::support::both;

const fn tombstone(is_permanent: bool, microseconds: i64) -> (bool, i64) {
    (is_permanent, microseconds)
}

both! {
    async fn the_stricter_and_the_later_of_two_deletions_count(database) {
        let cases = [
            (tombstone(false, 10), tombstone(false, 10), tombstone(false, 10)),
            (tombstone(false, 10), tombstone(false, 11), tombstone(false, 11)),
            (tombstone(false, 10), tombstone(false, 9), tombstone(false, 10)),
            (tombstone(false, 10), tombstone(true, 9), tombstone(true, 10)),
            (tombstone(true, 10), tombstone(false, 11), tombstone(true, 11)),
            (tombstone(true, 10), tombstone(true, 9), tombstone(true, 10)),
            // The same instants as text with no, three and six digits of a second.
            (tombstone(false, 0), tombstone(false, 1), tombstone(false, 1)),
            (tombstone(false, 500_001), tombstone(false, 500_000), tombstone(false, 500_001)),
            (tombstone(false, 999_999), tombstone(false, 1_000_000), tombstone(false, 1_000_000)),
        ];
        for (index, (first, second, expected)) in cases.into_iter().enumerate() {
            let id = format!("user_{index}");
            for (is_permanent, microseconds) in [first, second] {
                let tombstone = Tombstone { is_permanent, deleted_at: at(microseconds) };
                commit!(database.store, conn => write_tombstone(conn, TombstoneKind::User, &id, tombstone));
            }
            let found =
                read!(database.store, conn => find_tombstone(conn, TombstoneKind::User, &id)).unwrap();
            let expected = Tombstone { is_permanent: expected.0, deleted_at: at(expected.1) };
            assert_eq!(found, Some(expected), "{first:?} then {second:?}");
        }
        assert_eq!(rows(&database).await, [("tombstones", 9)]);
    }
}

both! {
    async fn kinds_do_not_stand_for_each_other(database) {
        let kinds = [TombstoneKind::User, TombstoneKind::Organization, TombstoneKind::Membership];
        for (index, kind) in (0..).zip(kinds) {
            let before = read!(database.store, conn => find_tombstone(conn, kind, "same")).unwrap();
            assert_eq!(before, None, "{kind:?}");
            let tombstone = Tombstone { is_permanent: true, deleted_at: at(index) };
            commit!(database.store, conn => write_tombstone(conn, kind, "same", tombstone));
            let after = read!(database.store, conn => find_tombstone(conn, kind, "same")).unwrap();
            assert_eq!(after, Some(tombstone), "{kind:?}");
        }
        let other =
            read!(database.store, conn => find_tombstone(conn, TombstoneKind::User, "other")).unwrap();
        assert_eq!(other, None);
    }
}
