//! What a PostgreSQL server must be like before anything is stored in it, asked once at the start. Here
//! everything goes in one round each (the simple query protocol), because a pooler may be in between.

#![expect(clippy::disallowed_methods, reason = "constants, and a lock of a number")]

use sqlx::{Connection, PgConnection, PgPool, Row, raw_sql};

use super::{
    StoreError,
    dialect::{Reported, reported},
    timeouts::{ACQUIRE_TIMEOUT, CONNECTION_CHECK, within},
};

/// The oldest version that works, as in `server_version_num`.
const OLDEST_VERSION: i64 = 130_000;
/// How often two connections are watched for changing places.
const POOLER_ROUNDS: usize = 3;

/// What was found out about a server that fits.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    /// A connection keeps its server session from one transaction to the next only without a pooler.
    pub(super) is_pooled: bool,
    /// Whether a named statement is found again: not behind a pooler that does not track them.
    pub(super) keeps_named_statements: bool,
    /// Whether the server can notice that the client of a running statement has gone.
    pub(super) checks_connections: bool,
}

/// Refuses a server on which the guarantees about users would not hold; else answers what it is like.
/// `forbids_names`: the address says that statements are to go without names, as behind a pooler.
pub(super) async fn check(pair: &PgPool, forbids_names: bool) -> Result<Traits, StoreError> {
    let mut one = pair.acquire().await?;
    check_encoding(&text(&mut one, "SHOW server_encoding").await?)?;
    check_version(&text(&mut one, "SHOW server_version_num").await?)?;
    let mut other = pair.acquire().await?;
    check_advisory_locks(&mut one, &mut other).await?;
    let (name, value) = CONNECTION_CHECK;
    let set = format!("SELECT set_config('{name}', '{value}', true)");
    let checks_connections = text(&mut one, &set).await.is_ok();
    let pooling =
        if forbids_names { Pooling::Unnamed } else { pooling(&mut one, &mut other).await? };
    if pooling == Pooling::Unnamed {
        tracing::info!(
            "PostgreSQL is behind a pooler in transaction mode: statements go without names"
        );
    }
    // What they prepared is not to be found by those after them.
    one.close_on_drop();
    other.close_on_drop();
    Ok(Traits {
        is_pooled: pooling != Pooling::Direct,
        keeps_named_statements: pooling != Pooling::Unnamed,
        checks_connections,
    })
}

async fn text(connection: &mut PgConnection, sql: &str) -> Result<String, sqlx::Error> {
    let row = raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(connection).await?;
    row.try_get(0)
}

/// In another encoding names that it lacks could not be stored; in `SQL_ASCII` the server checks nothing,
/// counts bytes for characters, and any other program can store what is not UTF-8.
fn check_encoding(encoding: &str) -> Result<(), StoreError> {
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(unsuitable(
        format!("its encoding is {encoding}, in which not every name can be stored"),
        "make one with createdb --template=template0 --encoding=UTF8 NAME (and, if it holds data, move \
         them there with pg_dump and psql)",
    ))
}

fn check_version(number: &str) -> Result<(), StoreError> {
    match number.parse::<i64>() {
        Ok(number) if number >= OLDEST_VERSION => Ok(()),
        Ok(number) => Err(unsuitable(
            format!("the server is PostgreSQL {}", number / 10_000),
            "use PostgreSQL 13 or later",
        )),
        Err(_) => Err(unsuitable(
            "the server does not say which version of PostgreSQL it is".to_owned(),
            "use PostgreSQL 13 or later",
        )),
    }
}

