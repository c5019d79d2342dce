//! The subcommands `backup` and `restore`.

use super::*;
use sqlx::Connection;
use std::{os::unix::fs::PermissionsExt, path::PathBuf};

const WRITE: &str = "mutation Write($notes: String!) { updateProfile(input: { notes: $notes }) { user { notes } } }";

async fn write(address: &str, notes: &str) {
    let body = json!({ "query": WRITE, "variables": { "notes": notes } });
    let request = client().post(format!("{address}/graphql")).bearer_auth(LOCAL_TOKEN).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn notes(address: &str) -> Value {
    query(address, Some(LOCAL_TOKEN), "{ me { notes } }").await.1["data"]["me"]["notes"].clone()
}

async fn stopped(server: Process) {
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(server.end().await.code, Some(0));
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_copied_and_put_back() {
    let directory = directory();
    let mut server = Process::start(directory.path(), &["serve"], &LOCAL);
    let address = server.address().await;
    write(&address, "before").await;
    // While requests write.
    let writing = {
        let address = address.clone();
        tokio::spawn(async move {
            for number in 0.. {
                write(&address, &format!("while {number}")).await;
            }
        })
    };
    let ended = run(directory.path(), &["backup", "copy.db", "--json"], &[]).await;
    writing.abort();
    let _ = writing.await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["users"], 1, "{report}");
    let copy = directory.path().join("copy.db");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(report["bytes"], copy.metadata().unwrap().len());
    let ended = run(directory.path(), &["backup", "copy.db"], &[]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("is there already"), "{}", ended.stderr);
    assert_eq!(files(directory.path()), ["copy.db", "data"], "nothing half done is left");

    write(&address, "afterwards").await;
    let ended = run(directory.path(), &["restore", "copy.db"], &[]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("is newer"), "{}", ended.stderr);
    assert_eq!(notes(&address).await, "afterwards");
    stopped(server).await;
    let ended = run(directory.path(), &["restore", "copy.db"], &[]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("--force"), "{}", ended.stderr);
    let ended = run(directory.path(), &["restore", "--force", "copy.db"], &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("What was there is kept as"), "{}", ended.stdout);
    let names = files(&directory.path().join("data"));
    assert_eq!(names.len(), 2, "the new one and the kept one: {names:?}");

    let mut server = Process::start(directory.path(), &["serve"], &LOCAL);
    let address = server.address().await;
    let restored = notes(&address).await;
    let text = restored.as_str().unwrap();
    assert!(text == "before" || text.starts_with("while "), "{text}");
    // In use, though no older than the file.
    let ended = run(directory.path(), &["backup", "--force", "copy.db"], &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = run(directory.path(), &["restore", "copy.db"], &[]).await;
    assert!(
        ended.code == Some(1) && ended.stderr.contains("in use: stop the server"),
        "{}",
        ended.stderr
    );
    assert_eq!(notes(&address).await, restored);
    let ended = run(directory.path(), &["restore", "--force", "copy.db"], &[]).await;
    assert!(
        ended.code == Some(0) && ended.stdout.contains("restart the server"),
        "{}",
        ended.stderr
    );
    stopped(server).await;
    let mut server = Process::start(directory.path(), &["serve"], &LOCAL);
    let address = server.address().await;
    assert_eq!(notes(&address).await, restored);
}

#[tokio::test]
async fn a_file_that_is_of_no_use_replaces_nothing() {
    let directory = directory();
    assert_eq!(run(directory.path(), &["migrate"], &[]).await.code, Some(0));
    assert_eq!(run(directory.path(), &["backup", "copy.db"], &[]).await.code, Some(0));
    let copy = directory.path().join("copy.db");
    let whole = std::fs::read(&copy).unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    write("text.db", "not a database, but long enough to look at ".repeat(100).as_bytes());
    let mut damaged = whole.clone();
    // The pages behind the schema.
    damaged[8192..].fill(0xa5);
    write("damaged.db", &damaged);
    let other = write("other.db", b"");
    let other_url = format!("sqlite:{}", other.display());
    assert_eq!(
        run(directory.path(), &["migrate"], &[("DATABASE_URL", &other_url)]).await.code,
        Some(0)
    );
    let mut foreign = sqlx::SqliteConnection::connect(&other_url).await.unwrap();
    sqlx::raw_sql("UPDATE _sqlx_migrations SET version = 9000 WHERE version = 1")
        .execute(&mut foreign)
        .await
        .unwrap();
    foreign.close().await.unwrap();
    for (file, complaint) in [
        ("text.db", "not a database"),
        ("damaged.db", "cannot be"),
        ("other.db", "newer version"),
        ("missing.db", "there is no file missing.db"),
        ("data/mission-control.db", "is the database itself"),
    ] {
        let before = std::fs::read(directory.path().join("data/mission-control.db")).unwrap();
        let ended = run(directory.path(), &["restore", "--force", file], &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{file}");
        assert!(ended.stderr.contains(complaint), "{file}: {}", ended.stderr);
        assert_eq!(files(&directory.path().join("data")), ["mission-control.db"], "{file}");
        assert!(
            std::fs::read(directory.path().join("data/mission-control.db")).unwrap() == before,
            "{file}"
        );
    }
    // A database that is damaged itself is not backed up, and replaced only when asked to.
    write("data/mission-control.db", &damaged);
    let ended = run(directory.path(), &["backup", "of-damaged.db"], &[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(!directory.path().join("of-damaged.db").exists());
    let ended = run(directory.path(), &["restore", "copy.db"], &[]).await;
    assert!(
        ended.code == Some(1) && ended.stderr.contains("--force replaces it unseen"),
        "{}",
        ended.stderr
    );
    let ended = run(directory.path(), &["restore", "--force", "copy.db"], &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn an_empty_place_is_filled_and_postgres_is_pointed_to_its_own_tools() {
    let directory = directory();
    assert_eq!(run(directory.path(), &["migrate"], &[]).await.code, Some(0));
    assert_eq!(run(directory.path(), &["backup", "copy.db"], &[]).await.code, Some(0));
    let elsewhere = [("DATABASE_URL", "sqlite:new/place/accounts.db")];
    let ended = run(directory.path(), &["restore", "copy.db"], &elsewhere).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let place = directory.path().join("new/place/accounts.db");
    assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let ended = run(directory.path(), &["migrate", "--status"], &elsewhere).await;
    assert!(ended.stdout.contains("0001  applied"), "{}", ended.stdout);
    let postgres = [("DATABASE_URL", "postgres://user:hidden-password@127.0.0.1/accounts")];
    for (command, tool) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let ended = run(directory.path(), &[command, "copy.db"], &postgres).await;
        assert!(ended.code == Some(1) && ended.stderr.contains(tool), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }
}
