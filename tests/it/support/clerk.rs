//! A stand-in for Clerk's Backend API on a loopback port: real HTTP, every fault on demand, and a
//! count of what was asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{any, get},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The secret key it wants to see.
pub const SECRET_KEY: &str = "sk_test_0123456789abcdefghij";

/// What it does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and an error body of this code.
    Status(u16, &'static str),
    /// The same, and asks to come back after so many seconds.
    RetryAfter(u16, u64),
    /// Answers 404 with a body that is not Clerk's.
    ForeignNotFound,
    /// Never answers.
    Silence,
    /// Does the work and never answers.
    SilenceAfterwards,
    /// Does the work, begins to answer and breaks off.
    Broken,
    /// Answers 200 with something that is not JSON.
    Gibberish,
    /// Sends the caller elsewhere on the same host, where visits are counted.
    Elsewhere,
    /// Waits until the fault is another one or none, and acts on that.
    Held,
    /// Answers 200 with more than anybody should read.
    Huge,
}

/// The stand-in. Stops when dropped.
pub struct StandInClerk {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    users: Mutex<HashMap<String, Value>>,
    keys: Mutex<Value>,
    on_keys: Mutex<Option<Fault>>,
    on_read: Mutex<Option<Fault>>,
    on_delete: Mutex<Option<Fault>>,
    key_fetches: AtomicUsize,
    reads: AtomicUsize,
    deletes: AtomicUsize,
    visits_elsewhere: AtomicUsize,
}

impl StandInClerk {
    /// Listens on a port of its own and publishes the test key.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Shared::default());
        *state.keys.lock().unwrap() =
            serde_json::from_str(include_str!("../../keys/jwks.json")).unwrap();
        let router = Router::new()
            .route("/v1/jwks", get(keys))
            .route("/v1/users/{id}", get(read_user).delete(delete_user))
            .route("/elsewhere", any(elsewhere))
            .with_state(state.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { address, state, server }
    }

    /// `CLERK_API_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds or replaces a user with one verified address.
    pub fn add_user(&self, id: &str, email: Option<&str>, first_name: Option<&str>) {
        let addresses: Vec<_> = email
            .iter()
            .map(|email| {
                json!({
                    "id": "idn_1", "object": "email_address", "email_address": email,
                    "verification": { "status": "verified", "strategy": "email_code" },
                    "linked_to": [],
                })
            })
            .collect();
        self.put_user(json!({
            "id": id, "object": "user", "username": null, "first_name": first_name, "last_name": null,
            "primary_email_address_id": email.map(|_| "idn_1"), "email_addresses": addresses,
            "banned": false, "locked": false, "updated_at": 1_789_999_999_456_i64,
        }));
    }

    /// Adds or replaces a user.
    pub fn put_user(&self, user: Value) {
        let id = user["id"].as_str().unwrap().to_owned();
        self.state.users.lock().unwrap().insert(id, user);
    }

    /// Removes a user, as another client of Clerk would.
    pub fn remove_user(&self, id: &str) {
        self.state.users.lock().unwrap().remove(id);
    }

    /// Whether it still has a user.
    pub fn has_user(&self, id: &str) -> bool {
        self.state.users.lock().unwrap().contains_key(id)
    }

    /// Replaces the key set.
    pub fn publish(&self, keys: Value) {
        *self.state.keys.lock().unwrap() = keys;
    }

    /// What happens to requests for the key set.
    pub fn on_keys(&self, fault: Option<Fault>) {
        *self.state.on_keys.lock().unwrap() = fault;
    }

    /// What happens to requests for a user.
    pub fn on_read(&self, fault: Option<Fault>) {
        *self.state.on_read.lock().unwrap() = fault;
    }

    /// What happens to deletions.
    pub fn on_delete(&self, fault: Option<Fault>) {
        *self.state.on_delete.lock().unwrap() = fault;
    }

    /// How often the key set was asked for.
    pub fn key_fetches(&self) -> usize {
        self.state.key_fetches.load(Ordering::SeqCst)
    }

