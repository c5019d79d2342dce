//! One connection, from its first byte to its end, with a time limit on everything the client should do.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, ready},
    time::Duration,
};

use axum::http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use super::{
    activity::Activity,
    limits::Limits,
    request::{self, Handler, Peer},
    stream::Watched,
};

/// How long a connection must have been silent until its buffers and its parser are given up; they come
/// back with the next request.
const RESTING: Duration = Duration::from_secs(1);

/// What the connections of a server share.
pub(crate) struct Shared<H> {
    /// Answers their requests.
    pub(crate) handler: H,
    /// Of each.
    pub(crate) limits: Limits,
    /// Whether the server is about to stop.
    pub(crate) is_draining: AtomicBool,
    open: Mutex<HashMap<u64, Arc<Activity>>>,
}

impl<H> Shared<H> {
    /// Of a server without connections.
    pub(crate) fn new(handler: H, limits: Limits) -> Self {
        Self { handler, limits, is_draining: AtomicBool::new(false), open: Mutex::default() }
    }

    /// What each open connection is at, by a number of its own.
    pub(crate) fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Activity>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve_connection<H: Handler>(
    stream: TcpStream,
    shared: &Arc<Shared<H>>,
    activity: Arc<Activity>,
) {
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let limits = &shared.limits;
    // Unknown when the client has hung up already.
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let mut stream = Watched::new(stream, activity.clone());
    loop {
        let next_bytes =
            within_limits(limits.idle_timeout, limits, &activity, pin!(stream.readable())).await;
        if !matches!(next_bytes, Some(Ok(()))) {
            return;
        }
        // Boxed, because it takes much more room than an idle connection has otherwise.
        match Box::pin(serve_requests(stream, peer, shared, &activity)).await {
            Some(silent) => stream = silent,
            None => return,
        }
    }
}

/// Serves the requests that come one after the other; the stream when it has been silent for a while,
/// `None` when it is closed.
async fn serve_requests<H: Handler>(
    stream: Watched<TcpStream>,
    peer: Option<Peer>,
    shared: &Arc<Shared<H>>,
    activity: &Arc<Activity>,
) -> Option<Watched<TcpStream>> {
    let limits = &shared.limits;
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let shared = shared.clone();
        let activity = activity.clone();
        // Now and not when the answer is first asked for: the body may be read before that.
        let lines = activity.begin_request(Instant::now());
        Box::pin(async move {
            let unwanted_bytes = shared.limits.unwanted_bytes;
            let is_draining = || shared.is_draining.load(Ordering::Relaxed);
            let handler = shared.handler.clone();
            let answer =
                request::answer(request, lines, handler, activity, unwanted_bytes, is_draining)
                    .await;
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http1::Builder::new()
        // A client may say that it has nothing more to send and still listen.
        .half_close(true)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes)
        // The library's own limit would count silence between requests too.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let idle_timeout = RESTING.min(limits.idle_timeout);
    match within_limits(idle_timeout, limits, activity, Pin::new(&mut connection)).await {
        Some(Ok(())) => return None,
        Some(Err(error)) => {
            tracing::debug!(%error, "a connection ended early");
            return None;
        }
        None if activity.may_rest(limits) => {}
        None => {
            tracing::debug!("a connection was closed, because its client let the time pass");
            return None;
        }
    }
    // Between two requests the library ends a connection at once, and leaves the stream as it is.
    Pin::new(&mut connection).graceful_shutdown();
    {
        let end = pin!(poll_fn(|cx| connection.poll_without_shutdown(cx)));
        within_limits(limits.idle_timeout, limits, activity, end).await?.ok()?;
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    // The beginning of a request that came in together with the one before.
    stream.put_back(parts.read_buf);
    Some(stream)
}

/// What `work` comes to; `None` when the client's time is up before, where an idle one has `idle_timeout`.
async fn within_limits<W: Future>(
    idle_timeout: Duration,
    limits: &Limits,
    activity: &Activity,
    mut work: Pin<&mut W>,
) -> Option<W::Output> {
    let mut timer = pin!(sleep(Duration::MAX));
    poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        // The timer is moved at once to an earlier moment, and to a later one only when it has gone off:
        // so it is not moved with each request.
        let deadline = activity.deadline(limits, idle_timeout, cx.waker());
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if deadline <= Instant::now() {
                return Poll::Ready(None);
            }
            timer.as_mut().reset(deadline);
        }
    })
    .await
}
