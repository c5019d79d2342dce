//! One request on its way to whoever answers it, and its answer on the way back: what becomes of a body
//! that nobody wanted, and when a connection ends with an answer.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Request, Response, StatusCode, Version, header, uri::Authority},
};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::activity::{Activity, LineEnds};

/// How long the rest of an unwanted body is waited for.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// Each piece of a body counts as so many bytes at least, because reading it costs more than its bytes. A
/// network's packets are far from that.
pub(crate) const PIECE_COST: usize = 64;

/// Answers requests.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The answer to one request.
    fn answer(self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// An extension of requests: the address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// An extension of requests that another server could read differently, with what is wrong. They are
/// answered all the same, so that the answer has the shape that the client expects.
#[derive(Debug, Clone, Copy)]
pub struct Ambiguity(pub(crate) &'static str);

/// Lets a request be answered.
pub(crate) async fn answer(
    request: Request<Incoming>,
    lines: LineEnds,
    handler: impl Handler,
    activity: Arc<Activity>,
    unwanted_bytes: u64,
    is_draining: impl Fn() -> bool,
) -> Response<Body> {
    let ambiguity = if lines == LineEnds::BareLineFeed {
        Some(Ambiguity("A line of the header does not end in CR LF."))
    } else if is_host_plain(&request) {
        None
    } else {
        Some(Ambiguity("Send one Host header, and a target of that host."))
    };
    let (parts, incoming) = request.into_parts();
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let lent = Lent::new(incoming);
    let rest = lent.as_ref().map(|lent| lent.home.clone());
    let mut request = Request::from_parts(parts, lent.map_or_else(Body::empty, Body::new));
    if let Some(ambiguity) = ambiguity {
        request.extensions_mut().insert(ambiguity);
    }
    let mut response = handler.answer(request).await;
    let is_read = match rest.and_then(|rest| take(&rest)) {
        None => true,
        // A server that has no room does not make any for what it refuses.
        Some(_) if response.status() == StatusCode::SERVICE_UNAVAILABLE => false,
        // Reading now would invite the client to send.
        Some(rest) if asks_first && !rest.was_asked_for => false,
        Some(rest) => read_rest(rest.body, unwanted_bytes).await,
    };
    if !is_read {
        activity.leave_body_unread();
    }
    if !is_read || is_draining() || activity.is_asked_to_close() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| Body::new(Tracked { body, activity }))
}

/// Whether there is but one host that the request can be for (RFC 9112, section 3.2). HTTP/1.0 has no
/// such header.
fn is_host_plain(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => return request.version() < Version::HTTP_11,
        (Some(host), None) => host.as_bytes(),
        (Some(_), Some(_)) => return false,
    };
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let is_host =
        host.is_empty() || host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'));
    match request.uri().authority() {
        None => is_host,
        Some(target) => is_host && target.as_str().eq_ignore_ascii_case(host),
    }
}

/// Where a body goes that was not read to its end.
type Home = Arc<Mutex<Option<Rest>>>;

struct Rest {
    body: Incoming,
    was_asked_for: bool,
}

fn take(home: &Home) -> Option<Rest> {
    home.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Reads what is left of a body, if it is not too much and comes soon (RFC 9112, section 9.3: a
/// connection can be kept only if the whole request was read).
async fn read_rest(mut body: Incoming, most: u64) -> bool {
    if body.size_hint().lower() > most {
        return false;
    }
    let reading = async {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, Bytes::len).max(PIECE_COST) as u64;
            if read > most {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(REST_TIMEOUT, reading).await.unwrap_or(false)
}

/// A request's body, which comes back when it is dropped unread.
struct Lent {
    body: Option<Incoming>,
    home: Home,
    was_asked_for: bool,
}

impl Lent {
    /// `None` when there is no body.
    fn new(body: Incoming) -> Option<Self> {
        if body.is_end_stream() {
            return None;
        }
        Some(Self { body: Some(body), home: Home::default(), was_asked_for: false })
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.was_asked_for = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            let rest = Rest { body, was_asked_for: self.was_asked_for };
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
    }
}

/// An answer's body: when it is dropped, all of it has been handed over to be written.
struct Tracked {
    body: Body,
    activity: Arc<Activity>,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.activity.end_request(Instant::now());
    }
}
