//! The stages of a GraphQL request, in their order: the document is read, an operation chosen, its
//! caller and its variables checked, then it is executed and its answer put in order. Knows nothing of
//! HTTP; what becomes of a [`Refusal`] on the wire is the caller's business.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Name, Positioned, Request, Response, ServerError, Variables,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};

use super::{
    access::{is_public, label},
    complexity::Complexity,
    context::Viewer,
    documents::{Document, Documents, Operation},
    schema::{NESTING_CEILING, Schema, executor, sdl},
    strict::{
        Bounds, Plan, RequestError, TypeSystem, check_rules, check_size, coerce_variables, convert,
        drop_absent_variables, isolate, join_dollars, mark, parse,
    },
    types::ServerInfo,
};
use crate::{
    error::{ApiError, Code},
    telemetry::Hits,
};

/// What a document may ask for. Counts are inclusive: the limit itself is still accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of the document itself.
    pub bounds: Bounds,
    /// Bytes of a document's text (`MAX_QUERY_BYTES`).
    pub query_bytes: usize,
    /// The most that an operation may cost (`MAX_COMPLEXITY`).
    pub complexity: usize,
}

/// A GraphQL request as it came, well-formed but unchecked.
#[derive(Debug, Default)]
pub struct GraphqlRequest {
    /// The document.
    pub query: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The variables.
    pub variables: Variables,
    /// It came in a way that may not change anything.
    pub is_read_only: bool,
}

/// Why there is no answer of an execution.
#[derive(Debug)]
pub enum Refusal {
    /// The request is at fault; nothing was executed.
    Request(RequestError),
    /// The operation would change something, and the request came in a way that may not.
    NotReadOnly,
    /// There is no session, and the operation needs one.
    Anonymous,
    /// The user could not be resolved, or the execution took too long.
    Failed(ApiError),
}

/// Everything that answers GraphQL. Cheap to clone.
#[derive(Clone)]
pub struct Pipeline(Arc<Inner>);

struct Inner {
    schema: Schema,
    types: TypeSystem,
    documents: Documents,
    limits: Limits,
    execution_time: Duration,
}

impl Pipeline {
    /// `execution_time` bounds the execution of one request (`EXECUTION_TIMEOUT`); `server_info` is shown
    /// to everybody.
    pub fn new(
        limits: Limits,
        execution_time: Duration,
        server_info: ServerInfo,
    ) -> anyhow::Result<Self> {
        let nesting = limits.bounds.nesting.min(NESTING_CEILING);
        Ok(Self(Arc::new(Inner {
            schema: executor(server_info),
            types: TypeSystem::from_sdl(sdl())?,
            documents: Documents::new(),
            limits: Limits { bounds: Bounds { nesting, ..limits.bounds }, ..limits },
            execution_time,
        })))
    }

    /// How often the text of a document was known.
    pub(crate) fn document_hits(&self) -> Hits {
        self.0.documents.hits()
    }

    /// Reads and checks a document as if it had never been sent, without keeping it.
    pub fn check(&self, text: &str) -> Result<(), RequestError> {
        self.0.read(text).map(drop)
    }

    /// Answers a request. The response may have field errors.
    pub async fn answer(
        &self,
        request: GraphqlRequest,
        viewer: Arc<Viewer>,
    ) -> Result<Response, Refusal> {
        let inner = &self.0;
        let document = if let Some(known) = inner.documents.get(&request.query) {
            known
        } else {
            let document = Arc::new(inner.read(&request.query)?);
            inner.documents.insert(&request.query, document.clone());
            document
        };
        let operation = document.select(request.operation_name.as_deref())?;
        viewer.note_operation(&operation.label);
        if request.is_read_only && operation.kind != OperationType::Query {
            return Err(Refusal::NotReadOnly);
        }
        if viewer.is_anonymous() && !operation.is_public {
            return Err(Refusal::Anonymous);
        }
        let definitions = &operation.definition.variable_definitions;
        let variables = coerce_variables(definitions, request.variables, &inner.types)?;
        inner.check_complexity(operation, &variables)?;
        if let Err(mut error) = operation.plan.check_root(&variables) {
            complete(&mut error);
            return Ok(Response::from_errors(vec![error]));
        }
        if operation.kind == OperationType::Mutation && !operation.is_public {
            viewer.admit_mutation().map_err(Refusal::Failed)?;
        }
        inner.execute(operation, variables, viewer).await
    }
}

