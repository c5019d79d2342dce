//! The binary as an operator meets it: exit codes, what is printed where, which settings are read, and
//! how it stops.

use std::{
    io::Read,
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mission_control::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Fault, StandInClerk, TestDatabase, Token};

/// Longer than anything here takes, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET_KEY: &str = "sk_test_0123456789abcdefghij";
const LOCAL_TOKEN: &str = "b7Qd2mVx9Lk4Rz8Tn1Wc6Yp3Hs5Jf0GaEuOiKvNxMwQyZtRb-local";
const LOCAL: [(&str, &str); 3] =
    [("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", LOCAL_TOKEN), ("PORT", "0")];

/// A running process, what it has printed so far, and its end with this value.
struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

/// A process that has ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Process {
    /// Starts the binary in a directory with exactly these variables.
    fn start(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mission-control"))
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Arc::<Mutex<String>>::default();
        let stderr = Arc::<Mutex<String>>::default();
        let readers = vec![
            collect(child.stdout.take().unwrap(), stdout.clone()),
            collect(child.stderr.take().unwrap(), stderr.clone()),
        ];
        Self { child, readers, stdout, stderr }
    }

    fn output(&self) -> String {
        format!("{}{}", self.stdout.lock().unwrap(), self.stderr.lock().unwrap())
    }

    /// Waits for something that it prints.
    async fn wait_for<T>(&mut self, what: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = what(&self.output()) {
                return found;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "ended: {}", self.output());
            assert!(started.elapsed() < PATIENCE, "{}", self.output());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where it listens, once it does.
    async fn address(&mut self) -> String {
        self.wait_for(|output| {
            let line = output.lines().find(|line| line.contains("\"message\":\"serving\""))?;
            let line: Value = serde_json::from_str(line).ok()?;
            Some(format!("http://{}", line["address"].as_str()?))
        })
        .await
    }

    /// Asks it to stop.
    fn terminate(&self) {
        let killed = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }

    /// Waits for its end.
    async fn end(mut self) -> Ended {
        let started = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "still running: {}", self.output());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let stdout = self.stdout.lock().unwrap().clone();
        let stderr = self.stderr.lock().unwrap().clone();
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    })
}