/// Some compatible engines accept an advisory lock and do nothing. Creating and deleting a user would not
/// exclude each other there, and a deleted user could come back.
async fn check_advisory_locks(
    one: &mut PgConnection,
    other: &mut PgConnection,
) -> Result<(), StoreError> {
    // Of instances that start together each takes another one.
    let key = uuid::Uuid::new_v4().as_u64_pair().0.cast_signed();
    let take = format!("SELECT CAST(pg_try_advisory_xact_lock({key}) AS text)");
    let mut first = one.begin().await?;
    let outcome = match text(&mut first, &take).await {
        Ok(taken) if taken == "true" => {
            // Waits for ever behind a pooler that lends one connection to all.
            let second = within(ACQUIRE_TIMEOUT, async {
                let mut second = other.begin().await?;
                let taken = text(&mut second, &take).await;
                second.rollback().await?;
                taken
            });
            match second.await {
                Ok(taken) if taken == "true" => Err("the second is given it too".to_owned()),
                Ok(_) => Ok(()),
                Err(sqlx::Error::Io(_)) => {
                    return Err(unsuitable(
                        "it lends no second connection while the first is in use".to_owned(),
                        "let the pooler in front of it have at least two (PgBouncer: default_pool_size)",
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(_) => Err("not even the first is given it".to_owned()),
        Err(error @ sqlx::Error::Database(_)) => Err(format!("it answers: {error}")),
        Err(error) => return Err(error.into()),
    };
    first.rollback().await?;
    outcome.map_err(|found| {
        unsuitable(
            format!(
                "an advisory lock that one session takes does not keep another one out ({found}), so a \
                 deleted user could come back"
            ),
            "use PostgreSQL itself, or an engine whose advisory locks work",
        )
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pooling {
    /// Nobody between us and the session.
    Direct,
    /// A pooler that keeps named statements for its clients (PgBouncer with `max_prepared_statements`).
    Named,
    /// A pooler that does not.
    Unnamed,
}

/// Runs one named statement again and again while another connection takes a session away. Directly each
/// keeps its own session. Behind a pooler ours changes, or theirs is the one that was ours.
async fn pooling(one: &mut PgConnection, other: &mut PgConnection) -> Result<Pooling, StoreError> {
    // The same name may be left over from an earlier start, on sessions that this one has not been to.
    let mark = uuid::Uuid::new_v4().to_string();
    let mut ours = Vec::new();
    let mut is_pooled = false;
    for _ in 0..POOLER_ROUNDS {
        let Some(before) = session_by_name(one, &mark).await? else { return Ok(Pooling::Unnamed) };
        let mut taking = other.begin().await?;
        let taken = text(&mut taking, "SELECT CAST(pg_backend_pid() AS text)").await?;
        let after = session_by_name(one, &mark).await;
        taking.rollback().await?;
        let Some(after) = after? else { return Ok(Pooling::Unnamed) };
        ours.extend([before, after]);
        is_pooled |= ours.contains(&taken);
    }
    ours.sort_unstable();
    ours.dedup();
    Ok(match (is_pooled, ours.len()) {
        (false, 1) => Pooling::Direct,
        // It never had to be found on another session.
        (true, 1) => Pooling::Unnamed,
        _ => Pooling::Named,
    })
}

/// Which session answers, asked by a named statement; `None` when the name is missing or somebody else's.
/// With so many parameters it cannot be taken for the statement of another program.
async fn session_by_name(
    connection: &mut PgConnection,
    mark: &str,
) -> Result<Option<String>, StoreError> {
    let sql = format!(
        "SELECT CAST(pg_backend_pid() AS text), '{mark}' \
         WHERE $1 AND $2 AND $3 AND $4 AND $5 AND $6 AND $7"
    );
    let query = sqlx::query_as::<_, (String, String)>(sqlx::AssertSqlSafe(sql));
    let query = query.bind(true).bind(true).bind(true).bind(true).bind(true).bind(true).bind(true);
    match within(ACQUIRE_TIMEOUT, query.fetch_one(connection)).await {
        Ok((session, found)) => Ok((found == mark).then_some(session)),
        Err(error) => match reported(&error) {
            // No such name, a name that is there already, other parameters than those of this statement.
            Some(Reported::Postgres(cause))
                if ["26000", "42P05", "08P01"].contains(&cause.code()) =>
            {
                Ok(None)
            }
            _ => Err(error.into()),
        },
    }
}

fn unsuitable(reason: String, fix: &str) -> StoreError {
    StoreError::Unsuitable { reason, fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_before_13_are_refused_by_their_number() {
        for (number, is_fine) in
            [("120022", false), ("90624", false), ("130000", true), ("180001", true)]
        {
            assert_eq!(check_version(number).is_ok(), is_fine, "{number}");
        }
        let text = check_version("120022").unwrap_err().to_string();
        assert!(text.contains("PostgreSQL 12") && text.contains("13 or later"), "{text}");
    }
}
