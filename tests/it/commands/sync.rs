//! The subcommand `sync`, on both databases: what it reports, what it changes, and what does not stop it.

use super::*;
use crate::support::{
    both, membership_object, organization_object, start_with_webhooks, user_object,
};

struct Place<'a> {
    database: &'a TestDatabase,
    url: String,
    directory: TempDir,
}

impl<'a> Place<'a> {
    fn new(database: &'a TestDatabase, clerk: &StandInClerk) -> Self {
        Self { database, url: clerk.url(), directory: directory() }
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("AUTH_MODE", "clerk"),
            ("CLERK_SECRET_KEY", SECRET_KEY),
            ("CLERK_API_URL", &self.url),
            ("DATABASE_URL", &self.database.url),
            ("LOG_LEVEL", "warn"),
            ("PORT", "0"),
        ]
    }

    fn start(&self, arguments: &[&str]) -> Process {
        let arguments = [&["sync"], arguments].concat();
        Process::start(self.directory.path(), &arguments, &self.variables())
    }

    /// The report and the exit code.
    async fn sync(&self, arguments: &[&str]) -> (i32, Value) {
        let ended = self.start(&[&["--json"], arguments].concat()).end_within(3 * PATIENCE).await;
        let report = serde_json::from_str(&ended.stdout);
        let report: Value = report.unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr));
        (ended.code.unwrap(), report)
    }
}

/// How many rows of everything there are.
async fn sizes(database: &TestDatabase) -> [i64; 4] {
    let mut sizes = [0; 4];
    for (size, table) in
        sizes.iter_mut().zip(["users", "organizations", "organization_members", "tombstones"])
    {
        *size = database.count(table).await;
    }
    sizes
}

fn three_people() -> Vec<Value> {
    let user = |name: &str| {
        user_object(name, Some(&format!("{name}@x.test")), Some("Ada"), 1_000_000_000_000)
    };
    ["user_a", "user_b", "user_c"].map(user).to_vec()
}

