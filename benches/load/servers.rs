//! Servers as processes of their own, and what the system says of them.

use std::{
    env,
    net::{SocketAddr, TcpListener as StdListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, http::StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::data::{Database, PUBLIC_KEY};

pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
    /// From its start.
    pub(crate) first_answer: Duration,
    /// Where its metrics are.
    pub(crate) metrics: Option<SocketAddr>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn start(name: String, mut command: Command, address: SocketAddr) -> Server {
    let started = Instant::now();
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut answer = [0; 12];
            if stream.read_exact(&mut answer).await.is_ok() {
                break;
            }
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{name} does not start");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Server { name, process, address, first_answer: started.elapsed(), metrics: None }
}

/// Starts one of the servers to compare with.
pub(crate) async fn start_reference(name: &str, kind: &str) -> Server {
    let address = free_address();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--reference", kind, &address.to_string()]);
    start(name.to_owned(), command, address).await
}

/// Starts the product, on its default settings but for `more`.
pub(crate) async fn start_product(database: &Database, more: &[(&str, String)]) -> Server {
    let address = free_address();
    let mut command = Command::new(&database.binary);
    command
        .arg("serve")
        .env_clear()
        .env("AUTH_MODE", "clerk")
        .env("CLERK_JWT_KEY", PUBLIC_KEY)
        .env("DATABASE_URL", &database.address)
        .env("PORT", address.port().to_string())
        .env("LOG_LEVEL", "warn")
        .envs(more.iter().map(|(name, value)| (*name, value)));
    start(database.name.clone(), command, address).await
}

/// Starts the product with metrics that somebody reads each second, and with traces too.
pub(crate) async fn start_observed(database: &Database) -> [Server; 2] {
    let receiver = receive_traces().await;
    let mut servers = Vec::new();
    for (what, with_traces) in [("metrics", false), ("metrics and traces", true)] {
        let metrics = free_address();
        let mut more = vec![("METRICS_ADDR", metrics.to_string())];
        if with_traces {
            more.push(("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}")));
        }
        let mut server = start_product(database, &more).await;
        server.name = format!("{}, {what}", server.name);
        server.metrics = Some(metrics);
        tokio::spawn(async move {
            loop {
                read_metrics(metrics).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        servers.push(server);
    }
    servers.try_into().ok().unwrap()
}

/// The text of the metrics; empty once nobody has any.
pub(crate) async fn read_metrics(address: SocketAddr) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(address).await {
        let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.read_to_string(&mut text).await;
    }
    text
}

/// Takes traces, and forgets them.
async fn receive_traces() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(|_: Bytes| async { StatusCode::OK });
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

fn free_address() -> SocketAddr {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// User and system time of a process, in seconds.
pub(crate) fn cpu_time(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// Memory of a process.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
