//! Automatic persisted queries: a client that sent a text once may send its hash from then on. Hits
//! pass all the checks that a text passes.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::{Weighter, sync::Cache};
use serde_json::{Map, Value};

use crate::{error::Code, graphql::RequestError};

/// Texts kept at most.
const COUNT: usize = 1000;
/// Their length together, in bytes.
const WEIGHT: u64 = 1024 * 1024;
/// What a text counts at least, so that there cannot be more than [`COUNT`].
const LEAST_WEIGHT: u64 = WEIGHT.div_ceil(COUNT as u64);

/// A bounded store of query texts, keyed by their SHA-256 in lower-case hexadecimal.
pub struct PersistedQueries(Cache<Box<str>, Box<str>, TextLength>);

#[derive(Clone)]
struct TextLength;

impl Weighter<Box<str>, Box<str>> for TextLength {
    fn weight(&self, _: &Box<str>, text: &Box<str>) -> u64 {
        (text.len() as u64).max(LEAST_WEIGHT)
    }
}

impl Default for PersistedQueries {
    fn default() -> Self {
        Self(Cache::with_weighter(COUNT, WEIGHT, TextLength))
    }
}

impl PersistedQueries {
    /// Keeps a text under its hash.
    pub fn keep(&self, hash: &str, text: &str) {
        self.0.insert(hash.into(), text.into());
    }

    /// The text to run: the one sent, or the one known by the hash sent. A text that was sent with its
    /// hash is kept with [`PersistedQueries::keep`] once it has passed the checks.
    ///
    /// # Errors
    /// `PERSISTED_QUERY_NOT_FOUND` for a hash that is not known, upon which clients send the text;
    /// `BAD_REQUEST` for a hash that is not the text's.
    pub fn resolve(
        &self,
        query: Option<String>,
        extensions: Option<&Map<String, Value>>,
    ) -> Result<Resolved, RequestError> {
        let Some(persisted) = extensions.and_then(|all| all.get("persistedQuery")) else {
            return Ok(Resolved { query, hash_to_keep: None });
        };
        if persisted.is_null() {
            return Ok(Resolved { query, hash_to_keep: None });
        }
        let is_version_1 = persisted.get("version").and_then(Value::as_i64) == Some(1);
        let hash = persisted.get("sha256Hash").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let Some(hash) = hash.filter(|hash| is_version_1 && is_hash(hash)) else {
            return Err(RequestError::new(
                Code::BadRequest,
                "`extensions.persistedQuery` needs `version` 1 and `sha256Hash`, 64 hexadecimal digits.",
            ));
        };
        match query.filter(|text| !text.is_empty()) {
            Some(text) if hash_of(&text) == hash => {
                Ok(Resolved { query: Some(text), hash_to_keep: Some(hash) })
            }
            Some(_) => Err(RequestError::new(
                Code::BadRequest,
                "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`.",
            )),
            None => match self.0.get(hash.as_str()) {
                Some(text) => Ok(Resolved { query: Some(text.into()), hash_to_keep: None }),
                // The exact text that clients of old compare with.
                None => {
                    Err(RequestError::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound"))
                }
            },
        }
    }
}

/// What a request runs.
#[derive(Debug)]
pub struct Resolved {
    /// The text, if there is one.
    pub(crate) query: Option<String>,
    /// The hash to keep it under.
    pub hash_to_keep: Option<String>,
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hash_of(text: &str) -> String {
    let mut hash = String::with_capacity(64);
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}
