//! A database that restarts, vanishes, is locked, full or broken: an error for the requests that need
//! it, never a crash, and no restart of the server afterwards.

use std::{
    fs::OpenOptions,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use mission_control::{
    http::CHECK_HOLDS,
    store::{
        Store, StoreError,
        users::{Lookup, find_standing},
    },
};
use serde_json::json;
use sqlx::Connection;

use super::sample::{read, user};
use crate::support::{
    Answer, EmptyDatabase, Proxy, TestApp, TestDatabase, administer, parse, start,
};

const ME: &str = "{ me { id } }";
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'mission-control'";

fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let body = answer.json();
    if body["detail"].is_null() {
        assert_eq!(answer.code(), "SERVICE_UNAVAILABLE");
        assert!(body["data"].is_null());
    }
}

async fn ask(app: &TestApp) -> Answer {
    app.query(Some(&app.token("user_a")), ME).await
}

/// What `/readyz` says as soon as it asks the database again.
async fn is_ready(app: &TestApp) -> (StatusCode, String) {
    tokio::time::sleep(CHECK_HOLDS).await;
    let answer = app.rest("GET", "/readyz", None, None).await;
    let database = answer.json()["checks"]["database"].as_str().unwrap().to_owned();
    (answer.status, database)
}

/// Transactions that write, at most: the other connections are for reading.
const WRITERS: u32 = 7;

/// Makes the pool open as many connections as writers may have: so many first requests wait for one lock.
async fn open_all_connections(database: &TestDatabase, app: &Arc<TestApp>) {
    let requests = all_waiting(database, app, "user_b").await;
    requests.gate.commit().await.unwrap();
    for request in requests.answers {
        request.await.unwrap().data();
    }
}

struct Waiting {
    gate: sqlx::Transaction<'static, sqlx::Postgres>,
    answers: Vec<tokio::task::JoinHandle<Answer>>,
}

