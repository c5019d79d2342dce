//! The process is killed at every step of a deletion, for real. Whatever the moment, afterwards either
//! nothing has happened or everything has.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use mission_control::{
    accounts::Accounts,
    clerk::{api::ClerkApi, http::ClerkHttp},
    clock::ManualClock,
};
use secrecy::SecretString;
use serde_json::json;

use crate::support::{Fault, SECRET_KEY, StandInClerk, TestDatabase, Token, both};

/// Kills per database, unless `KILLS` says otherwise.
const KILLS: u32 = 100;

/// When the process dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// A little after the request was sent.
    Soon,
    /// When Clerk has been asked and has done nothing yet.
    ClerkAsked,
    /// When Clerk has done it and has not answered.
    ClerkDone,
    /// A little after Clerk has answered.
    SoonAfterClerk,
    /// A little after a request that leaves Clerk alone.
    SoonKeeping,
}

const MOMENTS: [Moment; 5] = [
    Moment::Soon,
    Moment::ClerkAsked,
    Moment::ClerkDone,
    Moment::SoonAfterClerk,
    Moment::SoonKeeping,
];

struct Server {
    process: Child,
    url: String,
}

impl Server {
    async fn start(database: &TestDatabase, clerk: &StandInClerk) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(env!("CARGO_BIN_EXE_mission-control"))
            .arg("serve")
            .env_clear()
            .env("AUTH_MODE", "clerk")
            .env("CLERK_JWT_KEY", include_str!("../../keys/test-rsa.pub.pem"))
            .env("CLERK_SECRET_KEY", SECRET_KEY)
            .env("CLERK_API_URL", clerk.url())
            .env("DATABASE_URL", &database.url)
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, url: format!("http://127.0.0.1:{port}/graphql") };
        eventually("the server starts", async || {
            reqwest::get(server.url.replace("graphql", "healthz")).await.is_ok()
        })
        .await;
        server
    }

    fn kill(&mut self) {
        // SIGKILL: no handler runs, nothing is flushed.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}: not within 30 seconds");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn send(url: &str, token: &str, query: &str) -> Result<serde_json::Value, reqwest::Error> {
    let request = reqwest::Client::new().post(url).bearer_auth(token);
    request.json(&json!({ "query": query })).send().await?.json().await
}

async fn kill_once(database: &TestDatabase, clerk: &StandInClerk, number: u32) {
    let moment = MOMENTS[(number as usize) % MOMENTS.len()];
    // Different for each kill, the same in each run: microseconds from 0 to about 6,000.
    let delay = Duration::from_micros(u64::from(number.wrapping_mul(2_654_435_761) % 6_000));
    let user = format!("user_{number}");
    clerk.add_user(&user, Some("someone@example.com"), Some("Sample"));
    let mut server = Server::start(database, clerk).await;
    let token = Token::complete(&user, Utc::now()).sign();
    let created = send(&server.url, &token, "mutation { bootstrap { created } }").await.unwrap();
    assert_eq!(created["data"]["bootstrap"]["created"], true, "{created}");
    clerk.on_delete(match moment {
        Moment::ClerkAsked => Some(Fault::Silence),
        Moment::ClerkDone => Some(Fault::SilenceAfterwards),
        _ => None,
    });
    let asked_before = clerk.deletes();
    let mutation = match moment {
        Moment::SoonKeeping => {
            "mutation { deleteUser(input: { deleteFromClerk: false }) { deletedUserId } }"
        }
        _ => "mutation { deleteUser { deletedUserId } }",
    };
    let url = server.url.clone();
    let request = tokio::spawn(async move { send(&url, &token, mutation).await });
    match moment {
        Moment::Soon | Moment::SoonKeeping => tokio::time::sleep(delay).await,
        Moment::ClerkAsked => {
            eventually("Clerk is asked", async || clerk.deletes() > asked_before).await;
        }
        Moment::ClerkDone => {
            eventually("Clerk deletes", async || !clerk.has_user(&user)).await;
        }
        Moment::SoonAfterClerk => {
            eventually("Clerk deletes", async || !clerk.has_user(&user)).await;
            tokio::time::sleep(delay).await;
        }
    }
    server.kill();
    drop(request.await);
    clerk.on_delete(None);
    finish_elsewhere(database, clerk).await;
    assert_clean(database, clerk, &user, moment).await;
}

/// What another instance does a minute later.
async fn finish_elsewhere(database: &TestDatabase, clerk: &StandInClerk) {
    let base = format!("{}/v1", clerk.url()).parse().unwrap();
    let http = ClerkHttp::new(base, Some(&SecretString::from(SECRET_KEY))).unwrap();
    let clock = Arc::new(ManualClock::new(Utc::now() + TimeDelta::seconds(61)));
    let leeway = TimeDelta::seconds(10);
    let clerk = Some(ClerkApi::new(http));
    let accounts = Accounts::new(database.store.clone(), clock, clerk, leeway, Arc::default());
    accounts.finish_deletions().await.unwrap();
}

async fn assert_clean(database: &TestDatabase, clerk: &StandInClerk, user: &str, moment: Moment) {
    let count =
        async |sql: &str| database.number(&sql.replace("$user", &format!("'{user}'"))).await;
    let users = count("SELECT COUNT(*) FROM users WHERE clerk_user_id = $user").await;
    let marked = "SELECT COUNT(*) FROM users WHERE deletion_marked_at IS NOT NULL";
    assert_eq!(count(marked).await, 0, "{user} {moment:?}: a mark is left");
    let tombstones = count("SELECT COUNT(*) FROM tombstones WHERE clerk_id = $user").await;
    assert_eq!(
        users + tombstones,
        1,
        "{user} {moment:?}: a row or a tombstone, not both, not none"
    );
    let organizations = database.count("organizations").await;
    let memberships = database.count("organization_members").await;
    let all_users = database.count("users").await;
    assert_eq!((organizations, memberships), (all_users, all_users), "{user} {moment:?}");
    let was_kept = matches!(moment, Moment::SoonKeeping);
    let is_expected_at_clerk = users == 1 || was_kept;
    assert_eq!(clerk.has_user(user), is_expected_at_clerk, "{user} {moment:?}: in step with Clerk");
}

both! {
    async fn a_killed_deletion_is_never_half_done(database) {
        let clerk = StandInClerk::start().await;
        let kills = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
        for number in 0..kills {
            kill_once(&database, &clerk, number).await;
        }
        assert!(database.count("tombstones").await > 0, "some deletions got through");
    }
}
