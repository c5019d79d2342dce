//! A PostgreSQL server and how to talk to it, checked. The driver is told what is in here and never sees the
//! text that it came from, of which it would repeat parts in its log lines.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use super::{
    fault::AddressFault,
    parameters::Given,
    tls::{Tls, client_certificate},
    uri,
};

/// What the server shows as the name of the program, unless the address says another.
const APPLICATION_NAME: &str = "mission-control";
/// Where PostgreSQL's packages put its socket, for an address without a host.
const SOCKET_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/private/tmp", "/tmp"];

/// The address of a PostgreSQL server. `Display` shows neither user name nor password.
#[derive(Clone)]
pub struct PostgresAddress {
    host: Host,
    port: u16,
    /// `None`: the name of the account that runs the server.
    user: Option<String>,
    password: Option<SecretString>,
    /// `None`: the database called like the user.
    database: Option<String>,
    tls: Tls,
    /// Certificate and key to show the server.
    client_certificate: Option<(PathBuf, PathBuf)>,
    application_name: String,
    /// Settings of the session, set when it begins.
    session: Vec<(String, String)>,
    statement_cache: Option<usize>,
    /// Parameters that are there and do nothing.
    without_effect: Vec<&'static str>,
}

#[derive(Clone)]
enum Host {
    /// A name or an IP address.
    Network(String),
    /// The directory of a socket.
    Socket(String),
    /// A socket where one usually is, else this machine.
    Unstated,
}

impl PostgresAddress {
    /// Reads what follows `postgres:`, and from `environment` what libpq's variables say where it is silent.
    pub(super) fn parse(
        rest: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, AddressFault> {
        let mut given = uri::split(rest)?;
        given.complete(environment)?;
        let text = |name: &str| given.get(name).map(str::to_owned);
        let host = host(&given)?;
        let tls = Tls::of(&given)?;
        let statement_cache = match given.get("statement-cache-capacity") {
            Some(number) => Some(number.parse().map_err(|_| {
                AddressFault::new(
                    "has a statement-cache-capacity that is no number",
                    "write a number such as 100, or leave it out",
                )
            })?),
            None => None,
        };
        if given.get("password").is_some_and(is_stand_in) {
            return Err(AddressFault::new(
                "has a placeholder in place of the password",
                "write the password there",
            ));
        }
        Ok(Self {
            port: port(&given)?,
            user: text("user"),
            password: text("password").map(SecretString::from),
            database: text("dbname"),
            client_certificate: client_certificate(&given)?,
            application_name: text("application_name")
                .unwrap_or_else(|| APPLICATION_NAME.to_owned()),
            session: session(&given)?,
            statement_cache,
            without_effect: given.without_effect,
            host,
            tls,
        })
    }

    /// Parameters that are in the address and do nothing.
    pub(crate) fn without_effect(&self) -> &[&'static str] {
        &self.without_effect
    }

    /// Whether the address says that no statement is to be kept under a name.
    pub(in crate::store) fn forbids_named_statements(&self) -> bool {
        self.statement_cache == Some(0)
    }

    /// What the driver is told. It has read libpq's variables by then, so that everything they may say is
    /// said again here.
    pub(in crate::store) fn connect_options(&self) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .port(self.port)
            .application_name(&self.application_name)
            // An empty one answers a server that asks for none; the variable is in here already.
            .password(self.password.as_ref().map_or("", ExposeSecret::expose_secret));
        let tls = match &self.host {
            Host::Network(host) => {
                options = options.host(host);
                &self.tls
            }
            Host::Socket(directory) => {
                options = options.socket(directory);
                &Tls::Off
            }
            Host::Unstated => {
                if let Some(directory) = default_socket(self.port) {
                    options = options.socket(directory);
                    &Tls::Off
                } else {
                    options = options.host("localhost");
                    &self.tls
                }
            }
        };
        options = tls.apply(options);
        if let Some((certificate, key)) = &self.client_certificate {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        if let Some(user) = &self.user {
            options = options.username(user);
        }
        if let Some(database) = &self.database {
            options = options.database(database);
        }
        if let Some(capacity) = self.statement_cache {
            options = options.statement_cache_capacity(capacity);
        }
        if !self.session.is_empty() {
            options = options.options(self.session.iter().map(|(name, value)| (name, value)));
        }
        options
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Network(host) if host.contains(':') => write!(f, "postgres://[{host}]")?,
            Host::Network(host) => write!(f, "postgres://{host}")?,
            Host::Socket(directory) => write!(f, "postgres://{}", directory.replace('/', "%2F"))?,
            Host::Unstated => f.write_str("postgres://")?,
        }
        write!(f, ":{}/{}", self.port, self.database.as_deref().unwrap_or_default())
    }
}

