//! The binary as an operator meets it: exit codes, what is printed where, which settings are read, and
//! how it stops.

mod backup;
mod check;
mod clock_jumps;
mod doctor;
mod faults;
mod front_end;
mod inspect;
mod serve;
mod sync;
mod token;
mod trouble;
mod users;

use crate::support::{Fault, StandInClerk, TestDatabase, Token};
use mission_control::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::{
    io::Read,
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than anything here takes, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

const SECRET_KEY: &str = "sk_test_0123456789abcdefghij";

const LOCAL_TOKEN: &str = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local";

const LOCAL: [(&str, &str); 3] =
    [("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", LOCAL_TOKEN), ("PORT", "0")];

/// A running process, what it has printed so far, and its end with this value.
struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

/// A process that has ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Process {
    /// Starts the binary in a directory with exactly these variables.
    fn start(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_with_input(directory, arguments, variables, Stdio::null())
    }

    /// The same with something to read.
    fn start_with_input(
        directory: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: impl Into<Stdio>,
    ) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_mission-control"))
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self::of(child)
    }

    /// What was started by other means, with pipes for what it prints.
    fn of(mut child: Child) -> Self {
        let stdout = Arc::<Mutex<String>>::default();
        let stderr = Arc::<Mutex<String>>::default();
        let readers = vec![
            collect(child.stdout.take().unwrap(), stdout.clone()),
            collect(child.stderr.take().unwrap(), stderr.clone()),
        ];
        Self { child, readers, stdout, stderr }
    }

    fn output(&self) -> String {
        format!("{}{}", self.stdout.lock().unwrap(), self.stderr.lock().unwrap())
    }

    /// Waits for something that it prints.
    async fn wait_for<T>(&mut self, what: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = what(&self.output()) {
                return found;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "ended: {}", self.output());
            assert!(started.elapsed() < PATIENCE, "{}", self.output());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where it listens, once it does.
    async fn address(&mut self) -> String {
        self.wait_for(|output| {
            let line = output.lines().find(|line| line.contains("\"message\":\"serving\""))?;
            let line: Value = serde_json::from_str(line).ok()?;
            Some(format!("http://{}", line["address"].as_str()?))
        })
        .await
    }

    /// Asks it to stop.
    fn terminate(&self) {
        let killed = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }

    /// Waits for its end.
    async fn end(self) -> Ended {
        self.end_within(PATIENCE).await
    }

    /// Waits for the end of something that takes long.
    async fn end_within(mut self, patience: Duration) -> Ended {
        let started = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < patience, "still running: {}", self.output());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let stdout = self.stdout.lock().unwrap().clone();
        let stderr = self.stderr.lock().unwrap().clone();
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    })
}

async fn run(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    Process::start(directory, arguments, variables).end().await
}

/// The same with this text on standard input.
async fn run_with_input(
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> Ended {
    use std::io::{Seek, Write};

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    Process::start_with_input(directory, arguments, variables, file).end().await
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A port nobody listens on, for commands that will not take just any.
fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Posts a query, and answers status and body.
async fn query(address: &str, token: Option<&str>, query: &str) -> (u16, Value) {
    let request = client()
        .post(format!("{address}/graphql"))
        .header("accept", "application/graphql-response+json")
        .json(&json!({ "query": query }));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn schema_prints_what_is_committed_and_needs_nothing() {
    let directory = directory();
    let ended = run(directory.path(), &["schema"], &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, include_str!("../../../schema.graphql"));
    // Not even settings that are right.
    let ended = run(directory.path(), &["schema"], &[("AUTH_MODE", "nonsense")]).await;
    assert_eq!(ended.code, Some(0));
    assert!(directory.path().read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn migrate_applies_and_lists() {
    let directory = directory();
    let status = |ended: &Ended| -> Vec<(String, String)> {
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let lines = ended.stdout.lines().map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            (words.next().unwrap(), words.next().unwrap())
        });
        lines.collect()
    };
    let before = status(&run(directory.path(), &["migrate", "--status"], &[]).await);
    assert!(!before.is_empty() && before.iter().all(|(_, state)| state == "missing"), "{before:?}");
    assert_eq!(before[0].0, "0001");
    for _ in 0..2 {
        let after = status(&run(directory.path(), &["migrate"], &[]).await);
        assert_eq!(after.len(), before.len());
        assert!(after.iter().all(|(_, state)| state == "applied"), "{after:?}");
    }
    let after = status(&run(directory.path(), &["migrate", "--status"], &[]).await);
    assert!(after.iter().all(|(_, state)| state == "applied"), "{after:?}");
    assert!(directory.path().join("data/mission-control.db").exists(), "the default");

    let database = TestDatabase::postgres().await;
    let variables = [("DATABASE_URL", database.url.as_str())];
    let listed = status(&run(directory.path(), &["migrate", "--status"], &variables).await);
    assert_eq!(listed, after, "the same as on SQLite");
    assert!(listed.iter().all(|(_, state)| state == "applied"), "{listed:?}");
}

async fn until_ready(address: &str) {
    let started = Instant::now();
    loop {
        let answer = client().get(format!("{address}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{address} does not get ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
