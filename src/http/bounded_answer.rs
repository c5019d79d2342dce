//! Writing an answer under a bound of its own (`MAX_RESPONSE_BYTES`) and under that of everything in flight
//! (`MAX_IN_FLIGHT_BYTES`), both counted while it is written.

use std::io::{self, Write};

use axum::body::Bytes;
use serde::Serialize;

use super::in_flight::{Full, InFlight, Share};

/// Why an answer was not written.
#[derive(Debug)]
pub(crate) enum AnswerError {
    /// Longer than so many bytes.
    TooLarge(usize),
    /// Too many other bodies and answers are in flight.
    NoRoom,
    /// A fault of ours.
    Unwritable(serde_json::Error),
}

/// An answer that is being written.
pub(crate) struct BoundedAnswer {
    most: usize,
    bytes: Vec<u8>,
    share: Share,
    error: Option<AnswerError>,
}

impl BoundedAnswer {
    /// At most so many bytes.
    pub(crate) fn new(most: usize, in_flight: &InFlight) -> Self {
        Self { most, bytes: Vec::new(), share: in_flight.share(), error: None }
    }

    /// The whole answer as JSON.
    pub(crate) fn write_json(mut self, value: &impl Serialize) -> Result<Bytes, AnswerError> {
        match serde_json::to_writer(&mut self, value) {
            Ok(()) => Ok(self.share.keep(self.bytes)),
            Err(error) => Err(self.error.unwrap_or(AnswerError::Unwritable(error))),
        }
    }
}

impl Write for BoundedAnswer {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + piece.len();
        if length > self.most {
            self.error = Some(AnswerError::TooLarge(self.most));
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Counted as it is held: the vector keeps room for more than is in it.
        if length > self.bytes.capacity() {
            let more = length.max(2 * self.bytes.capacity()).max(FIRST_PIECE).min(self.most);
            if let Err(Full) = self.share.grow(more - self.bytes.capacity()) {
                self.error = Some(AnswerError::NoRoom);
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            self.bytes.reserve_exact(more - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What most answers fit into.
const FIRST_PIECE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_exact() {
        let text = "x".repeat(2998);
        for (most, in_flight, is_fine) in
            [(3000, 3000, true), (2999, 3000, false), (3000, 2999, false), (1 << 20, 1 << 20, true)]
        {
            let budget = InFlight::new(in_flight);
            let written = BoundedAnswer::new(most, &budget).write_json(&text);
            assert_eq!(written.is_ok(), is_fine, "{most} {in_flight}: {written:?}");
            match written {
                Ok(bytes) => {
                    assert_eq!(bytes.len(), 3000);
                    assert!(budget.held() >= 3000);
                }
                Err(AnswerError::TooLarge(bound)) => assert_eq!((bound, most), (2999, 2999)),
                Err(AnswerError::NoRoom) => assert_eq!(in_flight, 2999),
                Err(AnswerError::Unwritable(error)) => panic!("{error}"),
            }
            assert_eq!(budget.held(), 0);
        }
    }
}
