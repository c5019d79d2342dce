//! Connections and their limits in time, number and memory; refusals that keep a connection usable; and
//! how a server drains.

use std::{sync::Arc, time::Duration};

use mission_control::{
    http::serve_metrics,
    serving::{Stage, listen},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

use crate::support::{Server, TestApp, TestDatabase, Token, WEBHOOK_SECRET, noon, post};

const HEAD: &str = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
const BODY: &str = r#"{"query":"{ __typename }"}"#;

async fn serve(settings: &[(&str, &str)]) -> (TestDatabase, Server) {
    let database = TestDatabase::sqlite().await;
    let app = TestApp::start(&database, settings).await;
    (database, Server::run(app).await)
}

fn status(reply: &str) -> u16 {
    reply.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

fn closes(reply: &str) -> bool {
    reply.to_lowercase().contains("\r\nconnection: close\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_between_requests_is_not_a_slow_head() {
    let (_database, server) = serve(&[("HEADER_TIMEOUT", "0.3"), ("IDLE_TIMEOUT", "20")]).await;
    let mut connection = server.connect().await;
    // Past a second of silence an idle connection has given its buffers up.
    for pause in [0, 400, 900, 1300, 10] {
        sleep(Duration::from_millis(pause)).await;
        connection.send(post("{ __typename }", "").as_bytes()).await;
        let reply = connection.answer().await;
        assert_eq!(status(&reply), 200, "after {pause} ms");
        assert!(!closes(&reply), "{reply}");
    }
    sleep(Duration::from_millis(400)).await;
    connection.send(b"POST /graphql HTTP/1.1\r\n").await;
    let (after, _) = connection.closed_after(b"x").await;
    assert!(after < Duration::from_secs(3), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_begins_in_the_packet_of_another_is_read_like_any_other() {
    let (_database, server) = serve(&[]).await;
    let body = "{\n  \"query\": \"{ __typename }\"\n}";
    let request = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
    let chunked =
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for first in [&request, &chunked] {
        for cut in 0..request.len() {
            let (begun, rest) = request.split_at(cut);
            let mut connection = server.connect().await;
            connection.send(format!("{first}{begun}").as_bytes()).await;
            assert_eq!(status(&connection.answer().await), 200);
            connection.send(rest.as_bytes()).await;
            let reply = connection.answer().await;
            assert_eq!(status(&reply), 200, "cut after {begun:?}: {reply}");
        }
    }
    // The rest of its head may take a while.
    for cut in [1, HEAD.len() - 1, HEAD.len()] {
        let (begun, rest) = request.split_at(cut);
        let mut connection = server.connect().await;
        connection.send(format!("{request}{begun}").as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 200);
        sleep(Duration::from_millis(1300)).await;
        connection.send(rest.as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 200, "cut after {begun:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_waits_for_its_turn_is_no_head() {
    let (database, server) = serve(&[]).await;
    let token = Token::complete("user_a", noon()).sign();
    let first = post("{ me { id } }", &format!("Authorization: Bearer {token}\r\n"));
    let body = "{\n  \"query\": \"{ __typename }\"\n}";
    let head = format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    // The first request waits for this, and the second one's body comes meanwhile.
    let writer = database.store.begin().await.unwrap();
    let mut connection = server.connect().await;
    connection.send(format!("{first}{head}").as_bytes()).await;
    sleep(Duration::from_millis(200)).await;
    connection.send(body.as_bytes()).await;
    drop(writer);
    let replies = connection.rest().await;
    assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), 2, "{replies}");
}

/// A client that can take little at once.
async fn narrow(server: &Server, buffer: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(buffer).unwrap();
    socket.connect(server.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_cut_off_and_holds_nothing_afterwards() {
    let (_database, server) =
        serve(&[("WRITE_TIMEOUT", "1"), ("IDLE_TIMEOUT", "60"), ("BODY_TIMEOUT", "60")]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = narrow(&server, 4096).await;
        clients.push(tokio::spawn(async move {
            let request = post("{ __schema { types { name description } } }", "");
            // Until the server stops reading, and then until it hangs up.
            let started = Instant::now();
            while client.write_all(request.as_bytes()).await.is_ok() {
                assert!(started.elapsed() < Duration::from_secs(20), "never cut off");
            }
        }));
    }
    for client in clients {
        timeout(Duration::from_secs(20), client).await.expect("cut off").unwrap();
    }
    assert!(server.is_well().await);
    assert_eq!(server.state.in_flight.held(), 0);
    // Who reads slowly but does read gets everything.
    let mut slow = narrow(&server, 32_768).await;
    let requests: String = (0..90)
        .map(|n| {
            let lines = if n == 89 { "Connection: close\r\n" } else { "" };
            post("{ __schema { types { name description } } }", lines)
        })
        .collect();
    slow.write_all(requests.as_bytes()).await.unwrap();
    let started = Instant::now();
    let mut answers = Vec::new();
    let mut piece = [0; 8192];
    loop {
        match timeout(Duration::from_secs(10), slow.read(&mut piece)).await.expect("soon") {
            Ok(0) => break,
            read => answers.extend_from_slice(&piece[..read.unwrap()]),
        }
        sleep(Duration::from_millis(30)).await;
    }
    assert!(started.elapsed() > Duration::from_secs(1), "faster than the limit shows nothing");
    assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 200 OK").count(), 90);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_most_connections_new_ones_wait_and_idle_ones_make_room() {
    let (_database, server) =
        serve(&[("MAX_CONNECTIONS", "3"), ("HEADER_TIMEOUT", "2"), ("IDLE_TIMEOUT", "60")]).await;
    // All are in the middle of something: a fourth waits until one is cut off.
    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut connection = server.connect().await;
        connection.send(b"POST /graphql HTTP/1.1\r\n").await;
        busy.push(connection);
    }
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert!(server.is_well().await);
    assert!(started.elapsed() > Duration::from_secs(1), "{:?}", started.elapsed());
    for mut connection in busy {
        connection.rest().await;
    }
    // All are idle: the one that has been for longest makes room.
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut connection = server.connect().await;
        connection.send(post("{ __typename }", "").as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 200);
        idle.push(connection);
    }
    sleep(Duration::from_millis(1100)).await;
    let started = Instant::now();
    assert!(server.is_well().await);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(timeout(Duration::from_secs(1), idle[0].rest()).await.expect("closed"), "");
    for connection in &mut idle[1..] {
        connection.send(post("{ __typename }", "").as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_before_the_body_keeps_the_connection_or_says_that_it_does_not() {
    let (_database, server) = serve(&[]).await;
    let refused = [
        (
            "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer x",
            401,
        ),
        ("POST /graphql HTTP/1.1\r\nContent-Type: text/plain", 415),
        ("POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAccept: text/plain", 406),
        ("PUT /graphql HTTP/1.1\r\nContent-Type: application/json", 405),
        ("POST /nowhere HTTP/1.1\r\nContent-Type: application/json", 404),
        ("PATCH /api/v1/users/me HTTP/1.1\r\nContent-Type: application/json", 401),
        ("POST /api/v1/webhooks/clerk HTTP/1.1", 404),
    ];
    // The body follows a moment later, in one piece or two, and the connection is good for more.
    for (head, expected) in refused {
        for lines in
            [format!("Content-Length: {}\r\n", BODY.len()), "Transfer-Encoding: chunked\r\n".into()]
        {
            let context = format!("{head} {lines}");
            let mut connection = server.connect().await;
            for _ in 0..2 {
                connection.send(format!("{head}\r\nHost: a\r\n{lines}\r\n").as_bytes()).await;
                sleep(Duration::from_millis(50)).await;
                if lines.starts_with("Content") {
                    connection.send(BODY.as_bytes()).await;
                } else {
                    connection.send(format!("{:x}\r\n{BODY}", BODY.len()).as_bytes()).await;
                    sleep(Duration::from_millis(50)).await;
                    connection.send(b"\r\n0\r\n\r\n").await;
                }
                let reply = connection.answer().await;
                assert_eq!(status(&reply), expected, "{context}: {reply}");
                assert!(!closes(&reply), "{context}: {reply}");
            }
            connection.send(post("{ __typename }", "").as_bytes()).await;
            assert_eq!(status(&connection.answer().await), 200, "{context}");
        }
        // A body that does not come, or is too long to be read for nothing, or not to be sent yet.
        for lines in [
            "Content-Length: 26\r\n",
            "Content-Length: 9999999\r\n",
            "Content-Length: 26\r\nExpect: 100-continue\r\n",
        ] {
            let mut connection = server.connect().await;
            connection.send(format!("{head}\r\nHost: a\r\n{lines}\r\n").as_bytes()).await;
            let reply = timeout(Duration::from_secs(3), connection.answer()).await.expect("soon");
            assert_eq!(status(&reply), expected, "{head} {lines}: {reply}");
            assert!(closes(&reply), "{head} {lines}: {reply}");
            // What is still sent does not take the answer away.
            connection.send(&[b' '; 100_000]).await;
            timeout(Duration::from_secs(3), connection.rest()).await.expect("closed");
        }
    }
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_could_be_for_two_hosts_are_refused() {
    let (_database, server) = serve(&[]).await;
    let target = "/graphql?query=%7B__typename%7D";
    for (head, expected) in [
        (format!("GET {target} HTTP/1.1\r\nHost: a\r\n"), 200),
        (format!("GET {target} HTTP/1.1\r\nHost: a:80\r\n"), 200),
        (format!("GET {target} HTTP/1.1\r\nHost: [::1]:80\r\n"), 200),
        (format!("GET {target} HTTP/1.1\r\nHost:\r\n"), 200),
        (format!("GET {target} HTTP/1.0\r\n"), 200),
        (format!("GET http://A{target} HTTP/1.1\r\nHost: a\r\n"), 200),
        (format!("GET {target} HTTP/1.1\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: a\r\nHost: a\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: a\r\nHost: b\r\n"), 400),
        (format!("GET {target} HTTP/1.0\r\nHost: a\r\nHost: b\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: a, b\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: a b\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: user@a\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: a/b\r\n"), 400),
        (format!("GET http://b{target} HTTP/1.1\r\nHost: a\r\n"), 400),
        (format!("GET http://a:81{target} HTTP/1.1\r\nHost: a\r\n"), 400),
        (format!("GET http://a{target} HTTP/1.1\r\n"), 400),
        (format!("GET {target} HTTP/1.1\nHost: a\r\n"), 400),
        (format!("GET {target} HTTP/1.1\r\nHost: a\nX: y\r\n"), 400),
    ] {
        let reply = server.talk(format!("{head}Connection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(status(&reply), expected, "{head:?}: {reply}");
        if expected == 400 {
            assert!(closes(&reply), "{head:?}: {reply}");
            assert!(reply.contains("BAD_REQUEST"), "{head:?}: {reply}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_beyond_its_bound_is_refused_with_the_name_of_the_setting() {
    let (_database, server) = serve(&[("MAX_RESPONSE_BYTES", "65536")]).await;
    let token = Token::complete("user_a", noon()).sign();
    let lines = format!("Authorization: Bearer {token}\r\n");
    let ask = async |query: String| {
        let mut connection = server.connect().await;
        connection.send(post(&query, &lines).as_bytes()).await;
        connection.answer().await
    };
    let notes = "n".repeat(9_000);
    let change = format!(
        r#"mutation {{ updateProfile(input: {{ notes: "{notes}" }}) {{ user {{ id }} }} }}"#
    );
    assert_eq!(status(&ask(change).await), 200);
    let many = |count| {
        let fields: String = (0..count).map(|n| format!("n{n}: notes ")).collect();
        format!("{{ me {{ {fields} }} }}")
    };
    let reply = ask(many(7)).await;
    assert!(reply.len() > 63_000 && status(&reply) == 200, "{}", reply.len());
    let reply = ask(many(8)).await;
    assert!(reply.len() < 1_000, "{}", reply.len());
    assert!(reply.contains("MAX_RESPONSE_BYTES"), "{reply}");
    assert!(reply.contains("GRAPHQL_VALIDATION_FAILED") && !reply.contains("\"data\""), "{reply}");
    assert_eq!(server.state.in_flight.held(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_bodies_together_have_a_bound() {
    let (_database, server) =
        serve(&[("MAX_RESPONSE_BYTES", "65536"), ("MAX_IN_FLIGHT_BYTES", "1048576")]).await;
    let mut senders = Vec::new();
    for _ in 0..4 {
        let mut sender = server.connect().await;
        sender.send(format!("{HEAD}Content-Length: 262144\r\n\r\n").as_bytes()).await;
        sender.send(&vec![b' '; 262_143]).await;
        senders.push(sender);
    }
    let started = Instant::now();
    while server.state.in_flight.held() < 4 * 262_143 {
        assert!(started.elapsed() < Duration::from_secs(10), "{}", server.state.in_flight.held());
        sleep(Duration::from_millis(5)).await;
    }
    let mut another = server.connect().await;
    another.send(post("{ __typename }", "").as_bytes()).await;
    let reply = another.answer().await;
    assert_eq!(status(&reply), 503, "{reply}");
    assert!(reply.to_lowercase().contains("\r\nretry-after: "), "{reply}");
    // A profile over REST needs room too.
    let token = Token::complete("user_a", noon()).sign();
    another
        .send(
            format!(
                "GET /api/v1/users/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
            )
            .as_bytes(),
        )
        .await;
    let reply = another.answer().await;
    assert_eq!(status(&reply), 503, "{reply}");
    // Whoever needs no room is served, and everybody once there is some.
    another.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&another.answer().await), 200);
    drop(senders);
    let started = Instant::now();
    while server.state.in_flight.held() > 0 {
        assert!(started.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(5)).await;
    }
    another.send(post("{ __typename }", "").as_bytes()).await;
    assert_eq!(status(&another.answer().await), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_webhook_bodies_are_read_at_once_and_none_of_impossible_messages() {
    let settings = [("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET), ("BODY_TIMEOUT", "30")];
    let (_database, server) = serve(&settings).await;
    let tag = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let head = |id: &str, timestamp: i64, tags: &str| {
        format!(
            "POST /api/v1/webhooks/clerk HTTP/1.1\r\nHost: a\r\nsvix-id: {id}\r\n\
             svix-timestamp: {timestamp}\r\nsvix-signature: {tags}\r\nContent-Length: 1048576\r\n\
             Expect: 100-continue\r\n\r\n"
        )
    };
    let now = noon().timestamp();
    // Answered before a byte of the body.
    for (id, timestamp, tags) in [
        ("msg.1", now, tag),
        ("msg_1", now - 301, tag),
        ("msg_1", now + 301, tag),
        ("msg_1", now, "v1,AAAA"),
        ("msg_1", now, "v2,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("msg_1", now, "junk"),
    ] {
        let mut connection = server.connect().await;
        connection.send(head(id, timestamp, tags).as_bytes()).await;
        assert_eq!(status(&connection.answer().await), 400, "{id} {timestamp} {tags}");
    }
    let mut senders = Vec::new();
    for _ in 0..60 {
        let mut sender = server.connect().await;
        sender.send(head("msg_1", now, tag).as_bytes()).await;
        senders.push(tokio::spawn(async move {
            let first = sender.answer().await;
            if status(&first) == 100 {
                sender.send(&vec![b' '; 900_000]).await;
            }
            (status(&first), sender)
        }));
    }
    let mut counts = std::collections::BTreeMap::new();
    let mut kept = Vec::new();
    for sender in senders {
        let (status, sender) = sender.await.unwrap();
        *counts.entry(status).or_insert(0) += 1;
        kept.push(sender);
    }
    assert_eq!(counts, [(100, 16), (503, 44)].into(), "bodies are asked for one place each");
    assert!(server.state.in_flight.held() <= 16 << 20);
    assert!(server.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_takes_requests_for_a_while_and_says_that_it_ends() {
    let (_database, mut server) = serve(&[("DRAIN_DELAY", "1.5")]).await;
    let mut kept = server.connect().await;
    let mut idle = server.connect().await;
    for connection in [&mut kept, &mut idle] {
        connection.send(post("{ __typename }", "").as_bytes()).await;
        let reply = connection.answer().await;
        assert_eq!(status(&reply), 200);
        assert!(!closes(&reply));
    }
    let started = Instant::now();
    server.go(Stage::Draining);
    let ready = server.talk(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&ready), 503, "{ready}");
    assert!(ready.contains("stopping"), "{ready}");
    // An open connection and a new one: both are served and told that it was the last time.
    kept.send(post("{ __typename }", "").as_bytes()).await;
    let reply = kept.rest().await;
    assert_eq!(status(&reply), 200);
    assert!(closes(&reply), "{reply}");
    let reply = server.talk(post("{ __typename }", "").as_bytes()).await;
    assert_eq!(status(&reply), 200);
    assert!(closes(&reply), "{reply}");
    // An idle connection stays until the end of the delay: a request may be on its way.
    assert_eq!(timeout(Duration::from_secs(5), idle.rest()).await.expect("closed"), "");
    assert!(started.elapsed() >= Duration::from_millis(1500), "{:?}", started.elapsed());
    server.stopped().await;
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_twice_a_server_waits_for_nothing() {
    let (_database, mut server) =
        serve(&[("DRAIN_DELAY", "20"), ("SHUTDOWN_TIMEOUT", "20"), ("BODY_TIMEOUT", "20")]).await;
    let mut stalled = server.connect().await;
    stalled.send(format!("{HEAD}Content-Length: 100\r\n\r\n{{").as_bytes()).await;
    server.go(Stage::Draining);
    sleep(Duration::from_millis(100)).await;
    server.go(Stage::Stopping);
    sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "the delay is over");
    server.go(Stage::Ending);
    assert!(server.stopped().await < Duration::from_secs(2));
    stalled.rest().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_system_has_taken_are_served_to_the_end() {
    let (_database, mut server) = serve(&[]).await;
    // Connected and with a request sent, at the moment at which the server stops.
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = server.connect().await;
        let _ = client.0.write_all(post("{ __typename }", "").as_bytes()).await;
        clients.push(client);
    }
    server.stop();
    for mut client in clients {
        let reply = client.rest().await;
        assert_eq!(status(&reply), 200, "{reply}");
        assert!(reply.ends_with(&json!({ "data": { "__typename": "Query" } }).to_string()));
    }
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_has_rested_goes_on_and_still_ends_in_time() {
    let (_database, server) = serve(&[("IDLE_TIMEOUT", "2.5")]).await;
    let mut connection = server.connect().await;
    // In pieces, and two requests in one: nothing is lost with the buffers.
    let request = post("{ __typename }", "");
    let (first, rest) = request.split_at(40);
    for _ in 0..2 {
        connection.send(first.as_bytes()).await;
        sleep(Duration::from_millis(50)).await;
        connection.send(format!("{rest}{request}").as_bytes()).await;
        let mut replies = String::new();
        while replies.matches("__typename").count() < 2 {
            replies.push_str(&connection.answer().await);
        }
        assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), 2, "{replies}");
        sleep(Duration::from_millis(1300)).await;
    }
    let started = Instant::now();
    assert_eq!(timeout(Duration::from_secs(5), connection.rest()).await.expect("closed"), "");
    let silence = started.elapsed();
    assert!(
        silence > Duration::from_millis(700) && silence < Duration::from_secs(3),
        "{silence:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collectors_of_metrics_are_bounded_in_number_and_time() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve_metrics(listener, Arc::default()));
    let mut stalled = Vec::new();
    for _ in 0..64 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
        stalled.push(connection);
    }
    sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    let mut another = TcpStream::connect(address).await.unwrap();
    another
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    timeout(Duration::from_secs(20), another.read_to_string(&mut text)).await.unwrap().unwrap();
    assert_eq!(status(&text), 200, "{text}");
    assert!(text.contains("mission_control_"), "{text}");
    let waited = started.elapsed();
    assert!(waited > Duration::from_secs(3) && waited < Duration::from_secs(15), "{waited:?}");
    serving.abort();
}
