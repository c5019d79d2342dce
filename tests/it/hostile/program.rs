//! The real program in a process of its own, and what one request costs it.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Raw, TestDatabase};
use serde_json::Value;

const TOKEN: &str = "hostile-requests-0123456789-0123456789-0123456789-abc";

/// What one request may cost. The program is not optimised here, which leaves room in practice.
const MOST_TIME: Duration = Duration::from_secs(1);

pub const MOST_MEMORY: u64 = 64 << 20;

/// The program in local mode.
pub struct Program {
    process: Child,
    address: String,
    client: reqwest::Client,
    _database: TestDatabase,
}

impl Program {
    /// Starts it.
    pub async fn start() -> Self {
        let database = TestDatabase::sqlite().await;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(env!("CARGO_BIN_EXE_mission-control"))
            .arg("serve")
            .env_clear()
            .env("AUTH_MODE", "local")
            .env("LOCAL_AUTH_TOKEN", TOKEN)
            .env("DATABASE_URL", &database.url)
            .env("PORT", port.to_string())
            .env("LOG_LEVEL", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        let program =
            Self { process, address, client: reqwest::Client::new(), _database: database };
        let started = Instant::now();
        while !program.is_well().await {
            assert!(started.elapsed() < Duration::from_secs(30), "the program does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        program
    }

    async fn is_well(&self) -> bool {
        let url = format!("http://{}/readyz", self.address);
        self.client.get(url).send().await.is_ok_and(|answer| answer.status() == 200)
    }

    /// Processor time used so far by the threads that live.
    fn time(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let nanoseconds = threads.map(|thread| {
            // A thread may end while it is looked at.
            let stat = fs::read_to_string(thread.unwrap().path().join("schedstat"));
            let stat = stat.unwrap_or_default();
            stat.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or_default()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// The line of that name in the status of the process, in bytes.
    pub fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Lets the peak of memory begin anew.
    fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").unwrap();
    }

    /// Status and body of the answer to one request.
    pub async fn send(&self, request: &Request) -> (u16, Vec<u8>) {
        let url = format!("http://{}/graphql", self.address);
        let signed = |builder: reqwest::RequestBuilder| builder.bearer_auth(TOKEN);
        let builder = match request {
            Request::Post(body) => {
                let builder = signed(self.client.post(url));
                builder.header("content-type", "application/json").body(body.clone())
            }
            Request::Get(query_string) => signed(self.client.get(format!("{url}?{query_string}"))),
            Request::With(name, value) => {
                let builder = self.client.post(url).header("content-type", "application/json");
                builder.header(*name, value.as_str()).body(r#"{"query":"{ nothing }"}"#)
            }
            Request::Raw(bytes) => {
                let stream = tokio::net::TcpStream::connect(&self.address).await.unwrap();
                let mut raw = Raw(stream);
                raw.send(bytes).await;
                let reply = raw.rest().await;
                let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
                return (status.unwrap_or(400), Vec::new());
            }
        };
        let answer = builder.timeout(Duration::from_secs(30)).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    /// Sends one request and holds its answer and its cost against what is promised; says what is
    /// broken.
    #[expect(clippy::print_stdout, reason = "shown when the test fails")]
    pub async fn attack(&mut self, name: &str, request: &Request) -> Vec<String> {
        self.forget_peak();
        let (time, memory) = (self.time(), self.memory("VmRSS"));
        let started = Instant::now();
        let (status, body) = self.send(request).await;
        let elapsed = started.elapsed();
        let time = self.time().saturating_sub(time);
        let memory = self.memory("VmHWM").saturating_sub(memory);
        let (size, kib) = (body.len(), memory >> 10);
        println!("{name}: {status}, {time:?} of {elapsed:?}, {kib} KiB, {size} bytes");
        let mut broken = Vec::new();
        if status != 200 && !(400..500).contains(&status) {
            broken.push(format!("{name}: {status}"));
        }
        if !matches!(request, Request::Raw(_)) && !is_answer(&body) {
            let start = String::from_utf8_lossy(&body).chars().take(500).collect::<String>();
            broken.push(format!("{name}: {start}"));
        }
        if time > MOST_TIME {
            broken.push(format!("{name}: {time:?} of processor time"));
        }
        if memory > MOST_MEMORY {
            broken.push(format!("{name}: {kib} KiB"));
        }
        assert!(self.process.try_wait().unwrap().is_none(), "{name}: the program has ended");
        assert!(self.is_well().await, "{name}: the program is not well");
        broken
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether this is GraphQL: data, or errors that have a code and are short.
fn is_answer(body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return false };
    let are_fine = body["errors"].as_array().into_iter().flatten().all(|error| {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        let message = error["message"].as_str().unwrap_or_default();
        !matches!(code, "" | "INTERNAL_SERVER_ERROR" | "TIMEOUT") && message.chars().count() <= 300
    });
    are_fine && (body["errors"].is_array() || body["data"].is_object())
}

/// One of them.
pub enum Request {
    /// A body.
    Post(Vec<u8>),
    /// A query string.
    Get(String),
    /// A header field.
    With(&'static str, String),
    /// Everything.
    Raw(Vec<u8>),
}
