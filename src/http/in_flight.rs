//! The memory that clients decide about: the bodies they are sending and the answers they have not taken.
//! All of it together has one bound, so that no number of clients can exhaust the machine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::body::Bytes;

/// The bytes in flight of a whole server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InFlight(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    most: usize,
    held: AtomicUsize,
}

/// What most bodies and answers fit into.
const FIRST_PIECE: usize = 1024;

impl InFlight {
    /// At most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Budget { most, held: AtomicUsize::new(0) }))
    }

    /// An empty buffer for at most so many bytes.
    pub(crate) fn buffer(&self, most: usize) -> Buffer {
        let share = Share { budget: self.0.clone(), held: 0 };
        Buffer { most, bytes: Vec::new(), share }
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }
}

/// Why bytes do not fit into a [`Buffer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoFit {
    /// It would be longer than it may be.
    TooLarge,
    /// Too many other bodies and answers are in flight.
    NoRoom,
}

/// One body or answer as it becomes longer. What it holds is counted, not what is in it: it grows ahead.
#[derive(Debug)]
pub(crate) struct Buffer {
    most: usize,
    bytes: Vec<u8>,
    share: Share,
}

impl Buffer {
    /// Adds bytes at the end.
    #[inline]
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), NoFit> {
        // An answer is written in many small pieces.
        if piece.len() > self.share.held - self.bytes.len() {
            self.grow(piece.len())?;
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Makes room for so many bytes more.
    #[cold]
    fn grow(&mut self, more: usize) -> Result<(), NoFit> {
        let length = self.bytes.len().saturating_add(more);
        if length > self.most {
            return Err(NoFit::TooLarge);
        }
        let held = self.share.held;
        let grown = length.max(held.saturating_mul(2)).max(FIRST_PIECE).min(self.most);
        self.share.grow(grown - held)?;
        self.bytes.reserve_exact(grown - self.bytes.len());
        Ok(())
    }

    /// The bytes, which go on being counted until their last copy is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.share.keep(self.bytes)
    }
}

/// What one body or answer holds, until it is dropped.
#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    /// Holds so many bytes more.
    fn grow(&mut self, bytes: usize) -> Result<(), NoFit> {
        let budget = &self.budget;
        let add = |held: usize| held.checked_add(bytes).filter(|held| *held <= budget.most);
        let grown = budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        if grown.is_err() {
            return Err(NoFit::NoRoom);
        }
        self.held += bytes;
        Ok(())
    }

    fn keep(self, bytes: Vec<u8>) -> Bytes {
        struct Counted {
            bytes: Vec<u8>,
            _share: Share,
        }
        impl AsRef<[u8]> for Counted {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        if bytes.is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(Counted { bytes, _share: self })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_the_last_copy_is_gone() {
        let in_flight = InFlight::new(10);
        let mut one = in_flight.buffer(6);
        let mut other = in_flight.buffer(100);
        assert_eq!(one.push(b"abc"), Ok(()));
        assert_eq!(in_flight.held(), 6, "grown ahead, but not beyond its bound");
        assert_eq!(one.push(b"def"), Ok(()));
        assert_eq!(one.push(b"g"), Err(NoFit::TooLarge));
        assert_eq!(other.push(b"a"), Err(NoFit::NoRoom));
        let mut last = in_flight.buffer(4);
        assert_eq!(last.push(b"a"), Ok(()));
        assert_eq!(in_flight.held(), 10);
        drop(last);
        let bytes = one.into_bytes();
        let part = bytes.slice(2..3);
        drop(bytes);
        assert_eq!(in_flight.held(), 6);
        drop(part);
        assert_eq!(in_flight.held(), 0);
        assert_eq!(in_flight.buffer(0).into_bytes(), "");
    }
}
