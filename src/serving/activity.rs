//! What a connection is at, and from it the moment when waiting for the client ends. Written by the
//! stream and by the requests on it, read by the connection's task; knows neither.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use memchr::memchr;
use tokio::time::Instant;

use super::limits::Limits;

/// How long a connection is read from after its last answer, when a body was left unread: closing earlier
/// would reset it and may take the answer away from the client (RFC 9112, section 9.6).
pub(crate) const LINGERING: Duration = Duration::from_secs(1);
/// A client counts as reading when it takes so many bytes within the time limit, or all there are.
const FAIR_SHARE: usize = 64 * 1024;
/// How long a new connection, or one that was just used, is kept all the same when it is asked to close: the
/// next request may be on its way.
const GRACE: Duration = Duration::from_millis(250);
/// For as long as the client need not do anything.
const EVER: Duration = Duration::from_hours(24 * 365);

/// What one connection is at.
pub(crate) struct Activity(Mutex<State>);

struct State {
    phase: Phase,
    since: Instant,
    head: HeadScan,
    /// Since when the client has not taken its fair share of what is to be written.
    stalled: Option<Instant>,
    taken: usize,
    lingers: bool,
    is_asked_to_close: bool,
    task: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between two requests, or before the first.
    Idle,
    /// A request has begun and its head is not complete.
    Head,
    /// A request is being answered. Its body has a time limit of its own.
    Busy,
    /// All is said; the client's last bytes are let pass.
    Lingering,
}

/// How the lines of a request's head ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// With a carriage return and a line feed (RFC 9112, section 2.2), as far as is known.
    Proper,
    /// One of them with a line feed alone.
    BareLineFeed,
}

impl Activity {
    /// Of a new connection.
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            phase: Phase::Idle,
            since: now,
            head: HeadScan::default(),
            stalled: None,
            taken: 0,
            lingers: false,
            is_asked_to_close: false,
            task: None,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the client's time is up if nothing happens before; between two requests it has `idle_timeout`.
    /// `task` is woken when somebody asks for the end, which moves that moment.
    pub(crate) fn deadline(
        &self,
        limits: &Limits,
        idle_timeout: Duration,
        task: &Waker,
    ) -> Instant {
        let mut state = self.state();
        if !state.task.as_ref().is_some_and(|own| own.will_wake(task)) {
            state.task = Some(task.clone());
        }
        let time = match state.phase {
            Phase::Idle if state.is_asked_to_close => GRACE.min(idle_timeout),
            Phase::Idle => idle_timeout,
            Phase::Head => limits.header_timeout,
            Phase::Busy => EVER,
            Phase::Lingering => LINGERING,
        };
        let deadline = state.since + time;
        match state.stalled {
            Some(stalled) => deadline.min(stalled + limits.write_timeout),
            None => deadline,
        }
    }

    /// Bytes came in.
    pub(crate) fn received(&self, bytes: &[u8], now: Instant) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head, now);
        }
        if state.phase == Phase::Head {
            state.head.scan(bytes);
        }
    }

    /// A request's head is complete; how its lines ended. What of it was received together with the end of
    /// another request is not known, and taken for good.
    pub(crate) fn begin_request(&self, now: Instant) -> LineEnds {
        let mut state = self.state();
        state.enter(Phase::Busy, now);
        let head = std::mem::replace(&mut state.head, HeadScan::amid_head());
        if head.has_bare_line_feed { LineEnds::BareLineFeed } else { LineEnds::Proper }
    }

    /// The answer has been handed over to be written.
    pub(crate) fn end_request(&self, now: Instant) {
        self.state().enter(Phase::Idle, now);
    }

    /// The connection is to be read from for a while after its last answer.
    pub(crate) fn leave_body_unread(&self) {
        self.state().lingers = true;
    }

    /// Everything is written and nothing will be again; whether to wait for what the client still sends.
    pub(crate) fn shut(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.enter(Phase::Lingering, now);
        state.lingers
    }

    /// The client took so many bytes.
    pub(crate) fn wrote(&self, bytes: usize, now: Instant) {
        let mut state = self.state();
        if state.stalled.is_some() {
            state.taken += bytes;
            if state.taken >= FAIR_SHARE {
                state.stalled = None;
            }
        }
        if state.phase == Phase::Idle {
            state.since = now;
        }
    }

    /// The client takes no more for now.
    pub(crate) fn stall(&self, now: Instant) {
        let mut state = self.state();
        if state.stalled.is_none() {
            state.stalled = Some(now);
            state.taken = 0;
        }
    }

    /// The client has taken everything.
    pub(crate) fn wrote_all(&self) {
        self.state().stalled = None;
    }

    /// Since when the connection has been idle, if it is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        let is_idle = state.phase == Phase::Idle && !state.is_asked_to_close;
        is_idle.then_some(state.since)
    }

    /// Whether nothing is under way on the connection, and it may stay open.
    pub(crate) fn may_rest(&self, limits: &Limits) -> bool {
        let state = self.state();
        state.phase == Phase::Idle
            && !state.is_asked_to_close
            && state.stalled.is_none()
            && state.since.elapsed() < limits.idle_timeout
    }

    /// Asks the connection to end with the request it is at, or, when it is idle, at once.
    pub(crate) fn ask_to_close(&self) {
        let mut state = self.state();
        state.is_asked_to_close = true;
        if let Some(task) = state.task.take() {
            task.wake();
        }
    }

    /// Whether somebody has asked for the end.
    pub(crate) fn is_asked_to_close(&self) -> bool {
        self.state().is_asked_to_close
    }
}

