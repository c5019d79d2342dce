//! Which parts of a server show themselves in its metrics, and under which names.

use std::sync::Arc;

use crate::{
    clerk::jwks::{KeySource, RemoteKeySet},
    store::Store,
    telemetry::{Hits, Metrics, Watched},
};

/// Shows the build, the database and the key set.
pub(super) fn show(metrics: &Metrics, store: &Store, keys: Option<&KeySource>) {
    let database = store.kind();
    metrics.watch(Watched {
        name: "build_info",
        help: "Always 1: the version that runs, and on which database",
        is_counter: false,
        read: Box::new(move || {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            vec![(vec![("version", version), ("database", database.to_owned())], 1.0)]
        }),
    });
    show_database(metrics, store);
    if let Some(KeySource::Remote(keys)) = keys {
        show_keys(metrics, keys);
    }
}

fn show_database(metrics: &Metrics, store: &Store) {
    metrics.show_batches(store.batches());
    for (name, help, is_in_use) in [
        ("database_connections_open", "Connections to the database", false),
        ("database_connections_in_use", "Connections to the database that somebody has", true),
    ] {
        let store = store.clone();
        let read = move || {
            let pools = store.pool_use().into_iter();
            let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            pools
                .map(|pool| {
                    let count = if is_in_use { pool.in_use } else { pool.open };
                    (vec![("pool", pool.pool.to_owned())], number(count))
                })
                .collect()
        };
        metrics.watch(Watched { name, help, is_counter: false, read: Box::new(read) });
    }
    let counted = store.clone();
    metrics.watch(Watched {
        name: "database_statements",
        help: "Statements that the database did, transaction control aside",
        is_counter: true,
        read: Box::new(move || {
            #[expect(clippy::cast_precision_loss, reason = "2^53 of anything takes centuries")]
            let count = counted.statements() as f64;
            vec![(Vec::new(), count)]
        }),
    });
    let store = store.clone();
    let help = "Requests that wait for a connection to the database";
    metrics.watch_gauge("database_waiting", help, move || {
        i32::try_from(store.waiting()).ok().map(f64::from)
    });
}

fn show_keys(metrics: &Metrics, keys: &Arc<RemoteKeySet>) {
    let set = keys.clone();
    metrics.watch_gauge(
        "key_set_age_seconds",
        "Age of the key set that verifies tokens; absent while there is none",
        move || {
            let milliseconds = i32::try_from(set.age()?.num_milliseconds()).unwrap_or(i32::MAX);
            Some(f64::from(milliseconds) / 1000.0)
        },
    );
    let set = keys.clone();
    metrics.watch(Watched {
        name: "key_set_fetches",
        help: "Fetches of the key set by whether they brought a usable one",
        is_counter: true,
        read: Box::new(move || {
            let failed = set.failed_attempts();
            let usable = set.attempts().saturating_sub(failed);
            by_outcome(&[("usable", usable), ("failed", failed)])
        }),
    });
}

/// Shows how often a memory knew what it was asked for. `name` is that of the metric.
pub(super) fn show_hits(metrics: &Metrics, name: &'static str, hits: Hits) {
    metrics.watch(Watched {
        name,
        help: "Look-ups in the memory of what was verified or read before, by whether it was known",
        is_counter: true,
        read: Box::new(move || {
            let (hit, missed) = hits.numbers();
            by_outcome(&[("hit", hit), ("miss", missed)])
        }),
    });
}

/// Counts under the label `outcome`.
fn by_outcome(counts: &[(&'static str, u64)]) -> Vec<(Vec<(&'static str, String)>, f64)> {
    let counts = counts.iter().map(|(outcome, count)| {
        #[expect(clippy::cast_precision_loss, reason = "2^53 of anything takes centuries")]
        let count = *count as f64;
        (vec![("outcome", (*outcome).to_owned())], count)
    });
    counts.collect()
}
