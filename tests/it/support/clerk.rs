//! A stand-in for Clerk's Backend API on a loopback port: real HTTP, every fault on demand, and a
//! count of what was asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
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
    /// Does the work after so many milliseconds.
    Slow(u64),
    /// Does the work, by a clock that is so many seconds ahead of this machine's.
    Ahead(i64),
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
    domains: Mutex<Vec<String>>,
    organizations: Mutex<Vec<Value>>,
    memberships: Mutex<Vec<Value>>,
    on_list: Mutex<Option<Fault>>,
    /// Of the lists that are asked for, how many are answered before one is refused with the fault.
    lists_between_faults: AtomicUsize,
    lists: Mutex<Vec<(String, Instant)>>,
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
            .route("/v1/users", get(list_users))
            .route("/v1/users/count", get(count_users))
            .route("/v1/organizations", get(list_organizations))
            .route("/v1/organizations/{id}", get(read_organization))
            .route("/v1/organizations/{id}/memberships", get(list_memberships))
            .route("/v1/domains", get(list_domains))
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

    /// Has exactly these users, organizations and memberships.
    pub fn hold(&self, users: Vec<Value>, organizations: Vec<Value>, memberships: Vec<Value>) {
        let by_id = |user: Value| (user["id"].as_str().unwrap().to_owned(), user);
        *self.state.users.lock().unwrap() = users.into_iter().map(by_id).collect();
        *self.state.organizations.lock().unwrap() = organizations;
        *self.state.memberships.lock().unwrap() = memberships;
    }

    /// Answers every so manieth list with this fault; 0: every one.
    pub fn on_list(&self, fault: Option<Fault>, lists_between: usize) {
        *self.state.on_list.lock().unwrap() = fault;
        self.state.lists_between_faults.store(lists_between, Ordering::SeqCst);
    }

    /// The lists that were asked for, each with its query string, and when.
    pub fn lists(&self) -> Vec<(String, Instant)> {
        self.state.lists.lock().unwrap().clone()
    }

    /// Says where the Frontend API of this instance is.
    pub fn own_domain(&self, url: &str) {
        self.state.domains.lock().unwrap().push(url.to_owned());
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

/// What the query of a list asks for, in the order in which it came.
type Wishes = Query<Vec<(String, String)>>;

fn wish<'q>(wishes: &'q Wishes, name: &str) -> Option<&'q str> {
    wishes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The part of a list that is asked for, the whole being sorted as Clerk sorts it.
fn part<'a>(all: impl Iterator<Item = &'a Value>, wishes: &Wishes) -> Vec<Value> {
    let number = |name| wish(wishes, name).map(|text| text.parse::<usize>().unwrap());
    let mut all: Vec<_> = all.collect();
    all.sort_by_cached_key(|object| (object["created_at"].as_i64(), object["id"].to_string()));
    let limit = number("limit").unwrap_or(10).min(500);
    all.into_iter().skip(number("offset").unwrap_or(0)).take(limit).cloned().collect()
}

/// Notes a list, and what is to become of it.
fn listed(state: &Shared, what: &str, wishes: &Wishes) -> Option<Fault> {
    let offset = wish(wishes, "offset").unwrap_or("0");
    let chosen = if wish(wishes, "user_id").is_some() { " chosen" } else { "" };
    let mut lists = state.lists.lock().unwrap();
    lists.push((format!("{what} {offset}{chosen}"), Instant::now()));
    let between = state.lists_between_faults.load(Ordering::SeqCst);
    let fault = *state.on_list.lock().unwrap();
    fault.filter(|_| lists.len().is_multiple_of(between + 1))
}

async fn list_users(
    State(state): State<Arc<Shared>>,
    wishes: Wishes,
    headers: HeaderMap,
) -> Response {
    let fault = listed(&state, "users", &wishes);
    let chosen: Vec<_> = wishes.iter().filter(|(name, _)| name == "user_id").collect();
    let is_chosen = |id: &str| chosen.is_empty() || chosen.iter().any(|(_, chosen)| chosen == id);
    let page = {
        let users = state.users.lock().unwrap();
        let users = users.iter().filter(|(id, _)| is_chosen(id)).map(|(_, user)| user);
        part(users, &wishes)
    };
    answer(fault, &headers, || Json(page).into_response()).await
}

async fn count_users(State(state): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let count = state.users.lock().unwrap().len();
    let body = json!({ "object": "total_count", "total_count": count });
    answer(None, &headers, || Json(body).into_response()).await
}

fn data(all: &[Value], wishes: &Wishes) -> Response {
    let page = part(all.iter(), wishes);
    Json(json!({ "total_count": all.len(), "data": page })).into_response()
}

async fn list_organizations(
    State(state): State<Arc<Shared>>,
    wishes: Wishes,
    headers: HeaderMap,
) -> Response {
    let fault = listed(&state, "organizations", &wishes);
    let all = state.organizations.lock().unwrap().clone();
    answer(fault, &headers, || data(&all, &wishes)).await
}

async fn read_organization(
    State(state): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let all = state.organizations.lock().unwrap().clone();
    let found = all.into_iter().find(|organization| organization["id"] == id);
    answer(None, &headers, || found.map_or_else(not_found, |found| Json(found).into_response()))
        .await
}

async fn list_memberships(
    State(state): State<Arc<Shared>>,
    Path(id): Path<String>,
    wishes: Wishes,
    headers: HeaderMap,
) -> Response {
    let fault = listed(&state, &format!("memberships of {id}"), &wishes);
    let is_there = state.organizations.lock().unwrap().iter().any(|known| known["id"] == id);
    let mut all = state.memberships.lock().unwrap().clone();
    all.retain(|membership| membership["organization"]["id"] == id);
    answer(fault, &headers, || if is_there { data(&all, &wishes) } else { not_found() }).await
}

async fn list_domains(State(state): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let domain = |url: &String| {
        json!({
            "object": "domain", "id": "dmn_1", "name": "example.com", "is_satellite": false,
            "frontend_api_url": url, "development_origin": "",
        })
    };
    let data: Vec<_> = state.domains.lock().unwrap().iter().map(domain).collect();
    let body = json!({ "total_count": data.len(), "data": data });
    answer(None, &headers, || Json(body).into_response()).await
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
        Some(Fault::Slow(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            work()
        }
        Some(Fault::Ahead(seconds)) => {
            let date = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
            let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let mut response = work();
            response.headers_mut().insert(header::DATE, date.parse().unwrap());
            response
        }
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
