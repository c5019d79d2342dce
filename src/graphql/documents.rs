//! Documents that were read before. A client sends the same few texts over and over, and parsing one
//! costs more than answering it.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use quick_cache::{Weighter, sync::Cache};

/// Documents kept at most.
const COUNT: usize = 500;
/// Their texts together, in bytes. A parsed document is some twenty times its text.
const WEIGHT: u64 = 256 * 1024;
/// What a text counts at least, so that there cannot be more than [`COUNT`].
const LEAST_WEIGHT: u64 = WEIGHT.div_ceil(COUNT as u64);

/// A document that has passed every check that does not depend on variables.
pub struct Prepared {
    /// The document as sent.
    pub document: ExecutableDocument,
    /// The whole of it was validated and keeps the limits, whatever the variables.
    pub is_validated: bool,
}

/// A bounded store of documents, keyed by their text.
pub struct Documents(Cache<Box<str>, Arc<Prepared>, TextLength>);

#[derive(Clone)]
struct TextLength;

impl Weighter<Box<str>, Arc<Prepared>> for TextLength {
    fn weight(&self, text: &Box<str>, _: &Arc<Prepared>) -> u64 {
        (text.len() as u64).max(LEAST_WEIGHT)
    }
}

impl Documents {
    /// An empty store.
    pub fn new() -> Self {
        Self(Cache::with_weighter(COUNT, WEIGHT, TextLength))
    }

    /// The document with this text.
    pub fn get(&self, text: &str) -> Option<Arc<Prepared>> {
        self.0.get(text)
    }

    /// Keeps a document.
    pub fn insert(&self, text: &str, document: Arc<Prepared>) {
        self.0.insert(text.into(), document);
    }
}
