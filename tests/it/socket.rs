//! The server on a real socket: connections that are slow, idle, many, half closed or up to no good,
//! and how it stops.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::support::{Raw, Server, TestApp, TestDatabase, Token, post};

const JSON_HEAD: &str = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";

async fn serve(settings: &[(&str, &str)]) -> (TestDatabase, Server) {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, settings).await;
    (database, Server::run(app).await)
}

fn status(reply: &str) -> u16 {
    reply.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

fn body(reply: &str) -> Value {
    reply
        .split_once("\r\n\r\n")
        .map_or(Value::Null, |(_, body)| serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_to_send_a_head_is_cut_off() {
    let (_database, server) = serve(&[("HEADER_TIMEOUT", "0.4")]).await;
    for (start, drip) in [
        ("P", ""),
        ("POST /graphql HTTP/1.1\r\nHost: a\r\n", ""),
        ("POST /graphql HTTP/1.1\r\nHost: a\r\n", "x"),
        ("POST /graphql HTTP/1.1\r\nHost: a\r\n", "x: y\r\n"),
        // HTTP/2 is not spoken here.
        ("PRI * HTTP/2.0\r\n\r\n", ""),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
        ("\r\n", "\r\n"),
    ] {
        let mut connection = server.connect().await;
        connection.send(start.as_bytes()).await;
        let (after, reply) = connection.closed_after(drip.as_bytes()).await;
        assert!(after < Duration::from_secs(3), "{start:?} {drip:?}: {after:?}");
        assert!(reply.is_empty() || status(&reply) >= 400, "{start:?} {drip:?}: {reply}");
    }
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_to_send_a_body_is_told_and_cut_off() {
    let (_database, server) = serve(&[("BODY_TIMEOUT", "0.4")]).await;
    for (lines, drip) in [
        ("Content-Length: 1000\r\n\r\n", ""),
        ("Content-Length: 1000\r\n\r\n{", " "),
        ("Transfer-Encoding: chunked\r\n\r\n", ""),
        ("Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
    ] {
        let mut connection = server.connect().await;
        connection.send(format!("{JSON_HEAD}{lines}").as_bytes()).await;
        let (after, reply) = connection.closed_after(drip.as_bytes()).await;
        assert!(after < Duration::from_secs(3), "{lines:?}: {after:?}");
        assert_eq!(status(&reply), 408, "{lines:?}: {reply}");
        let error = &body(&reply)["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST");
        assert!(error["message"].as_str().unwrap().contains("BODY_TIMEOUT"));
    }
    // Whoever is refused anyway is not waited for.
    let lines = "Authorization: Bearer x\r\nContent-Length: 1000\r\n\r\n{";
    let mut connection = server.connect().await;
    connection.send(format!("{JSON_HEAD}{lines}").as_bytes()).await;
    assert_eq!(status(&connection.answer().await), 401);
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed_eventually() {
    let (_database, server) = serve(&[("HEADER_TIMEOUT", "0.2"), ("IDLE_TIMEOUT", "1")]).await;
    let mut silent = server.connect().await;
    let mut connection = server.connect().await;
    for _ in 0..3 {
        connection.send(post("{ __typename }", "").as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 200);
    }
    for connection in [&mut connection, &mut silent] {
        let (after, rest) = connection.closed_after(b"").await;
        assert!(after < Duration::from_secs(3), "{after:?}");
        assert_eq!(rest, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_a_row_are_answered_in_order() {
    let (_database, server) = serve(&[]).await;
    let row: String = (0..20)
        .map(|n| {
            let lines = if n == 19 { "Connection: close\r\n" } else { "" };
            post(&format!("{{ a{n}: __typename }}"), lines)
        })
        .collect();
    let reply = server.talk(row.as_bytes()).await;
    assert_eq!(reply.matches("HTTP/1.1 200 OK").count(), 20);
    let mut rest = reply.as_str();
    for n in 0..20 {
        let expected = format!(r#"{{"data":{{"a{n}":"Query"}}}}"#);
        let at = rest.find(&expected).unwrap_or_else(|| panic!("{n}: {reply}"));
        rest = &rest[at + expected.len()..];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_only_listens_still_gets_its_answer() {
    let (_database, server) = serve(&[]).await;
    let mut connection = server.connect().await;
    connection.send(post("{ __typename }", "").as_bytes()).await;
    connection.0.shutdown().await.unwrap();
    assert_eq!(status(&connection.rest().await), 200);
    // One that leaves in the middle is nobody's trouble.
    for part in [1, 10, 60, 100, 120] {
        let mut connection = server.connect().await;
        connection.send(&post("{ __typename }", "").as_bytes()[..part]).await;
        drop(connection);
    }
    let mut connection = server.connect().await;
    connection.send(format!("{JSON_HEAD}Content-Length: 100\r\n\r\n{{").as_bytes()).await;
    connection.0.shutdown().await.unwrap();
    let reply = connection.rest().await;
    assert!(reply.is_empty() || status(&reply) == 400, "{reply}");
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_two_servers_could_read_differently_are_refused() {
    let (_database, server) = serve(&[]).await;
    let hidden = post("{ hidden: __typename }", "");
    let chunked = "Transfer-Encoding: chunked\r\n";
    let empty = "0\r\n\r\n";
    let cases = [
        format!("{chunked}{chunked}\r\n{empty}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n{empty}"),
        format!("Transfer-Encoding: identity, chunked\r\n\r\n{empty}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n{empty}"),
        format!("Transfer-Encoding : chunked\r\n\r\n{empty}"),
        format!("Transfer-Encoding:\x0bchunked\r\n\r\n{empty}"),
        format!(" Transfer-Encoding: chunked\r\n\r\n{empty}"),
        format!("X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{empty}"),
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        "Content-Length: 1, 2\r\n\r\n{}".to_owned(),
        "Content-Length: +2\r\n\r\n{}".to_owned(),
        "Content-Length: -2\r\n\r\n{}".to_owned(),
        "Content-Length: 0x2\r\n\r\n{}".to_owned(),
        "Content-Length: 2 2\r\n\r\n{}".to_owned(),
        "Content-Length:\r\n\r\n{}".to_owned(),
        "Content-Length: 99999999999999999999\r\n\r\n{}".to_owned(),
        format!("{chunked}\r\nFFFFFFFFFFFFFFFFFF\r\n{{}}\r\n{empty}"),
        format!("{chunked}\r\n-1\r\n{{}}\r\n{empty}"),
        format!("{chunked}\r\nx\r\n{{}}\r\n{empty}"),
        format!("{chunked}\r\n2\r\n{{}}{empty}"),
        "X\0: y\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        "X: \0y\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        "X\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        ": y\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
    ];
    for case in &cases {
        let reply = server.talk(format!("{JSON_HEAD}{case}{hidden}").as_bytes()).await;
        assert_eq!(status(&reply), 400, "{case:?}: {reply}");
        assert!(!reply.contains("hidden"), "{case:?}: {reply}");
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{case:?}: {reply}");
    }
    // A length beside chunks does not count, and the connection ends with the answer, because
    // somebody else may have gone by the length (RFC 9112, section 6.1).
    let body = r#"{"query":"{ __typename }"}"#;
    let chunks = format!("{:x}\r\n{body}\r\n{empty}", body.len());
    for lines in [
        format!("Content-Length: 5\r\n{chunked}"),
        format!("{chunked}Content-Length: 5\r\n"),
        format!("Content-Length: 5\r\n{chunked}Content-Length: 6\r\n"),
    ] {
        let request = format!("{JSON_HEAD}{lines}\r\n{chunks}{hidden}");
        let reply = server.talk(request.as_bytes()).await;
        assert!(matches!(status(&reply), 200 | 400), "{lines:?}: {reply}");
        assert!(!reply.contains("hidden"), "{lines:?}: {reply}");
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{lines:?}: {reply}");
    }
    // Twice the same length is the same length.
    let twice = post("{ __typename }", "Connection: close\r\n");
    let length = twice.lines().find(|line| line.starts_with("Content-Length")).unwrap();
    let twice = twice.replacen(length, &format!("{length}\r\n{length}"), 1);
    assert_eq!(status(&server.talk(twice.as_bytes()).await), 200);
    for start in [
        "GARBAGE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /graphql\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /graphql HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03 a TLS hello\r\n\r\n",
        "POST /graphql HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let reply = server.talk(start.as_bytes()).await;
        assert!(reply.is_empty() || status(&reply) == 400, "{start:?}: {reply}");
    }
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_beyond_all_bounds_are_refused_by_the_library() {
    let (_database, server) = serve(&[]).await;
    for (lines, expected) in [
        ((0..101).map(|n| format!("x-{n}: y\r\n")).collect::<String>(), 431),
        ((0..201).map(|n| format!("x-{n}: y\r\n")).collect(), 431),
        ((0..20_000).map(|n| format!("x-{n}: y\r\n")).collect(), 431),
        (format!("x: {}\r\n", "y".repeat(66_000)), 431),
        (format!("x: {}\r\n", "y".repeat(1 << 20)), 431),
        (format!("{}: y\r\n", "x".repeat(66_000)), 431),
        (format!("Authorization: Bearer {}\r\n", "y".repeat(1 << 20)), 431),
    ] {
        let lines = format!("Connection: close\r\n{lines}");
        let reply = server.talk(post("{ __typename }", &lines).as_bytes()).await;
        assert_eq!(status(&reply), expected, "{} bytes of head: {reply}", lines.len());
    }
    for length in [61_500, 66_000, 1 << 20] {
        let uri = format!("/graphql?query=%7B__typename%7D&x={}", "y".repeat(length));
        let request = format!("GET {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let reply = server.talk(request.as_bytes()).await;
        assert!(matches!(status(&reply), 414 | 431), "{length}: {reply}");
    }
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_too_large_is_told_to_whoever_sends_it_to_the_end() {
    let (_database, server) = serve(&[]).await;
    for length in [256 * 1024 + 1, 1 << 20, 8 << 20] {
        for chunked in [false, true] {
            let mut connection = server.connect().await;
            if chunked {
                let lines = "Connection: close\r\nTransfer-Encoding: chunked\r\n";
                let head = format!("{JSON_HEAD}{lines}\r\n{length:x}\r\n");
                connection.send(head.as_bytes()).await;
            } else {
                let lines = format!("Connection: close\r\nContent-Length: {length}\r\n");
                let head = format!("{JSON_HEAD}{lines}\r\n");
                connection.send(head.as_bytes()).await;
            }
            connection.send(&vec![b' '; length]).await;
            if chunked {
                connection.send(b"\r\n0\r\n\r\n").await;
            }
            let reply = connection.rest().await;
            assert_eq!(status(&reply), 413, "{length} {chunked}: {reply}");
        }
    }
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_permission_to_send_is_answered_at_once() {
    let (_database, server) = serve(&[]).await;
    let expecting = |lines: &str| format!("{JSON_HEAD}Expect: 100-continue\r\n{lines}\r\n");
    let mut connection = server.connect().await;
    connection.send(expecting("Content-Length: 26\r\n").as_bytes()).await;
    assert_eq!(status(&connection.answer().await), 100);
    connection.send(br#"{"query":"{ __typename }"}"#).await;
    assert_eq!(status(&connection.answer().await), 200);
    for (lines, expected) in [
        ("Content-Length: 262145\r\n", 413),
        ("Content-Length: 26\r\nAuthorization: Bearer x\r\n", 401),
        ("Content-Length: 26\r\nAccept: text/plain\r\n", 406),
    ] {
        let mut connection = server.connect().await;
        connection.send(expecting(lines).as_bytes()).await;
        assert_eq!(status(&connection.answer().await), expected, "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_plain_whatever_a_client_could_read() {
    let (_database, server) = serve(&[]).await;
    for lines in [
        "Accept-Encoding: gzip, deflate, br, zstd\r\n",
        "Accept-Encoding: identity;q=0, *;q=0\r\n",
        "Range: bytes=0-3\r\n",
        "If-None-Match: *\r\n",
        "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\n",
        "TE: trailers, deflate\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n",
    ] {
        let mut connection = server.connect().await;
        connection.send(post("{ __typename }", lines).as_bytes()).await;
        let reply = connection.answer().await;
        assert_eq!(status(&reply), 200, "{lines}: {reply}");
        assert!(!reply.to_lowercase().contains("content-encoding"), "{lines}: {reply}");
        assert_eq!(body(&reply), json!({ "data": { "__typename": "Query" } }), "{lines}");
    }
    // HTTP/1.0, and a target in absolute form.
    let old = "GET /graphql?query=%7B__typename%7D HTTP/1.0\r\n\r\n";
    assert_eq!(status(&server.talk(old.as_bytes()).await), 200);
    let absolute = "GET http://a/graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&server.talk(absolute.as_bytes()).await), 200);
    let head = "HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let reply = server.talk(head.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("\r\n\r\n"), "{reply}");
    let head = "HEAD /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let reply = server.talk(head.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 405") && reply.ends_with("\r\n\r\n"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_connections_leave_room() {
    let (_database, server) = serve(&[]).await;
    let mut idle = Vec::new();
    for n in 0..1000 {
        let mut connection = server.connect().await;
        if n % 2 == 0 {
            connection.send(b"POST /graphql HTTP/1.1\r\nHost: a\r\n").await;
        }
        idle.push(connection);
    }
    for _ in 0..20 {
        assert!(timeout(Duration::from_secs(5), server.is_well()).await.expect("soon"));
    }
}

/// The write lock of the database, which keeps a first request waiting.
async fn hold_the_write_lock(database: &TestDatabase) -> sqlx::SqliteConnection {
    use sqlx::Connection;
    let mut connection = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

async fn in_flight(server: &Server, token: &Token) -> Raw {
    let mut connection = server.connect().await;
    let lines = format!("Authorization: Bearer {}\r\n", token.sign());
    connection.send(post("mutation { bootstrap { created } }", &lines).as_bytes()).await;
    // It is waiting for the lock once it has been read.
    tokio::time::sleep(Duration::from_millis(300)).await;
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let (database, mut server) = serve(&[("SHUTDOWN_TIMEOUT", "5")]).await;
    let token = Token::complete("user_a", crate::support::noon());
    let lock = hold_the_write_lock(&database).await;
    let mut busy = in_flight(&server, &token).await;
    let mut silent = server.connect().await;
    let mut used = server.connect().await;
    used.send(post("{ __typename }", "").as_bytes()).await;
    assert_eq!(status(&used.answer().await), 200);

    server.stop();
    // Idle connections are closed at once, and nobody new gets in.
    assert_eq!(timeout(Duration::from_secs(1), used.rest()).await.expect("closed"), "");
    assert_eq!(timeout(Duration::from_secs(1), silent.rest()).await.expect("closed"), "");
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(server.state.is_draining());

    drop(lock);
    let reply = busy.rest().await;
    assert_eq!(status(&reply), 200, "{reply}");
    assert_eq!(body(&reply)["data"]["bootstrap"]["created"], true);
    assert!(reply.to_lowercase().contains("connection: close"), "{reply}");
    assert!(server.stopped().await < Duration::from_secs(2));
    assert_eq!(database.count("users").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_cuts_off_what_stalls() {
    let (database, mut server) = serve(&[("SHUTDOWN_TIMEOUT", "0.5")]).await;
    let mut half_head = server.connect().await;
    half_head.send(b"POST /graphql HTTP/1.1\r\nHost: a\r\n").await;
    let mut half_body = server.connect().await;
    half_body.send(format!("{JSON_HEAD}Content-Length: 100\r\n\r\n{{").as_bytes()).await;
    let token = Token::complete("user_a", crate::support::noon());
    let lock = hold_the_write_lock(&database).await;
    let mut waiting = in_flight(&server, &token).await;

    server.stop();
    let took = server.stopped().await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    // The connections are closed, not only forgotten.
    for connection in [&mut half_head, &mut half_body, &mut waiting] {
        timeout(Duration::from_secs(1), connection.rest()).await.expect("closed");
    }
    drop(lock);
    assert_eq!(database.count("users").await, 0, "what was cut off left nothing half done");
}
