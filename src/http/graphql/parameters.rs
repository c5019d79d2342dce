//! From an HTTP request to a GraphQL request (GraphQL over HTTP, sections "GET" and "POST").

use async_graphql::Variables;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::persisted_queries::PersistedQueries;
use crate::{
    error::Code,
    graphql::{GraphqlRequest, RequestError},
    http::body::parse_json,
};

/// The parameters of a request, well-formed but not looked at.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    extensions: Option<Map<String, Value>>,
}

impl Parameters {
    /// Reads the body of a POST.
    pub(crate) fn from_body(body: &[u8]) -> Result<Self, RequestError> {
        let mut members = match parse_json(body).map_err(bad)? {
            Value::Object(members) => members,
            Value::Array(_) => {
                return Err(bad("The body is an array: send one request at a time."));
            }
            _ => return Err(bad("The body must be a JSON object with a `query`.")),
        };
        Ok(Self {
            query: text(members.remove("query"), "query")?,
            // Some clients send an empty name with a query that has none, as a GET form would.
            operation_name: text(members.remove("operationName"), "operationName")?
                .filter(|name| !name.is_empty()),
            variables: object(members.remove("variables"), "variables")?,
            extensions: object(members.remove("extensions"), "extensions")?,
        })
    }

    /// Reads the query string of a GET. An empty value means absent, the query's aside.
    pub(crate) fn from_query_string(query_string: &str) -> Result<Self, RequestError> {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(query_string.as_bytes()) {
            match name.as_ref() {
                "query" => once(&mut parameters.query, value.into_owned(), "query")?,
                _ if value.is_empty() => {}
                "operationName" => {
                    once(&mut parameters.operation_name, value.into_owned(), "operationName")?;
                }
                "variables" => {
                    let members = json_object(&value, "variables")?;
                    if let Some(members) = members {
                        once(&mut parameters.variables, members, "variables")?;
                    }
                }
                "extensions" => {
                    let members = json_object(&value, "extensions")?;
                    if let Some(members) = members {
                        once(&mut parameters.extensions, members, "extensions")?;
                    }
                }
                _ => {}
            }
        }
        Ok(parameters)
    }

    /// Finds the text when only its hash was sent. The second part is the hash to keep the text under, once
    /// it is known to be fine.
    pub(crate) fn into_request(
        self,
        persisted_queries: &PersistedQueries,
    ) -> Result<(GraphqlRequest, Option<String>), RequestError> {
        let resolved = persisted_queries.resolve(self.query, self.extensions.as_ref())?;
        let request = GraphqlRequest {
            query: resolved.query.ok_or_else(|| bad("`query` is missing."))?,
            operation_name: self.operation_name,
            variables: self.variables.map_or_else(Variables::default, |members| {
                Variables::from_json(Value::Object(members))
            }),
            is_read_only: false,
        };
        Ok((request, resolved.hash_to_keep))
    }
}

/// Whether a query string holds a query: then the request is one of GraphQL, not of a browser.
pub(crate) fn has_query(query_string: &str) -> bool {
    form_urlencoded::parse(query_string.as_bytes())
        .any(|(name, _)| name == "query" || name == "extensions")
}

fn bad(message: impl Into<String>) -> RequestError {
    RequestError::new(Code::BadRequest, message)
}

fn text(value: Option<Value>, name: &str) -> Result<Option<String>, RequestError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("`{name}` must be a string."))),
    }
}

fn object(value: Option<Value>, name: &str) -> Result<Option<Map<String, Value>>, RequestError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(bad(format!("`{name}` must be an object."))),
    }
}

fn json_object(text: &str, name: &str) -> Result<Option<Map<String, Value>>, RequestError> {
    let value = serde_json::from_str(text)
        .map_err(|_| bad(format!("`{name}` in the query string is not JSON.")))?;
    object(Some(value), name)
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), RequestError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(bad(format!("`{name}` is given twice."))),
    }
}
