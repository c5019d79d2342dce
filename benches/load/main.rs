//! How much one request costs, in one run on one machine: the real server with 100,000 users on SQLite
//! (and on PostgreSQL, when `BENCH_POSTGRES_URL` names an empty database), against an axum server that
//! answers a constant and one that verifies a token and answers a constant.
//!
//!     cargo bench --profile dist
//!
//! Every server is a process of its own, so that its CPU time and memory can be read from the system;
//! the load comes from this process. The servers take turns, `BENCH_ROUNDS` times (3) for `BENCH_SECONDS`
//! (4) each, and the round in the middle counts. `BENCH_BEFORE` names the binary of another version, which
//! then takes its turns too.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement that cannot go on ends with a panic, and prints its result"
)]

mod data;
mod organizations;
mod parts;
mod references;
mod requests;
mod servers;

use std::{env, path::Path, sync::Arc, time::Duration};

use serde_json::json;

use self::{
    data::{Database, USERS, token},
    requests::{Measurement, measure, request},
    servers::{Server, resident_kib},
};

/// Users who send requests.
const CALLERS: usize = 2000;
const QUERY: &str = "{ me { id email name displayName memberships { nodes { id role organization { id name } } } } }";
/// The server that the others are compared with.
const VERIFIES: &str = "verify, constant";
/// This version.
const BINARY: &str = env!("CARGO_BIN_EXE_mission-control");

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.iter().position(|argument| argument == "--reference") {
        Some(at) => runtime.block_on(references::serve(&arguments[at + 1], &arguments[at + 2])),
        None => runtime.block_on(measure_all()),
    }
}

async fn measure_all() {
    let number = |name: &str, default| {
        env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let time = Duration::from_secs(number("BENCH_SECONDS", 4));
    let rounds = usize::try_from(number("BENCH_ROUNDS", 3)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    eprintln!("making {USERS} users ...");
    let databases = databases(directory.path()).await;
    let mut servers = vec![
        servers::start_reference("constant", "static").await,
        servers::start_reference(VERIFIES, "verify").await,
        servers::start_reference("async-graphql-axum, no token, no database", "stock").await,
    ];
    let idle_from = servers.len();
    for database in &databases {
        servers.push(servers::start_product(database, &[]).await);
    }
    servers.extend(servers::start_observed(&databases[0]).await);
    let idle: Vec<u64> =
        servers[idle_from..].iter().map(|server| resident_kib(server.process.id())).collect();
    let of_me = |tokens: &mut dyn Iterator<Item = String>| {
        let body = json!({ "query": QUERY }).to_string();
        Arc::new(tokens.map(|token| request(&token, &body)).collect::<Vec<_>>())
    };
    let repeated = of_me(&mut (0..CALLERS).map(|user| token(user * 37 % USERS, user)));
    for server in &servers {
        measure(server, &repeated, 16, Duration::from_secs(1)).await;
    }
    println!("| server | connections | requests/s | CPU us/request | against \"{VERIFIES}\" |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for connections in [1, 16, 64] {
        compare(&servers, &repeated, connections, rounds, time, "").await;
    }
    // Tokens that were never seen before: nothing is remembered, every signature is checked.
    eprintln!("signing fresh tokens ...");
    let fresh = of_me(&mut (0..20_000).map(|number| token(number * 37 % USERS, CALLERS + number)));
    compare(&servers[1..], &fresh, 16, 1, time.min(Duration::from_secs(2)), ", fresh tokens").await;
    // A version of before may know no invitations.
    let ours: Vec<_> = databases.iter().filter(|database| database.binary == BINARY).collect();
    organizations::measure_organizations(&ours).await;
    parts::measure_parts(&databases[0].address).await;
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

/// The databases to measure, with the binary that serves each.
async fn databases(directory: &Path) -> Vec<Database> {
    let before = env::var("BENCH_BEFORE").ok().map(|binary| ("before", binary));
    let mut databases = Vec::new();
    for (version, binary) in [Some(("product", BINARY.to_owned())), before].into_iter().flatten() {
        let file = directory.join(format!("{version}.db"));
        databases.push(
            Database::fill(
                format!("{version}, SQLite"),
                &binary,
                &format!("sqlite:{}", file.display()),
            )
            .await,
        );
        if let Ok(url) = env::var("BENCH_POSTGRES_URL") {
            let url = data::make_postgres_database(&url, &format!("bench_{version}")).await;
            databases.push(Database::fill(format!("{version}, PostgreSQL"), &binary, &url).await);
        }
    }
    databases
}

/// Lets the servers take turns, and prints the middle of each server's rounds.
async fn compare(
    servers: &[Server],
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
    rounds: usize,
    time: Duration,
    remark: &str,
) {
    let mut measured: Vec<Vec<Measurement>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (server, measured) in servers.iter().zip(&mut measured) {
            measured.push(measure(server, requests, connections, time).await);
        }
    }
    let middles: Vec<Measurement> = measured.into_iter().map(Measurement::middle).collect();
    let verifies = servers.iter().position(|server| server.name == VERIFIES).unwrap();
    for (server, middle) in servers.iter().zip(&middles) {
        println!(
            "| {}{remark} | {connections} | {:.0} | {:.1} | {:.2} |",
            server.name,
            middle.requests_per_second,
            middle.cpu_micros,
            middle.cpu_micros / middles[verifies].cpu_micros
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes are far below 2^52")]
fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
