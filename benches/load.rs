//! How much one request costs, in one run on one machine: the real server with 100,000 users on SQLite
//! (and on PostgreSQL, when `BENCH_POSTGRES_URL` names an empty database), against an axum server that
//! answers a constant and one that verifies a token and answers a constant.
//!
//!     cargo bench --profile dist
//!
//! Every server is a process of its own, so that its CPU time and memory can be read from the system;
//! the load comes from this process. `BENCH_SECONDS` sets the length of a measurement.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement that cannot go on ends with a panic, and prints its result"
)]

use std::{
    env,
    net::{SocketAddr, TcpListener as StdListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{
    ComplexObject, EmptyMutation, EmptySubscription, Object, Schema, SimpleObject,
};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::any,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use mission_control::{
    clerk::{
        key::VerifyingKey,
        token::{Expectations, UnverifiedToken, bearer_token},
    },
    clock::{Clock, SystemClock},
    config::{Environment, Settings},
    graphql::{AuthMode, Bounds, Limits, Pipeline, ServerInfo},
    store::{
        Store,
        users::{Lookup, PRELOADED, find_standings},
    },
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PRIVATE_KEY: &str = include_str!("../tests/keys/test-rsa.pem");
const PUBLIC_KEY: &str = include_str!("../tests/keys/test-rsa.pub.pem");
const USERS: usize = 100_000;
/// Users who send requests.
const CALLERS: usize = 2000;
const QUERY: &str = "{ me { id email name displayName memberships { nodes { id role organization { id name } } } } }";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.iter().position(|argument| argument == "--reference") {
        Some(at) => runtime.block_on(serve_reference(&arguments[at + 1], &arguments[at + 2])),
        None => runtime.block_on(measure_all()),
    }
}

// ---- the servers ---------------------------------------------------------------------------------

const CONSTANT: &str = r#"{"data":{"me":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","email":"user@example.com","name":"Sample Person","displayName":"Sample Person","memberships":{"nodes":[{"id":"01890a5d-ac96-774b-bcce-b302099a8057","role":"OWNER","organization":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","name":"Personal"}}]}}}}"#;

async fn serve_reference(kind: &str, address: &str) {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let router = if kind == "stock" {
        let schema = Schema::new(StockQuery, EmptyMutation, EmptySubscription);
        Router::new().fallback_service(async_graphql_axum::GraphQL::new(schema))
    } else if kind == "static" {
        Router::new().fallback(any(move || async move { (json, CONSTANT) }))
    } else {
        let key = Arc::new(VerifyingKey::from_pem(PUBLIC_KEY).unwrap());
        let expectations = Arc::new(Expectations {
            leeway: chrono::TimeDelta::seconds(10),
            verify_iat: true,
            issuers: Vec::new(),
            audiences: Vec::new(),
            authorized_parties: Vec::new(),
        });
        Router::new().fallback(any(move |headers: HeaderMap| async move {
            let token = bearer_token(headers.get_all(header::AUTHORIZATION)).ok().flatten();
            let claims = token.and_then(|token| {
                let now = SystemClock.now();
                UnverifiedToken::parse(token).ok()?.verify(&key, &expectations, now).ok()
            });
            match claims {
                Some(_) => (json, CONSTANT).into_response(),
                None => StatusCode::UNAUTHORIZED.into_response(),
            }
        }))
    };
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

/// The same shape of answer from the framework's own axum integration, without token or database.
struct StockQuery;

#[Object]
impl StockQuery {
    async fn me(&self) -> StockUser {
        StockUser {
            id: 1,
            email: "user@example.com",
            name: "Sample Person",
            display_name: "Sample Person",
        }
    }
}

#[derive(SimpleObject)]
#[graphql(complex)]
struct StockUser {
    id: i32,
    email: &'static str,
    name: &'static str,
    display_name: &'static str,
}

#[ComplexObject]
impl StockUser {
    async fn memberships(&self) -> StockMemberships {
        let organization = StockOrganization { id: 1, name: "Personal" };
        let membership = StockMembership { id: 1, role: "OWNER", organization };
        StockMemberships { nodes: vec![membership; 3] }
    }
}

#[derive(SimpleObject)]
struct StockMemberships {
    nodes: Vec<StockMembership>,
}

#[derive(SimpleObject, Clone)]
struct StockMembership {
    id: i32,
    role: &'static str,
    organization: StockOrganization,
}

#[derive(SimpleObject, Clone)]
struct StockOrganization {
    id: i32,
    name: &'static str,
}

struct Server {
    name: &'static str,
    process: Child,
    address: SocketAddr,
    first_answer: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn start(name: &'static str, mut command: Command, address: SocketAddr) -> Server {
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
    Server { name, process, address, first_answer: started.elapsed() }
}

async fn start_reference(name: &'static str, kind: &str) -> Server {
    let address = free_address();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--reference", kind, &address.to_string()]);
    start(name, command, address).await
}

/// With traces, if there is an address to send them to.
async fn start_product(name: &'static str, database: &str, traces: Option<SocketAddr>) -> Server {
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-control"));
    command
        .arg("serve")
        .env_clear()
        .env("AUTH_MODE", "clerk")
        .env("CLERK_JWT_KEY", PUBLIC_KEY)
        .env("DATABASE_URL", database)
        .env("PORT", address.port().to_string())
        .env("LOG_LEVEL", "warn")
        .envs(traces.map(|receiver| ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}"))));
    start(name, command, address).await
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

// ---- the data ------------------------------------------------------------------------------------

/// Users with three memberships each: a personal organization and two shared ones.
fn fixture(is_postgres: bool) -> Vec<String> {
    let last = USERS - 1;
    let (series, time) = if is_postgres {
        (
            format!("SELECT n FROM generate_series(0, {last}) AS s(n)"),
            "TIMESTAMPTZ '2026-01-01T00:00:00Z'",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) \
                 SELECT n FROM s"
            ),
            "'2026-01-01T00:00:00+00:00'",
        )
    };
    let id = |kind: u32, number: &str| {
        if is_postgres {
            format!(
                "(lpad(to_hex({kind}), 8, '0') || '-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"
            )
        } else {
            format!("printf('%08x-0000-7000-8000-%012x', {kind}, {number})")
        }
    };
    let mut statements = vec![
        format!(
            "INSERT INTO users (id, clerk_user_id, email, name, email_as_of, created_at, updated_at) \
             SELECT {}, 'user_' || n, 'user' || n || '@example.com', 'Sample Person', {time}, {time}, {time} \
             FROM ({series}) AS t",
            id(1, "n")
        ),
        format!(
            "INSERT INTO organizations (id, personal_user_id, name, created_at, updated_at) \
             SELECT {}, {}, 'Personal', {time}, {time} FROM ({series}) AS t",
            id(2, "n"),
            id(1, "n")
        ),
        format!(
            "INSERT INTO organizations (id, name, created_at, updated_at) \
             SELECT {}, 'Team ' || n, {time}, {time} FROM ({series}) AS t WHERE n < 1000",
            id(3, "n")
        ),
    ];
    for (kind, organization, role) in [
        (4, id(2, "n"), "owner"),
        (5, id(3, "n % 1000"), "member"),
        (6, id(3, "(n + 7) % 1000"), "admin"),
    ] {
        statements.push(format!(
            "INSERT INTO organization_members (id, organization_id, user_id, role, created_at, updated_at) \
             SELECT {}, {organization}, {}, '{role}', {time}, {time} FROM ({series}) AS t",
            id(kind, "n"),
            id(1, "n")
        ));
    }
    statements
}

async fn fill(database: &str) {
    let environment = Environment::from_pairs([("DATABASE_URL", database)]);
    let url = Settings::read_database(&environment).unwrap().0.address;
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    drop(store);
    if database.starts_with("postgres") {
        let mut connection = sqlx::PgConnection::connect(database).await.unwrap();
        for statement in fixture(true) {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        sqlx::query("ANALYZE").execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::SqliteConnection::connect(database).await.unwrap();
        sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
        for statement in fixture(false) {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        sqlx::query("COMMIT").execute(&mut connection).await.unwrap();
    }
}

fn token(user: usize, number: usize) -> String {
    let now = SystemClock.now().timestamp();
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header =
        json!({ "alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "ins_bench", "typ": "JWT" });
    let claims = json!({
        "exp": now + 3600, "iat": now, "nbf": now - 10, "iss": "https://clerk.example.com",
        "jti": format!("{number:016x}"), "sid": format!("sess_{user}"), "sts": "active",
        "sub": format!("user_{user}"), "v": 2, "fva": [0, -1],
        "email": format!("user{user}@example.com"), "name": "Sample Person",
    });
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = EncodingKey::from_rsa_pem(PRIVATE_KEY.as_bytes()).unwrap();
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::RS256).unwrap();
    format!("{message}.{signature}")
}

// ---- the load ------------------------------------------------------------------------------------

/// Ready-made requests, one per token.
fn requests(tokens: impl Iterator<Item = String>) -> Arc<Vec<Vec<u8>>> {
    let body = json!({ "query": QUERY }).to_string();
    let request = |token: String| {
        format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    Arc::new(tokens.map(request).collect())
}

struct Measurement {
    requests_per_second: f64,
    cpu_micros: f64,
    resident: u64,
}

async fn measure(
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
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut answered = 0;
    let mut next = worker * 7919;
    while Instant::now() < until {
        next += 1;
        stream.write_all(&requests[next % requests.len()]).await.unwrap();
        let mut length = 0;
        loop {
            length += stream.read(&mut buffer[length..]).await.unwrap();
            if let Some(total) = answer_length(&buffer[..length])
                && length >= total
            {
                break;
            }
        }
        assert!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&buffer[..length])
        );
        answered += 1;
    }
    answered
}

fn answer_length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?;
    Some(end + length.parse::<usize>().ok()?)
}

/// User and system time of a process, in seconds.
fn cpu_time(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn resident_kib(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn measure_all() {
    let seconds = env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let time = Duration::from_secs(seconds);
    let directory = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", Path::new(directory.path()).join("bench.db").display());
    let mut databases = vec![("product, SQLite", sqlite)];
    databases.extend(env::var("BENCH_POSTGRES_URL").ok().map(|url| ("product, PostgreSQL", url)));
    eprintln!("making {USERS} users ...");
    for (_, database) in &databases {
        fill(database).await;
    }
    let repeated = requests((0..CALLERS).map(|user| token(user * 37 % USERS, user)));
    let mut servers = vec![
        start_reference("constant", "static").await,
        start_reference("verify, constant", "verify").await,
        start_reference("async-graphql-axum, no token, no database", "stock").await,
    ];
    let idle_from = servers.len();
    for (name, database) in &databases {
        servers.push(start_product(name, database, None).await);
    }
    let receiver = receive_traces().await;
    let (_, sqlite) = &databases[0];
    servers.push(start_product("product, SQLite, traces", sqlite, Some(receiver)).await);
    let idle: Vec<u64> =
        servers[idle_from..].iter().map(|server| resident_kib(server.process.id())).collect();
    for server in &servers {
        measure(server, &repeated, 16, Duration::from_secs(1)).await;
    }
    println!(
        "| server | connections | requests/s | CPU us/request | CPU against verify, constant |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for connections in [1, 16, 64] {
        let mut verify = f64::NAN;
        for server in &servers {
            let measured = measure(server, &repeated, connections, time).await;
            if server.name == "verify, constant" {
                verify = measured.cpu_micros;
            }
            println!(
                "| {} | {connections} | {:.0} | {:.0} | {:.2} |",
                server.name,
                measured.requests_per_second,
                measured.cpu_micros,
                measured.cpu_micros / verify
            );
        }
    }
    // Tokens that were never seen before: nothing is remembered, every signature is checked.
    eprintln!("signing fresh tokens ...");
    let fresh = requests((0..20_000).map(|number| token(number * 37 % USERS, CALLERS + number)));
    for server in servers.iter().filter(|server| server.name != "constant") {
        let measured = measure(server, &fresh, 16, time.min(Duration::from_secs(2))).await;
        println!(
            "| {}, fresh tokens | 16 | {:.0} | {:.0} | |",
            server.name, measured.requests_per_second, measured.cpu_micros
        );
    }
    measure_parts(&databases[0].1).await;
    println!();
    for (server, idle) in servers[idle_from..].iter().zip(idle) {
        println!(
            "{}: first answer after {:.0} ms, {:.1} MiB idle, {:.1} MiB under load",
            server.name,
            server.first_answer.as_secs_f64() * 1e3,
            kib_to_mib(idle),
            kib_to_mib(measure(server, &repeated, 64, Duration::from_secs(1)).await.resident)
        );
    }
}

/// What parts of a request cost by themselves, in this process.
async fn measure_parts(sqlite: &str) {
    println!();
    println!("| part | us |");
    println!("| --- | ---: |");
    let pipeline = Pipeline::new(
        Limits { bounds: Bounds::default(), query_bytes: 16 * 1024, complexity: 5000 },
        Duration::from_secs(10),
        ServerInfo { auth_mode: AuthMode::Local },
    )
    .unwrap();
    per_call("reading a new text, parsed to validated", || pipeline.check(QUERY).unwrap());
    let environment = Environment::from_pairs([("DATABASE_URL", sqlite)]);
    let store =
        Store::connect(&Settings::read_database(&environment).unwrap().0.address).await.unwrap();
    let mut connection = sqlx::SqliteConnection::connect(sqlite).await.unwrap();
    let rounds = 20_000;
    let started = Instant::now();
    for round in 0..rounds {
        let row: (String, Option<String>) =
            sqlx::query_as("SELECT id, email FROM users WHERE clerk_user_id = $1")
                .bind(format!("user_{}", round * 37 % USERS))
                .fetch_one(&mut connection)
                .await
                .unwrap();
        drop(row);
    }
    print_part("SQLite: finding a user by Clerk id, two columns", started, rounds);
    for together in [1, 16] {
        let ids: Vec<_> = (0..USERS).step_by(37).map(|user| format!("user_{user}")).collect();
        let started = Instant::now();
        for round in 0..rounds / together {
            let lookups: Vec<_> = (0..together)
                .map(|place| Lookup {
                    clerk_user_id: &ids[(round * together + place) % ids.len()],
                    session_id: Some("sess_sample"),
                    clerk_organization_id: None,
                    with_memberships: true,
                })
                .collect();
            let mut reader = store.read().await.unwrap();
            let found = find_standings(reader.conn(), &lookups, PRELOADED).await.unwrap();
            assert!(found.iter().all(|found| found.as_ref().unwrap().standing.user.is_some()));
        }
        let name = format!(
            "SQLite: the same with everything that decides about a session, and three memberships; \
             {together} at once"
        );
        print_part(&name, started, rounds);
    }
}

fn per_call(name: &str, mut work: impl FnMut()) {
    let rounds = 5000;
    (0..rounds / 5).for_each(|_| work());
    let started = Instant::now();
    (0..rounds).for_each(|_| work());
    print_part(name, started, rounds);
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand rounds")]
fn print_part(name: &str, started: Instant, rounds: usize) {
    println!("| {name} | {:.1} |", started.elapsed().as_secs_f64() * 1e6 / rounds as f64);
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes are far below 2^52")]
fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
