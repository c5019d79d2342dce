//! From a request's text to its answer, in the order of the checks: size, nesting, parse once, what the
//! document expands to, validation, the operation, who may run it, variables, execution.

use std::sync::Arc;

use async_graphql::{
    Positioned, Request, Response, ServerError, Variables,
    parser::{
        self, parse_query,
        types::{ExecutableDocument, OperationDefinition, OperationType},
    },
};

use super::{
    context::Viewer,
    documents::{Documents, Prepared},
    empty_objects::mark,
    error::{ApiError, Code},
    limits::Limits,
    nulls::OutputTypes,
    ordering::order,
    precheck::{
        Bounds, InputTypes, Refusal, assume_variables, cap_page_sizes, check_document,
        check_nesting, coerce_variables, complexity_uses_variables, drop_absent_variables,
        is_public, keep_only, select_operation,
    },
    schema::{Schema, executor, sdl, validator},
    types::ServerInfo,
};

/// The most errors that one answer lists about a document.
const MAX_ERRORS: usize = 20;

/// Everything that answers GraphQL. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    /// Validates documents and never runs one.
    validator: Schema,
    /// Runs documents that were validated.
    executor: Schema,
    input_types: InputTypes,
    output_types: OutputTypes,
    documents: Documents,
    bounds: Bounds,
    max_query_bytes: usize,
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
}

/// A request whose document is known to be fine.
pub struct Operation {
    prepared: Arc<Prepared>,
    name: Option<String>,
    variables: Variables,
    /// What the operation does.
    pub kind: OperationType,
    /// Whether it may run without a token.
    pub is_public: bool,
}

/// A refused request: nothing was executed, so the answer has no `data`.
#[derive(Debug)]
pub struct RequestError {
    /// Whether the text parsed, decides between the codes of parsing and validation.
    pub code: Code,
    /// All that was found.
    pub errors: Vec<ServerError>,
}

impl Engine {
    /// `limits` and `introspection` as configured, `server_info` as shown to everybody.
    pub fn new(
        limits: &Limits,
        introspection: bool,
        server_info: ServerInfo,
    ) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Inner {
            validator: validator(limits, introspection),
            executor: executor(server_info),
            input_types: InputTypes::from_sdl(&sdl())?,
            output_types: OutputTypes::from_sdl(&sdl())?,
            documents: Documents::new(),
            bounds: Bounds {
                nesting: limits.nesting,
                selections: limits.selections,
                aliases: limits.aliases,
                directives: limits.directives,
                operations: limits.operations,
                introspection,
            },
            max_query_bytes: limits.query_bytes,
        })))
    }

    /// Checks everything about a request that does not depend on who sends it.
    pub async fn prepare(&self, request: GraphqlRequest) -> Result<Operation, RequestError> {
        let prepared = match self.0.documents.get(&request.query) {
            Some(prepared) => prepared,
            None => Box::pin(self.read(&request.query)).await?,
        };
        let name = request.operation_name;
        let operation = select_operation(&prepared.document, name.as_deref())?;
        let kind = operation.node.ty;
        let is_public = is_public(&prepared.document, &operation.node);
        Ok(Operation { prepared, name, variables: request.variables, kind, is_public })
    }

    /// Reads and checks a text that was not sent before.
    async fn read(&self, text: &str) -> Result<Arc<Prepared>, RequestError> {
        let inner = &self.0;
        if text.len() > inner.max_query_bytes {
            return Err(RequestError::one(
                Code::GraphqlValidationFailed,
                format!(
                    "The query text is longer than {} bytes (MAX_QUERY_BYTES).",
                    inner.max_query_bytes
                ),
            ));
        }
        check_nesting(text, inner.bounds.nesting)?;
        let document = parse_query(text)?;
        check_document(&document, &inner.bounds)?;
        inner.input_types.check_variables(&document)?;
        let uses_variables = document
            .operations
            .iter()
            .any(|(_, operation)| complexity_uses_variables(&document, &operation.node));
        let mut assumed = document.clone();
        if uses_variables {
            assume_variables(&mut assumed);
        }
        // What fails here fails always.
        self.validate(assumed, Variables::default())
            .await
            .map_err(|errors| RequestError::found(Code::GraphqlValidationFailed, errors))?;
        inner.input_types.check_merging(&document)?;
        let prepared = Arc::new(Prepared { document, is_validated: !uses_variables });
        inner.documents.insert(text, prepared.clone());
        Ok(prepared)
    }

    /// Lets the framework validate a whole document, and stops before execution.
    async fn validate(
        &self,
        mut document: ExecutableDocument,
        variables: Variables,
    ) -> Result<(), Vec<ServerError>> {
        cap_page_sizes(&mut document);
        let mut request = Request::new("").variables(variables);
        // Any operation will do, as nothing is executed; the rules look at all of them.
        if let Some((Some(name), _)) = document.operations.iter().next() {
            request = request.operation_name(name.as_str());
        }
        request.set_parsed_query(document);
        let errors = self.0.validator.execute(request).await.errors;
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Executes an operation for a viewer. The response may have field errors.
    pub async fn execute(
        &self,
        operation: Operation,
        viewer: Arc<Viewer>,
    ) -> Result<Response, RequestError> {
        let inner = &self.0;
        let name = operation.name.as_deref();
        let definition: &Positioned<OperationDefinition> =
            select_operation(&operation.prepared.document, name)?;
        let variables =
            coerce_variables(&definition.node, operation.variables, &inner.input_types)?;
        let mut document = operation.prepared.document.clone();
        keep_only(&mut document, name);
        drop_absent_variables(&mut document, name, &variables);
        if !operation.prepared.is_validated {
            // The document is fine, so what is found now lies in the values of its variables.
            Box::pin(self.validate(document.clone(), variables.clone()))
                .await
                .map_err(|errors| RequestError::found(Code::BadUserInput, errors))?;
        }
        mark(&mut document);
        let mut request = Request::new("").variables(variables).data(viewer);
        if let Some(name) = name {
            request = request.operation_name(name);
        }
        request.set_parsed_query(document);
        // Without the runtime's budget: when it is spent, every lock taken by a resolver waits a turn, and
        // the fields of one level would no longer ask their loader together. How much there is to do is
        // bounded by the limits, and every statement gives others their turn.
        let mut response = tokio::task::unconstrained(inner.executor.execute(request)).await;
        if response.errors.iter().any(|error| error.path.is_empty()) {
            // Of no field: it was found before the first one was resolved, in what the rules had to
            // evaluate.
            return Err(RequestError::found(Code::GraphqlValidationFailed, response.errors));
        }
        for error in &mut response.errors {
            complete(error);
        }
        inner.output_types.settle(
            &mut response.data,
            response
                .errors
                .iter()
                .map(|error| error.path.as_slice())
                .filter(|path| !path.is_empty()),
            &definition.node,
            &operation.prepared.document,
        );
        order(
            &mut response.data,
            &definition.node.selection_set.node,
            &operation.prepared.document,
        );
        Ok(response)
    }
}

