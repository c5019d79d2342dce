//! Writing an answer under a bound of its own (`MAX_RESPONSE_BYTES`) and under that of everything in flight
//! (`MAX_IN_FLIGHT_BYTES`), both counted while it is written.

use std::io::{self, Write};

use axum::body::Bytes;
use serde::Serialize;

use super::in_flight::{Buffer, InFlight, NoFit};

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
    buffer: Buffer,
    no_fit: Option<NoFit>,
}

impl BoundedAnswer {
    /// At most so many bytes.
    pub(crate) fn new(most: usize, in_flight: &InFlight) -> Self {
        Self { most, buffer: in_flight.buffer(most), no_fit: None }
    }

    /// The whole answer as JSON.
    pub(crate) fn write_json(mut self, value: &impl Serialize) -> Result<Bytes, AnswerError> {
        match serde_json::to_writer(&mut self, value) {
            Ok(()) => Ok(self.buffer.into_bytes()),
            Err(error) => Err(match self.no_fit {
                Some(NoFit::TooLarge) => AnswerError::TooLarge(self.most),
                Some(NoFit::NoRoom) => AnswerError::NoRoom,
                None => AnswerError::Unwritable(error),
            }),
        }
    }
}

impl Write for BoundedAnswer {
    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece)?;
        Ok(piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        self.buffer.push(piece).map_err(|no_fit| {
            self.no_fit = Some(no_fit);
            io::ErrorKind::QuotaExceeded.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
