//! A server that runs, and how it stops.

use super::*;

/// Whoever wants all connections that the limit of open files leaves room for does not keep the probes out.
#[tokio::test]
async fn health_answers_when_every_descriptor_is_wanted() {
    let directory = directory();
    let limited = format!("ulimit -n 256 && exec {} serve", env!("CARGO_BIN_EXE_mission-control"));
    let child = Command::new("sh")
        .args(["-c", &limited])
        .current_dir(directory.path())
        .env_clear()
        .envs(LOCAL)
        .env("DRAIN_DELAY", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut server = Process::of(child);
    let address = server.address().await;
    let warned = server.output().contains("connections fit into the limit of open files");
    assert!(warned, "{}", server.output());
    let listener = address.strip_prefix("http://").unwrap();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(std::net::TcpStream::connect(listener).unwrap());
    }
    for path in ["/healthz", "/readyz", "/healthz"] {
        let url = format!("{address}{path}");
        let asked = client().get(&url).timeout(PATIENCE).send().await.unwrap();
        assert_eq!(asked.status(), 200, "{path}");
    }
    server.terminate();
    drop(silent);
    assert_eq!(server.end().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_set_is_fetched_and_secrets_are_never_printed() {
    let directory = directory();
    let clerk = StandInClerk::start().await;
    clerk.add_user("user_a", Some("hidden-address@example.com"), Some("Hidden-Name"));
    // Unreachable at first, which delays the start by nothing.
    clerk.on_keys(Some(Fault::Status(503, "service_unavailable")));
    let url = clerk.url();
    let webhook_secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u";
    let variables = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", SECRET_KEY),
        ("CLERK_API_URL", url.as_str()),
        ("CLERK_WEBHOOK_SIGNING_SECRET", webhook_secret),
        ("PORT", "0"),
        ("LOG_LEVEL", "trace"),
    ];
    let mut server = Process::start(directory.path(), &["serve"], &variables);
    let address = server.address().await;
    let now = SystemClock.now();
    let token = Token::new("user_a", now).sign();
    let ask = "{ me { email } }";
    let (status, body) = query(&address, Some(&token), ask).await;
    assert_eq!(status, 503, "{body}");
    clerk.on_keys(None);
    until_ready(&address).await;
    let (status, body) = query(&address, Some(&token), ask).await;
    assert_eq!((status, &body["data"]["me"]["email"]), (200, &json!("hidden-address@example.com")));
    let forged = Token::new("user_a", now).sign_with(include_str!("../../keys/other-rsa.pem"));
    assert_eq!(query(&address, Some(&forged), ask).await.0, 401);
    let bad = Token::new("user_a", now).claim("iss", "x").claim("sub", "hidden subject");
    let bad = bad.claim("email", "hidden-claim@example.com").sign();
    assert_eq!(query(&address, Some(&bad), ask).await.0, 401);
    assert_eq!(query(&address, Some(&format!("{SECRET_KEY}x")), ask).await.0, 401);
    let delete = "mutation { deleteUser { clerkDeletion } }";
    assert_eq!(query(&address, Some(&token), delete).await.0, 200);

    server.terminate();
    let ended = server.end().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("CLERK_AUTHORIZED_PARTIES is not set"), "a warning");
    for reason in ["\"signature\"", "\"claim_malformed\"", "\"not_a_session_token\""] {
        assert!(ended.stderr.contains(reason), "{reason} is in the log");
    }
    for line in ended.stderr.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
    }
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let secrets = [
        SECRET_KEY.to_owned(),
        webhook_secret["whsec_".len()..].to_owned(),
        signature(&token),
        signature(&forged),
        signature(&bad),
        "hidden".to_owned(),
        "Hidden".to_owned(),
    ];
    for secret in secrets {
        let line = ended.stderr.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn a_clerk_that_never_answers_keeps_nobody_from_starting_and_stopping() {
    let directory = directory();
    let clerk = StandInClerk::start().await;
    clerk.on_keys(Some(Fault::Silence));
    let url = clerk.url();
    let variables = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", SECRET_KEY),
        ("CLERK_API_URL", url.as_str()),
        ("DRAIN_DELAY", "0"),
        ("PORT", "0"),
    ];
    let mut server = Process::start(directory.path(), &["serve"], &variables);
    let address = server.address().await;
    let (status, _) = query(&address, None, "{ serverInfo { name } }").await;
    assert_eq!(status, 200);
    let started = Instant::now();
    server.terminate();
    assert_eq!(server.end().await.code, Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn both_signals_stop_it_and_what_was_answered_is_kept() {
    let directory = directory();
    let update = "mutation { updateProfile(input: { notes: \"kept\" }) { user { notes } } }";
    for (signal, ask) in [("-TERM", update), ("-INT", "{ me { notes } }")] {
        let mut server = Process::start(directory.path(), &["serve"], &LOCAL);
        let address = server.address().await;
        let (status, body) = query(&address, Some(LOCAL_TOKEN), ask).await;
        assert_eq!(status, 200);
        assert!(body.to_string().contains("\"notes\":\"kept\""), "{body}");
        let id = server.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let ended = server.end().await;
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.stderr);
        assert!(ended.stderr.contains("\"message\":\"stopped\""), "{}", ended.stderr);
        assert!(!ended.stderr.contains(LOCAL_TOKEN), "{}", ended.stderr);
    }
}
