//! Where the rows live, and in which spellings an operator may say so. Opens nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::fault::Refusal;
use super::reading::Reading;

/// The settings of the database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Which database. Default: a SQLite file under `data`.
    pub url: DatabaseUrl,
    /// Whether `serve` applies missing migrations. When off it refuses a database that is behind.
    pub auto_migrate: bool,
}

/// A database address. `Display` and `Debug` show neither user name nor password.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A SQLite file inside this process.
    Sqlite {
        /// Absolute, or relative to the working directory.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// Begins with `postgres://`, whatever spelling was configured.
        url: SecretString,
    },
}

const DEFAULT_PATH: &str = "data/mission-control.db";

impl DatabaseSettings {
    pub(super) fn read(reading: &mut Reading<'_>) -> Self {
        let url = reading.one("DATABASE_URL", database_url).given();
        if let Some((_, Some(warning))) = &url {
            reading.warn(warning.clone());
        }
        Self {
            url: url.map_or_else(
                || DatabaseUrl::Sqlite { path: PathBuf::from(DEFAULT_PATH) },
                |(url, _)| url,
            ),
            auto_migrate: reading.switch("DB_AUTO_MIGRATE", true),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url } => {
                // Query parameters may repeat the password, so only host, port and name are shown.
                let Ok(url) = Url::parse(url.expose_secret()) else {
                    return f.write_str("postgres://…");
                };
                write!(f, "postgres://{}", url.host_str().unwrap_or_default())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                f.write_str(url.path())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

const FIX: &str = "write sqlite:data/mission-control.db or postgres://user:password@host/database";

/// The address and possibly a warning. Takes sqlx's and SQLAlchemy's spellings, driver names after
/// a `+` included; no message repeats the text, which may hold a password.
fn database_url(text: &str) -> Result<(DatabaseUrl, Option<String>), Refusal> {
    if text == ":memory:" {
        return Err(in_memory());
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(Refusal::new("has no scheme", FIX));
    };
    let scheme = scheme.to_ascii_lowercase();
    match scheme.split_once('+').map_or(&*scheme, |(name, _)| name) {
        "sqlite" | "sqlite3" => sqlite(rest),
        "postgres" | "postgresql" => Ok((postgres(rest)?, None)),
        _ => Err(Refusal::new("is neither a SQLite nor a PostgreSQL address", FIX)),
    }
}

fn in_memory() -> Refusal {
    Refusal::new(
        "names a database in memory, which each connection would have for itself and which \
         forgets everything at the end",
        "name a file, such as sqlite:data/mission-control.db",
    )
}

/// First folders of absolute paths, to notice `sqlite:///var/…` written for `/var/…`.
const ROOT_FOLDERS: [&str; 9] = ["etc", "home", "mnt", "opt", "root", "run", "srv", "tmp", "var"];

/// The part after `sqlite:`. Three slashes begin a relative path and four an absolute one, as in
/// SQLAlchemy; without an authority (`sqlite:/abs`, `sqlite:rel`) the path is meant as it stands.
fn sqlite(rest: &str) -> Result<(DatabaseUrl, Option<String>), Refusal> {
    let (location, options) = rest.split_once('?').unwrap_or((rest, ""));
    let after_authority = location.strip_prefix("///");
    let path = after_authority.or_else(|| location.strip_prefix("//")).unwrap_or(location);
    let memory = options.split('&').any(|option| option == "mode=memory");
    if path.is_empty() || path.contains(":memory:") || memory {
        return Err(in_memory());
    }
    // `mode=rwc` (create when missing) is what happens anyway.
    if !options.is_empty() && options != "mode=rwc" {
        return Err(Refusal::new(
            "has options after ?, which are not supported for SQLite",
            "leave out the ? and everything after it",
        ));
    }
    if path.starts_with("file:") || path.ends_with('/') || path.contains('\0') {
        return Err(Refusal::new("does not name a file", FIX));
    }
    let first_folder = after_authority.and_then(|path| path.split('/').next());
    let warning = first_folder.filter(|folder| ROOT_FOLDERS.contains(folder)).map(|_| {
        format!(
            "DATABASE_URL: three slashes name a path in the working directory ({path}); for \
                 /{path} write sqlite:////{path} or sqlite:/{path}"
        )
    });
    let path = Path::new(path).to_owned();
    Ok((DatabaseUrl::Sqlite { path }, warning))
}

/// The part after the scheme, checked as far as a URL goes.
fn postgres(rest: &str) -> Result<DatabaseUrl, Refusal> {
    let malformed = || {
        Refusal::new(
            "is not a well-formed PostgreSQL address",
            "write postgres://user:password@host:5432/database, with characters such as @ : / # ? \
             % in the password percent-encoded",
        )
    };
    if !rest.starts_with("//") || rest.contains(char::is_whitespace) {
        return Err(malformed());
    }
    let text = format!("postgres:{rest}");
    let url = Url::parse(&text).map_err(|_| malformed())?;
    if url.fragment().is_some() {
        return Err(malformed());
    }
    // asyncpg's and node's names for it; PostgreSQL's drivers ignore them and would connect
    // without TLS.
    if url.query_pairs().any(|(name, _)| name == "ssl") {
        return Err(Refusal::new(
            "asks for TLS with the parameter ssl, which would be ignored",
            "write sslmode=require (or verify-full) in its place",
        ));
    }
    Ok(DatabaseUrl::Postgres { url: SecretString::from(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path, or the URL as it will be given to the driver.
    fn read(text: &str) -> Result<String, Refusal> {
        database_url(text).map(|(url, _)| match url {
            DatabaseUrl::Sqlite { path } => path.display().to_string(),
            DatabaseUrl::Postgres { url } => url.expose_secret().to_owned(),
        })
    }

    #[test]
    fn spellings() {
        for (text, expected) in [
            ("sqlite:data/a.db", "data/a.db"),
            ("sqlite:a.db", "a.db"),
            ("sqlite:/abs/a.db", "/abs/a.db"),
            ("sqlite://a.db", "a.db"),
            ("sqlite://./data/a.db", "./data/a.db"),
            ("sqlite:///data/a.db", "data/a.db"),
            ("sqlite:////abs/a.db", "/abs/a.db"),
            ("SQLite:a.db", "a.db"),
            ("sqlite:a.db?mode=rwc", "a.db"),
            ("sqlite+aiosqlite:///./a.db", "./a.db"),
            ("sqlite+pysqlite:////abs/a.db", "/abs/a.db"),
            ("postgres://u:p@h/d", "postgres://u:p@h/d"),
            (
                "postgresql://u:p@h:5433/d?sslmode=require",
                "postgres://u:p@h:5433/d?sslmode=require",
            ),
            ("postgresql+psycopg://u@h/d", "postgres://u@h/d"),
            ("postgresql+psycopg2://u@h/d", "postgres://u@h/d"),
            ("postgresql+asyncpg://u@h/d", "postgres://u@h/d"),
            ("postgres:///d?host=/var/run/postgresql", "postgres:///d?host=/var/run/postgresql"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refusals_do_not_repeat_the_address() {
        for (text, expected) in [
            (":memory:", "in memory"),
            ("sqlite::memory:", "in memory"),
            ("sqlite://:memory:", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite://", "in memory"),
            ("sqlite:", "in memory"),
            ("sqlite:hidden.db?mode=memory", "in memory"),
            ("sqlite:file::memory:?cache=shared", "in memory"),
            ("sqlite:hidden.db?cache=shared", "options after ?"),
            ("sqlite:file:hidden.db", "does not name a file"),
            ("sqlite:hidden/", "does not name a file"),
            ("hidden.db", "no scheme"),
            ("mysql://u:hidden@h/d", "neither"),
            ("postgres:hidden", "well-formed"),
            ("postgres://u:hid#den@h/d", "well-formed"),
            ("postgres://u:hid/den@h/d", "well-formed"),
            ("postgres://u:hid den@h/d", "well-formed"),
            ("postgresql+asyncpg://u:hidden@h/d?ssl=require", "parameter ssl"),
        ] {
            let refusal = read(text).err();
            assert!(
                refusal.as_ref().is_some_and(|refusal| {
                    refusal.reason.contains(expected) && !refusal.reason.contains("hid")
                }),
                "{text}: {refusal:?}"
            );
        }
    }

    #[test]
    fn three_slashes_before_a_root_folder_warn() {
        for (text, warns) in [
            ("sqlite:///var/lib/a.db", true),
            ("sqlite:///data/a.db", false),
            ("sqlite:////var/lib/a.db", false),
            ("sqlite:/var/lib/a.db", false),
        ] {
            let warning = database_url(text).map(|(_, warning)| warning.is_some());
            assert_eq!(warning, Ok(warns), "{text}");
        }
    }

    #[test]
    fn display_and_debug_show_no_credentials() {
        for (text, shown) in [
            ("postgres://user:hidden@host:5433/name", "postgres://host:5433/name"),
            ("postgresql://host/name?password=hidden", "postgres://host/name"),
            ("postgres:///name?host=/run&user=hidden", "postgres:///name"),
            ("sqlite:////abs/a.db", "sqlite:/abs/a.db"),
            ("sqlite:data/a.db", "sqlite:data/a.db"),
        ] {
            let url = database_url(text).map(|(url, _)| url);
            assert_eq!(url.as_ref().map(ToString::to_string).as_deref(), Ok(shown));
            assert!(!format!("{url:?}").contains("hidden"));
        }
    }
}
