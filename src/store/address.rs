//! Addresses of databases, in the spellings that operators write. An address is checked here, and neither
//! its text nor a part of it but host, port and name is repeated by anybody. Opens no connection.

mod fault;
mod parameters;
mod postgres;
mod tls;
mod uri;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use fault::AddressFault;
pub(crate) use postgres::PostgresAddress;

/// A database address. `Display` and `Debug` show neither user name nor password.
#[derive(Clone)]
pub enum DatabaseAddress {
    /// A SQLite file inside this process.
    Sqlite {
        /// Absolute, or relative to the working directory.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres(Box<PostgresAddress>),
}

const FIX: &str = "write sqlite:data/mission-control.db or postgres://user:password@host/database";

impl DatabaseAddress {
    /// Takes libpq's, sqlx's and SQLAlchemy's spellings, driver names after a `+` included.
    ///
    /// `environment` answers for libpq's variables (`PGPASSWORD`, `PGSSLMODE`, …), which count where the
    /// address is silent.
    pub(crate) fn parse(
        text: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, AddressFault> {
        if let Some(variable) = unexpanded(text) {
            return Err(AddressFault::new(
                format!("holds {variable}, which nothing has replaced"),
                "write the value in its place; the shell and .env replace variables that are set, \
                 and nothing else does",
            ));
        }
        if text == ":memory:" {
            return Err(in_memory());
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            let is_list = ["host=", "dbname=", "user="].iter().any(|word| text.contains(word));
            let reason = if is_list { "is a list of parameters" } else { "has no scheme" };
            return Err(AddressFault::new(reason, FIX));
        };
        let scheme = scheme.to_ascii_lowercase();
        match scheme.split_once('+').map_or(&*scheme, |(name, _)| name) {
            "sqlite" | "sqlite3" => sqlite(rest),
            "postgres" | "postgresql" => {
                let address = PostgresAddress::parse(rest, environment)?;
                Ok(Self::Postgres(Box::new(address)))
            }
            "jdbc" => Err(AddressFault::new("is an address for JDBC", FIX)),
            _ => Err(AddressFault::new("is neither a SQLite nor a PostgreSQL address", FIX)),
        }
    }

    /// Parameters that are in the address and do nothing.
    pub(crate) fn without_effect(&self) -> &[&'static str] {
        match self {
            Self::Sqlite { .. } => &[],
            Self::Postgres(address) => address.without_effect(),
        }
    }
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseAddress({self})")
    }
}

/// A `${NAME}` that was meant to be replaced, when it looks like the name of a variable.
fn unexpanded(text: &str) -> Option<String> {
    let (_, after) = text.split_once("${")?;
    let (name, _) = after.split_once('}')?;
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| format!("${{{name}}}"))
}

fn in_memory() -> AddressFault {
    AddressFault::new(
        "names a database in memory, which each connection would have for itself and which \
         forgets everything at the end",
        "name a file, such as sqlite:data/mission-control.db",
    )
}

/// The part after `sqlite:`. Three slashes begin a relative path and four an absolute one, as in
/// SQLAlchemy; without an authority (`sqlite:/abs`, `sqlite:rel`) the path is meant as it stands.
fn sqlite(rest: &str) -> Result<DatabaseAddress, AddressFault> {
    let (location, options) = rest.split_once('?').unwrap_or((rest, ""));
    let path = ["///", "//"].iter().find_map(|slashes| location.strip_prefix(slashes));
    let path = path.unwrap_or(location);
    let memory = options.split('&').any(|option| option == "mode=memory");
    if path.is_empty() || path.contains(":memory:") || memory {
        return Err(in_memory());
    }
    // `mode=rwc` (create when missing) is what happens anyway.
    if !options.is_empty() && options != "mode=rwc" {
        return Err(AddressFault::new(
            "has options after ?, which are not supported for SQLite",
            "leave out the ? and everything after it",
        ));
    }
    if path.starts_with("file:") || path.ends_with('/') || path.contains('\0') {
        return Err(AddressFault::new("does not name a file", FIX));
    }
    Ok(DatabaseAddress::Sqlite { path: Path::new(path).to_owned() })
}

#[cfg(test)]
mod tests;
