//! Order does not matter: whatever permutation and duplication of the same events, with first requests
//! and mutations in between, ends in the same rows. Names aside: there the first one wins by design.
//!
//! What people do in local organizations meanwhile and at the same time does not change what comes of the events, and
//! leaves local organizations in order ([`teams`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::http::StatusCode;
use chrono::TimeDelta;
use mission_control::{
    accounts::{Accounts, SyncOptions, SyncScope},
    clerk::{api::ClerkApi, http::ClerkHttp},
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::teams::{self, Actor, Deed, Team};
use crate::support::{
    SECRET_KEY, StandInClerk, TestApp, TestDatabase, Token, WEBHOOK_SECRET, deliver, event,
    membership_object, noon, organization_object, user_object,
};

/// Histories per database, unless `HISTORIES` says otherwise; `HISTORIES_SEED` chooses which.
const HISTORIES: u32 = 2000;
/// Histories with a `sync` in between, per database.
const SYNCHRONISED: u32 = 200;
const USERS: usize = 2;
const ORGANIZATIONS: usize = 2;
const CLEAR: &str = "DELETE FROM users; DELETE FROM organizations; DELETE FROM tombstones; \
    DELETE FROM revoked_sessions; DELETE FROM webhook_messages";

/// Something that happens at Clerk. What is impossible there at that moment does not happen.
#[derive(Debug, Clone)]
enum Action {
    SaveUser { user: usize, email: Option<u8>, banned: bool },
    DeleteUser { user: usize },
    SaveOrganization { organization: usize, by: usize, name: u8 },
    DeleteOrganization { organization: usize },
    Join { user: usize, organization: usize, role: bool },
    Leave { user: usize, organization: usize },
    EndSession { user: usize },
}

/// Something that reaches this server.
#[derive(Debug, Clone)]
enum Step {
    Event { message: usize, kind: &'static str, data: Value },
    FirstRequest { user: usize },
    Mutation { user: usize },
    Deed { actor: Actor, deed: Deed },
}

fn action() -> impl Strategy<Value = Action> {
    let user = 0..USERS;
    let organization = 0..ORGANIZATIONS;
    prop_oneof![
        4 => (user.clone(), proptest::option::of(0..3u8), any::<bool>())
            .prop_map(|(user, email, banned)| Action::SaveUser { user, email, banned }),
        1 => user.clone().prop_map(|user| Action::DeleteUser { user }),
        2 => (organization.clone(), user.clone(), 0..3u8).prop_map(|(organization, by, name)| {
            Action::SaveOrganization { organization, by, name }
        }),
        1 => organization.clone().prop_map(|organization| Action::DeleteOrganization { organization }),
        4 => (user.clone(), organization.clone(), any::<bool>())
            .prop_map(|(user, organization, role)| Action::Join { user, organization, role }),
        2 => (user.clone(), organization).prop_map(|(user, organization)| {
            Action::Leave { user, organization }
        }),
        1 => user.prop_map(|user| Action::EndSession { user }),
    ]
}

/// What Clerk would send about these actions, each with the time of the change.
#[derive(Default)]
struct Clerk {
    time: i64,
    users: [Option<bool>; USERS],
    organizations: [Option<(usize, u8)>; ORGANIZATIONS],
    gone_organizations: [bool; ORGANIZATIONS],
    members: [[Option<(usize, bool)>; USERS]; ORGANIZATIONS],
    memberships: usize,
    steps: Vec<Step>,
    /// What the Backend API says about each user and membership that there is.
    objects: BTreeMap<String, Value>,
}

impl Clerk {
    /// Everything there is: users, organizations and memberships.
    fn everything(&self) -> [Vec<Value>; 3] {
        let of = |prefix: &str| -> Vec<Value> {
            let objects = self.objects.iter().filter(|(id, _)| id.starts_with(prefix));
            objects.map(|(_, object)| object.clone()).collect()
        };
        let is_there = |number: &usize| self.organizations[*number].is_some();
        let organizations = (0..ORGANIZATIONS).filter(is_there);
        let organizations: Vec<_> = organizations.map(|number| self.organization(number)).collect();
        let mut memberships = of("orgmem_");
        memberships.retain(|membership| {
            organizations.iter().any(|known| known["id"] == membership["organization"]["id"])
        });
        [of("user_"), organizations, memberships]
    }

    fn send(&mut self, kind: &'static str, data: Value) {
        let id = data["id"].as_str().unwrap().to_owned();
        match kind.split_once('.').unwrap() {
            ("user" | "organizationMembership", "deleted") => drop(self.objects.remove(&id)),
            ("user" | "organizationMembership", _) => drop(self.objects.insert(id, data.clone())),
            _ => {}
        }
        let message = self.steps.len();
        self.steps.push(Step::Event { message, kind, data });
    }

    fn organization(&self, organization: usize) -> Value {
        let (by, name) = self.organizations[organization].unwrap();
        let name = format!("Name {name}");
        organization_object(
            &format!("org_{organization}"),
            &name,
            Some(&format!("user_{by}")),
            self.time,
        )
    }

    fn membership(&self, user: usize, organization: usize, number: usize, is_admin: bool) -> Value {
        let role = if is_admin { "org:admin" } else { "org:member" };
        let organization = self.organization(organization);
        let id = format!("orgmem_{number}");
        membership_object(&id, organization, &format!("user_{user}"), role, self.time)
    }

    fn remove_member(&mut self, user: usize, organization: usize) {
        if let Some((number, is_admin)) = self.members[organization][user].take() {
            let data = self.membership(user, organization, number, is_admin);
            self.send("organizationMembership.deleted", data);
        }
    }

    fn act(&mut self, action: &Action) {
        self.time += 1000;
        match *action {
            Action::SaveUser { user, email, banned } => {
                // `Some(false)`: deleted; ids are not used again.
                if self.users[user] == Some(false) {
                    return;
                }
                let kind = if self.users[user].is_none() { "user.created" } else { "user.updated" };
                self.users[user] = Some(true);
                let email = email.map(|email| format!("{email}@x.test"));
                let id = format!("user_{user}");
                let mut data = user_object(&id, email.as_deref(), Some("Any"), self.time);
                data["banned"] = banned.into();
                self.send(kind, data);
            }
            Action::DeleteUser { user } => {
                if self.users[user] == Some(true) {
                    self.users[user] = Some(false);
                    for organization in 0..ORGANIZATIONS {
                        self.remove_member(user, organization);
                    }
                    self.send(
                        "user.deleted",
                        json!({ "id": format!("user_{user}"), "deleted": true }),
                    );
                }
            }
            Action::SaveOrganization { organization, by, name } => {
                if self.gone_organizations[organization] {
                    return;
                }
                let known = self.organizations[organization];
                let kind =
                    if known.is_none() { "organization.created" } else { "organization.updated" };
                let by = known.map_or(by, |(by, _)| by);
                self.organizations[organization] = Some((by, name));
                let data = self.organization(organization);
                self.send(kind, data);
            }
            Action::DeleteOrganization { organization } => {
                if self.organizations[organization].is_some() {
                    self.members[organization] = [None; USERS];
                    self.organizations[organization] = None;
                    self.gone_organizations[organization] = true;
                    let id = format!("org_{organization}");
                    self.send("organization.deleted", json!({ "id": id, "deleted": true }));
                }
            }
            Action::Join { user, organization, role } => {
                if self.users[user] == Some(false) || self.organizations[organization].is_none() {
                    return;
                }
                let kind = match &mut self.members[organization][user] {
                    Some((_, known)) => {
                        *known = role;
                        "organizationMembership.updated"
                    }
                    none => {
                        *none = Some((self.memberships, role));
                        self.memberships += 1;
                        "organizationMembership.created"
                    }
                };
                let (number, role) = self.members[organization][user].unwrap();
                let data = self.membership(user, organization, number, role);
                self.send(kind, data);
            }
            Action::Leave { user, organization } => self.remove_member(user, organization),
            Action::EndSession { user } => {
                let data =
                    json!({ "id": format!("sess_{user}"), "user_id": format!("user_{user}") });
                self.send("session.revoked", data);
            }
        }
    }
}

/// The same steps in the order in which they happened, and in another, some of them twice; for one history of
/// five also a third order with deeds among them.
fn history() -> impl Strategy<Value = (Vec<Step>, Vec<Step>, Option<Vec<Step>>)> {
    let actions = proptest::collection::vec(action(), 1..12);
    let requests = proptest::collection::vec((0..USERS, any::<bool>()), 0..4);
    (actions, requests)
        .prop_map(|(actions, requests)| {
            let mut clerk = Clerk::default();
            actions.iter().for_each(|action| clerk.act(action));
            let mut steps = clerk.steps;
            for (index, (user, is_mutation)) in requests.into_iter().enumerate() {
                let step =
                    if is_mutation { Step::Mutation { user } } else { Step::FirstRequest { user } };
                steps.insert((index * 3).min(steps.len()), step);
            }
            steps
        })
        .prop_flat_map(|steps| {
            let again = proptest::sample::subsequence(steps.clone(), 0..=steps.len());
            (Just(steps), again)
        })
        .prop_flat_map(|(steps, again)| {
            let all: Vec<Step> = steps.iter().cloned().chain(again).collect();
            let deed = (teams::actor(), teams::deed());
            let deed = deed.prop_map(|(actor, deed)| Step::Deed { actor, deed });
            let deeds = proptest::collection::vec(deed, 0..32).prop_map(|mut deeds| {
                // So that there is something to do them to.
                deeds.insert(0, Step::Deed { actor: Actor::Other(0), deed: Deed::Found });
                deeds
            });
            let mixed = (Just(all.clone()), deeds).prop_map(|(events, deeds)| mix(events, deeds));
            let mixed = proptest::option::weighted(0.2, mixed);
            (Just(steps), Just(all).prop_shuffle(), mixed)
        })
}

/// Spreads deeds evenly among events, both in their order.
fn mix(events: Vec<Step>, deeds: Vec<Step>) -> Vec<Step> {
    let (all, some) = (events.len().max(1), deeds.len());
    let mut deeds = deeds.into_iter();
    let mut mixed = Vec::new();
    for (number, event) in events.into_iter().enumerate() {
        mixed.push(event);
        mixed.extend(deeds.by_ref().take((number + 1) * some / all - number * some / all));
    }
    mixed.extend(deeds);
    mixed
}

/// Gives a history's ids a name of its own, so that all of them can share a database.
fn named(value: &Value, name: &str) -> Value {
    let prefixes = ["user_", "org_", "orgmem_", "sess_"];
    match value {
        Value::String(text) => prefixes
            .iter()
            .find_map(|prefix| Some(format!("{prefix}{name}_{}", text.strip_prefix(prefix)?)))
            .map_or_else(|| value.clone(), Value::String),
        Value::Array(items) => items.iter().map(|item| named(item, name)).collect(),
        Value::Object(members) => {
            let renamed = members.iter().map(|(key, value)| (key.clone(), named(value, name)));
            Value::Object(renamed.collect())
        }
        _ => value.clone(),
    }
}

/// Runs steps one after another.
async fn run(app: &TestApp, steps: &[Step], name: &str) {
    for step in steps {
        run_step(app, step, name, &Team::default()).await;
    }
}

/// Runs steps three at a time, on two instances by turns.
async fn run_together(apps: [&TestApp; 2], steps: &[Step], name: &str, team: &Team) {
    for some in steps.chunks(3) {
        let each = some.iter().zip([apps[0], apps[1], apps[0]]);
        let running = each.map(|(step, app)| run_step(app, step, name, team));
        futures_util::future::join_all(running).await;
    }
}

async fn run_step(app: &TestApp, step: &Step, name: &str, team: &Team) {
    let token = |user: usize| {
        Token::new(&format!("user_{name}_{user}"), noon())
            .claim("sid", format!("sess_{name}_{user}"))
    };
    {
        match step {
            Step::Deed { actor, deed } => {
                teams::act(app, &actor.token(name), team, deed).await;
            }
            Step::Event { message, kind, data } => {
                let message = format!("msg_{name}_{message}");
                let event = named(&event(kind, data.clone()), name);
                let answer = deliver(app, &message, &event).await;
                assert_eq!(answer.status, StatusCode::NO_CONTENT, "{event}");
            }
            Step::FirstRequest { user } => {
                app.query(Some(&token(*user)), "{ me { id } }").await;
            }
            Step::Mutation { user } => {
                let mutation =
                    "mutation { updateProfile(input: { pronouns: \"they\" }) { user { id } } }";
                app.query(Some(&token(*user)), mutation).await;
            }
        }
    }
}

/// Everything that must be the same, as lines of text without the history's name.
async fn rows(database: &TestDatabase, name: &str) -> BTreeSet<String> {
    let queries = [
        format!(
            "SELECT 'user ' || clerk_user_id || ' ' || COALESCE(email, '-') || ' ' || \
             CASE WHEN email_verified THEN 'verified' ELSE '-' END || \
             CASE WHEN banned THEN ' banned' ELSE '' END FROM users \
             WHERE clerk_user_id LIKE 'user\\_{name}\\_%' ESCAPE '\\'"
        ),
        format!(
            "SELECT 'organization ' || clerk_organization_id || ' ' || name FROM organizations \
             WHERE clerk_organization_id LIKE 'org\\_{name}\\_%' ESCAPE '\\'"
        ),
        format!(
            "SELECT 'member ' || u.clerk_user_id || ' ' || \
             COALESCE(o.clerk_organization_id, 'personal') || ' ' || m.role || ' ' || \
             COALESCE(m.clerk_membership_id, '-') FROM organization_members m \
             JOIN users u ON u.id = m.user_id JOIN organizations o ON o.id = m.organization_id \
             WHERE u.clerk_user_id LIKE 'user\\_{name}\\_%' ESCAPE '\\'"
        ),
        format!(
            "SELECT 'tombstone ' || kind || ' ' || clerk_id || \
             CASE WHEN permanent THEN ' for ever' ELSE '' END FROM tombstones \
             WHERE clerk_id LIKE '%\\_{name}\\_%' ESCAPE '\\'"
        ),
        format!(
            "SELECT 'revoked ' || session_id FROM revoked_sessions \
             WHERE session_id LIKE 'sess\\_{name}\\_%' ESCAPE '\\'"
        ),
    ];
    let texts = database.texts(&queries.join(" UNION ALL ")).await;
    texts.into_iter().map(|text| text.replace(&format!("{name}_"), "")).collect()
}

/// What is Clerk's alone to say: everything but who is in local organizations.
fn of_clerk(rows: BTreeSet<String>) -> BTreeSet<String> {
    rows.into_iter()
        .filter(|row| !(row.starts_with("member ") && row.contains(" personal ")))
        .collect()
}

/// A user of whom nothing is known but the Clerk id.
fn is_bare_user(row: &str) -> bool {
    row.starts_with("user ") && row.ends_with(" - -")
}

/// Without a secret key nothing is asked of Clerk, whose answers would be one more order.
const SETTINGS: [(&str, &str); 3] = [
    ("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET),
    ("CLERK_JWT_KEY", include_str!("../../keys/test-rsa.pub.pem")),
    ("CLERK_SECRET_KEY", ""),
];

async fn any_order_ends_the_same(database: TestDatabase) {
    let app = TestApp::start(&database, &SETTINGS).await;
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let cases = number("HISTORIES").unwrap_or(HISTORIES);
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number("HISTORIES_SEED").unwrap_or(1).to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let second_app = app.second_instance_with(&database, &SETTINGS).await;
    let counter = AtomicU64::new(0);
    let joined = AtomicU64::new(0);
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&history(), |(happened, arrived, mixed)| {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            let names = ["a", "b", "c"].map(|letter| format!("{letter}{number}"));
            let [first, second, third] = &names;
            let (expected, found, among, fault) = runtime.block_on(async {
                if number.is_multiple_of(50) {
                    // Comparing reads whole tables, which would be longer for each history.
                    database.execute(CLEAR).await;
                }
                run(&app, &happened, first).await;
                run(&app, &arrived, second).await;
                let team = Team::default();
                let mut among = None;
                if let Some(mixed) = &mixed {
                    run_together([&app, &second_app], mixed, third, &team).await;
                    among = Some(rows(&database, third).await);
                }
                let fault = teams::fault(&database, &team).await;
                joined.fetch_add(team.joined(), Ordering::Relaxed);
                (rows(&database, first).await, rows(&database, second).await, among, fault)
            });
            prop_assert_eq!(&expected, &found);
            if let Some(among) = among {
                let mut among = of_clerk(among);
                // Somebody of whom Clerk said nothing, and who came to do something.
                among.retain(|row| expected.contains(row) || !is_bare_user(row));
                among.retain(|row| !teams::is_of_others(row));
                prop_assert_eq!(of_clerk(expected), among);
            }
            prop_assert_eq!(fault, None);
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    assert!(counter.load(Ordering::Relaxed) >= u64::from(cases));
    // Deeds that come to nothing would prove nothing.
    let joined = joined.load(Ordering::Relaxed);
    assert!(joined >= u64::from(cases) / 100, "only {joined} invitations were accepted");
}

/// What happened; what there is at Clerk in the end; what arrived; and where in that a `sync` comes.
type Synchronised = (Vec<Step>, [Vec<Value>; 3], Vec<Step>, usize);

/// A history whose users exist from its beginning, as at Clerk; what there is at its end; and its steps in
/// another order, with the place of a `sync` among them.
fn synchronised() -> impl Strategy<Value = Box<Synchronised>> {
    proptest::collection::vec(action(), 1..12)
        .prop_map(|actions| {
            let mut clerk = Clerk::default();
            for user in 0..USERS {
                clerk.act(&Action::SaveUser { user, email: Some(0), banned: false });
            }
            actions.iter().for_each(|action| clerk.act(action));
            let everything = clerk.everything();
            (clerk.steps, everything)
        })
        .prop_flat_map(|(steps, everything)| {
            let arrived = Just(steps.clone()).prop_shuffle();
            let place = 0..=steps.len();
            (Just(steps), Just(everything), arrived, place)
        })
        .prop_map(Box::new)
}

/// Wherever a `sync` comes between events that are late, the same rows are there in the end; and after all
/// of them it finds nothing.
async fn a_sync_in_between_ends_the_same(database: TestDatabase) {
    let stand_in = StandInClerk::start().await;
    let app = TestApp::start(
        &database,
        &[
            ("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET),
            ("CLERK_JWT_KEY", include_str!("../../keys/test-rsa.pub.pem")),
            ("CLERK_SECRET_KEY", ""),
        ],
    )
    .await;
    let base = format!("{}/v1", stand_in.url()).parse().unwrap();
    let http = ClerkHttp::new(base, Some(&SecretString::from(SECRET_KEY))).unwrap();
    let clerk = Some(ClerkApi::new(http));
    let (store, clock) = (database.store.clone(), app.clock.clone());
    let accounts = Accounts::new(store, clock, clerk, TimeDelta::seconds(10), Arc::default());
    let sync = async |is_dry_run| {
        let options = SyncOptions {
            is_dry_run,
            scope: SyncScope::Everything,
            resume: false,
            max_deletions: 100,
        };
        serde_json::to_value(accounts.sync(options, |_, _| {}).await.unwrap()).unwrap()
    };
    let config = Config { cases: SYNCHRONISED, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let counter = AtomicU64::new(0);
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&synchronised(), |history| {
            let (happened, everything, arrived, place) = *history;
            let number = counter.fetch_add(1, Ordering::Relaxed);
            let name = format!("s{number}");
            let (expected, found, dry) = runtime.block_on(async {
                database.execute(CLEAR).await;
                run(&app, &happened, &name).await;
                let expected = rows(&database, &name).await;
                database.execute(CLEAR).await;
                let [users, organizations, memberships] = everything
                    .map(|objects| objects.iter().map(|object| named(object, &name)).collect());
                stand_in.hold(users, organizations, memberships);
                run(&app, &arrived[..place], &name).await;
                sync(false).await;
                run(&app, &arrived[place..], &name).await;
                (expected, rows(&database, &name).await, sync(true).await)
            });
            prop_assert_eq!(expected, found);
            prop_assert_eq!(&dry["differences"], &json!([]));
            prop_assert_eq!(&dry["gone"], &json!([]));
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_sync_on_sqlite() {
    a_sync_in_between_ends_the_same(TestDatabase::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_sync_on_postgres() {
    a_sync_in_between_ends_the_same(TestDatabase::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    any_order_ends_the_same(TestDatabase::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    any_order_ends_the_same(TestDatabase::postgres().await).await;
}
