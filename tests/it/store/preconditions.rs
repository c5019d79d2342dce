//! What is asked of a PostgreSQL server before it is used, and poolers in front of one.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use mission_control::store::{Store, StoreError};

use crate::support::{EmptyDatabase, TestApp, administer, parse};

async fn refusal(database: &EmptyDatabase) -> String {
    match Store::connect(&parse(&database.url)).await.err() {
        Some(error @ StoreError::Unsuitable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused_with_the_fix() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = EmptyDatabase::postgres().await;
        let name = database.name();
        administer(&format!("DROP DATABASE {name}")).await;
        let create =
            format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'");
        administer(&create).await;
        let text = refusal(&database).await;
        assert!(text.contains(encoding) && text.contains("--encoding=UTF8"), "{text}");
    }
}

#[tokio::test]
async fn an_engine_whose_advisory_locks_do_nothing_is_refused() {
    let database = EmptyDatabase::postgres().await;
    database
        .execute(
            "CREATE SCHEMA compatible; \
             CREATE FUNCTION compatible.pg_try_advisory_xact_lock(bigint) RETURNS boolean \
                 LANGUAGE sql AS 'SELECT true'",
        )
        .await;
    // Before the built-in one.
    let name = database.name();
    administer(&format!("ALTER DATABASE {name} SET search_path = compatible, pg_catalog, public"))
        .await;
    let text = refusal(&database).await;
    assert!(text.contains("advisory lock") && text.contains("could come back"), "{text}");
    administer(&format!("ALTER DATABASE {name} RESET search_path")).await;
    assert!(Store::connect(&parse(&database.url)).await.is_ok());
}

/// A file of `tests/keys/tls`: a certificate for `localhost`, its key, and the authority that signed it; beside them
/// another authority. They are valid for a hundred years, and worthless.
pub fn tls_file(name: &str) -> String {
    format!("{}/tests/keys/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A PgBouncer of this machine in transaction mode.
pub struct PgBouncer {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl PgBouncer {
    pub async fn start(database: &EmptyDatabase, connections: u32) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), database, connections, "").await
    }

    /// One that talks to nobody without TLS, with the certificate for `localhost` of `tests/keys/tls`.
    pub async fn start_with_tls(database: &EmptyDatabase) -> Self {
        // It runs as somebody who may not be allowed into the folder of the sources.
        let directory = tempfile::tempdir().unwrap();
        for name in ["server.pem", "server.key.pem"] {
            std::fs::copy(tls_file(name), directory.path().join(name)).unwrap();
        }
        let copies = directory.path().display();
        let settings = format!(
            "client_tls_sslmode = require\nclient_tls_key_file = {copies}/server.key.pem\n\
             client_tls_cert_file = {copies}/server.pem\n"
        );
        Self::start_in(directory, database, 4, &settings).await
    }

    async fn start_in(
        directory: tempfile::TempDir,
        database: &EmptyDatabase,
        connections: u32,
        more: &str,
    ) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = url::Url::parse(&database.url).unwrap().port().unwrap();
        // An option that older versions do not know would stop them, so the newer ones keep their default:
        // a pool that tracks prepared statements. What is proved holds for either.
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=tests\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = {connections}\nmax_client_conn = 500\n{more}",
        );
        let path = directory.path().join("pgbouncer.ini");
        std::fs::write(&path, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        command.arg("-q").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        // It refuses to run as root.
        if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0 {
            std::os::unix::fs::chown(directory.path(), Some(65_534), Some(65_534)).unwrap();
            command.uid(65_534).gid(65_534);
        }
        let process = command
            .spawn()
            .expect("PgBouncer is missing; tests/postgres installs it (apt-get install pgbouncer)");
        let pooler = Self { process, port, _directory: directory };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "PgBouncer does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        pooler
    }

    pub fn url(&self, database: &EmptyDatabase) -> String {
        let mut url = url::Url::parse(&database.url).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_behind_a_pooler_in_transaction_mode() {
    let database = EmptyDatabase::postgres().await;
    let pooler = PgBouncer::start(&database, 4).await;
    let url = pooler.url(&database);
    // Two instances, whose connections outnumber those of the pooler.
    let mut instances = Vec::new();
    for _ in 0..2 {
        let store = Store::connect(&parse(&url)).await.unwrap();
        store.migrate().await.unwrap();
        assert!(store.is_current().await.unwrap());
        instances.push(Arc::new(TestApp::on(store, &[]).await));
    }
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..600_usize {
        let app = instances[number % 2].clone();
        requests.spawn(async move {
            let token = app.token(&format!("user_{}", number % 40));
            let query = match number % 3 {
                0 => "{ me { id memberships { nodes { role } } } }".to_owned(),
                1 => "{ me { id email } }".to_owned(),
                _ => format!(
                    "mutation {{ updateProfile(input: {{ notes: \"{number}\" }}) {{ userErrors {{ message }} }} }}"
                ),
            };
            let answer = app.query(Some(&token), &query).await;
            (answer.status.as_u16(), answer.text)
        });
    }
    while let Some(answer) = requests.join_next().await {
        let (status, text) = answer.unwrap();
        assert!(status == 200 && !text.contains("\"errors\""), "{status} {text}");
    }
    assert_eq!(database.count("users").await, 40);
    assert_eq!(database.count("organizations").await, 40);
}
