//! Traces as they leave the real binary. `tests/traces/run` takes them apart; here it is about what they may cost
//! and give away.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Uri},
};
use tokio::net::TcpListener;

use crate::logging::{PATIENCE, Program, TOKEN};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// What somebody outside wrote.
const PLANTED: &str = "planted7f3a";

/// Where a request was sent, its headers and its body.
type Delivery = (Uri, HeaderMap, Bytes);

/// A receiver that takes everything, and its address.
async fn receiver() -> (Arc<Mutex<Vec<Delivery>>>, String) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let takes = taken.clone();
    let take = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        takes.lock().unwrap().push((uri, headers, body));
    };
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(take)).await });
    (taken, address)
}

fn head(more: &str) -> String {
    format!(
        "POST /graphql?{PLANTED} HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n\
         traceparent: 00-{TRACE}-{CALLER}-01{more}"
    )
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
async fn traces_go_where_they_are_told_and_tell_nothing_of_anybody() {
    let (taken, address) = receiver().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=for%20the%20receiver"),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ("LOG_LEVEL", "trace"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(directory.path().join("log")).unwrap();
    let mut program = Program::serve(Stdio::null(), log.into(), &settings).await;
    let more = format!("\r\ntracestate: v={PLANTED}\r\nX-Request-Id: {PLANTED}@example.com");
    let rename = format!(
        r#"{{"query":"mutation {{ updateProfile(input: {{ name: \"{PLANTED}\" }}) {{ user {{ name }} }} }}"}}"#
    );
    let answer = program.ask(&head(&more), &rename).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(PLANTED), "{answer}");
    // What was recorded last is delivered at the end.
    program.signal("-TERM");
    assert_eq!(program.end().await.0, Some(0));
    let taken = taken.lock().unwrap();
    let [(uri, headers, body)] = taken.as_slice() else { panic!("{} deliveries", taken.len()) };
    assert_eq!(uri.path(), "/v1/traces");
    assert_eq!(headers["x-key"], "for the receiver");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let ids: Vec<u8> = [TRACE, CALLER]
        .concat()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    for expected in [
        &ids[..16],
        &ids[16..],
        b"POST /graphql",
        b"verification",
        b"resolution",
        b"users::standing::find_standings",
        b"COMMIT",
    ] {
        assert!(holds(body, expected), "{}", String::from_utf8_lossy(expected));
    }
    for hidden in [
        PLANTED.as_bytes(),
        TOKEN.as_bytes(),
        b"@example.com",
        b"admin@home.local",
        b"UPDATE",
        b"update users",
    ] {
        assert!(!holds(body, hidden), "{}", String::from_utf8_lossy(hidden));
    }
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(log.contains(TRACE) && !log.contains("for the receiver"));
}

#[tokio::test]
async fn a_receiver_of_traces_that_never_answers_holds_nobody_up() {
    // Connections are made, and nobody takes them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    let mut program = Program::serve(Stdio::null(), Stdio::null(), &settings).await;
    let started = Instant::now();
    for _ in 0..40 {
        let answer = program.ask(&head(""), r#"{"query":"{ me { id } }"}"#).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(started.elapsed() < PATIENCE);
    program.signal("-TERM");
    let (code, took) = program.end().await;
    assert_eq!(code, Some(0));
    // Two seconds for what was recorded last, on a machine that may be busy.
    assert!(took < Duration::from_secs(20), "{took:?}");
}
