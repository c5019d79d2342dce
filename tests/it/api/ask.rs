//! A request to the GraphQL endpoint that a test puts together, and what every refusal has in common.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::support::{Answer, TestApp, TestDatabase, Token};

/// `application/graphql-response+json`
pub const GQL: &str = "application/graphql-response+json";

/// `application/json`
pub const JSON: &str = "application/json";

/// A request being put together.
pub struct Ask {
    method: &'static str,
    /// Path and query string.
    pub uri: String,
    headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
}

impl Ask {
    /// A POST with a JSON body.
    pub fn post(body: impl Into<Vec<u8>>) -> Self {
        Self::other("POST", "/graphql").with("content-type", JSON).body(body)
    }

    /// A POST with a query.
    pub fn query(query: &str) -> Self {
        Self::post(json!({ "query": query }).to_string())
    }

    /// A GET with a query string.
    pub fn get(parameters: &[(&str, &str)]) -> Self {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(parameters);
        Self::other("GET", &format!("/graphql?{}", pairs.finish()))
    }

    /// Any request.
    pub fn other(method: &'static str, uri: &str) -> Self {
        Self { method, uri: uri.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header field.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Removes a header field.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// Signs the request.
    pub fn token(self, token: &Token) -> Self {
        self.with("authorization", format!("Bearer {}", token.sign()))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it.
    pub async fn send(self, app: &TestApp) -> Answer {
        let mut request = Request::builder().method(self.method).uri(self.uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        app.send(request.body(Body::from(self.body)).unwrap()).await
    }
}

/// Holds an answer of the GraphQL endpoint against everything that is promised of each.
pub fn check_answer(answer: &Answer, media_type: &str, status: u16, code: &str, context: &str) {
    assert_eq!(answer.status, status, "{context}: {}", answer.text);
    let content_type = format!("{media_type}; charset=utf-8");
    assert_eq!(answer.header("content-type"), content_type, "{context}");
    assert_eq!(answer.header("vary"), "Accept, Authorization, Origin", "{context}");
    assert_eq!(answer.header("cache-control"), "no-store", "{context}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{context}");
    let request_id = answer.header("x-request-id");
    assert!(!request_id.is_empty(), "{context}");
    let body = answer.json();
    assert!(body.get("data").is_none(), "{context}: {}", answer.text);
    assert_eq!(answer.code(), code, "{context}: {}", answer.text);
    if code == "UNAUTHENTICATED" {
        let uniform = json!({ "errors": [
            { "message": "Not authenticated", "extensions": { "code": "UNAUTHENTICATED" } },
        ] });
        assert_eq!(body, uniform, "{context}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{context}");
    } else {
        for error in body["errors"].as_array().unwrap() {
            assert_eq!(error["extensions"]["requestId"], request_id, "{context}");
            assert!(!error["message"].as_str().unwrap().contains('\n'), "{context}");
        }
        assert_eq!(answer.header("www-authenticate"), "", "{context}");
    }
    let waits = !answer.header("retry-after").is_empty();
    assert_eq!(waits, status == 503, "{context}: Retry-After");
}

/// An application on SQLite with these settings.
pub async fn sqlite(settings: &[(&str, &str)]) -> (TestDatabase, TestApp) {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, settings).await;
    (database, app)
}
