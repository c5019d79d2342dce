//! A time limit for the bytes that tell which version of HTTP a client speaks. The library waits for
//! them without one, so that whoever connects and says nothing, or says half of HTTP/2's greeting,
//! would hold a connection for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How a client begins that speaks HTTP/2 (RFC 9113, section 3.4). Any other byte means HTTP/1, whose
/// heads have a time limit of the library's own.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose reader gives up when the client does not make its version known in time.
pub struct FirstBytes<S> {
    stream: S,
    /// `None` once the version is known.
    wait: Option<Wait>,
}

struct Wait {
    deadline: Pin<Box<Sleep>>,
    /// What is still to come if this is HTTP/2.
    rest: &'static [u8],
}

impl<S> FirstBytes<S> {
    /// Waits at most `time` for the client to make its version known.
    pub fn within(time: Duration, stream: S) -> Self {
        let wait = Wait { deadline: Box::pin(sleep(time)), rest: PREFACE };
        Self { stream, wait: Some(wait) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(wait) = &mut this.wait else {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        };
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            let new = buffer.filled().get(before..).unwrap_or_default();
            match wait.rest.strip_prefix(new) {
                Some(rest) if !new.is_empty() && !rest.is_empty() => wait.rest = rest,
                _ => this.wait = None,
            }
            return Poll::Ready(read);
        }
        ready!(wait.deadline.as_mut().poll(cx));
        let message = "the client did not make its version of HTTP known in time";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    /// What a reader gets when the client sends these pieces and then, for longer than the limit,
    /// nothing.
    async fn read(pieces: &[&[u8]]) -> (Vec<u8>, Option<io::ErrorKind>) {
        let (mut client, server) = duplex(1024);
        let mut stream = FirstBytes::within(LIMIT, server);
        let mut bytes = Vec::new();
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            let before = bytes.len();
            while bytes.len() < before + piece.len() {
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
            }
        }
        let close_later = async {
            tokio::time::sleep(4 * LIMIT).await;
            drop(client);
        };
        let (read, ()) = tokio::join!(stream.read_buf(&mut bytes), close_later);
        (bytes, read.err().map(|error| error.kind()))
    }

    #[tokio::test]
    async fn the_limit_ends_when_the_version_is_known() {
        let cases: [(&[&[u8]], bool); 10] = [
            (&[], false),
            (&[b"P"], false),
            (&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"], false),
            (&[b"PRI * HTTP/2.0\r\n", b"\r\nSM\r\n", b"\r"], false),
            (&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], true),
            (&[b"PRI * HTTP/2.0\r\n", b"\r\nSM\r\n\r\n\x00"], true),
            (&[b"POST"], true),
            (&[b"P", b"O"], true),
            (&[b"PRI * HTTP/2.0\r\n", b"\r\nX"], true),
            (&[b"\r\n"], true),
        ];
        for (pieces, is_known) in cases {
            let (bytes, error) = read(pieces).await;
            assert_eq!(bytes, pieces.concat());
            let expected = (!is_known).then_some(io::ErrorKind::TimedOut);
            assert_eq!(error, expected, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
}