impl Inner {
    /// Reads a text that was not sent before. What is found here is found whoever sends it, with
    /// whatever variables.
    fn read(&self, text: &str) -> Result<Document, RequestError> {
        let Limits { bounds, query_bytes, .. } = &self.limits;
        if text.len() > *query_bytes {
            let message =
                format!("The query text is longer than {query_bytes} bytes (MAX_QUERY_BYTES).");
            return Err(RequestError::new(Code::GraphqlValidationFailed, message));
        }
        let text = &*join_dollars(text);
        let tree = parse(text, bounds.nesting)?;
        let document = convert(&tree, text, bounds)?;
        check_size(&document, bounds)?;
        check_rules(&tree, text, &self.types, bounds.introspection)?;
        let operations = document.operations.iter();
        let operations =
            operations.map(|(name, definition)| self.prepare(&document, name, definition));
        Ok(Document { operations: operations.collect::<Result<_, _>>()? })
    }

    fn prepare(
        &self,
        document: &ExecutableDocument,
        name: Option<&Name>,
        definition: &Positioned<OperationDefinition>,
    ) -> Result<Operation, RequestError> {
        let kind = definition.node.ty;
        let root = root_type(kind);
        let complexity = Complexity::of(&definition.node, document, root, &self.types, None);
        self.bound(complexity)?;
        let plan = Plan::new(&definition.node, document, root, &self.types);
        let mut executable = isolate(document, definition);
        mark(&mut executable, root, &self.types);
        Ok(Operation {
            name: name.cloned(),
            kind,
            label: label(document, &definition.node),
            is_public: is_public(document, &definition.node),
            complexity_depends_on_variables: complexity.depends_on_variables,
            definition: definition.node.clone(),
            executable,
            plan,
        })
    }

    fn bound(&self, complexity: Complexity) -> Result<(), RequestError> {
        if complexity.cost <= self.limits.complexity {
            return Ok(());
        }
        let message = "The query is too complex (MAX_COMPLEXITY). Lists count as many times as they \
                       may have entries: ask for smaller pages.";
        Err(RequestError::new(Code::GraphqlValidationFailed, message))
    }

    fn check_complexity(
        &self,
        operation: &Operation,
        variables: &Variables,
    ) -> Result<(), RequestError> {
        if !operation.complexity_depends_on_variables {
            return Ok(());
        }
        let root = root_type(operation.kind);
        let executable = &operation.executable;
        let definition = &operation.definition;
        self.bound(Complexity::of(definition, executable, root, &self.types, Some(variables)))
    }

    async fn execute(
        &self,
        operation: &Operation,
        variables: Variables,
        viewer: Arc<Viewer>,
    ) -> Result<Response, Refusal> {
        let mut executable = operation.executable.clone();
        drop_absent_variables(&mut executable, &variables);
        let mut request = Request::new("").variables(variables.clone()).data(viewer.clone());
        request.set_parsed_query(executable);
        // Without the runtime's budget: when it is spent, every lock taken by a resolver waits a turn, and
        // the fields of one level would no longer ask their loader together. How much there is to do is
        // bounded by the limits, and every statement gives others their turn.
        let execution = tokio::task::unconstrained(self.schema.execute(request));
        let Ok(mut response) = tokio::time::timeout(self.execution_time, execution).await else {
            tracing::warn!("execution took longer than EXECUTION_TIMEOUT");
            let message = "The request took too long (EXECUTION_TIMEOUT).";
            return Err(Refusal::Failed(ApiError::new(Code::Timeout, message)));
        };
        if let Some(failure) = viewer.failure() {
            return Err(Refusal::Failed(failure.0.clone()));
        }
        operation.plan.settle(&mut response.data, &mut response.errors, &variables);
        response.errors.iter_mut().for_each(complete);
        Ok(response)
    }
}

/// The type on which operations of a kind are made.
const fn root_type(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// Gives an error that the framework raised while executing the code it lacks, and a message of one
/// line. Ours have one; what is left is always a value that does not fit its type.
fn complete(error: &mut ServerError) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", Code::BadUserInput.as_str());
    }
    error.message = one_line(&error.message);
}

fn one_line(message: &str) -> String {
    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > 300 {
        return text.chars().take(299).chain(['…']).collect();
    }
    text
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
