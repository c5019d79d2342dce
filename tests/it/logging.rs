//! The log as its readers meet it: the real binary writing to pipes that nobody reads or that are closed,
//! to full disks, and to somebody who reads every line.

use std::{
    fs::{File, OpenOptions},
    io::{PipeReader, Read, pipe},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The shared token of the server.
pub const TOKEN: &str = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local";

/// A running binary, killed at the end.
pub struct Program {
    child: Child,
    port: u16,
    metrics: u16,
    _directory: TempDir,
}

impl Program {
    /// Runs `serve` in local mode.
    pub async fn serve(stdout: Stdio, stderr: Stdio, variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, metrics) = (free_port(), free_port());
        let child = command(directory.path(), &["serve"])
            .envs([("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", TOKEN), ("DRAIN_DELAY", "0.1")])
            .envs([("PORT", port.to_string()), ("METRICS_ADDR", format!("127.0.0.1:{metrics}"))])
            .envs(variables.iter().copied())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut this = Self { child, port, metrics, _directory: directory };
        this.wait_until_up().await;
        this
    }

    async fn wait_until_up(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert_eq!(self.child.try_wait().unwrap(), None, "it ended");
            assert!(started.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// Sends a request and reads the answer to the end of the connection.
    pub async fn ask(&self, head: &str, body: &str) -> String {
        let mut connection = self.connect().await;
        let length = body.len();
        let request = format!(
            "{head}\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    /// Has so many requests answered, on one connection.
    async fn work(&mut self, requests: usize) {
        let mut connection = self.connect().await;
        for n in 0..requests {
            connection
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .await
                .unwrap();
            let mut answer = [0; 2048];
            let read = timeout(PATIENCE, connection.read(&mut answer)).await;
            let read = read.unwrap_or_else(|_| panic!("request {n} hangs")).unwrap_or(0);
            assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "request {n}");
        }
    }

    async fn dropped_lines(&self) -> u64 {
        let mut connection = TcpStream::connect(("127.0.0.1", self.metrics)).await.unwrap();
        connection
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).await.unwrap();
        let name = "mission_control_log_lines_dropped_total ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits for the end; its exit code and how long it took.
    pub async fn end(&mut self) -> (Option<i32>, Duration) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), started.elapsed());
            }
            assert!(started.elapsed() < PATIENCE, "still running");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-control"));
    command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
    command
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn closed_pipe() -> Stdio {
    let (_, writer) = pipe().unwrap();
    writer.into()
}

fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe whose reader does nothing, for as long as it is kept.
fn stalled_pipe() -> (PipeReader, Stdio) {
    let (reader, writer) = pipe().unwrap();
    (reader, writer.into())
}

#[tokio::test]
async fn a_log_that_cannot_be_written_costs_its_lines_and_nothing_else() {
    for format in ["json", "text"] {
        for (name, stdout, stderr) in [
            ("closed", Stdio::null(), closed_pipe()),
            ("both closed", closed_pipe(), closed_pipe()),
            ("full", Stdio::null(), full_disk()),
        ] {
            let mut program = Program::serve(stdout, stderr, &[("LOG_FORMAT", format)]).await;
            program.work(300).await;
            // Lines are written a moment after the request that they tell of.
            let started = Instant::now();
            while program.dropped_lines().await < 300 {
                assert!(started.elapsed() < PATIENCE, "{name}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            program.signal("-TERM");
            let (code, took) = program.end().await;
            assert_eq!(code, Some(0), "{name} {format}");
            assert!(took < Duration::from_secs(5), "{name} {format}: {took:?}");
        }
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_costs_lines_and_nothing_else() {
    let (mut reader, stderr) = stalled_pipe();
    let mut program = Program::serve(Stdio::null(), stderr, &[]).await;
    program.work(100).await;
    let mut lines = vec![0; 1000];
    reader.read_exact(&mut lines).unwrap();
    assert!(lines.starts_with(b"{"), "it was written to before");
    drop(reader);
    program.work(100).await;
    let started = Instant::now();
    while program.dropped_lines().await < 100 {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    program.signal("-TERM");
    assert_eq!(program.end().await.0, Some(0));
}

#[tokio::test]
async fn a_reader_that_stalls_is_not_waited_for() {
    let (reader, stderr) = stalled_pipe();
    let mut program = Program::serve(Stdio::null(), stderr, &[]).await;
    // More than the pipe and the memory for waiting lines hold.
    program.work(8000).await;
    assert!(program.dropped_lines().await > 0);
    let me = format!(
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}"
    );
    let answer = program.ask(&me, r#"{"query":"{ me { id } }"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("errors"), "{answer}");
    assert!(program.ask("GET /readyz HTTP/1.1", "").await.starts_with("HTTP/1.1 200"));
    program.signal("-TERM");
    // Under load, too.
    let (code, took) = program.end().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(reader);
}

#[tokio::test]
async fn commands_whose_reader_is_gone_end_without_a_word_and_full_disks_are_failures() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in
        [&["schema"][..], &["token"], &["completions", "bash"], &["--help"], &["--version"]]
    {
        let end = command(directory.path(), arguments)
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(end.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&end.stderr), "", "{arguments:?}");
        // Nor does anybody hear what is wrong.
        let status = command(directory.path(), arguments)
            .stdout(closed_pipe())
            .stderr(closed_pipe())
            .status();
        assert_eq!(status.unwrap().code(), Some(0), "{arguments:?}");
    }
    for arguments in [&["schema"][..], &["token"], &["completions", "bash"]] {
        let end = command(directory.path(), arguments)
            .stdout(full_disk())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&end.stderr);
        assert_eq!(end.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("error: standard output cannot be written"), "{said}");
    }
    let faulty = command(directory.path(), &["serve"]).stderr(closed_pipe()).status();
    assert_eq!(faulty.unwrap().code(), Some(2));
}

#[tokio::test]
async fn development_mode_does_without_its_banner() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let child = command(directory.path(), &["dev"])
        .envs([("PORT", port.to_string()), ("BODY_TIMEOUT", "0.4".to_owned())])
        .stdout(closed_pipe())
        .stderr(closed_pipe())
        .spawn()
        .unwrap();
    let mut program = Program { child, port, metrics: 0, _directory: directory };
    program.wait_until_up().await;
    program.work(10).await;
    // A body that never comes is waited for no longer here than anywhere.
    let mut connection = program.connect().await;
    let head = "POST /dev/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 100\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(Duration::from_secs(5), connection.read_to_string(&mut answer)).await;
    read.expect("answered in time").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // Nobody waits here for a balancer.
    program.signal("-TERM");
    let (code, took) = program.end().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// Every line of a log, each of which must be one flat JSON object without a member twice.
pub fn parse(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            let members = value.as_object().unwrap();
            for (name, value) in members {
                assert!(!value.is_object() && !value.is_array(), "{name} in {line}");
                assert_eq!(line.matches(&format!("\"{name}\":")).count(), 1, "{name} in {line}");
            }
            value
        })
        .collect()
}

#[tokio::test]
async fn each_request_has_one_line_that_tells_nothing_it_should_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = || File::create(&path).unwrap();
    let settings = [("SHUTDOWN_TIMEOUT", "0.3"), ("BODY_TIMEOUT", "30")];
    let mut program = Program::serve(Stdio::null(), log().into(), &settings).await;
    let named = r#"{"query":"query Whoami { me { id } }","operationName":"Whoami"}"#;
    let odd = r#"{"query":"{ __typename }","operationName":"ada@example.com"}"#;
    let json = "Content-Type: application/json";
    let post = "POST /graphql?code=ada@example.com HTTP/1.1";
    for (head, body) in [
        (format!("{post}\r\n{json}\r\nAuthorization: Bearer {TOKEN}"), named),
        (format!("{post}\r\n{json}\r\nAuthorization: Bearer not-{TOKEN}"), named),
        (format!("{post}\r\n{json}"), odd),
        ("GET /ada@example.com?x=y HTTP/1.1".to_owned(), ""),
        ("GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nX-Request-Id: mine".to_owned(), ""),
    ] {
        assert!(program.ask(&head, body).await.starts_with("HTTP/1.1 "), "{head}");
    }
    // One that is still being received when the server stops.
    let mut connection = program.connect().await;
    let head =
        format!("POST /graphql HTTP/1.1\r\nHost: a\r\n{json}\r\nContent-Length: 9\r\n\r\n{{");
    connection.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    program.signal("-TERM");
    assert_eq!(program.end().await.0, Some(0));

    let mut text = String::new();
    File::open(&path).unwrap().read_to_string(&mut text).unwrap();
    assert!(!text.contains("ada@example.com") && !text.contains(&TOKEN[..20]), "{text}");
    let lines = parse(&text);
    let requests: Vec<_> = lines.iter().filter(|line| line["request_id"].is_string()).collect();
    let shown = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        let status = line["status"].as_u64().unwrap_or(0);
        assert!(line["micros"].is_u64(), "{line}");
        (text("method"), text("route"), status, text("operation"), text("refused"))
    };
    let expected = [
        ("POST", "/graphql", 200, "Whoami", "-"),
        ("POST", "/graphql", 401, "-", "wrong_token"),
        ("POST", "/graphql", 200, "-", "-"),
        ("GET", "-", 404, "-", "-"),
        ("GET", "/graphql", 200, "-", "-"),
        ("POST", "/graphql", 0, "-", "-"),
    ];
    let expected = expected.map(|(method, route, status, operation, refused)| {
        (method.to_owned(), route.to_owned(), status, operation.to_owned(), refused.to_owned())
    });
    let requests: Vec<_> =
        requests.into_iter().filter(|line| line["message"] != "user created").collect();
    assert_eq!(requests.iter().map(|line| shown(line)).collect::<Vec<_>>(), expected, "{text}");
    assert_eq!(requests[4]["request_id"], "mine");
    let refused = text.lines().find(|line| line.contains("wrong_token")).unwrap();
    assert!(refused.len() < 350, "{} bytes: {refused}", refused.len());
}