async fn run(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    Process::start(directory, arguments, variables).end().await
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A port nobody listens on, for commands that will not take just any.
fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Posts a query, and answers status and body.
async fn query(address: &str, token: Option<&str>, query: &str) -> (u16, Value) {
    let request = client()
        .post(format!("{address}/graphql"))
        .header("accept", "application/graphql-response+json")
        .json(&json!({ "query": query }));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

mod faults {
    use super::*;

    #[tokio::test]
    async fn all_are_named_at_once_with_reason_and_fix() {
        let directory = directory();
        let variables = [
            ("AUTH_MODE", "clerk"),
            ("CLERK_SECRET_KEY", "sk_live_..."),
            ("CLERK_PUBLISHABLE_KEY", "pk_test_hidden-publishable"),
            ("CLERK_API_URL", "ftp://api.clerk.com"),
            ("CLERK_LEEWAY", "301"),
            ("CLERK_VERIFY_IAT", "perhaps"),
            ("CLERK_JWT_KEY", "-----BEGIN PRIVATE KEY-----hidden-key"),
            ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_hidden!secret"),
            ("DATABASE_URL", "mysql://user:hidden-password@host/database"),
            ("HOST", "example.com"),
            ("PORT", "65536"),
            ("CORS_ORIGINS", "*, https://a.example/"),
            ("MAX_DEPTH", "deep"),
            ("LOG_LEVEL", "loud"),
        ];
        for arguments in [&["serve"][..], &[]] {
            let ended = run(directory.path(), arguments, &variables).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
            let lines: Vec<_> = ended.stderr.lines().collect();
            assert_eq!(lines[0], format!("{} faults in the settings:", lines.len() / 2));
            assert_eq!(lines.len() / 2, variables.len(), "each once, origins twice, the mode not");
            for (name, _) in &variables[1..] {
                let at = lines.iter().position(|line| line.starts_with(&format!("{name}: ")));
                let at = at.unwrap_or_else(|| panic!("{name}: {}", ended.stderr));
                assert!(lines[at].contains("(from the environment)"), "{}", lines[at]);
                assert!(lines[at + 1].starts_with("    fix: "), "{}", lines[at + 1]);
            }
            assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
        }
        assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
    }

    #[tokio::test]
    async fn without_any_setting_the_first_step_is_explained() {
        let directory = directory();
        let ended = run(directory.path(), &["serve"], &[]).await;
        assert_eq!(ended.code, Some(2));
        for hint in ["AUTH_MODE: is not set", "AUTH_MODE=clerk", "mission-control dev"] {
            assert!(ended.stderr.contains(hint), "{hint}: {}", ended.stderr);
        }
    }

    #[tokio::test]
    async fn an_unknown_command_is_a_fault_of_the_arguments() {
        let directory = directory();
        let ended = run(directory.path(), &["sreve"], &[]).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("serve"), "{}", ended.stderr);
    }

    #[tokio::test]
    async fn a_file_of_settings_is_read_by_serve_and_not_by_dev() {
        let directory = directory();
        let port = free_port();
        let text = "AUTH_MODE=both\nCLERK_SECRET_KEY=sk_live_0123456789abcdefghij\nPORT=nowhere\n";
        std::fs::write(directory.path().join(".env"), text).unwrap();
        let ended = run(directory.path(), &["serve"], &[("PORT", "0")]).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("AUTH_MODE: \"both\" is neither"), "{}", ended.stderr);
        assert!(ended.stderr.contains("(from .env)"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("PORT:"), "the environment wins: {}", ended.stderr);
        assert!(!ended.stderr.contains("0123456789abcdefghij"), "{}", ended.stderr);

        let mut dev = Process::start(directory.path(), &["dev"], &[("PORT", &port)]);
        dev.wait_for(|output| output.contains("DEVELOPMENT MODE").then_some(())).await;

        let text = "a line of another tool\nAUTH_MODE: hidden\nWELCOME=don't panic\n";
        std::fs::write(directory.path().join(".env"), text).unwrap();
        let ended = run(directory.path(), &["serve"], &[]).await;
        assert_eq!(ended.code, Some(2));
        let expected = "1 fault in the settings:\n\
            AUTH_MODE: line 2 has no = after the name (from .env)\n";
        assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }

    #[tokio::test]
    async fn dev_refuses_what_belongs_to_a_real_application_or_lets_others_in() {
        let directory = directory();
        for (name, value) in [
            ("CLERK_SECRET_KEY", "sk_live_0123456789abcdefghij"),
            ("CLERK_SECRET_KEY_FILE", "/run/secrets/hidden"),
            ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
            ("CLERK_JWT_KEY", "-----BEGIN PUBLIC KEY-----"),
            ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
            ("HOST", "0.0.0.0"),
        ] {
            let ended = run(directory.path(), &["dev"], &[(name, value), ("PORT", "1")]).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}");
            assert!(ended.stderr.contains(&format!("{name}: ")), "{name}: {}", ended.stderr);
            assert!(ended.stderr.contains("fix: "), "{name}: {}", ended.stderr);
            assert!(!ended.stderr.contains("0123456789"), "{name}: {}", ended.stderr);
        }
        assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
    }
}

mod trouble {
    use super::*;

    /// Everything on standard error but the log.
    fn complaint(ended: &Ended) -> String {
        let lines: Vec<_> = ended.stderr.lines().filter(|line| !line.starts_with('{')).collect();
        lines.join("\n")
    }

    #[tokio::test]
    async fn an_unreachable_database_is_said_in_one_line() {
        let directory = directory();
        let file = directory.path().join("file");
        std::fs::write(&file, "not a directory").unwrap();
        let under_a_file = format!("sqlite:{}", file.join("x.db").display());
        let not_a_database = format!("sqlite:{}", file.display());
        std::fs::write(&file, "not a database, but long enough to look at ".repeat(100)).unwrap();
        let nobody = format!("postgres://user:hidden-password@127.0.0.1:{}/accounts", free_port());
        for (url, shown, cause) in [
            (nobody.as_str(), "postgres://127.0.0.1:", "Connection refused"),
            (under_a_file.as_str(), under_a_file.as_str(), "File exists"),
            (not_a_database.as_str(), not_a_database.as_str(), "not a database"),
        ] {
            for arguments in [&["serve"][..], &["migrate"], &["migrate", "--status"]] {
                let variables = [&LOCAL[..], &[("DATABASE_URL", url)]].concat();
                let ended = run(directory.path(), arguments, &variables).await;
                assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
                let complaint = complaint(&ended);
                assert_eq!(complaint.lines().count(), 1, "{complaint}");
                for part in ["error: the database ", shown, cause, "DATABASE_URL"] {
                    assert!(complaint.contains(part), "{part}: {complaint}");
                }
                assert_eq!(complaint.matches(cause).count(), 1, "{complaint}");
                assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
            }
        }
    }

