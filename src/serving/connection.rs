//! One connection, from its first byte to its end, with a time limit on everything the client should do.

use std::{
    collections::HashMap,
    convert::Infallible,
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
    request::{self, Handler},
    stream::Watched,
};

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
    // Until the client says something, neither buffers nor a parser are needed.
    let first_bytes = within_limits(limits, &activity, pin!(stream.readable())).await;
    if !matches!(first_bytes, Some(Ok(()))) {
        return;
    }
    let service = service_fn(|request: Request<Incoming>| {
        let shared = shared.clone();
        let activity = activity.clone();
        // Boxed, because the connection keeps room for it also while it is idle.
        Box::pin(async move {
            let unwanted_bytes = shared.limits.unwanted_bytes;
            let is_draining = || shared.is_draining.load(Ordering::Relaxed);
            let handler = shared.handler.clone();
            let answer =
                request::answer(request, handler, activity, unwanted_bytes, is_draining).await;
            Ok::<_, Infallible>(answer)
        })
    });
    let stream = TokioIo::new(Watched::new(stream, activity.clone()));
    let mut connection = Box::pin(
        http1::Builder::new()
            // A client may say that it has nothing more to send and still listen.
            .half_close(true)
            .max_headers(limits.headers)
            .max_buf_size(limits.header_bytes)
            // The library's own limit would count silence between requests too.
            .header_read_timeout(None)
            .serve_connection(stream, service),
    );
    match within_limits(limits, &activity, connection.as_mut()).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        None => tracing::debug!("a connection was closed, because its client let the time pass"),
    }
}

/// What `work` comes to; `None` when the client's time is up before.
async fn within_limits<W: Future>(
    limits: &Limits,
    activity: &Activity,
    mut work: Pin<&mut W>,
) -> Option<W::Output> {
    let mut timer = pin!(sleep(Duration::MAX));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        // The timer is moved at once to an earlier moment, and to a later one only when it has gone off:
        // so it is not moved with each request.
        let deadline = activity.deadline(limits, cx.waker());
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
