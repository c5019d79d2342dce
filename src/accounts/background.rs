//! The background job: finishes interrupted deletions and deletes old rows.
//! Every instance runs it; compare-and-set in the statements gives each piece of work to one instance.

use std::time::Duration;

use super::Accounts;

/// How often interrupted deletions are looked for.
const ROUND_INTERVAL: Duration = Duration::from_mins(1);
/// Every so many times, old rows are forgotten too.
const ROUNDS_PER_EXPIRY: u32 = 60;

impl Accounts {
    /// Works now and every minute, until the task is aborted. A failure is logged and tried again a minute later.
    pub(crate) async fn keep_tidy(self) {
        let mut ticks = tokio::time::interval(ROUND_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in (0..ROUNDS_PER_EXPIRY).cycle() {
            ticks.tick().await;
            if let Err(error) = self.finish_deletions().await {
                tracing::warn!(%error, "interrupted deletions could not be looked for");
            }
            if round == 0
                && let Err(error) = self.expire().await
            {
                tracing::warn!(%error, "old messages and revoked sessions could not be forgotten");
            }
        }
    }
}