    /// The driver logs what it does not understand of an address; it must not get to see one.
    #[tokio::test]
    async fn no_part_of_the_address_gets_into_the_log() {
        let directory = directory();
        let port = free_port();
        for (part, code) in [
            (format!("app:12?hidden@127.0.0.1:{port}/app"), 1),
            (format!("app:12#hidden@127.0.0.1:{port}/app?connect_timeout=3"), 1),
            (format!("app:12/hidden@127.0.0.1:{port}/app"), 2),
            (format!("app:pw@127.0.0.1:{port}/app?sslpassword=hidden"), 2),
            (format!("app:pw@127.0.0.1:{port}/app?passwd=hidden"), 2),
            (format!("app:12@hidden@127.0.0.1:{port}/app"), 2),
        ] {
            let url = format!("postgres://{part}");
            let more = [("DATABASE_URL", url.as_str()), ("LOG_LEVEL", "trace")];
            let ended = run(directory.path(), &["serve"], &[&LOCAL[..], &more].concat()).await;
            assert_eq!(ended.code, Some(code), "{part}: {}", ended.stderr);
            assert!(!ended.stderr.contains("hidden"), "{part}: {}", ended.stderr);
            assert!(ended.stderr.contains("DATABASE_URL"), "{part}: {}", ended.stderr);
        }
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_setting() {
        let directory = directory();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let serve = [LOCAL[0], LOCAL[1], ("PORT", port.as_str())];
        for (arguments, variables) in [("serve", &serve[..]), ("dev", &serve[2..])] {
            let ended = run(directory.path(), &[arguments], variables).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
            let complaint = complaint(&ended);
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
            for part in ["error: ", &format!("127.0.0.1:{port}"), "PORT"] {
                assert!(complaint.contains(part), "{part}: {complaint}");
            }
        }
    }

    #[tokio::test]
    async fn a_database_that_is_behind_is_not_served_unless_it_may_be_migrated() {
        let directory = directory();
        let variables = [&LOCAL[..], &[("DB_AUTO_MIGRATE", "false")]].concat();
        let ended = run(directory.path(), &["serve"], &variables).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(complaint(&ended).contains("mission-control migrate"), "{}", ended.stderr);
        assert_eq!(run(directory.path(), &["migrate"], &[]).await.code, Some(0));
        let mut server = Process::start(directory.path(), &["serve"], &variables);
        let address = server.address().await;
        assert_eq!(query(&address, Some(LOCAL_TOKEN), "{ me { name } }").await.0, 200);
    }
}

#[tokio::test]
async fn schema_prints_what_is_committed_and_needs_nothing() {
    let directory = directory();
    let ended = run(directory.path(), &["schema"], &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, include_str!("../../schema.graphql"));
    // Not even settings that are right.
    let ended = run(directory.path(), &["schema"], &[("AUTH_MODE", "nonsense")]).await;
    assert_eq!(ended.code, Some(0));
    assert!(directory.path().read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn migrate_applies_and_lists() {
    let directory = directory();
    let status = |ended: &Ended| -> Vec<(String, String)> {
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let lines = ended.stdout.lines().map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            (words.next().unwrap(), words.next().unwrap())
        });
        lines.collect()
    };
    let before = status(&run(directory.path(), &["migrate", "--status"], &[]).await);
    assert!(!before.is_empty() && before.iter().all(|(_, state)| state == "missing"), "{before:?}");
    assert_eq!(before[0].0, "0001");
    for _ in 0..2 {
        let after = status(&run(directory.path(), &["migrate"], &[]).await);
        assert_eq!(after.len(), before.len());
        assert!(after.iter().all(|(_, state)| state == "applied"), "{after:?}");
    }
    let after = status(&run(directory.path(), &["migrate", "--status"], &[]).await);
    assert!(after.iter().all(|(_, state)| state == "applied"), "{after:?}");
    assert!(directory.path().join("data/mission-control.db").exists(), "the default");

    let database = TestDatabase::postgres().await;
    let variables = [("DATABASE_URL", database.url.as_str())];
    let listed = status(&run(directory.path(), &["migrate", "--status"], &variables).await);
    assert_eq!(listed.iter().map(|(number, _)| number).collect::<Vec<_>>(), ["0001"]);
    assert!(listed.iter().all(|(_, state)| state == "applied"), "{listed:?}");
}

mod token {
    use super::*;