impl State {
    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }
}

/// Looks at the lines of a head as it comes in. The HTTP library takes a line feed alone for the end of a
/// line; others do not, and would see another request.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
struct HeadScan {
    last: u8,
    /// Whether the line holds anything yet.
    has_content: bool,
    /// Whether a line before it did: empty ones before the request line do not count.
    has_begun: bool,
    is_complete: bool,
    has_bare_line_feed: bool,
}

impl HeadScan {
    /// Of a head whose first bytes may have been received before.
    fn amid_head() -> Self {
        Self { last: b'\r', has_begun: true, ..Self::default() }
    }

    fn scan(&mut self, mut bytes: &[u8]) {
        while !self.is_complete {
            let end = memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.has_content |= line.iter().any(|byte| *byte != b'\r');
            self.last = line.last().copied().unwrap_or(self.last);
            let Some((line_feed, rest)) = rest.split_first() else { return };
            self.has_bare_line_feed |= self.last != b'\r';
            self.is_complete = self.has_begun && !self.has_content;
            self.has_begun |= self.has_content;
            self.has_content = false;
            self.last = *line_feed;
            bytes = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            connections: 1,
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(10),
            headers: 100,
            header_bytes: 1 << 16,
            unwanted_bytes: 0,
        }
    }

    #[test]
    fn each_phase_has_its_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let activity = Activity::new(start);
        // When the client's time is up, in seconds from the start.
        let end = || {
            let limits = limits();
            let deadline = activity.deadline(&limits, limits.idle_timeout, Waker::noop());
            deadline.duration_since(start).as_secs()
        };
        assert_eq!(end(), 75, "silence counts from the beginning");
        activity.received(b"P", at(10));
        assert_eq!(end(), 15);
        activity.received(b"OST", at(11));
        assert_eq!(end(), 15, "from the first byte, whatever comes after it");
        activity.begin_request(at(12));
        activity.received(b"a body", at(13));
        assert!(end() > 1_000_000, "the server's turn");
        activity.stall(at(20));
        activity.stall(at(21));
        assert_eq!(end(), 30);
        activity.end_request(at(22));
        activity.wrote(FAIR_SHARE - 1, at(23));
        assert_eq!(end(), 30, "next to nothing is nothing");
        activity.wrote(1, at(24));
        assert_eq!(end(), 99, "idle from the last byte on");
        activity.stall(at(25));
        activity.wrote(1, at(26));
        activity.wrote_all();
        assert_eq!(end(), 101);
        activity.ask_to_close();
        assert_eq!(end(), 26, "nothing is waited for");
        assert!(!activity.shut(at(27)));
        assert_eq!(end(), 28);
    }

    #[test]
    fn bare_line_feeds_are_seen_in_heads_only() {
        for (pieces, expected) in [
            (&["GET / HTTP/1.1\r\nHost: a\r\n\r\n"][..], false),
            (&["GET / HTTP/1.1\r\nHost: a\r\n\r\n{\n}\n"], false),
            (&["\r\n\r\nGET / HTTP/1.1\r\n", "Host: a\r", "\n\r\n\n"], false),
            (&["GET / HTTP/1.1\nHost: a\r\n\r\n"], true),
            (&["GET / HTTP/1.1\r\nHost: a\n\r\n"], true),
            (&["GET / HTTP/1.1\r\nHost: a\r\n\n"], true),
            (&["GET / HTTP/1.1", "\n", "\r\n"], true),
            (&["\nGET / HTTP/1.1\r\n\r\n"], true),
        ] {
            let now = Instant::now();
            let activity = Activity::new(now);
            for piece in pieces {
                activity.received(piece.as_bytes(), now);
            }
            let is_bare = activity.begin_request(now) == LineEnds::BareLineFeed;
            assert_eq!(is_bare, expected, "{pieces:?}");
        }
        // The same after another request, which may have brought the beginning with it.
        for (piece, expected) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n{\n}", false),
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", true),
            ("P/1.1\r\nHost: a\r\n\r\n{\n}", false),
            ("\nHost: a\r\n\r\n{\n}", false),
            ("\r\n\r\n{\n}", false),
            ("\n\r\n{\n}", false),
            ("\r\n{\n}", false),
            ("\n{\n}", false),
        ] {
            let now = Instant::now();
            let activity = Activity::new(now);
            activity.begin_request(now);
            activity.end_request(now);
            activity.received(piece.as_bytes(), now);
            let is_bare = activity.begin_request(now) == LineEnds::BareLineFeed;
            assert_eq!(is_bare, expected, "{piece:?}");
        }
    }
}
