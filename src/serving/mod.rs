//! HTTP/1.1 on a listener: taking connections, keeping time on each, and stopping. Knows no route: what
//! answers a request is a parameter.

mod activity;
mod connection;
mod descriptors;
mod limits;
mod request;
mod stream;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use self::{
    activity::Activity,
    connection::{Shared, serve_connection},
};

pub(crate) use self::request::PIECE_COST;
pub use self::{
    limits::Limits,
    request::{Ambiguity, Handler, Peer},
};

/// Connections that the system keeps until they are taken.
const BACKLOG: u32 = 1024;
/// What the system keeps of an answer that the client has not taken, in bytes; it doubles this for its own
/// needs. Left to itself it keeps megabytes for each connection, and lets more be written only when a third
/// of them is taken, which a slow client cannot do within a time limit.
const SEND_BUFFER: u32 = 128 * 1024;
/// How long to wait when a connection cannot be taken: out of file descriptors, most likely.
const BREATHER: Duration = Duration::from_millis(50);
/// How long a connection must have been idle to be closed in favour of one that waits.
const SPARED: Duration = Duration::from_secs(1);
/// How long to wait for a place before idle connections are looked for once more.
const PATIENCE: Duration = Duration::from_millis(100);

/// How far stopping has come. It only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not stopping.
    Serving,
    /// Requests are still taken for a while, so that whoever sends them can notice.
    Draining,
    /// What is in flight is finished.
    Stopping,
    /// Everything is closed.
    Ending,
}

/// How long the stages of stopping last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopping {
    /// [`Stage::Draining`].
    pub(crate) drain_delay: Duration,
    /// [`Stage::Stopping`].
    pub(crate) timeout: Duration,
}

/// Listens on an address.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that starts again need not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    // Connections have it from their listener.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stage` says otherwise; calls `on_drain` as soon as that is known.
pub(crate) async fn serve(
    listener: TcpListener,
    handler: impl Handler,
    limits: Limits,
    mut stage: watch::Receiver<Stage>,
    stopping: Stopping,
    on_drain: impl FnOnce(),
) {
    let mut server = Server::new(listener, handler, limits);
    tokio::select! {
        () = server.accept() => {}
        () = reached(&mut stage, Stage::Draining) => {}
    }
    on_drain();
    server.connections.shared.is_draining.store(true, Ordering::Relaxed);
    if *stage.borrow() == Stage::Draining {
        tracing::info!("stopping: not ready, but requests are still taken for DRAIN_DELAY");
    }
    tokio::select! {
        () = server.accept() => {}
        () = sleep(stopping.drain_delay) => {}
        () = reached(&mut stage, Stage::Stopping) => {}
    }
    let mut connections = server.stop_listening();
    tracing::info!("stopping: no new connections, finishing what is in flight");
    tokio::select! {
        done = timeout(stopping.timeout, connections.finish()) => if done.is_err() {
            tracing::warn!(
                "some connections were still open after SHUTDOWN_TIMEOUT and are closed"
            );
        },
        () = reached(&mut stage, Stage::Ending) => tracing::warn!("asked twice: ending at once"),
    }
    connections.tasks.shutdown().await;
}

/// Done when the stop has come so far. Never, when nobody is left to ask for it.
async fn reached(stage: &mut watch::Receiver<Stage>, wanted: Stage) {
    if stage.wait_for(|stage| *stage >= wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A place among the connections.
type Slot = OwnedSemaphorePermit;

struct Server<H> {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    connections: Connections<H>,
}

struct Connections<H> {
    shared: Arc<Shared<H>>,
    tasks: JoinSet<()>,
    next_id: u64,
}

impl<H: Handler> Server<H> {
    fn new(listener: TcpListener, handler: H, limits: Limits) -> Self {
        let slots = descriptors::connections_that_fit(limits.connections);
        if slots < limits.connections {
            tracing::warn!(
                "only {slots} connections fit into the limit of open files; raise it (ulimit -n), or lower MAX_CONNECTIONS"
            );
        }
        let shared = Arc::new(Shared::new(handler, limits));
        let connections = Connections { shared, tasks: JoinSet::new(), next_id: 0 };
        Self { listener, slots: Arc::new(Semaphore::new(slots)), connections }
    }

    /// Takes connections, for ever.
    async fn accept(&mut self) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = self.connections.tasks.join_next() => continue,
            };
            match accepted {
                Ok((stream, _)) => {
                    let slot = self.free_slot().await;
                    self.connections.open(stream, slot);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(BREATHER).await;
                }
            }
        }
    }

    /// A place for a connection. When all are taken, the one that has been idle for longest is asked to
    /// close, so that whoever has something to say (a health check) gets in; without an idle one the new
    /// connection waits, and those after it in the backlog.
    async fn free_slot(&mut self) -> Slot {
        loop {
            if let Ok(slot) = self.slots.clone().try_acquire_owned() {
                return slot;
            }
            self.connections.close_longest_idle();
            tokio::select! {
                Ok(slot) = self.slots.clone().acquire_owned() => return slot,
                Some(_) = self.connections.tasks.join_next() => {}
                () = sleep(PATIENCE) => {}
            }
        }
    }

    /// Takes what the system has accepted already, which would be reset otherwise, and closes the
    /// listener.
    fn stop_listening(mut self) -> Connections<H> {
        // Asked directly, because the runtime may not have been told yet.
        if let Ok(listener) = self.listener.into_std() {
            while let Ok(slot) = self.slots.clone().try_acquire_owned()
                && let Ok((stream, _)) = listener.accept()
                && stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.connections.open(stream, slot);
            }
        }
        self.connections
    }
}

impl<H: Handler> Connections<H> {
    fn open(&mut self, stream: TcpStream, slot: Slot) {
        let shared = self.shared.clone();
        let id = self.next_id;
        self.next_id += 1;
        let activity = Arc::new(Activity::new(Instant::now()));
        shared.open().insert(id, activity.clone());
        self.tasks.spawn(async move {
            let _entry = Entry { shared: &shared, id, _slot: slot };
            serve_connection(stream, &shared, activity).await;
        });
    }

    fn close_longest_idle(&self) {
        let open = self.shared.open();
        let idle = open.values().filter_map(|activity| Some((activity.idle_since()?, activity)));
        if let Some((since, activity)) = idle.min_by_key(|(since, _)| *since)
            && since.elapsed() >= SPARED
        {
            activity.ask_to_close();
        }
    }

    /// Lets connections end with the request they are at, idle ones at once.
    async fn finish(&mut self) {
        for activity in self.shared.open().values() {
            activity.ask_to_close();
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The place of an open connection in the books, until it is dropped.
struct Entry<'a, H> {
    shared: &'a Shared<H>,
    id: u64,
    _slot: Slot,
}

impl<H> Drop for Entry<'_, H> {
    fn drop(&mut self) {
        self.shared.open().remove(&self.id);
    }
}