    /// A token of `token`, which prints it and nothing else.
    async fn print(directory: &TempDir, port: &str, arguments: &[&str]) -> String {
        let arguments = [&["token"], arguments].concat();
        let ended = run(directory.path(), &arguments, &[("PORT", port)]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let token = ended.stdout.strip_suffix('\n').unwrap();
        assert_eq!(token.split('.').count(), 3);
        assert!(!token.contains(char::is_whitespace), "{token:?}");
        token.to_owned()
    }

    #[tokio::test]
    async fn one_line_that_verifies_in_dev_and_nowhere_else() {
        let directory = directory();
        let port = free_port();
        // The key is the same whoever makes it.
        let early = print(&directory, &port, &["--ttl", "5m"]).await;
        let mut dev = Process::start(directory.path(), &["dev"], &[("PORT", &port)]);
        dev.wait_for(|output| output.contains("DEVELOPMENT MODE").then_some(())).await;
        let address = format!("http://127.0.0.1:{port}");
        until_ready(&address).await;
        let ask = "{ me { name email activeOrganization { name } } serverInfo { authMode } }";
        for (arguments, name, email, organization) in [
            (&[][..], "Ada Lovelace", json!("ada@example.com"), "Personal"),
            (&["--user", "grace"], "Grace Hopper", json!("grace@example.com"), "Acme"),
            (&["--user", "alan"], "Alan Turing", Value::Null, "Personal"),
            (
                &["--user", "ada", "--no-email"],
                "Ada Lovelace",
                json!("ada@example.com"),
                "Personal",
            ),
        ] {
            let token = print(&directory, &port, arguments).await;
            let (status, body) = query(&address, Some(&token), ask).await;
            let me = json!({
                "name": name, "email": email, "activeOrganization": { "name": organization },
            });
            assert_eq!((status, &body["data"]["me"]), (200, &me), "{arguments:?}: {body}");
            assert_eq!(body["data"]["serverInfo"]["authMode"], "DEVELOPMENT");
        }
        assert_eq!(query(&address, Some(&early), ask).await.0, 200);
        let expired = print(&directory, &port, &["--expired"]).await;
        assert_eq!(query(&address, Some(&expired), ask).await.0, 401);

        // A server for real users, even one that is told to trust this very issuer and its keys.
        let variables = [
            ("AUTH_MODE", "clerk"),
            ("CLERK_SECRET_KEY", "sk_test_development0000000000"),
            ("CLERK_API_URL", &format!("{address}/dev/clerk")),
            ("PORT", "0"),
        ];
        let mut server = Process::start(directory.path(), &["serve"], &variables);
        let real = server.address().await;
        let (status, body) = query(&real, Some(&early), ask).await;
        assert_eq!(status, 401, "{body}");
        let with_its_key = [variables[0], ("CLERK_SECRET_KEY", "sk_test_development")];
        let ended = run(directory.path(), &["serve"], &with_its_key).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("the key of development mode"), "{}", ended.stderr);
        dev.terminate();
        let ended = dev.end().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    #[tokio::test]
    async fn faulty_arguments_print_no_token() {
        let directory = directory();
        for (arguments, code, hint) in [
            (&["token", "--user", "eve"][..], 1, "ada, grace, alan"),
            (&["token", "--ttl", "1d"], 2, "1h"),
            (&["token", "--ttl", "0"], 2, "60s"),
            (&["token", "--org", "a b"], 2, "letters"),
        ] {
            let ended = run(directory.path(), arguments, &[]).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}");
            assert!(ended.stderr.contains(hint), "{arguments:?}: {}", ended.stderr);
        }
    }
}

async fn until_ready(address: &str) {
    let started = Instant::now();
    loop {
        let answer = client().get(format!("{address}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{address} does not get ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

mod serve {
    use super::*;

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
        assert_eq!(
            (status, &body["data"]["me"]["email"]),
            (200, &json!("hidden-address@example.com"))
        );
        let forged = Token::new("user_a", now).sign_with(include_str!("../keys/other-rsa.pem"));
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
}
