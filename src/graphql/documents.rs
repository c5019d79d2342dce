//! Documents that were read before, with everything about them that depends on their text alone. A
//! client sends the same few texts over and over, and reading one costs more than answering it.

use std::sync::Arc;

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};
use quick_cache::{Weighter, sync::Cache};

use super::strict::{Plan, RequestError, excerpt};
use crate::{error::Code, telemetry::Hits};

/// Documents kept at most.
const COUNT: usize = 500;
/// Their texts together, in bytes, counted once for each operation. A document that was read is some
/// thirty times its text.
const WEIGHT: u64 = 256 * 1024;
/// What a text counts at least, so that there cannot be more than [`COUNT`].
const LEAST_WEIGHT: u64 = WEIGHT.div_ceil(COUNT as u64);

/// A document that has passed every check that does not depend on variables.
pub(crate) struct Document {
    /// Its operations, at least one.
    pub(crate) operations: Vec<Operation>,
}

/// An operation that may be executed.
pub(crate) struct Operation {
    /// Its name, unless it is the only one and has none.
    pub(crate) name: Option<Name>,
    /// What it does.
    pub(crate) kind: OperationType,
    /// What it asks for, in the metrics.
    pub(crate) label: Arc<str>,
    /// Whether it may run without a token.
    pub(crate) is_public: bool,
    /// Whether its complexity is known only with the values of its variables.
    pub(crate) complexity_depends_on_variables: bool,
    /// The operation as it was sent.
    pub(crate) definition: OperationDefinition,
    /// What is executed: the operation alone, with the marks that `plan` takes out again.
    pub(crate) executable: ExecutableDocument,
    /// How its answer is put in order.
    pub(crate) plan: Plan,
}

impl Document {
    /// The operation to run (GraphQL specification, section 6.1, `GetOperation`). An empty name is a
    /// name like any other.
    ///
    /// # Errors
    ///
    /// [`Code::OperationResolutionFailure`] when there is no operation of that name, or no name and
    /// several operations.
    pub(crate) fn select(&self, name: Option<&str>) -> Result<&Operation, RequestError> {
        let message = match (name, self.operations.as_slice()) {
            (None, [operation]) => return Ok(operation),
            (None, _) => {
                "The document has several operations: \"operationName\" must say which one to run."
                    .to_owned()
            }
            (Some(name), operations) => {
                let found = operations.iter().find(|known| known.name.as_deref() == Some(name));
                match found {
                    Some(operation) => return Ok(operation),
                    None => format!("Unknown operation named \"{}\".", excerpt(name)),
                }
            }
        };
        Err(RequestError::new(Code::OperationResolutionFailure, message))
    }
}

/// A bounded store of documents, keyed by their text.
pub(crate) struct Documents {
    cache: Cache<Box<str>, Arc<Document>, Weight>,
    hits: Hits,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Arc<Document>> for Weight {
    fn weight(&self, text: &Box<str>, document: &Arc<Document>) -> u64 {
        (text.len() as u64).max(LEAST_WEIGHT).saturating_mul(document.operations.len() as u64)
    }
}

impl Documents {
    /// An empty store.
    pub(crate) fn new() -> Self {
        Self { cache: Cache::with_weighter(COUNT, WEIGHT, Weight), hits: Hits::default() }
    }

    /// The document with this text.
    pub(crate) fn get(&self, text: &str) -> Option<Arc<Document>> {
        self.hits.count(self.cache.get(text))
    }

    /// How often a text was known.
    pub(crate) fn hits(&self) -> Hits {
        self.hits.clone()
    }

    /// Keeps a document.
    pub(crate) fn insert(&self, text: &str, document: Arc<Document>) {
        self.cache.insert(text.into(), document);
    }
}
