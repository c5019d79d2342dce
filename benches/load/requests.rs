//! Requests over kept connections, and what they cost a server.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::servers::{Server, cpu_time, resident_kib};

/// A request for GraphQL, as it goes over the wire.
pub(crate) fn request(token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) struct Measurement {
    pub(crate) requests_per_second: f64,
    pub(crate) cpu_micros: f64,
    pub(crate) resident: u64,
}

impl Measurement {
    /// The one that cost neither most nor least.
    pub(crate) fn middle(mut rounds: Vec<Self>) -> Self {
        rounds.sort_by(|one, other| one.cpu_micros.total_cmp(&other.cpu_micros));
        rounds.swap_remove(rounds.len() / 2)
    }
}

/// Sends the requests over so many connections, again and again.
pub(crate) async fn measure(
    server: &Server,
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
    time: Duration,
) -> Measurement {
    let before = cpu_time(server.process.id());
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|worker| {
            let requests = requests.clone();
            let address = server.address;
            tokio::spawn(
                async move { keep_asking(address, &requests, worker, started + time).await },
            )
        })
        .collect();
    let mut answered = 0_u32;
    for worker in workers {
        answered += worker.await.unwrap();
    }
    let elapsed = started.elapsed().as_secs_f64();
    let cpu = cpu_time(server.process.id()) - before;
    Measurement {
        requests_per_second: f64::from(answered) / elapsed,
        cpu_micros: cpu * 1e6 / f64::from(answered),
        resident: resident_kib(server.process.id()),
    }
}

async fn keep_asking(
    address: SocketAddr,
    requests: &[Vec<u8>],
    worker: usize,
    until: Instant,
) -> u32 {
    let mut client = Client::connect(address).await;
    let mut answered = 0;
    let mut next = worker * 7919;
    while Instant::now() < until {
        next += 1;
        client.ask(&requests[next % requests.len()]).await;
        answered += 1;
    }
    answered
}

/// Sends each request once, over so many connections, and answers the bodies in the order of the requests.
pub(crate) async fn send_all(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
) -> Vec<serde_json::Value> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (requests, next) = (requests.clone(), next.clone());
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut answers = Vec::new();
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(place) else { return answers };
                    let answer = serde_json::from_slice(client.ask(request).await).unwrap();
                    answers.push((place, answer));
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for worker in workers {
        answers.extend(worker.await.unwrap());
    }
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// One kept connection.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 64 * 1024] }
    }

    /// The body of the answer, which has to be 200.
    async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).await.unwrap();
        let mut length = 0;
        let body = loop {
            length += self.stream.read(&mut self.buffer[length..]).await.unwrap();
            if let Some((start, end)) = body_bounds(&self.buffer[..length])
                && length >= end
            {
                break start..end;
            }
        };
        assert!(
            self.buffer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&self.buffer[..length])
        );
        &self.buffer[body]
    }
}

/// Where the body of an answer begins and ends, once its head is there.
fn body_bounds(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..start]).ok()?.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?;
    Some((start, start + length.parse::<usize>().ok()?))
}