both! {
    async fn what_differs_is_reported_and_repaired(database) {
        let app = start_with_webhooks(&database).await;
        let clerk = &app.clerk;
        let place = Place::new(&database, clerk);
        let organization = organization_object("org_a", "Acme", Some("user_a"), 1_000_000_000_000);
        let member = |id: &str, user: &str, role: &str| {
            membership_object(id, organization.clone(), user, role, 1_000_000_000_000)
        };
        let members = vec![
            member("orgmem_a", "user_a", "org:admin"),
            member("orgmem_b", "user_b", "org:member"),
        ];
        clerk.hold(three_people(), vec![organization.clone()], members.clone());

        // Nothing is changed by looking.
        let (code, report) = place.sync(&["--dry-run"]).await;
        assert_eq!((code, &report["inStep"]), (3, &json!(false)));
        for (kind, created) in [("users", 3), ("organizations", 1), ("memberships", 2)] {
            assert_eq!(report["report"][kind]["created"], created, "{kind}: {report:#}");
        }
        assert_eq!(sizes(&database).await, [0; 4]);

        let (code, report) = place.sync(&[]).await;
        assert_eq!((code, &report["report"]["users"]["created"]), (0, &json!(3)), "{report:#}");
        // Each with a personal organization.
        assert_eq!(sizes(&database).await, [3, 4, 5, 0]);
        let owner = "SELECT role FROM organization_members WHERE clerk_membership_id = 'orgmem_a'";
        assert_eq!(database.texts(owner).await, ["owner"]);
        for arguments in [&["--dry-run"][..], &[]] {
            let (code, report) = place.sync(arguments).await;
            assert_eq!((code, &report["inStep"]), (0, &json!(true)), "{report:#}");
            assert_eq!(report["report"]["differences"], json!([]));
            assert_eq!(report["report"]["users"]["seen"], 3);
        }

        // Later at Clerk.
        let mut people = three_people();
        people[0] = user_object("user_a", Some("new@x.test"), Some("Ada"), 1_100_000_000_000);
        people[1]["banned"] = true.into();
        people[1]["updated_at"] = 1_100_000_000_000_i64.into();
        people.pop();
        let renamed = organization_object("org_a", "Apex", Some("user_a"), 1_100_000_000_000);
        clerk.hold(people, vec![renamed], members[..1].to_vec());
        let expected = json!([
            { "kind": "user", "id": "user_a", "difference": "changed", "values": ["email"] },
            { "kind": "user", "id": "user_b", "difference": "changed", "values": ["banned"] },
            { "kind": "organization", "id": "org_a", "difference": "changed", "values": ["name"] },
        ]);
        let gone = |is_deleted: bool| json!([
            { "kind": "user", "id": "user_c", "isDeleted": is_deleted },
            { "kind": "membership", "id": "orgmem_b", "isDeleted": is_deleted },
        ]);
        let (code, report) = place.sync(&["--dry-run", "--max-deletions", "9"]).await;
        assert_eq!((code, &report["report"]["differences"]), (3, &expected), "{report:#}");
        assert_eq!(report["report"]["gone"], gone(false));
        assert_eq!(sizes(&database).await, [3, 4, 5, 0]);
        // One more than may be deleted: none is.
        let (code, report) = place.sync(&["--max-deletions", "1"]).await;
        assert_eq!((code, &report["report"]["gone"]), (3, &gone(false)), "{report:#}");
        assert_eq!(sizes(&database).await, [3, 4, 5, 0]);
        let email = "SELECT email FROM users WHERE clerk_user_id = 'user_a'";
        assert_eq!(database.texts(email).await, ["new@x.test"]);
        assert_eq!(app.query(Some(&app.token("user_b")), "{ me { id } }").await.status, 401);
        let (code, report) = place.sync(&["--max-deletions", "2"]).await;
        assert_eq!((code, &report["report"]["gone"]), (0, &gone(true)), "{report:#}");
        assert_eq!(sizes(&database).await, [2, 3, 3, 2]);
        // For people.
        let ended = place.start(&["--dry-run"]).end().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("in step with Clerk"), "{}", ended.stdout);
        // Half of it, and an organization that is gone with its members.
        clerk.hold(three_people()[..2].to_vec(), Vec::new(), Vec::new());
        let (code, report) = place.sync(&["--users", "--dry-run"]).await;
        assert_eq!((code, &report["report"]["organizations"]["seen"]), (0, &json!(0)), "{report:#}");
        let (code, report) = place.sync(&["--organizations", "--max-deletions", "1"]).await;
        assert_eq!((code, report["report"]["gone"][0]["id"].as_str()), (0, Some("org_a")), "{report:#}");
        assert_eq!(sizes(&database).await, [2, 2, 2, 3]);
    }
}

both! {
    async fn who_was_deleted_here_is_not_brought_back(database) {
        let app = start_with_webhooks(&database).await;
        let clerk = &app.clerk;
        let place = Place::new(&database, clerk);
        clerk.hold(three_people(), Vec::new(), Vec::new());
        assert_eq!(place.sync(&[]).await.0, 0);
        let keep = "mutation { deleteUser(input: { deleteFromClerk: false }) { deletedUserId } }";
        app.query(Some(&app.token("user_a")), keep).await.data();
        let (code, report) = place.sync(&[]).await;
        assert_eq!((code, &report["report"]["users"]["deletedHere"]), (0, &json!(1)), "{report:#}");
        assert_eq!(database.count("users").await, 2);
    }
}

both! {
    async fn a_clerk_that_refuses_or_lacks_a_part_is_told_and_deletes_nothing(database) {
        let app = start_with_webhooks(&database).await;
        let clerk = &app.clerk;
        let place = Place::new(&database, clerk);
        clerk.hold(three_people(), Vec::new(), Vec::new());
        assert_eq!(place.sync(&[]).await.0, 0);
        clerk.on_list(Some(Fault::Status(403, "organization_not_enabled_in_instance")), 1);
        let (code, report) = place.sync(&["--max-deletions", "9"]).await;
        assert_eq!((code, &report["inStep"]), (0, &json!(true)), "{report:#}");
        clerk.on_list(Some(Fault::Status(401, "clerk_key_invalid")), 0);
        let ended = place.start(&["--max-deletions", "9"]).end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains("clerk_key_invalid") && ended.stderr.contains("--resume"), "{}", ended.stderr);
        assert_eq!(database.count("users").await, 3);
        let url = ("CLERK_JWT_KEY", include_str!("../../keys/test-rsa.pub.pem"));
        let variables = [("AUTH_MODE", "clerk"), url, ("DATABASE_URL", &database.url)];
        let ended = run(place.directory.path(), &["sync"], &variables).await;
        assert!(ended.code == Some(1) && ended.stderr.contains("CLERK_SECRET_KEY is not set"), "{}", ended.stderr);
    }
}

