//! A fault of ours that panics: an answer like any other, and the server lives.

use std::{
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicIsize, Ordering},
    },
};

use chrono::{DateTime, Utc};
use mission_control::{
    clock::{Clock, ManualClock},
    telemetry,
};
use serde_json::json;

use super::ask::{Ask, GQL, JSON};
use crate::support::{TestApp, TestDatabase, both, noon};

/// What the panic says; nobody outside may read it.
const SECRET: &str = "the clock broke at 10.0.0.7";

/// A clock that panics once, when it has been asked so many times.
struct BrittleClock {
    clock: ManualClock,
    remaining: AtomicIsize,
}

impl BrittleClock {
    fn new() -> Arc<Self> {
        Arc::new(Self { clock: ManualClock::new(noon()), remaining: AtomicIsize::new(-1) })
    }

    /// Panics at the call after so many good ones.
    fn arm(&self, good: isize) {
        self.remaining.store(good, Ordering::SeqCst);
    }

    fn is_armed(&self) -> bool {
        self.remaining.load(Ordering::SeqCst) >= 0
    }
}

impl Clock for BrittleClock {
    fn now(&self) -> DateTime<Utc> {
        let remaining = self.remaining.load(Ordering::SeqCst);
        if remaining >= 0 {
            self.remaining.store(remaining - 1, Ordering::SeqCst);
        }
        assert_ne!(remaining, 0, "{SECRET}");
        self.clock.now()
    }
}

both! {
    async fn a_panic_is_a_500_wherever_it_happens(database) {
        let clock = BrittleClock::new();
        let app = TestApp::with_clock(&database, clock.clone(), &[]).await;
        let mut panics = 0;
        // Each call of a request's that asks for the time, until one goes through.
        for good in 0..20 {
            for media_type in [GQL, JSON] {
                let user = format!("user_{good}_{}", media_type.len());
                let token = app.token(&user);
                let ask = || {
                    Ask::query("mutation { bootstrap { user { id } } }")
                        .token(&token)
                        .with("accept", media_type)
                        .send(&app)
                };
                clock.arm(good);
                let answer = ask().await;
                let panicked = !clock.is_armed();
                clock.arm(-1);
                if !panicked {
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    continue;
                }
                panics += 1;
                assert_eq!(answer.status, 500, "{}", answer.text);
                assert_eq!(answer.header("content-type"), format!("{media_type}; charset=utf-8"));
                assert_eq!(answer.header("cache-control"), "no-store");
                assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR");
                let body = answer.json();
                assert!(body.get("data").is_none(), "{}", answer.text);
                let request_id = answer.header("x-request-id");
                assert!(!request_id.is_empty());
                assert_eq!(body["errors"][0]["extensions"]["requestId"], request_id);
                assert!(!answer.text.contains("clock"), "{}", answer.text);
                assert_eq!(ask().await.status, 200, "the same user, right after");
            }
        }
        assert!(panics >= 4, "at least when the token is checked and when the user is made");
        // Nobody was left half made.
        let users = database.count("users").await;
        assert_eq!(users, 40);
        assert_eq!(database.count("organizations").await, users);
        assert_eq!(database.count("organization_members").await, users);
    }
}

both! {
    async fn rest_answers_likewise(database) {
        let clock = BrittleClock::new();
        let app = TestApp::with_clock(&database, clock.clone(), &[]).await;
        let token = app.token("user_a");
        let changes = Some(json!({ "notes": "x" }));
        for (method, path, body) in [
            ("POST", "/api/v1/auth/bootstrap", None),
            ("GET", "/api/v1/users/me", None),
            ("PATCH", "/api/v1/users/me", changes),
        ] {
            let mut panics = 0;
            for good in 0..10 {
                clock.arm(good);
                let answer = app.rest(method, path, Some(&token), body.clone()).await;
                let panicked = !clock.is_armed();
                clock.arm(-1);
                if panicked {
                    panics += 1;
                    assert_eq!(answer.status, 500, "{method} {path}: {}", answer.text);
                    assert!(answer.json()["detail"].is_string(), "{}", answer.text);
                    assert!(!answer.text.contains("clock"), "{}", answer.text);
                    assert!(!answer.header("x-request-id").is_empty());
                }
                let answer = app.rest(method, path, Some(&token), body.clone()).await;
                assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
            }
            assert!(panics > 0, "{method} {path}");
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_of_a_panic_once_and_of_which_request() {
    let database = TestDatabase::sqlite().await;
    let clock = BrittleClock::new();
    let app = TestApp::with_clock(&database, clock.clone(), &[]).await;
    let token = app.token("user_a");
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .finish();
    let entered = tracing::subscriber::set_default(subscriber);
    telemetry::log_panics();
    clock.arm(1);
    let answer = app.query(Some(&token), "mutation { bootstrap { created } }").await;
    drop(std::panic::take_hook());
    drop(entered);
    assert_eq!(answer.status, 500);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told: Vec<&str> = log.lines().filter(|line| line.contains(SECRET)).collect();
    assert_eq!(told.len(), 1, "{log}");
    let line: serde_json::Value = serde_json::from_str(told[0]).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["span"]["request_id"], answer.header("x-request-id"), "{line}");
    assert!(line["location"].as_str().unwrap().contains("panics.rs"), "{line}");
    assert_eq!(log.lines().filter(|line| line.contains("\"ERROR\"")).count(), 1, "{log}");
}