    /// How often a user was asked for.
    pub fn reads(&self) -> usize {
        self.state.reads.load(Ordering::SeqCst)
    }

    /// How often a deletion was asked for.
    pub fn deletes(&self) -> usize {
        self.state.deletes.load(Ordering::SeqCst)
    }

    /// How often somebody followed a redirect.
    pub fn visits_elsewhere(&self) -> usize {
        self.state.visits_elsewhere.load(Ordering::SeqCst)
    }

    /// Stops listening: from now on connections are refused.
    pub async fn stop(&self) {
        self.server.abort();
        while tokio::net::TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for StandInClerk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn keys(State(state): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    state.key_fetches.fetch_add(1, Ordering::SeqCst);
    let fault = settled(&state.on_keys).await;
    let keys = state.keys.lock().unwrap().clone();
    answer(fault, &headers, || Json(keys).into_response()).await
}

async fn read_user(
    State(state): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    state.reads.fetch_add(1, Ordering::SeqCst);
    let fault = settled(&state.on_read).await;
    let user = state.users.lock().unwrap().get(&id).cloned();
    answer(fault, &headers, || user.map_or_else(not_found, |user| Json(user).into_response())).await
}

async fn delete_user(
    State(state): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    state.deletes.fetch_add(1, Ordering::SeqCst);
    let fault = settled(&state.on_delete).await;
    answer(fault, &headers, || match state.users.lock().unwrap().remove(&id) {
        Some(_) => Json(json!({ "id": id, "object": "user", "deleted": true })).into_response(),
        None => not_found(),
    })
    .await
}

/// What to do, once that is not to wait.
async fn settled(fault: &Mutex<Option<Fault>>) -> Option<Fault> {
    loop {
        let now = *fault.lock().unwrap();
        if now != Some(Fault::Held) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What a redirect leads to looks as good as the real thing.
async fn elsewhere(State(state): State<Arc<Shared>>) -> Response {
    state.visits_elsewhere.fetch_add(1, Ordering::SeqCst);
    Json(state.keys.lock().unwrap().clone()).into_response()
}

async fn answer(
    fault: Option<Fault>,
    headers: &HeaderMap,
    work: impl FnOnce() -> Response,
) -> Response {
    let expected = format!("Bearer {SECRET_KEY}");
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != expected.as_str()) {
        return error(401, "clerk_key_invalid");
    }
    match fault {
        None => work(),
        Some(Fault::Status(status, code)) => error(status, code),
        Some(Fault::RetryAfter(status, seconds)) => {
            let mut response = error(status, "too_many_requests");
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
        Some(Fault::ForeignNotFound) => (StatusCode::NOT_FOUND, "no such page").into_response(),
        Some(Fault::Silence) => silence().await,
        Some(Fault::SilenceAfterwards) => {
            drop(work());
            silence().await
        }
        Some(Fault::Broken) => {
            drop(work());
            let lost = futures_util::stream::iter([
                Ok("{"),
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            ]);
            Response::new(Body::from_stream(lost))
        }
        Some(Fault::Gibberish) => (StatusCode::OK, "<html>{").into_response(),
        Some(Fault::Elsewhere) => Redirect::temporary("/elsewhere").into_response(),
        Some(Fault::Huge) => (StatusCode::OK, " ".repeat(1024 * 1024 + 1)).into_response(),
        Some(Fault::Held) => unreachable!("the caller has waited for that to end"),
    }
}

async fn silence() -> Response {
    tokio::time::sleep(Duration::from_mins(10)).await;
    StatusCode::NO_CONTENT.into_response()
}

fn not_found() -> Response {
    error(404, "resource_not_found")
}

fn error(status: u16, code: &str) -> Response {
    let body = json!({
        "errors": [{ "code": code, "message": code, "long_message": code }],
        "clerk_trace_id": "0123456789abcdef0123456789abcdef",
    });
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}