#[tokio::test]
async fn signals_stop_it_in_their_own_ways() {
    // SIGTERM: requests are taken for DRAIN_DELAY. SIGINT: not. Twice SIGINT: nothing is waited for.
    for (signals, least, most) in
        [(&["-TERM"][..], 1000, 6000), (&["-INT"], 500, 3000), (&["-TERM", "-INT", "-INT"], 0, 450)]
    {
        let settings = [("DRAIN_DELAY", "1"), ("SHUTDOWN_TIMEOUT", "0.5"), ("BODY_TIMEOUT", "30")];
        let mut program = Program::serve(Stdio::null(), Stdio::null(), &settings).await;
        let mut stalled = program.connect().await;
        let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
            Content-Length: 9\r\n\r\n{";
        stalled.write_all(head.as_bytes()).await.unwrap();
        assert!(program.ask("GET /readyz HTTP/1.1", "").await.starts_with("HTTP/1.1 200"));
        let started = Instant::now();
        for signal in signals {
            program.signal(signal);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if *signals == ["-TERM"] {
            let answer = program.ask("GET /readyz HTTP/1.1", "").await;
            assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
            let answer = program.ask("GET /healthz HTTP/1.1", "").await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        assert_eq!(program.end().await.0, Some(0), "{signals:?}");
        let took = started.elapsed();
        let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
        assert!(took >= least && took < most, "{signals:?}: {took:?}");
    }
}