/// `[YOUR-PASSWORD]` and `<password>`, as hosters' pages show it.
fn is_stand_in(password: &str) -> bool {
    [('[', ']'), ('<', '>')]
        .iter()
        .any(|(open, close)| password.starts_with(*open) && password.ends_with(*close))
}

fn host(given: &Given) -> Result<Host, AddressFault> {
    let one_host = "name one host, or leave one of the two out";
    match (given.get("host"), given.get("hostaddr")) {
        (Some(_), Some(_)) => Err(AddressFault::new(
            "names both a host and a hostaddr, and one is supported",
            one_host,
        )),
        (None, Some(address)) => match address.parse::<IpAddr>() {
            Ok(_) => Ok(Host::Network(address.to_owned())),
            Err(_) => Err(AddressFault::new("has a hostaddr that is no IP address", one_host)),
        },
        (Some(host), None) if host.contains(',') => {
            Err(AddressFault::new("names several hosts, and one is supported", one_host))
        }
        (Some(host), None) if host.starts_with('@') => Err(AddressFault::new(
            "names an abstract socket, which is not supported",
            "name the directory of the socket, or a host",
        )),
        (Some(host), None) if host.starts_with('/') => Ok(Host::Socket(host.to_owned())),
        (Some(host), None) => Ok(Host::Network(host.to_owned())),
        (None, None) => Ok(Host::Unstated),
    }
}

fn port(given: &Given) -> Result<u16, AddressFault> {
    let Some(port) = given.get("port") else { return Ok(5432) };
    port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        AddressFault::new(
            "has a port that is no number from 1 to 65535",
            "write the port after the host, such as host:5432; in a password write %3A for : and %2F \
             for /",
        )
    })
}

/// `options` as libpq passes them to the server, and the two names for one of them.
fn session(given: &Given) -> Result<Vec<(String, String)>, AddressFault> {
    let mut session = parse_options(given.get("options").unwrap_or_default())?;
    session.extend(given.session.iter().cloned());
    for name in ["schema", "search_path"] {
        if let Some(path) = given.get(name) {
            session.push(("search_path".to_owned(), path.to_owned()));
        }
    }
    Ok(session)
}

/// `-c NAME=VALUE` and `--NAME=VALUE`, with a backslash before a blank that belongs to the value.
fn parse_options(text: &str) -> Result<Vec<(String, String)>, AddressFault> {
    let malformed = || {
        AddressFault::new(
            "has options other than -c NAME=VALUE",
            "write them as options=-c%20NAME=VALUE, with %20 between one and the next",
        )
    };
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            blank if blank.is_whitespace() => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    let mut settings = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (None, Some("")) => words.next().ok_or_else(malformed)?,
            (Some(setting), _) | (None, Some(setting)) => setting.to_owned(),
            (None, None) => return Err(malformed()),
        };
        let (name, value) = setting.split_once('=').ok_or_else(malformed)?;
        settings.push((name.to_owned(), value.to_owned()));
    }
    Ok(settings)
}

fn default_socket(port: u16) -> Option<&'static str> {
    let is_there =
        |directory: &&str| Path::new(directory).join(format!(".s.PGSQL.{port}")).exists();
    SOCKET_DIRECTORIES.into_iter().find(is_there)
}
