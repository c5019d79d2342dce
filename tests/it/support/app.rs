//! The real server without a socket: the router that production runs, a clock that stands still, and
//! the stand-in for Clerk.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use mission_control::{
    app::App,
    clerk::jwks::KeySource,
    clock::{Clock, ManualClock},
    config::{Environment, Settings},
    http::Front,
    serving::Handler,
    store::Store,
};
use serde_json::{Value, json};

use super::{StandInClerk, TestDatabase, Token, clerk::SECRET_KEY, noon};

/// A server under test.
pub struct TestApp {
    /// The clock of the server.
    pub clock: Arc<ManualClock>,
    /// What the server takes for Clerk.
    pub clerk: Arc<StandInClerk>,
    /// The server.
    pub app: App,
    front: Front,
}

/// An answer, read to its end.
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The body of an error of REST without the name of its request, which must be that of the header.
    pub fn refusal(&self) -> Value {
        let mut body = self.json();
        let name = body.as_object_mut().and_then(|members| members.remove("request_id"));
        assert_eq!(name, Some(self.header("x-request-id").into()), "{}", self.text);
        let length =
            self.headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().unwrap());
        assert!(length.is_none_or(|length| length == self.text.len().to_string()), "{length:?}");
        body
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// `data`, of an answer that must not have errors.
    pub fn data(&self) -> Value {
        let body = self.json();
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        assert!(body["errors"].is_null(), "{}", self.text);
        body["data"].clone()
    }

    /// A header field as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A server in clerk mode on `database`, with the key set loaded.
pub async fn start(database: &TestDatabase) -> TestApp {
    TestApp::start(database, &[]).await
}

impl TestApp {
    /// The same with settings of the test's own, which win.
    pub async fn start(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        Self::with_clerk(database, StandInClerk::start().await, settings).await
    }

    /// The same with a stand-in for Clerk that was prepared, and is asked for its keys once.
    pub async fn with_clerk(
        database: &TestDatabase,
        clerk: StandInClerk,
        settings: &[(&str, &str)],
    ) -> Self {
        let clock = Arc::new(ManualClock::new(noon()));
        let store = database.store.clone();
        Self::join(store, Arc::new(clerk), clock.clone(), clock, settings).await
    }

    /// The same with a clock of the test's own, for the server alone.
    pub async fn with_clock(
        database: &TestDatabase,
        servers: Arc<dyn Clock>,
        settings: &[(&str, &str)],
    ) -> Self {
        let clerk = Arc::new(StandInClerk::start().await);
        let clock = Arc::new(ManualClock::new(noon()));
        Self::join(database.store.clone(), clerk, clock, servers, settings).await
    }

    /// The same on connections of the test's own.
    pub async fn on(store: Store, settings: &[(&str, &str)]) -> Self {
        let clerk = Arc::new(StandInClerk::start().await);
        let clock = Arc::new(ManualClock::new(noon()));
        Self::join(store, clerk, clock.clone(), clock, settings).await
    }

    /// Another instance: the same Clerk and clock, connections of its own.
    pub async fn second_instance(&self, database: &TestDatabase) -> Self {
        self.second_instance_with(database, &[]).await
    }

    /// The same with settings.
    pub async fn second_instance_with(
        &self,
        database: &TestDatabase,
        settings: &[(&str, &str)],
    ) -> Self {
        let store = database.second_instance().await;
        let clock = self.clock.clone();
        Self::join(store, self.clerk.clone(), clock.clone(), clock, settings).await
    }

    async fn join(
        store: Store,
        clerk: Arc<StandInClerk>,
        clock: Arc<ManualClock>,
        servers: Arc<dyn Clock>,
        settings: &[(&str, &str)],
    ) -> Self {
        let url = clerk.url();
        let mut pairs = vec![
            ("AUTH_MODE", "clerk"),
            ("CLERK_SECRET_KEY", SECRET_KEY),
            ("CLERK_API_URL", url.as_str()),
        ];
        pairs.retain(|(name, _)| settings.iter().all(|(other, _)| other != name));
        pairs.extend_from_slice(settings);
        let environment = Environment::from_pairs(pairs);
        let (settings, _) =
            Settings::read(&environment).unwrap_or_else(|faults| panic!("{faults}"));
        let app = App::with_store(settings, store, servers).await.unwrap();
        let front = app.front();
        let this = Self { clock, clerk, app, front };
        this.refresh_keys().await;
        this
    }

    /// What the background does twice a second: fetches the key set if that is due.
    pub async fn refresh_keys(&self) {
        if let Some(KeySource::Remote(keys)) = &self.app.state.keys {
            keys.refresh_if_due().await;
        }
    }

    /// How often looking at an `Authorization` header came to this.
    pub fn counted(&self, outcome: &str) -> u64 {
        self.metric(&format!("mission_control_authentications_total{{outcome=\"{outcome}\"}} "))
    }

    /// How often a session whose token was good was refused for this reason.
    pub fn refusals(&self, reason: &str) -> u64 {
        self.metric(&format!("mission_control_session_refusals_total{{outcome=\"{reason}\"}} "))
    }

    fn metric(&self, prefix: &str) -> u64 {
        let text = self.app.metrics.render();
        text.lines().find_map(|line| line.strip_prefix(prefix)).map_or(0, |n| n.parse().unwrap())
    }

    /// Serves one request, in a task like every connection of the real server: a task that yields lets
    /// others run first, which is what batches loads. Dropped halfway, the request is dropped too.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let mut task = tokio::task::JoinSet::new();
        task.spawn(self.front.clone().answer(request));
        let response = task.join_next().await.unwrap().unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Posts a GraphQL document without variables.
    pub async fn query(&self, token: Option<&Token>, query: &str) -> Answer {
        self.graphql(token, json!({ "query": query })).await
    }

    /// Posts a GraphQL request.
    pub async fn graphql(&self, token: Option<&Token>, body: Value) -> Answer {
        let request = Request::post("/graphql")
            .header(header::ACCEPT, "application/graphql-response+json, application/json;q=0.9")
            .header(header::CONTENT_TYPE, "application/json");
        self.send(signed(request, token).body(Body::from(body.to_string())).unwrap()).await
    }

    /// Sends a REST request.
    pub async fn rest(
        &self,
        method: &str,
        path: &str,
        token: Option<&Token>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(signed(request, token).body(body).unwrap()).await
    }

    /// Lets time pass, and the key set be refreshed as it would have been meanwhile.
    pub async fn advance(&self, by: chrono::TimeDelta) {
        self.clock.advance(by);
        if let Some(KeySource::Remote(keys)) = &self.app.state.keys {
            keys.refresh_if_due().await;
        }
    }

    /// An ordinary token of a user, issued now, with e-mail address and name.
    pub fn token(&self, clerk_user_id: &str) -> Token {
        Token::complete(clerk_user_id, self.clock.now())
    }

    /// How many statements `work` runs.
    pub async fn statements<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.app.state.accounts.store().statements();
        let outcome = work.await;
        (outcome, self.app.state.accounts.store().statements() - before)
    }
}

fn signed(
    request: axum::http::request::Builder,
    token: Option<&Token>,
) -> axum::http::request::Builder {
    match token {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {}", token.sign())),
        None => request,
    }
}