/// As many requests as there may be writers, each of which waits inside a transaction of its own.
async fn all_waiting(database: &TestDatabase, app: &Arc<TestApp>, prefix: &str) -> Waiting {
    let gate = sqlx::PgPool::connect(&database.url).await.unwrap();
    let mut gate = gate.begin().await.unwrap();
    sqlx::query("LOCK TABLE users IN SHARE MODE").execute(&mut *gate).await.unwrap();
    let answers = (0..WRITERS)
        .map(|number| {
            let (app, user) = (app.clone(), format!("{prefix}_{number}"));
            tokio::spawn(async move { app.query(Some(&app.token(&user)), ME).await })
        })
        .collect();
    database.until_waiting(WRITERS.into()).await;
    Waiting { gate, answers }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_postgres_closed_while_idle_fail_no_request() {
    let database = TestDatabase::postgres().await;
    let app = Arc::new(start(&database).await);
    ask(&app).await.data();
    open_all_connections(&database, &app).await;
    database.execute(TERMINATE).await;
    for number in 0..20 {
        assert_eq!(ask(&app).await.status, StatusCode::OK, "request {number}");
    }
    let begun = app.query(Some(&app.token("user_new")), ME).await;
    assert_eq!(begun.status, StatusCode::OK, "writing too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_requests_in_flight_fail_when_postgres_closes_their_connections() {
    let database = TestDatabase::postgres().await;
    let app = Arc::new(start(&database).await);
    ask(&app).await.data();
    let in_flight = all_waiting(&database, &app, "user_b").await;
    database.execute(TERMINATE).await;
    for answer in in_flight.answers {
        assert_unavailable(&answer.await.unwrap());
    }
    in_flight.gate.rollback().await.unwrap();
    for number in 0..WRITERS {
        assert_eq!(ask(&app).await.status, StatusCode::OK, "request {number}");
        let again = app.query(Some(&app.token(&format!("user_b_{number}"))), ME).await;
        assert_eq!(again.status, StatusCode::OK, "the same again, request {number}");
    }
    assert_eq!(database.count("users").await, i64::from(WRITERS) + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_is_503_until_it_is_back() {
    for (leave, come_back) in [
        ("ALTER DATABASE $1 ALLOW_CONNECTIONS false", "ALTER DATABASE $1 ALLOW_CONNECTIONS true"),
        ("ALTER DATABASE $1 RENAME TO $1_gone", "ALTER DATABASE $1_gone RENAME TO $1"),
    ] {
        let database = TestDatabase::postgres().await;
        let name = database.name();
        let app = start(&database).await;
        ask(&app).await.data();
        // Nobody may be connected to a database that is renamed, and new connections come at once.
        administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let terminate = format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        administer(&terminate).await;
        administer(&leave.replace("$1", name)).await;
        let token = app.token("user_a");
        for _ in 0..3 {
            assert_unavailable(&ask(&app).await);
            for (method, path) in [
                ("GET", "/api/v1/users/me"),
                ("POST", "/api/v1/auth/bootstrap"),
                ("DELETE", "/api/v1/users/me"),
            ] {
                assert_unavailable(&app.rest(method, path, Some(&token), None).await);
            }
            let patch = Some(json!({ "notes": "x" }));
            assert_unavailable(&app.rest("PATCH", "/api/v1/users/me", Some(&token), patch).await);
            assert_eq!(
                is_ready(&app).await,
                (StatusCode::SERVICE_UNAVAILABLE, "unreachable".to_owned())
            );
            assert_eq!(app.rest("GET", "/healthz", None, None).await.status, StatusCode::OK);
            assert_eq!(
                app.query(None, "{ __typename }").await.status,
                StatusCode::OK,
                "needs no database"
            );
            assert_eq!(app.query(None, ME).await.status, StatusCode::UNAUTHORIZED);
        }
        administer(&come_back.replace("$1", name)).await;
        administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
        for _ in 0..3 {
            assert_eq!(ask(&app).await.status, StatusCode::OK);
            assert_eq!(is_ready(&app).await, (StatusCode::OK, "ok".to_owned()));
        }
        assert_eq!(database.count("users").await, 1);
    }
}

/// A server whose database is behind a network that can lose hosts.
async fn behind_proxy(database: &TestDatabase) -> (Proxy, Arc<TestApp>) {
    let mut url = url::Url::parse(&database.url).unwrap();
    let proxy = Proxy::start(url.port().unwrap());
    url.set_port(Some(proxy.port)).unwrap();
    let store = Store::connect(&parse(url.as_str())).await.unwrap();
    let app = Arc::new(TestApp::on(store, &[("EXECUTION_TIMEOUT", "3")]).await);
    ask(&app).await.data();
    (proxy, app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_to_a_lost_host_fail_no_request() {
    let database = TestDatabase::postgres().await;
    let (proxy, app) = behind_proxy(&database).await;
    open_all_connections(&database, &app).await;
    proxy.lose_connections();
    for number in 0..12 {
        assert_eq!(ask(&app).await.status, StatusCode::OK, "request {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_host_costs_only_the_requests_in_flight() {
    let database = TestDatabase::postgres().await;
    let (proxy, app) = behind_proxy(&database).await;
    let in_flight = all_waiting(&database, &app, "user_b").await;
    proxy.lose_connections();
    for answer in in_flight.answers {
        assert_eq!(answer.await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    }
    drop(in_flight.gate);
    for number in 0..12 {
        assert_eq!(ask(&app).await.status, StatusCode::OK, "request {number}");
    }
}

#[tokio::test]
async fn poolers_are_asked_for_nothing_they_refuse() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://someone@127.0.0.1:{port}/sample?sslmode=disable");
    let connecting = tokio::spawn(async move { Store::connect(&parse(&url)).await.err() });
    let message = tokio::task::spawn_blocking(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut message = [0; 1024];
        let length = client.read(&mut message).unwrap();
        message[..length].to_vec()
    });
    let message = message.await.unwrap();
    // Length and version of the protocol, then names and values, each ended by a zero.
    let parameters: Vec<_> =
        message[8..].split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let names: std::collections::BTreeSet<_> = parameters
        .chunks(2)
        .map(|pair| pair[0].to_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    // What PgBouncer knows without being configured.
    let known =
        ["application_name", "client_encoding", "database", "datestyle", "timezone", "user"];
    assert_eq!(names, known.map(str::to_owned).into());
    connecting.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_only_reads_is_left_for_one_that_writes() {
    let database = TestDatabase::postgres().await;
    let app = start(&database).await;
    ask(&app).await.data();
    let name = database.name();
    // What sessions on a standby are like after a fail-over.
    administer(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    database.execute(TERMINATE).await;
    let write = async |user: &str| app.query(Some(&app.token(user)), ME).await;
    assert_unavailable(&write("user_b").await);
    assert_eq!(ask(&app).await.status, StatusCode::OK, "reading goes on");
    administer(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    let deadline = Instant::now() + Duration::from_secs(5);
    while write("user_b").await.status != StatusCode::OK {
        assert!(Instant::now() < deadline, "still on the connections that cannot write");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..20 {
        assert_eq!(write(&format!("user_c{number}")).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_that_somebody_else_has_locked_is_503_for_writers_only() {
    let database = TestDatabase::sqlite().await;
    let app = Arc::new(start(&database).await);
    ask(&app).await.data();
    let mut other = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let began = Instant::now();
    let writer = tokio::spawn({
        let app = app.clone();
        async move { app.query(Some(&app.token("user_b")), ME).await }
    });
    while !writer.is_finished() {
        assert_eq!(is_ready(&app).await, (StatusCode::OK, "ok".to_owned()));
        let asked = Instant::now();
        assert_eq!(ask(&app).await.status, StatusCode::OK, "reading goes on");
        assert!(asked.elapsed() < Duration::from_secs(3), "readers do not wait for the writer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_unavailable(&writer.await.unwrap());
    assert!(began.elapsed() < Duration::from_secs(9), "before the time limit of the request");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(app.query(Some(&app.token("user_b")), ME).await.status, StatusCode::OK);
    assert_eq!(database.count("users").await, 2);
}

#[tokio::test]
async fn a_lock_that_is_given_back_in_time_is_waited_for() {
    let database = TestDatabase::sqlite().await;
    let app = Arc::new(start(&database).await);
    let mut other = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let writer = tokio::spawn({
        let app = app.clone();
        async move { ask(&app).await }
    });
    while app.app.state.accounts.store().statements() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(writer.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_closed_sqlite_database_is_one_file() {
    let database = TestDatabase::sqlite().await;
    user(&database.store, "user_a").await;
    database.store.close().await;
    let left: Vec<_> = std::fs::read_dir(database.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["test.db"]);
    let outcome = database.store.begin().await.err();
    assert!(matches!(outcome, Some(StoreError::Unavailable(_))), "{outcome:?}");
    let outcome = database.store.read().await.err();
    assert!(matches!(outcome, Some(StoreError::Unavailable(_))), "{outcome:?}");
    assert_eq!(database.count("users").await, 1);
}

#[tokio::test]
async fn what_is_no_database_is_refused_at_the_start() {
    let place = EmptyDatabase::sqlite();
    std::fs::write(place.path(), "not a database, but long enough to have a header ".repeat(20))
        .unwrap();
    let outcome = Store::connect(&parse(&place.url)).await.err();
    assert!(matches!(outcome, Some(StoreError::Corrupt(_))), "{outcome:?}");
    let place = EmptyDatabase::sqlite();
    std::fs::create_dir(place.path()).unwrap();
    let outcome = Store::connect(&parse(&place.url)).await.err();
    assert!(matches!(outcome, Some(StoreError::Unavailable(_))), "{outcome:?}");
    // A file where the directory should be.
    let place = EmptyDatabase::sqlite();
    std::fs::write(place.path(), "").unwrap();
    let outcome = Store::connect(&parse(&format!("{}/below.db", place.url))).await.err();
    assert!(matches!(outcome, Some(StoreError::Unavailable(_))), "{outcome:?}");
}

/// The real server in local mode, as a process of its own.
struct Server {
    process: Child,
    client: reqwest::Client,
    url: String,
}

const TOKEN: &str = "w7Qk2ZrT9xYb4LmN8pVc3HsJ6dFg1aEe5uRi0oXyKtMzBnWq";

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_mission-control");

fn serve(database: &EmptyDatabase, port: u16) -> Command {
    serve_by(Path::new(PROGRAM), database, port)
}

fn serve_by(program: &Path, database: &EmptyDatabase, port: u16) -> Command {
    // `ulimit -f` counts blocks of 512 bytes here; beyond it a write fails instead of killing.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f ${BLOCKS:-unlimited}; exec \"$0\" serve"])
        .arg(program)
        .current_dir(database.path().parent().unwrap())
        .env_clear()
        .env("AUTH_MODE", "local")
        .env("LOCAL_AUTH_TOKEN", format!("{TOKEN}{TOKEN}"))
        .env("DATABASE_URL", &database.url)
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Nothing is forbidden to root: then somebody else runs a copy of the program, as the program itself may be out of
/// their reach.
fn serve_unprivileged(database: &EmptyDatabase, port: u16) -> Command {
    const NOBODY: u32 = 65_534;
    if !std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        return serve(database, port);
    }
    let program = database.path().with_file_name("mission-control");
    std::fs::copy(PROGRAM, &program).unwrap();
    set_mode(&program, 0o555);
    let mut command = serve_by(&program, database, port);
    command.uid(NOBODY).gid(NOBODY);
    command
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

impl Server {
    async fn start(database: &EmptyDatabase, blocks: u32) -> Self {
        Self::start_by(serve, database, blocks).await
    }

    async fn start_by(
        serve: fn(&EmptyDatabase, u16) -> Command,
        database: &EmptyDatabase,
        blocks: u32,
    ) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process =
            serve(database, port).env("BLOCKS", blocks.to_string()).stderr(Stdio::null()).spawn();
        let url = format!("http://127.0.0.1:{port}");
        let server = Self { process: process.unwrap(), client: reqwest::Client::new(), url };
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.client.get(format!("{}/readyz", server.url)).send().await.is_err() {
            assert!(Instant::now() < deadline, "the server does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    async fn profile(&self, notes: Option<&str>) -> (StatusCode, String) {
        let url = format!("{}/api/v1/users/me", self.url);
        let request = match notes {
            None => self.client.get(url),
            Some(notes) => self.client.patch(url).json(&json!({ "notes": notes })),
        };
        let answer = request.bearer_auth(format!("{TOKEN}{TOKEN}")).send().await.unwrap();
        let status = answer.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(answer.headers().contains_key("retry-after"));
        }
        (status, answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_full_disk_is_503_for_writers_and_loses_nothing() {
    let database = EmptyDatabase::sqlite();
    // 512 KiB for each file, in place of a disk that is full.
    let mut server = Server::start(&database, 1024).await;
    let notes = |number: i32| format!("{number} {}", "x".repeat(9_000));
    let mut stored = None;
    let mut refused = None;
    for number in 0..200 {
        match server.profile(Some(&notes(number))).await.0 {
            StatusCode::OK => stored = Some(number),
            status => {
                refused = Some(status);
                break;
            }
        }
    }
    let stored = stored.unwrap();
    assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE));
    for _ in 0..3 {
        assert_eq!(server.profile(Some(&notes(-1))).await.0, StatusCode::SERVICE_UNAVAILABLE);
        let (status, profile) = server.profile(None).await;
        assert_eq!(status, StatusCode::OK, "reading goes on");
        assert!(profile.contains(&notes(stored)), "what was answered last");
    }
    assert!(server.process.try_wait().unwrap().is_none(), "still running");
    drop(server);

    // With room again, also after a kill.
    let server = Server::start(&database, 1 << 20).await;
    assert!(server.profile(None).await.1.contains(&notes(stored)));
    assert_eq!(server.profile(Some(&notes(1000))).await.0, StatusCode::OK);
    drop(server);
    assert_eq!(database.texts("PRAGMA integrity_check").await, ["ok"]);
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_an_error_at_the_start() {
    let database = TestDatabase::sqlite().await;
    database.store.close().await;
    let directory = database.path().parent().unwrap();
    let mut command = serve_unprivileged(&database, 0);
    set_mode(database.path(), 0o444);
    set_mode(directory, 0o555);
    let mut process = command.spawn().unwrap();
    let status = process.wait().unwrap();
    let mut text = String::new();
    process.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("test.db") && !text.contains("panicked"), "{text}");
    set_mode(directory, 0o755);
}

#[tokio::test]
async fn a_file_that_may_not_be_written_for_a_while_is_written_again_without_a_restart() {
    let database = EmptyDatabase::sqlite();
    set_mode(database.path().parent().unwrap(), 0o777);
    let server = Server::start_by(serve_unprivileged, &database, 1024).await;
    let notes = |number: i32| format!("{number} {}", "x".repeat(9_000));
    assert_eq!(server.profile(Some(&notes(0))).await.0, StatusCode::OK);
    // Whoever has the file open goes on writing, until there is no room: SQLite then loses the connection, and opens
    // the file anew for reading alone, without a word.
    let log = database.path().with_extension("db-wal");
    set_mode(database.path(), 0o444);
    set_mode(&log, 0o444);
    let mut number = 0;
    while server.profile(Some(&notes(number))).await.0 == StatusCode::OK {
        number += 1;
        assert!(number < 200);
    }
    for _ in 0..3 {
        assert_eq!(server.profile(Some(&notes(-1))).await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert!(server.profile(None).await.1.contains(&notes(number - 1)), "reading goes on");
    }
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
    assert_eq!(server.profile(Some(&notes(-1))).await.0, StatusCode::SERVICE_UNAVAILABLE);
    set_mode(database.path(), 0o644);
    set_mode(&log, 0o644);
    // The first who comes finds out, at most.
    server.profile(Some(&notes(-2))).await;
    assert_eq!(server.profile(Some(&notes(-1))).await.0, StatusCode::OK);
    assert!(server.profile(None).await.1.contains(&notes(-1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_waits_too_long_is_given_up_and_its_connection_used_again() {
    let database = TestDatabase::postgres().await;
    let app = Arc::new(
        TestApp::on(database.second_instance().await, &[("EXECUTION_TIMEOUT", "3")]).await,
    );
    ask(&app).await.data();
    let in_flight = all_waiting(&database, &app, "user_b").await;
    for answer in in_flight.answers {
        assert_eq!(answer.await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    }
    // Their statements still wait; later requests do not.
    for number in 0..5 {
        assert_eq!(ask(&app).await.status, StatusCode::OK, "request {number}");
    }
    in_flight.gate.rollback().await.unwrap();
    for number in 0..WRITERS {
        assert_eq!(
            app.query(Some(&app.token(&format!("user_b_{number}"))), ME).await.status,
            StatusCode::OK
        );
    }
    assert_eq!(database.count("users").await, i64::from(WRITERS) + 1);
}

#[tokio::test]
async fn a_damaged_file_is_a_fault_and_no_passing_trouble() {
    let database = TestDatabase::sqlite().await;
    user(&database.store, "user_a").await;
    database.store.close().await;
    let app = TestApp::on(database.second_instance().await, &[]).await;
    // Every page but the first, whose header makes it a database.
    let mut file = OpenOptions::new().write(true).open(database.path()).unwrap();
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xff; length - 4096]).unwrap();
    let store = app.app.state.accounts.store();
    let outcome = read!(store, conn => find_standing(conn, Lookup::of_user("user_a")));
    assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
    let answer = ask(&app).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text);
    assert_eq!(is_ready(&app).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

/// Makes the next statements of a kind fail as if another transaction had been in the way. The count is a
/// sequence, which a rollback does not take back.
async fn fail_next(database: &TestDatabase, when: &str, table: &str, code: &str, times: u32) {
    let sql = format!(
        "CREATE SEQUENCE {table}_tries; \
         CREATE FUNCTION {table}_fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('{table}_tries') <= {times} THEN \
                 RAISE EXCEPTION 'in the way' USING ERRCODE = '{code}'; END IF; \
             RETURN NEW; END $$; \
         CREATE TRIGGER {table}_fail BEFORE {when} ON {table} \
             FOR EACH ROW EXECUTE FUNCTION {table}_fail()"
    );
    database.execute(&sql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_another_one_defeats_is_run_again() {
    for code in ["40001", "40P01"] {
        let database = TestDatabase::postgres().await;
        let app = start(&database).await;
        fail_next(&database, "INSERT", "organizations", code, 3).await;
        ask(&app).await.data();
        fail_next(&database, "UPDATE", "users", code, 3).await;
        let token = app.token("user_a");
        let change = Some(json!({ "notes": "kept" }));
        let answer = app.rest("PATCH", "/api/v1/users/me", Some(&token), change).await;
        assert_eq!(
            (answer.status, answer.json()["notes"].as_str()),
            (StatusCode::OK, Some("kept"))
        );
        assert_eq!(database.count("users").await, 1);
        assert_eq!(database.count("organizations").await, 1);
        // Not for ever.
        database.execute("ALTER SEQUENCE users_tries RESTART WITH -1000 MINVALUE -1000").await;
        let change = Some(json!({ "notes": "lost" }));
        assert_unavailable(&app.rest("PATCH", "/api/v1/users/me", Some(&token), change).await);
        assert_eq!(database.texts("SELECT notes FROM users").await, ["kept"]);
    }
}
