//! What parts of a request cost by themselves, in this process.

use std::time::{Duration, Instant};

use mission_control::{
    config::{Environment, Settings},
    graphql::{AuthMode, Bounds, Limits, Pipeline, ServerInfo},
    store::{
        Store,
        users::{Lookup, PRELOADED, find_standings},
    },
};
use sqlx::Connection;

use crate::{QUERY, data::USERS};

/// Prints a table of them.
pub(crate) async fn measure_parts(sqlite: &str) {
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
