//! The memory of tokens whose signature was checked, so that the second request of a page load does
//! not pay for it again. It decides nothing: expiry and the key set are asked on every request.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::session::Session;
use crate::telemetry::Hits;

/// Tokens remembered at most.
const MAX_TOKENS: usize = 4096;
/// A longer token is checked each time: the memory's size must not depend on what people send.
const MAX_TOKEN_BYTES: usize = 4096;

/// A bounded memory, keyed by the token itself (hashing it with a cryptographic hash first would
/// cost more than the lookup saves, and only valid tokens get in).
pub(super) struct TokenMemory {
    sessions: Cache<Box<str>, Remembered>,
    hits: Hits,
}

#[derive(Clone)]
struct Remembered {
    session: Arc<Session>,
    generation: u64,
}

impl TokenMemory {
    pub(super) fn new() -> Self {
        Self { sessions: Cache::new(MAX_TOKENS), hits: Hits::default() }
    }

    /// The session of a token that was verified with the keys of this `generation`.
    pub(super) fn recall(&self, token: &str, generation: u64) -> Option<Arc<Session>> {
        let remembered = self.sessions.get(token);
        let remembered = remembered.filter(|remembered| remembered.generation == generation);
        self.hits.count(remembered).map(|remembered| remembered.session)
    }

    /// How often a token was known.
    pub(super) fn hits(&self) -> Hits {
        self.hits.clone()
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
