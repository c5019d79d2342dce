//! The memory of tokens whose signature was checked, so that the second request of a page load does
//! not pay for it again. It decides nothing: expiry and the key set are asked on every request.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::session::Session;

/// Tokens remembered at most.
const MAX_TOKENS: usize = 4096;
/// A longer token is checked each time: the memory's size must not depend on what people send.
const MAX_TOKEN_BYTES: usize = 4096;

/// A bounded memory, keyed by the token itself (hashing it with a cryptographic hash first would
/// cost more than the lookup saves, and only valid tokens get in).
pub(super) struct TokenMemory {
    sessions: Cache<Box<str>, Remembered>,
}

#[derive(Clone)]
struct Remembered {
    session: Arc<Session>,
    generation: u64,
}

impl TokenMemory {
    pub(super) fn new() -> Self {
        Self { sessions: Cache::new(MAX_TOKENS) }
    }

    /// The session of a token that was verified with the keys of this `generation`.
    pub(super) fn recall(&self, token: &str, generation: u64) -> Option<Arc<Session>> {
        self.sessions
            .get(token)
            .filter(|remembered| remembered.generation == generation)
            .map(|remembered| remembered.session)
    }

    pub(super) fn remember(&self, token: &str, session: Arc<Session>, generation: u64) {
        if token.len() <= MAX_TOKEN_BYTES {
            self.sessions.insert(token.into(), Remembered { session, generation });
        }
    }

    pub(super) fn forget(&self, token: &str) {
        self.sessions.remove(token);
    }

    pub(super) fn clear(&self) {
        self.sessions.clear();
    }
}
