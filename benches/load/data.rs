//! Databases with users in them, and session tokens of those users.

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use mission_control::clock::{Clock, SystemClock};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};

const PRIVATE_KEY: &str = include_str!("../../tests/keys/test-rsa.pem");
pub(crate) const PUBLIC_KEY: &str = include_str!("../../tests/keys/test-rsa.pub.pem");
pub(crate) const USERS: usize = 100_000;
/// Organizations that a user shares with others: each has this share of the users twice.
const TEAMS: usize = 1000;

/// A filled database.
pub(crate) struct Database {
    /// What its lines in the tables are called.
    pub(crate) name: String,
    /// The program that serves it.
    pub(crate) binary: String,
    pub(crate) address: String,
}

impl Database {
    /// Lets the binary make its tables in an empty database, and fills them.
    pub(crate) async fn fill(name: String, binary: &str, address: &str) -> Self {
        let mut migrate = Command::new(binary);
        migrate.arg("migrate").env_clear().env("DATABASE_URL", address);
        let output = migrate.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if address.starts_with("postgres") {
            let mut connection = sqlx::PgConnection::connect(address).await.unwrap();
            for statement in fixture(true) {
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            }
            sqlx::query("ANALYZE").execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::SqliteConnection::connect(address).await.unwrap();
            sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
            for statement in fixture(false) {
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            }
            sqlx::query("COMMIT").execute(&mut connection).await.unwrap();
        }
        Self { name, binary: binary.to_owned(), address: address.to_owned() }
    }
}

/// Makes a database beside the one at the address, and answers its address.
pub(crate) async fn make_postgres_database(beside: &str, name: &str) -> String {
    let mut connection = sqlx::PgConnection::connect(beside).await.unwrap();
    let statement = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    let mut address = url::Url::parse(beside).unwrap();
    address.set_path(name);
    address.to_string()
}

/// Users with three memberships each: a personal organization and two shared ones.
fn fixture(is_postgres: bool) -> Vec<String> {
    let last = USERS - 1;
    let (series, time) = if is_postgres {
        (
            format!("SELECT n FROM generate_series(0, {last}) AS s(n)"),
            "TIMESTAMPTZ '2026-01-01T00:00:00Z'",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) \
                 SELECT n FROM s"
            ),
            "'2026-01-01T00:00:00+00:00'",
        )
    };
    let id = |kind: u32, number: &str| {
        if is_postgres {
            format!(
                "(lpad(to_hex({kind}), 8, '0') || '-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"
            )
        } else {
            format!("printf('%08x-0000-7000-8000-%012x', {kind}, {number})")
        }
    };
    let mut statements = vec![
        format!(
            "INSERT INTO users (id, clerk_user_id, email, email_verified, name, email_as_of, created_at, updated_at) \
             SELECT {}, 'user_' || n, 'user' || n || '@example.com', TRUE, 'Sample Person', {time}, {time}, {time} \
             FROM ({series}) AS t",
            id(1, "n")
        ),
        format!(
            "INSERT INTO organizations (id, personal_user_id, name, created_at, updated_at) \
             SELECT {}, {}, 'Personal', {time}, {time} FROM ({series}) AS t",
            id(2, "n"),
            id(1, "n")
        ),
        format!(
            "INSERT INTO organizations (id, name, created_at, updated_at) \
             SELECT {}, 'Team ' || n, {time}, {time} FROM ({series}) AS t WHERE n < {TEAMS}",
            id(3, "n")
        ),
    ];
    for (kind, organization, role) in [
        (4, id(2, "n"), "owner"),
        (5, id(3, &format!("n % {TEAMS}")), "member"),
        (6, id(3, &format!("(n + 7) % {TEAMS}")), "admin"),
    ] {
        statements.push(format!(
            "INSERT INTO organization_members (id, organization_id, user_id, role, created_at, updated_at) \
             SELECT {}, {organization}, {}, '{role}', {time}, {time} FROM ({series}) AS t",
            id(kind, "n"),
            id(1, "n")
        ));
    }
    statements
}

/// The id that the fixture gives to a team.
pub(crate) fn team(number: usize) -> String {
    format!("00000003-0000-7000-8000-{:012x}", number % TEAMS)
}

/// The address of a user.
pub(crate) fn email(user: usize) -> String {
    format!("user{user}@example.com")
}

/// A session token, as Clerk makes them.
pub(crate) fn token(user: usize, number: usize) -> String {
    let now = SystemClock.now().timestamp();
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header =
        json!({ "alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "ins_bench", "typ": "JWT" });
    let claims = json!({
        "exp": now + 3600, "iat": now, "nbf": now - 10, "iss": "https://clerk.example.com",
        "jti": format!("{number:016x}"), "sid": format!("sess_{user}"), "sts": "active",
        "sub": format!("user_{user}"), "v": 2, "fva": [0, -1],
        "email": email(user), "email_verified": true, "name": "Sample Person",
    });
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = EncodingKey::from_rsa_pem(PRIVATE_KEY.as_bytes()).unwrap();
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::RS256).unwrap();
    format!("{message}.{signature}")
}
