//! Published sets of keys (RFC 7517 section 5). Knows not where a set came from and how old it is.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::key::{Jwk, KeyFault, VerifyingKey, is_key_id};

/// An entry of a key set that was left out, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IgnoredKey {
    /// Position in the published list, from zero.
    pub(crate) position: usize,
    /// The entry's key id, when it is well-shaped.
    pub(crate) key_id: Option<String>,
    /// Why it was left out.
    pub(crate) fault: KeyFault,
}

impl fmt::Display for IgnoredKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {} ", self.position)?;
        if let Some(key_id) = &self.key_id {
            write!(formatter, "({key_id}) ")?;
        }
        self.fault.fmt(formatter)
    }
}

/// Why a body is not a key set to verify tokens with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum KeySetFault {
    /// The body is not a JSON object with a list `keys` (RFC 7517 section 5).
    #[error("the answer is not a JSON Web Key Set")]
    NotAKeySet,
    /// The list is empty, or nothing in it is usable.
    #[error("the key set holds no usable key ({} left out)", ignored.len())]
    NoUsableKey {
        /// What was left out, and why.
        ignored: Vec<IgnoredKey>,
    },
}

/// The usable keys of one published set, by key id. Never empty.
///
/// Two sets are equal when they hold the same keys under the same ids.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    keys: HashMap<String, Arc<VerifyingKey>>,
    ignored: Vec<IgnoredKey>,
}

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517 section 5). Entries that cannot be used are left out, as
    /// the RFC advises; of several usable entries with one id the first counts.
    ///
    /// # Errors
    ///
    /// [`KeySetFault`] when the body is not a key set or holds no usable key.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, KeySetFault> {
        let body: Value = serde_json::from_slice(body).map_err(|_| KeySetFault::NotAKeySet)?;
        let entries = body.get("keys").and_then(Value::as_array).ok_or(KeySetFault::NotAKeySet)?;
        let mut keys = HashMap::new();
        let mut ignored = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            if let Err(fault) = add_entry(&mut keys, entry) {
                let key_id = entry.get("kid").and_then(Value::as_str).filter(|id| is_key_id(id));
                ignored.push(IgnoredKey { position, key_id: key_id.map(str::to_owned), fault });
            }
        }
        if keys.is_empty() {
            return Err(KeySetFault::NoUsableKey { ignored });
        }
        Ok(Self { keys, ignored })
    }

    /// The key published under an id.
    pub(crate) fn find(&self, key_id: &str) -> Option<&Arc<VerifyingKey>> {
        self.keys.get(key_id)
    }

    /// Whether one of them is this key, whatever its id.
    pub(crate) fn holds(&self, key: &VerifyingKey) -> bool {
        self.keys.values().any(|known| **known == *key)
    }

    /// The entries that were left out, for the log.
    pub(crate) fn ignored(&self) -> &[IgnoredKey] {
        &self.ignored
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for KeySet {}

fn add_entry(keys: &mut HashMap<String, Arc<VerifyingKey>>, entry: &Value) -> Result<(), KeyFault> {
    // A derived reader would also take a list for an object.
    if !entry.is_object() {
        return Err(KeyFault::Malformed);
    }
    let jwk = Jwk::deserialize(entry).map_err(|_| KeyFault::Malformed)?;
    let key = VerifyingKey::from_jwk(&jwk)?;
    let key_id = jwk.kid.ok_or(KeyFault::KeyId)?;
    if keys.contains_key(&key_id) {
        return Err(KeyFault::DuplicateKeyId);
    }
    keys.insert(key_id, Arc::new(key));
    Ok(())
}

#[cfg(test)]
mod tests;
