//! What goes wrong at the start although the settings are right.

use super::*;
use crate::{
    store::preconditions::{PgBouncer, tls_file},
    support::EmptyDatabase,
};

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

/// Who answers in the database's name must show a certificate for it from an authority that is trusted.
#[tokio::test]
async fn only_a_certificate_of_a_trusted_authority_is_the_database() {
    let database = EmptyDatabase::postgres().await;
    let behind_tls = PgBouncer::start_with_tls(&database).await;
    let address = |host: &str| behind_tls.url(&database).replace("127.0.0.1", host);
    let ours = tls_file("ours-authority.pem");
    let other = tls_file("other-authority.pem");
    for (host, parameters, trusted, reached) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={ours}"), None, true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), None, false),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ours}"), None, false),
        ("localhost", "sslmode=verify-full".to_owned(), None, false),
        ("localhost", "sslmode=verify-full".to_owned(), Some(&ours), true),
        ("localhost", "sslmode=verify-full".to_owned(), Some(&other), false),
        ("localhost", "sslrootcert=system".to_owned(), None, false),
        ("localhost", "sslrootcert=system".to_owned(), Some(&ours), true),
        // They ask nobody who he is, but they do ask for TLS.
        ("localhost", "sslmode=require".to_owned(), None, true),
        ("localhost", "sslmode=prefer".to_owned(), None, true),
        ("localhost", "sslmode=disable".to_owned(), None, false),
    ] {
        let url = format!("{}?{parameters}", address(host));
        let mut variables = vec![("DATABASE_URL", url.as_str())];
        variables.extend(trusted.map(|file| ("SSL_CERT_FILE", file.as_str())));
        let ended = run(directory().path(), &["migrate"], &variables).await;
        let case = format!("{host} {parameters} {trusted:?}: {} {}", ended.stdout, ended.stderr);
        assert_eq!(ended.code == Some(0), reached, "{case}");
        if !reached {
            let text = ended.stderr.to_lowercase();
            assert!(["certificate", "tls", "ssl"].iter().any(|word| text.contains(word)), "{case}");
        }
    }
}