/// Gives an error that the framework raised while executing the code it lacks. Ours have one; what is
/// left is always a value that does not fit its type.
fn complete(error: &mut ServerError) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", Code::BadUserInput.as_str());
    }
    error.message = one_line(&error.message);
}

impl RequestError {
    /// A single error without a place in the document.
    pub fn one(code: Code, message: impl Into<String>) -> Self {
        Self { code, errors: vec![ServerError::new(message, None)] }
    }

    /// What validation found: a limit exceeded, or else faults of the kind that `code` says.
    fn found(code: Code, errors: Vec<ServerError>) -> Self {
        if let Some(text) = errors.iter().find_map(|error| limit_text(&error.message)) {
            return Self::one(Code::GraphqlValidationFailed, text);
        }
        let mut errors: Vec<_> = errors.into_iter().map(on_one_line).collect();
        errors.dedup_by(|one, other| {
            one.message == other.message && one.locations == other.locations
        });
        if errors.is_empty() {
            errors.push(ServerError::new("The document could not be validated.", None));
        }
        // One fault is often reported many times over; a few tell enough.
        errors.truncate(MAX_ERRORS);
        Self { code, errors }
    }
}

/// What the parser found. Names used twice and missing operations are faults of a text that parses
/// (GraphQL specification, sections 5.2 and 5.5.1), though this parser is who finds them.
impl From<parser::Error> for RequestError {
    fn from(error: parser::Error) -> Self {
        let code = match &error {
            parser::Error::MultipleOperations { .. }
            | parser::Error::OperationDuplicated { .. }
            | parser::Error::FragmentDuplicated { .. } => Code::GraphqlValidationFailed,
            parser::Error::MissingOperation => Code::OperationResolutionFailure,
            _ => Code::GraphqlParseFailed,
        };
        Self { code, errors: vec![on_one_line(error.into())] }
    }
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        let mut error = ServerError::new(refusal.message, None);
        error.locations = refusal.locations;
        Self { code: refusal.code.into(), errors: vec![error] }
    }
}

impl From<ApiError> for RequestError {
    fn from(error: ApiError) -> Self {
        Self::one(error.code, error.message.into_owned())
    }
}

/// The framework's limits, with the setting that moves each.
fn limit_text(message: &str) -> Option<&'static str> {
    match message {
        "Query is too complex." => Some(
            "The query is too complex (MAX_COMPLEXITY). Lists count as many times as they may \
             have entries: ask for smaller pages.",
        ),
        "Query is nested too deep." => Some("The query is nested too deep (MAX_DEPTH)."),
        _ => None,
    }
}

fn on_one_line(mut error: ServerError) -> ServerError {
    error.message = one_line(&error.message);
    error
}

/// The parser draws its errors over several lines and repeats the line of the query; the last part
/// says what is wrong. Nothing a client sent is repeated at length.
fn one_line(message: &str) -> String {
    let text = match message.rsplit_once("\n  = ") {
        Some((_, reason)) => format!("Syntax error: {}", reason.trim()),
        // What follows tells of a place within the number.
        None if message.starts_with("invalid number: ") => {
            "Syntax error: a number is out of range.".to_owned()
        }
        None => message.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    if text.chars().count() > 300 {
        return text.chars().take(299).chain(['…']).collect();
    }
    text
}
