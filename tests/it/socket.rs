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
        ("", ""),
        ("P", ""),
        ("POST /graphql HTTP/1.1\r\nHost: a\r\n", ""),
        ("POST /graphql HTTP/1.1\r\nHost: a\r\n", "x"),
        ("POST /graphql HTTP/1.1\r\nHost: a\r\n", "x: y\r\n"),
        // The beginning of HTTP/2, never finished.
        ("PRI * HTTP/2.0\r\n\r\n", ""),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n", ""),
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
    let (_database, server) = serve(&[("HEADER_TIMEOUT", "0.5")]).await;
    let mut connection = server.connect().await;
    for _ in 0..3 {
        connection.send(post("{ __typename }", "").as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 200);
    }
    let (after, rest) = connection.closed_after(b"").await;
    assert!(after < Duration::from_secs(3), "{after:?}");
    assert_eq!(rest, "");
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

mod http2 {
    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn client() -> reqwest::Client {
        reqwest::Client::builder().http2_prior_knowledge().build().unwrap()
    }

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    }

    /// `GET /healthz`, with nothing but the static table and literals.
    fn head() -> Vec<u8> {
        let mut head = vec![0x82, 0x86, 0x04, 8];
        head.extend(b"/healthz");
        head.extend([0x01, 1, b'a']);
        head
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_protocol_and_its_limits_are_the_same() {
        let (_database, server) = serve(&[("BODY_TIMEOUT", "0.5")]).await;
        let client = client();
        let url = format!("http://{}/graphql", server.address);
        let query = || json!({ "query": "{ __typename }" }).to_string();
        let send =
            |body: String| client.post(&url).header("content-type", "application/json").body(body);
        let answer = send(query()).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), r#"{"data":{"__typename":"Query"}}"#);
        for (request, expected) in [
            (send(query()).header("authorization", "Bearer x"), 401),
            (send(query()).header("accept", "text/plain"), 406),
            (send(" ".repeat(256 * 1024 + 1)), 413),
            (send(query()).header("x-large", "y".repeat(66_000)), 431),
            ((0..101).fold(send(query()), |request, n| request.header(format!("x-{n}"), "y")), 431),
            (client.put(&url), 405),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), expected);
            let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert!(body["errors"][0]["extensions"]["code"].is_string(), "{expected}: {body}");
        }
        // Far beyond: the library answers, or ends the stream; the connection or the next one works.
        let beyond = send(query()).header("x-large", "y".repeat(200_000)).send().await;
        assert!(beyond.is_err() || beyond.unwrap().status() == 431);
        let many = (0..300).map(|_| send(query()).send());
        for answer in futures_util::future::join_all(many).await {
            assert_eq!(answer.unwrap().status(), 200);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hostile_frames_end_the_connection_and_nothing_else() {
        let (_database, server) = serve(&[]).await;
        let settings = frame(4, 0, 0, &[]);
        // HEADERS that never end.
        let mut endless = [PREFACE, &settings, &frame(1, 0, 1, &head())].concat();
        for _ in 0..10_000 {
            endless.extend(frame(9, 0, 1, b"\x00\x01x\x01y"));
        }
        // Streams opened and cancelled at once.
        let mut rapid = [PREFACE, &settings].concat();
        for n in 0..10_000_u32 {
            rapid.extend(frame(1, 4 | 1, 2 * n + 1, &head()));
            rapid.extend(frame(3, 0, 2 * n + 1, &8_u32.to_be_bytes()));
        }
        let pings: Vec<u8> = (0..20_000).flat_map(|_| frame(6, 0, 0, &[0; 8])).collect();
        let pings = [PREFACE, &settings, &pings].concat();
        let changes: Vec<u8> = (0..20_000).flat_map(|_| frame(4, 0, 0, &[])).collect();
        let changes = [PREFACE, &settings, &changes].concat();
        let garbage = [PREFACE, &settings, &frame(1, 4 | 1, 1, &[0xff; 200])].concat();
        let huge = [PREFACE, &settings, &[0xff; 9]].concat();
        for (name, bytes) in [
            ("endless", endless),
            ("rapid", rapid),
            ("pings", pings),
            ("settings", changes),
            ("garbage", garbage),
            ("huge", huge),
        ] {
            let mut connection = server.connect().await;
            let sending = timeout(Duration::from_secs(10), connection.0.write_all(&bytes)).await;
            drop(sending);
            let _ = timeout(Duration::from_millis(300), connection.closed_after(b"")).await;
            assert!(server.is_well().await, "{name}");
        }
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
    let mut preface = server.connect().await;
    preface.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let token = Token::complete("user_a", crate::support::noon());
    let lock = hold_the_write_lock(&database).await;
    let mut waiting = in_flight(&server, &token).await;

    server.stop();
    let took = server.stopped().await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    // The connections are closed, not only forgotten.
    for connection in [&mut half_head, &mut half_body, &mut preface, &mut waiting] {
        timeout(Duration::from_secs(1), connection.rest()).await.expect("closed");
    }
    drop(lock);
    assert_eq!(database.count("users").await, 0, "what was cut off left nothing half done");
}
