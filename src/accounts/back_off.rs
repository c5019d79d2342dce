//! How long to wait between two profile calls to Clerk for a user whose profile stays incomplete. Pure.

use chrono::TimeDelta;

/// The pause after the first profile call that left something missing; it doubles from call to call.
pub(super) const FIRST_BACK_OFF: TimeDelta = TimeDelta::minutes(1);
/// The longest pause between two profile calls.
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::hours(24);

/// How long to wait after a profile call that comes after `tries` others.
pub(super) fn back_off(tries: i64) -> TimeDelta {
    let doublings = u32::try_from(tries.clamp(0, 16)).unwrap_or(16);
    (FIRST_BACK_OFF * 2_i32.saturating_pow(doublings)).min(LONGEST_BACK_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_from_a_minute_to_a_day() {
        let minutes: Vec<_> = [0, 1, 2, 10, 11, 400].map(|n| back_off(n).num_minutes()).to_vec();
        assert_eq!(minutes, [1, 2, 4, 1024, 1440, 1440]);
        assert_eq!(back_off(-1), FIRST_BACK_OFF);
        assert_eq!(back_off(i64::MAX), LONGEST_BACK_OFF);
    }
}
