//! Lookups of requests that run at the same time, answered by one statement. A lone request runs its
//! own statement at once. While [`MAX_STATEMENTS`] are running, lookups queue, and a worker answers up
//! to [`MAX_LOOKUPS`] of them with one statement. So the busier a server is, the less a request costs.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{Mutex, Semaphore, mpsc, oneshot},
    time::Instant,
};

use super::standing::{Found, Lookup, find_standings};
use crate::{
    store::{Reader, Store, StoreError, timeouts::ACQUIRE_TIMEOUT},
    telemetry::traces::Span,
};

/// How many memberships come with a user: one more than a page may hold, so that almost always all of
/// them are known.
pub const PRELOADED: i64 = 101;
/// What its batches are called in the metrics.
const BATCH: &str = "lookup";
/// Lookups in one statement, at most.
const MAX_LOOKUPS: usize = 64;
/// Statements that run at the same time, at most, and workers. More would hold fewer lookups each; with
/// one alone every request would wait for a connection that has died.
const MAX_STATEMENTS: usize = 2;
/// How long a worker keeps a connection from one statement to the next, where it takes round trips to
/// get one that is known to be alive.
const CONNECTION_HOLD: Duration = Duration::from_secs(1);

/// Where requests look up their sessions. Cheap to clone. The workers end with the last clone.
#[derive(Clone)]
pub struct Lookups {
    store: Store,
    /// One permit for each statement that may run. Waiting for one is first come, first served.
    statements: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<QueuedLookup>,
}

/// A [`Lookup`] that may outlive its request, and where its answer goes.
struct QueuedLookup {
    clerk_user_id: String,
    session_id: Option<String>,
    clerk_organization_id: Option<String>,
    with_memberships: bool,
    answer: oneshot::Sender<Result<Found, StoreError>>,
}

impl QueuedLookup {
    fn lookup(&self) -> Lookup<'_> {
        Lookup {
            clerk_user_id: &self.clerk_user_id,
            session_id: self.session_id.as_deref(),
            clerk_organization_id: self.clerk_organization_id.as_deref(),
            with_memberships: self.with_memberships,
        }
    }
}

impl Lookups {
    /// Lookups in this database. Starts the workers, so it must be called on a runtime.
    pub fn new(store: Store) -> Self {
        let statements = Arc::new(Semaphore::new(MAX_STATEMENTS));
        let (queue, queued) = mpsc::unbounded_channel();
        let queued = Arc::new(Mutex::new(queued));
        for _ in 0..MAX_STATEMENTS {
            let worker = Worker {
                store: store.clone(),
                statements: statements.clone(),
                queued: queued.clone(),
            };
            tokio::spawn(worker.run());
        }
        Self { store, statements, queue }
    }

    /// Finds the user of a session. The answer is as of a moment after the call.
    pub async fn find(&self, lookup: Lookup<'_>) -> Result<Found, StoreError> {
        // The permit goes back when the statement is done, the request is given up, or it panics.
        if let Ok(_permit) = self.statements.try_acquire() {
            self.store.batches().observe(BATCH, 1);
            let found = within_timeout(async {
                let mut reader = self.store.read().await?;
                find_standings(reader.conn(), &[lookup], PRELOADED).await
            });
            return found.await?.pop().unwrap_or_else(|| Err(sqlx::Error::RowNotFound.into()));
        }
        let (answer, answered) = oneshot::channel();
        let queued = QueuedLookup {
            clerk_user_id: lookup.clerk_user_id.to_owned(),
            session_id: lookup.session_id.map(str::to_owned),
            clerk_organization_id: lookup.clerk_organization_id.map(str::to_owned),
            with_memberships: lookup.with_memberships,
            answer,
        };
        // Without workers, when the runtime is shutting down, the answer's sender is dropped.
        let _ = self.queue.send(queued);
        let no_worker = |_| Err(sqlx::Error::WorkerCrashed.into());
        // The statement serves other requests too, and is nobody's part.
        let span = Span::call(|| "users::standing::find_standings".into());
        span.note("mission_control.shared", || true);
        let answer = within_timeout(async { answered.await.unwrap_or_else(no_worker) }).await;
        drop(span);
        answer
    }
}

/// Answers queued lookups.
struct Worker {
    store: Store,
    statements: Arc<Semaphore>,
    queued: Arc<Mutex<mpsc::UnboundedReceiver<QueuedLookup>>>,
}

impl Worker {
    async fn run(self) {
        loop {
            let first = self.queued.lock().await.recv().await;
            let (Some(first), Ok(_permit)) = (first, self.statements.acquire().await) else {
                return;
            };
            let mut batch = vec![first];
            let mut held = None;
            // The permit and the connection are kept for as long as the queue is not empty.
            while self.fill(&mut batch) {
                self.answer(std::mem::take(&mut batch), &mut held).await;
            }
        }
    }

    /// Adds what is queued by now, without lookups that were given up. `false` when there is nothing to
    /// answer.
    fn fill(&self, batch: &mut Vec<QueuedLookup>) -> bool {
        // The lock is taken while the other worker waits for the queue to have something.
        if let Ok(mut queued) = self.queued.try_lock() {
            while batch.len() < MAX_LOOKUPS
                && let Ok(next) = queued.try_recv()
            {
                batch.push(next);
            }
        }
        batch.retain(|queued| !queued.answer.is_closed());
        !batch.is_empty()
    }

    /// Answers every lookup of a batch with one statement. A panic in it fails them; the worker goes on.
    async fn answer<'s>(
        &'s self,
        batch: Vec<QueuedLookup>,
        held: &mut Option<(Reader<'s>, Instant)>,
    ) {
        let lookups: Vec<_> = batch.iter().map(QueuedLookup::lookup).collect();
        self.store.batches().observe(BATCH, lookups.len());
        let found = within_timeout(async {
            // A connection that was held for too long goes back before another is waited for.
            let kept = held.take().filter(|(_, since)| since.elapsed() < CONNECTION_HOLD);
            let (mut reader, since) = match kept {
                Some(kept) => kept,
                None => (self.store.read().await?, Instant::now()),
            };
            let found = find_standings(reader.conn(), &lookups, PRELOADED).await?;
            *held = reader.is_pooled().then_some((reader, since));
            Ok(found)
        });
        let crashed = |_| Err(sqlx::Error::WorkerCrashed.into());
        match AssertUnwindSafe(found).catch_unwind().await.unwrap_or_else(crashed) {
            Ok(found) => {
                for (queued, found) in batch.into_iter().zip(found) {
                    // A request that was given up meanwhile needs no answer.
                    let _ = queued.answer.send(found);
                }
            }
            Err(error) => {
                for queued in batch {
                    let _ = queued.answer.send(Err(error.clone()));
                }
            }
        }
    }
}

async fn within_timeout<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(ACQUIRE_TIMEOUT, work)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
}
