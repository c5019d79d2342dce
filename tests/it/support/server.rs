//! The real server on a real socket, and a client that sends exactly the bytes it is told to.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mission_control::{
    http::AppState,
    serving::{Stage, listen},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::TestApp;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. Stops when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its handlers share.
    pub state: Arc<AppState>,
    stage: watch::Sender<Stage>,
    running: JoinHandle<()>,
}

impl Server {
    /// Runs the server of a test.
    pub async fn run(test: TestApp) -> Self {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let state = test.app.state.clone();
        let (stage, reached) = watch::channel(Stage::Serving);
        let running = tokio::spawn(async move {
            // Clerk's stand-in stops with the test application, so it stays until the server is done.
            let TestApp { app, clerk, .. } = test;
            app.run(listener, reached).await;
            drop(clerk);
        });
        Self { address, state, stage, running }
    }

    /// Asks the server to stop, as SIGTERM does ([`Stage::Draining`]) or SIGINT.
    pub fn go(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Asks the server to stop, as SIGINT does.
    pub fn stop(&mut self) {
        self.go(Stage::Stopping);
    }

    /// Waits until it has stopped; how long that took.
    pub async fn stopped(&mut self) -> Duration {
        let started = Instant::now();
        timeout(PATIENCE, &mut self.running).await.expect("the server stops").unwrap();
        started.elapsed()
    }

    /// A new connection.
    pub async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    /// What the server sends back, until it closes the connection, to somebody who sends this.
    pub async fn talk(&self, bytes: &[u8]) -> String {
        let mut connection = self.connect().await;
        connection.send(bytes).await;
        connection.rest().await
    }

    /// Whether an ordinary request is answered.
    pub async fn is_well(&self) -> bool {
        let reply = self.talk(post("{ __typename }", "Connection: close\r\n").as_bytes()).await;
        reply.starts_with("HTTP/1.1 200") && reply.ends_with(r#"{"data":{"__typename":"Query"}}"#)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A POST with a query and some header lines.
pub fn post(query: &str, lines: &str) -> String {
    let body = serde_json::json!({ "query": query }).to_string();
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{lines}\r\n{body}"
    )
}

/// A connection without any manners of its own.
pub struct Raw(pub TcpStream);

impl Raw {
    /// Sends bytes; that the other side has closed is no fault.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = timeout(PATIENCE, self.0.write_all(bytes)).await.expect("the server reads");
    }

    /// Everything until the other side closes.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset comes after what was received before it.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the server closes");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One answer with a `Content-Length`.
    pub async fn answer(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length: ")
                        .map(|value| value.parse::<usize>().unwrap())
                });
                if head.starts_with("HTTP/1.1 100") || body.len() >= length.unwrap_or(0) {
                    return text;
                }
            }
            let read =
                timeout(PATIENCE, self.0.read(&mut buffer)).await.expect("an answer").unwrap();
            assert_ne!(read, 0, "closed in the middle of an answer: {text}");
            bytes.extend_from_slice(&buffer[..read]);
        }
    }

    /// How long it takes the other side to close, while `drip` is sent again and again.
    pub async fn closed_after(&mut self, drip: &[u8]) -> (Duration, String) {
        let started = Instant::now();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while started.elapsed() < PATIENCE {
            match timeout(Duration::from_millis(50), self.0.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => {
                    return (started.elapsed(), String::from_utf8_lossy(&bytes).into_owned());
                }
                Ok(Ok(read)) => bytes.extend_from_slice(&buffer[..read]),
                Err(_) => {
                    let _ = self.0.write_all(drip).await;
                }
            }
        }
        panic!("never closed");
    }
}