/// How many people there are.
const MANY: usize = 10_000;

both! {
    async fn ten_thousand_users_survive_a_kill_pauses_and_a_running_server(database) {
        let clerk = StandInClerk::start().await;
        let place = Place::new(&database, &clerk);
        let mut people: Vec<_> = (0..MANY)
            .map(|number| {
                let id = format!("user_{number:05}");
                let mut user = user_object(&id, Some(&format!("{id}@x.test")), Some("Ada"), 1_000_000_000_000);
                user["created_at"] = number.into();
                user
            })
            .collect();
        clerk.hold(people.clone(), Vec::new(), Vec::new());
        let mut server = Process::start(place.directory.path(), &["serve"], &{
            let mut variables = place.variables();
            variables.retain(|(name, _)| *name != "LOG_LEVEL");
            variables
        });
        let address = server.address().await;
        until_ready(&address).await;
        // Requests all the time, each of which has to be answered.
        let requests = tokio::spawn(async move {
            let mut answered = 0_usize;
            loop {
                let token = Token::complete(&format!("user_{:05}", answered * 37 % MANY), SystemClock.now());
                let (status, body) = query(&address, Some(&token.sign()), "{ me { email } }").await;
                assert_eq!(status, 200, "{body}");
                answered += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
                if answered == usize::MAX {
                    break;
                }
            }
        });
        let started = Instant::now();
        clerk.on_list(Some(Fault::RetryAfter(429, 1)), 29);
        let mut killed = place.start(&[]);
        while clerk.lists().len() < 50 {
            assert!(started.elapsed() < PATIENCE * 3, "{:?}", clerk.lists().len());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        killed.child.kill().unwrap();
        assert_eq!(killed.end().await.code, None);
        let before = clerk.lists();
        let (code, report) = place.sync(&["--resume"]).await;
        assert!(!requests.is_finished(), "{:?}", requests.await);
        requests.abort();
        assert_eq!((code, &report["inStep"]), (0, &json!(true)), "{report:#}");
        assert_eq!(database.count("users").await, MANY as i64);
        assert_eq!(database.count("organizations").await, MANY as i64);
        assert_eq!(database.count("sync_positions").await, 0);

        // It went on with the page at which it was killed.
        let offset = |list: &str| list.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
        let lists = clerk.lists();
        let (last, resumed) = (&before.last().unwrap().0, &lists[before.len()].0);
        assert!(offset(last) > 3000 && (offset(last).saturating_sub(90)..=offset(last)).contains(&offset(resumed)), "{last}, {resumed}");
        // It waited when it was told to.
        let mut pauses = 0;
        for (number, pair) in lists.windows(2).enumerate() {
            if (number + 1).is_multiple_of(30) {
                assert_eq!(pair[0].0, pair[1].0, "the same page");
                assert!(pair[1].1 - pair[0].1 >= Duration::from_secs(1));
                pauses += 1;
            }
        }
        assert!(pauses >= 3, "{pauses}");
        clerk.on_list(None, 0);
        // Nothing is read twice that was deleted or added while it was read.
        people.remove(5);
        clerk.hold(people, Vec::new(), Vec::new());
        let (code, report) = place.sync(&["--dry-run"]).await;
        assert_eq!((code, &report["report"]["gone"]), (3, &json!([{ "kind": "user", "id": "user_00005", "isDeleted": false }])));
        server.terminate();
    }
}
