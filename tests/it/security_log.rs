//! What an operator reads in the log after an attack or a fault: who did what from where, and what became
//! of it. The real binary, read line by line.

use std::{fs, process::Stdio, time::Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpListener, time::Duration};

use crate::{
    logging::{PATIENCE, Program, TOKEN, parse},
    support::{SECRET_KEY, StandInClerk, Token, WEBHOOK_SECRET, noon},
};

const JSON: &str = "Content-Type: application/json";

/// A server whose log goes to a file.
async fn serve(settings: &[(&str, &str)]) -> (Program, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let log = fs::File::create(directory.path().join("log")).unwrap();
    (Program::serve(Stdio::null(), log.into(), settings).await, directory)
}

fn lines(directory: &TempDir) -> Vec<Value> {
    parse(&fs::read_to_string(directory.path().join("log")).unwrap())
}

/// The first line of which this is true, once it is there.
async fn line(directory: &TempDir, is_it: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        if let Some(line) = lines(directory).into_iter().find(&is_it) {
            return line;
        }
        assert!(started.elapsed() < PATIENCE, "{:?}", lines(directory));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn each_request_says_who_asked_and_what_was_refused() {
    let settings = [("RATE_LIMIT_UNAUTHENTICATED", "2"), ("MAX_DEPTH", "3")];
    let (mut program, directory) = serve(&settings).await;
    let graphql = |more: &str| format!("POST /graphql HTTP/1.1\r\n{JSON}{more}");
    let good = format!("\r\nAuthorization: Bearer {TOKEN}");
    let bad = "\r\nAuthorization: Bearer no";
    let forged = "\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors";
    let me = r#"{"query":"{ me { id } }"}"#;
    let two = r#"{"query":"mutation { a: updateProfile(input: {}) { user { id } } b: deleteUser(input: { userId: \"01a2b3c4-0000-7000-8000-000000000000\" }) { deletedUserId } }"}"#;
    let deep = r#"{"query":"{ me { memberships { nodes { organization { id } } } } }"}"#;
    for (situation, head, body, expected) in [
        ("signed in", graphql(&good), me, (200, "local-auth-user", "-", "-", "-")),
        ("anonymous", graphql(""), me, (401, "-", "-", "UNAUTHENTICATED", "-")),
        ("bad token", graphql(bad), me, (401, "-", "wrong_token", "UNAUTHENTICATED", "127.0.0.1")),
        ("not allowed", graphql(&good), two, (200, "local-auth-user", "-", "FORBIDDEN", "-")),
        ("forged", graphql(forged), me, (403, "-", "-", "FORBIDDEN", "-")),
        (
            "too deep",
            graphql(&good),
            deep,
            (200, "local-auth-user", "-", "GRAPHQL_VALIDATION_FAILED", "-"),
        ),
        ("no JSON", graphql(&good), "{", (400, "local-auth-user", "-", "BAD_REQUEST", "-")),
        (
            "over REST",
            format!("GET /api/v1/users/me HTTP/1.1{bad}"),
            "",
            (401, "-", "wrong_token", "-", "127.0.0.1"),
        ),
        ("too often", graphql(bad), me, (429, "-", "wrong_token", "RATE_LIMITED", "127.0.0.1")),
    ] {
        let head = format!("{head}\r\nX-Request-Id: {}", situation.replace(' ', "-"));
        program.ask(&head, body).await;
        let found = line(&directory, |line| {
            line["request_id"] == situation.replace(' ', "-") && line["status"].is_u64()
        })
        .await;
        let text = |name: &str| found[name].as_str().unwrap_or("-").to_owned();
        let (status, caller, refused, code, client) = expected;
        assert_eq!(found["status"], status, "{situation}: {found}");
        assert_eq!(
            [text("caller"), text("refused"), text("code"), text("client")],
            [caller, refused, code, client],
            "{situation}: {found}"
        );
    }
    program.signal("-TERM");
    program.end().await;
    // The inventory for operators explains what stands in the line of a request.
    let guide = include_str!("../../docs/operations.md");
    for line in lines(&directory) {
        let time = line["timestamp"].as_str().unwrap();
        let age = Utc::now() - DateTime::parse_from_rfc3339(time).unwrap().to_utc();
        assert!(time.ends_with('Z') && age.num_seconds().abs() < 600, "{line}");
        if line["status"].is_u64() {
            for name in line.as_object().unwrap().keys() {
                assert!(guide.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn what_the_caller_may_not_see_shows_in_the_log() {
    let clerk = StandInClerk::start().await;
    let url = clerk.url();
    let settings =
        [("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", SECRET_KEY), ("CLERK_API_URL", &url)];
    let (mut program, directory) = serve(&settings).await;
    let answer = async |situation: &str, user: &str, query: &str| -> Value {
        let token = Token::complete(user, Utc::now()).claim("email_verified", true).sign();
        let head = format!(
            "POST /graphql HTTP/1.1\r\n{JSON}\r\nAuthorization: Bearer {token}\r\nX-Request-Id: {situation}"
        );
        let answer = program.ask(&head, &json!({ "query": query }).to_string()).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    // Ada founds an organization, and Grace becomes an ordinary member of it.
    let found =
        r#"mutation { createOrganization(input: { name: "Team" }) { organization { id } } }"#;
    let team = answer("found", "user_ada", found).await;
    let team = team["data"]["createOrganization"]["organization"]["id"].as_str().unwrap();
    let invite = format!(
        r#"mutation {{ createInvitation(input: {{ organizationId: "{team}", email: "user_grace@example.com", role: MEMBER }}) {{ token }} }}"#
    );
    let invited = answer("invite", "user_ada", &invite).await;
    let token = invited["data"]["createInvitation"]["token"].as_str().unwrap();
    let accept = format!(
        r#"mutation {{ acceptInvitation(input: {{ token: "{token}" }}) {{ member {{ role }} }} }}"#
    );
    answer("accept", "user_grace", &accept).await;
    let id =
        answer("own", "user_ada", "{ me { memberships { nodes { organization { id name } } } } }")
            .await;
    let id = id["data"]["me"]["memberships"]["nodes"][0]["organization"]["id"].as_str().unwrap();
    let nothing = "01a2b3c4-0000-7000-8000-000000000000";
    let invitations =
        format!(r#"{{ organization(id: "{team}") {{ invitations {{ totalCount }} }} }}"#);
    for (situation, user, query, unseen) in [
        ("visible", "user_ada", format!(r#"{{ organization(id: "{id}") {{ id }} }}"#), 0),
        ("of-others", "user_grace", format!(r#"{{ organization(id: "{id}") {{ id }} }}"#), 1),
        ("node-of-others", "user_grace", format!(r#"{{ node(id: "{id}") {{ id }} }}"#), 1),
        ("invitations", "user_grace", invitations.clone(), 1),
        ("own-invitations", "user_ada", invitations, 0),
        ("nobodys", "user_grace", format!(r#"{{ node(id: "{nothing}") {{ id }} }}"#), 1),
        (
            "no-ids",
            "user_grace",
            r#"{ organization(id: "x") { id } node(id: "") { id } }"#.into(),
            2,
        ),
        (
            "several",
            "user_ada",
            format!(r#"{{ nodes(ids: ["{id}", "{nothing}", "x"]) {{ id }} }}"#),
            2,
        ),
    ] {
        let told = answer(situation, user, &query).await;
        assert!(told.get("errors").is_none(), "{situation}: {told}");
        let found =
            line(&directory, |line| line["request_id"] == situation && line["status"].is_u64())
                .await;
        assert_eq!(found["caller"], user, "{situation}: {found}");
        assert_eq!(found["unseen"].as_u64().unwrap_or(0), unseen, "{situation}: {found}");
        assert!(!found.to_string().contains(id) && !found.to_string().contains(nothing), "{found}");
    }
    program.signal("-TERM");
    program.end().await;
    let guide = include_str!("../../docs/operations.md");
    assert!(guide.contains("| `unseen` |"));
}

#[tokio::test]
async fn sessions_that_count_no_more_and_people_acting_for_others_show_in_the_log() {
    let clerk = StandInClerk::start().await;
    let url = clerk.url();
    let settings =
        [("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", SECRET_KEY), ("CLERK_API_URL", &url)];
    let (mut program, directory) = serve(&settings).await;
    let ada = Token::complete("user_ada", Utc::now());
    let support = json!({ "iss": "https://dashboard.clerk.com", "sub": "user_support" });
    let acting = Token::complete("user_grace", Utc::now()).claim("act", support);
    let delete = "DELETE /api/v1/users/me HTTP/1.1";
    let read = "GET /api/v1/users/me HTTP/1.1";
    for (situation, head, token, expected) in [
        ("sign-in", read, &ada, (200, "user_ada", Value::Null)),
        ("impersonated", read, &acting, (200, "user_grace", true.into())),
        ("not-while-impersonated", delete, &acting, (403, "user_grace", true.into())),
        ("deletion", delete, &ada, (200, "user_ada", Value::Null)),
        ("afterwards", read, &ada, (401, "user_ada", Value::Null)),
    ] {
        let token = token.sign();
        let head = format!("{head}\r\nAuthorization: Bearer {token}\r\nX-Request-Id: {situation}");
        program.ask(&head, "").await;
        let found =
            line(&directory, |line| line["request_id"] == situation && line["status"].is_u64())
                .await;
        let (status, caller, is_impersonated) = expected;
        assert_eq!(
            (&found["status"], &found["caller"], &found["impersonated"]),
            (&status.into(), &caller.into(), &is_impersonated),
            "{situation}: {found}"
        );
    }
    let refused = line(&directory, |line| line["message"] == "session refused").await;
    assert_eq!(
        (&refused["request_id"], &refused["caller"], &refused["reason"]),
        (&"afterwards".into(), &"user_ada".into(), &"user_deleted".into()),
        "{refused}"
    );
    program.signal("-TERM");
    program.end().await;
}

#[tokio::test]
async fn a_clerk_without_tls_and_messages_that_are_not_its_own_are_in_the_log() {
    // Something that is not Clerk, and cannot show a certificate either.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let impostor = tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"keys\":[]}").await;
        }
    });
    let settings = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", SECRET_KEY),
        ("CLERK_API_URL", &url),
        ("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET),
    ];
    let (mut program, directory) = serve(&settings).await;
    let failed =
        line(&directory, |line| line["message"] == "the key set could not be fetched from Clerk")
            .await;
    assert_eq!(failed["level"], "WARN");
    assert!(failed["reason"].as_str().unwrap().contains("corrupt message"), "{failed}");
    // And nobody gets in meanwhile.
    let token = Token::new("user_a", noon()).sign();
    let head = format!("GET /api/v1/users/me HTTP/1.1\r\nAuthorization: Bearer {token}");
    assert!(program.ask(&head, "").await.starts_with("HTTP/1.1 503"));

    let head = format!(
        "POST /api/v1/webhooks/clerk HTTP/1.1\r\n{JSON}\r\nsvix-id: msg_1\r\nsvix-timestamp: 1\r\n\
         svix-signature: v1,AAAA"
    );
    assert!(program.ask(&head, "{}").await.starts_with("HTTP/1.1 400"));
    let refused = line(&directory, |line| line["message"] == "webhook message refused").await;
    assert_eq!(
        (&refused["level"], &refused["client"], &refused["route"]),
        (&"WARN".into(), &"127.0.0.1".into(), &"/api/v1/webhooks/clerk".into()),
        "{refused}"
    );
    program.signal("-TERM");
    program.end().await;
    impostor.abort();
    for line in lines(&directory) {
        let text = line.to_string();
        assert!(!text.contains(SECRET_KEY) && !text.contains(WEBHOOK_SECRET), "{text}");
    }
}
