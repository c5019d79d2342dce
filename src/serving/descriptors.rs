//! How many connections the limit of open files leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections of clients: databases, Clerk, the log, listeners.
const RESERVE: u64 = 128;

/// Raises the soft limit of open files, as far as the hard one allows, so that `wanted` connections fit;
/// how many of them do.
pub(crate) fn connections_that_fit(wanted: usize) -> usize {
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted.saturating_add(RESERVE);
    let possible = limit.maximum.map_or(needed, |most| most.min(needed));
    if limit.current.is_some_and(|current| current < possible) {
        let raised = Rlimit { current: Some(possible), ..limit };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of open files could not be raised");
        }
    }
    let fitting = match getrlimit(Resource::Nofile).current {
        None => wanted,
        // Of a very low limit half is left for connections.
        Some(current) => wanted.min(current - RESERVE.min(current / 2)).max(1),
    };
    usize::try_from(fitting).unwrap_or(usize::MAX)
}
