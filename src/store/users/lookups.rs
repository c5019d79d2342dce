//! Lookups of requests that are under way at the same time, answered by one statement. A lone request
//! has its statement at once; whoever asks while it runs is answered by the next one, all together.
//! So the busier a server is, the less a request costs.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot, time::Instant};

use super::standing::{Found, Lookup, find_standings};
use crate::store::{Reader, Store, StoreError, connection::ACQUIRE_TIMEOUT};

/// How many memberships come with a user: one more than a page may hold, so that almost always all of
/// them are known.
pub const PRELOADED: i64 = 101;
/// Lookups in one statement, at most.
const MAX_LOOKUPS: usize = 64;
/// Statements that run at the same time, at most. More would hold fewer lookups each; one alone would
/// let everybody wait for a connection that has died.
const MAX_STATEMENTS: usize = 2;
/// How long a connection is kept from one statement to the next, where it takes round trips to get one
/// that is known to be fine.
const CONNECTION_HOLD: Duration = Duration::from_secs(1);

/// Where requests look up their sessions. Cheap to clone.
#[derive(Clone)]
pub struct Lookups(Arc<Inner>);

struct Inner {
    store: Store,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// How many statements are running.
    running: usize,
}

struct Waiting {
    lookup: OwnedLookup,
    answer: oneshot::Sender<Result<Found, StoreError>>,
}

/// A [`Lookup`] that may outlive the request.
struct OwnedLookup {
    clerk_user_id: String,
    session_id: Option<String>,
    clerk_organization_id: Option<String>,
    with_memberships: bool,
}

impl From<Lookup<'_>> for OwnedLookup {
    fn from(lookup: Lookup<'_>) -> Self {
        Self {
            clerk_user_id: lookup.clerk_user_id.to_owned(),
            session_id: lookup.session_id.map(str::to_owned),
            clerk_organization_id: lookup.clerk_organization_id.map(str::to_owned),
            with_memberships: lookup.with_memberships,
        }
    }
}

impl OwnedLookup {
    fn borrowed(&self) -> Lookup<'_> {
        Lookup {
            clerk_user_id: &self.clerk_user_id,
            session_id: self.session_id.as_deref(),
            clerk_organization_id: self.clerk_organization_id.as_deref(),
            with_memberships: self.with_memberships,
        }
    }
}

impl Lookups {
    /// Lookups in this database.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner { store, queue: Mutex::default() }))
    }

    /// Finds the user of a session. The answer is as of a moment after the call.
    pub async fn find(&self, lookup: Lookup<'_>) -> Result<Found, StoreError> {
        match self.0.enter(lookup) {
            Entry::Turn(turn) => {
                let answer = turn.answer_one(lookup).await;
                turn.pass_on();
                answer
            }
            Entry::Waiting(answer) => {
                let crashed = |_| Err(sqlx::Error::WorkerCrashed.into());
                within_bounds(async { answer.await.unwrap_or_else(crashed) }).await
            }
        }
    }
}

/// What becomes of a lookup.
enum Entry {
    /// It has a statement of its own.
    Turn(Turn),
    /// It is answered together with others.
    Waiting(oneshot::Receiver<Result<Found, StoreError>>),
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that is done under the lock can leave the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, lookup: Lookup<'_>) -> Entry {
        let mut queue = self.queue();
        if queue.running < MAX_STATEMENTS {
            queue.running += 1;
            return Entry::Turn(Turn { inner: Some(self.clone()), is_successor: false });
        }
        let (answer, answered) = oneshot::channel();
        queue.waiting.push(Waiting { lookup: lookup.into(), answer });
        Entry::Waiting(answered)
    }
}

/// The right to run one of the statements, for as long as somebody waits.
struct Turn {
    /// `None` once it has ended.
    inner: Option<Arc<Inner>>,
    /// It goes on for a turn that was cut off, and has not begun to.
    is_successor: bool,
}

impl Turn {
    /// Answers whoever began the turn.
    async fn answer_one(&self, lookup: Lookup<'_>) -> Result<Found, StoreError> {
        let Some(inner) = &self.inner else { return Err(sqlx::Error::WorkerCrashed.into()) };
        let found = within_bounds(async {
            let mut reader = inner.store.read().await?;
            find_standings(reader.conn(), &[lookup], PRELOADED).await
        });
        found.await?.pop().unwrap_or_else(|| Err(sqlx::Error::RowNotFound.into()))
    }

    /// Goes on with those who wait by now. In a task of its own, because the request that began the
    /// turn has its answer.
    fn pass_on(mut self) {
        if let Some(batch) = self.next() {
            tokio::spawn(self.run(batch));
        }
    }

    async fn succeed(mut self) {
        if let Some(batch) = self.next() {
            self.is_successor = false;
            self.run(batch).await;
        }
    }

    async fn run(mut self, batch: Vec<Waiting>) {
        let Some(inner) = self.inner.clone() else { return };
        let mut held: Option<(Reader<'_>, Instant)> = None;
        let mut next = Some(batch);
        while let Some(batch) = next {
            let lookups: Vec<_> = batch.iter().map(|waiting| waiting.lookup.borrowed()).collect();
            let found = within_bounds(async {
                // What is too old goes back before another is waited for.
                let kept = held.take().filter(|(_, since)| since.elapsed() < CONNECTION_HOLD);
                let (mut reader, since) = match kept {
                    Some(kept) => kept,
                    None => (inner.store.read().await?, Instant::now()),
                };
                let found = find_standings(reader.conn(), &lookups, PRELOADED).await?;
                held = reader.is_pooled().then_some((reader, since));
                Ok(found)
            });
            match found.await {
                Ok(found) => {
                    for (waiting, found) in batch.into_iter().zip(found) {
                        // Whoever has gone away needs no answer.
                        let _ = waiting.answer.send(found);
                    }
                }
                Err(error) => {
                    for waiting in batch {
                        let _ = waiting.answer.send(Err(error.clone()));
                    }
                }
            }
            next = self.next();
        }
    }

    /// Those who wait, or the end of this turn when nobody does.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.inner.as_ref()?.queue();
        queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        if queue.waiting.is_empty() {
            queue.running -= 1;
            drop(queue);
            self.inner = None;
            return None;
        }
        let rest = queue.waiting.len().min(MAX_LOOKUPS);
        let rest = queue.waiting.split_off(rest);
        Some(std::mem::replace(&mut queue.waiting, rest))
    }
}

impl Drop for Turn {
    /// The request that began the turn may be given up, and the driver may panic. Others wait all the
    /// same, so somebody goes on; only if that cannot be, at the end of the program, nobody does.
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let mut queue = inner.queue();
        if queue.waiting.is_empty() || self.is_successor {
            queue.waiting.clear();
            queue.running -= 1;
            return;
        }
        drop(queue);
        let successor = Self { inner: Some(inner), is_successor: true };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(successor.succeed());
        }
    }
}

async fn within_bounds<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(ACQUIRE_TIMEOUT, work).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
}
