//! The bounds of a connection, whoever it is from.

use std::time::Duration;

/// The bounds of a connection.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections; past it new ones wait in the backlog.
    pub connections: usize,
    /// From the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// Silence between two requests.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of its answer.
    pub write_timeout: Duration,
    /// Header fields beyond which the library answers by itself, without a body.
    pub headers: usize,
    /// Bytes of the head beyond which it does.
    pub header_bytes: usize,
    /// The most bytes of an unwanted body that are read so that the connection can be kept.
    pub unwanted_bytes: u64,
}
