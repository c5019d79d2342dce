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

/// There is no room at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl InFlight {
    /// At most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Budget { most, held: AtomicUsize::new(0) }))
    }

    /// A share that holds nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.0.clone(), held: 0 }
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }
}

/// What one body or answer holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    /// Holds so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let budget = &self.budget;
        let add = |held: usize| held.checked_add(bytes).filter(|held| *held <= budget.most);
        let grown = budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        if grown.is_err() {
            return Err(Full);
        }
        self.held += bytes;
        Ok(())
    }

    /// Bytes that go on being counted until their last copy is dropped.
    pub(crate) fn keep(self, bytes: Vec<u8>) -> Bytes {
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
        let mut one = in_flight.share();
        let mut other = in_flight.share();
        assert_eq!(one.grow(6), Ok(()));
        assert_eq!(other.grow(5), Err(Full));
        assert_eq!(other.grow(usize::MAX), Err(Full));
        assert_eq!(other.grow(4), Ok(()));
        assert_eq!(in_flight.held(), 10);
        drop(other);
        let bytes = one.keep(b"abcdef".to_vec());
        let part = bytes.slice(2..3);
        drop(bytes);
        assert_eq!(in_flight.held(), 6);
        drop(part);
        assert_eq!(in_flight.held(), 0);
    }
}
