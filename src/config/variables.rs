//! The one list of all settings: each is a constant that says its name, its default, what it does and how its
//! text is parsed. `--help`, `docs/settings.md`, `.env.example` and the help with misspelt names go by this list, and
//! only what is listed can be read.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
    time::Duration,
};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use super::{
    choice::{self, Mode},
    credentials::{self, Instance, PublishableKey},
    fault::InvalidValue,
    listener, number,
    trace_values::{self, Attributes, Compression, Headers, HttpProtobuf, Sampler},
    web_address::{self, ApiBase},
};
use crate::{
    clerk::{key::VerifyingKey, webhook::WebhookSecret},
    store::DatabaseAddress,
    telemetry::LogFormat,
};

/// One environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name in the environment and in `.env`.
    pub name: &'static str,
    /// What holds when the variable is unset; empty when there is no default.
    pub(crate) default: &'static str,
    /// What it does, in one line.
    pub(crate) meaning: &'static str,
    /// Who may see it, and where it may lie.
    pub(crate) kind: Kind,
}

/// Who may see the value of a variable, and whether it may lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not secret, and short.
    Plain,
    /// Not secret, but may also be given as `NAME_FILE`, the path of a file that holds the value.
    InFile,
    /// Never shown, and may also be given as `NAME_FILE`.
    Secret,
}

/// A variable and what its text is parsed into. Only the list below makes one.
pub(super) struct Setting<T> {
    pub(super) variable: Variable,
    /// A list may be wrong in several entries.
    pub(super) parse: fn(&str) -> Result<T, Vec<InvalidValue>>,
}

/// Makes a constant of each line and [`VARIABLES`] of all of them.
macro_rules! settings {
    ($($name:ident: $type:ty = $kind:ident $default:literal, $meaning:literal, $parse:expr;)*) => {
        $(pub(super) const $name: Setting<$type> = Setting {
            variable: Variable {
                name: stringify!($name),
                default: $default,
                meaning: $meaning,
                kind: Kind::$kind,
            },
            parse: $parse,
        };)*

        /// Every variable the program knows, in the order `--help` shows them.
        pub const VARIABLES: &[Variable] = &[$($name.variable),*];
    };
}

settings! {
    AUTH_MODE: Mode = Plain "", "clerk or local; required by serve", |t| one(choice::mode(t));
    CLERK_SECRET_KEY: (SecretString, Instance) = Secret "",
        "Clerk secret key, sk_test_… or sk_live_…", |t| one(credentials::secret_key(t));
    CLERK_API_URL: ApiBase = Plain "https://api.clerk.com",
        "base of Clerk's Backend API", |t| one(web_address::api_base(t));
    CLERK_VERIFY_IAT: bool = Plain "true",
        "whether a missing or future iat refuses a token", |t| one(choice::switch(t));
    CLERK_LEEWAY: Duration = Plain "10.0",
        "tolerated clock difference, decimal seconds, 0 to 300",
        |t| one(number::seconds(t, Duration::ZERO..=Duration::from_mins(5)));
    CLERK_JWT_KEY: VerifyingKey = InFile "",
        "PEM public key; verifies tokens without network", |t| one(credentials::jwt_key(t));
    CLERK_PUBLISHABLE_KEY: PublishableKey = InFile "",
        "names the issuer, and is used by the browser page",
        |t| one(credentials::publishable_key(t));
    CLERK_ISSUER: Vec<String> = Plain "",
        "comma list of accepted issuers; wins over the publishable key",
        |t| list(t, web_address::issuer);
    CLERK_AUDIENCE: Vec<String> = Plain "",
        "comma list of accepted audiences", |t| list(t, verbatim);
    CLERK_AUTHORIZED_PARTIES: Vec<String> = Plain "",
        "comma list of origins whose tokens are accepted", |t| list(t, verbatim);
    CLERK_WEBHOOK_SIGNING_SECRET: Vec<WebhookSecret> = Secret "",
        "comma list of whsec_… secrets; unset, no webhooks",
        |t| list(t, credentials::webhook_secret);
    LOCAL_AUTH_TOKEN: SecretString = Secret "",
        "shared token of local mode, at least 50 characters", |t| one(credentials::local_token(t));
    DATABASE_URL: DatabaseAddress = Secret "sqlite:data/mission-control.db",
        "sqlite:PATH or postgres://…", |t| one(database_address(t));
    DB_AUTO_MIGRATE: bool = Plain "true",
        "apply migrations at start; false: refuse when behind", |t| one(choice::switch(t));
    HOST: IpAddr = Plain "127.0.0.1", "address to listen on", |t| one(listener::host(t));
    PORT: u16 = Plain "8000", "port to listen on; 0 takes a free one", |t| one(listener::port(t));
    CORS_ORIGINS: Vec<String> = Plain "",
        "comma list of exact browser origins", |t| list(t, web_address::origin);
    GRAPHQL_INTROSPECTION: bool = Plain "true",
        "whether the schema can be queried", |t| one(choice::switch(t));
    GRAPHQL_PLAYGROUND: bool = Plain "true",
        "whether GraphiQL is served", |t| one(choice::switch(t));
    METRICS_ADDR: Option<SocketAddr> = Plain "",
        "address:port of the metrics listener; unset, off", |t| one(listener::socket_address(t));
    SHUTDOWN_TIMEOUT: Duration = Plain "10",
        "seconds for requests in flight after SIGTERM",
        |t| one(number::seconds(t, Duration::ZERO..=Duration::from_hours(1)));
    DRAIN_DELAY: Duration = Plain "5",
        "seconds after SIGTERM in which requests are still taken; 0 in dev",
        |t| one(number::seconds(t, Duration::ZERO..=Duration::from_hours(1)));
    RATE_LIMIT_UNAUTHENTICATED: Option<NonZeroU32> = Plain "off",
        "refused tokens per minute from one address, before they are 429", |t| one(number::rate(t));
    RATE_LIMIT_USER: Option<NonZeroU32> = Plain "off",
        "mutations per minute of one user, before they are 429", |t| one(number::rate(t));
    TRUSTED_PROXIES: Vec<IpNet> = Plain "",
        "comma list of networks whose X-Forwarded-For counts", |t| list(t, listener::network);
    MAX_CONNECTIONS: usize = Plain "10000",
        "most open connections; past it new ones wait", |t| one(number::whole(t, 1..=1_000_000));
    MAX_IN_FLIGHT_BYTES: usize = Plain "134217728",
        "most bytes of all bodies and undelivered answers",
        |t| one(number::whole(t, 1 << 20..=1 << 40));
    MAX_RESPONSE_BYTES: usize = Plain "2097152",
        "largest answer", |t| one(number::whole(t, 64 << 10..=64 << 20));
    MAX_BODY_BYTES: usize = Plain "262144",
        "largest request body", |t| one(number::whole(t, 1024..=64 << 20));
    MAX_QUERY_BYTES: usize = Plain "16384",
        "longest query text", |t| one(number::whole(t, 64..=1 << 20));
    MAX_NESTING: usize = Plain "40",
        "deepest nesting of brackets in a query", |t| one(number::whole(t, 1..=64));
    MAX_SELECTIONS: usize = Plain "500",
        "most selections after fragments are expanded", |t| one(number::whole(t, 1..=100_000));
    MAX_ALIASES: usize = Plain "50",
        "most aliases after fragments are expanded", |t| one(number::whole(t, 0..=100_000));
    MAX_DEPTH: usize = Plain "16", "deepest nesting of fields", |t| one(number::whole(t, 1..=200));
    MAX_COMPLEXITY: usize = Plain "5000",
        "largest complexity; lists count their page size",
        |t| one(number::whole(t, 1..=10_000_000));
    MAX_DIRECTIVES: usize = Plain "5",
        "most directives on one field", |t| one(number::whole(t, 0..=100));
    MAX_OPERATIONS: usize = Plain "10",
        "most operations in one document", |t| one(number::whole(t, 1..=1000));
    IDLE_TIMEOUT: Duration = Plain "75",
        "seconds a kept connection may be silent between requests",
        |t| one(number::seconds(t, REQUEST_TIME));
    HEADER_TIMEOUT: Duration = Plain "5",
        "seconds to receive the headers of a request that has begun",
        |t| one(number::seconds(t, REQUEST_TIME));
    BODY_TIMEOUT: Duration = Plain "10",
        "seconds to receive the body of a request", |t| one(number::seconds(t, REQUEST_TIME));
    EXECUTION_TIMEOUT: Duration = Plain "10",
        "seconds to answer a request", |t| one(number::seconds(t, REQUEST_TIME));
    WRITE_TIMEOUT: Duration = Plain "10",
        "seconds a client may take nothing of its answer",
        |t| one(number::seconds(t, REQUEST_TIME));
    LOG_LEVEL: String = Plain "info",
        "error, warn, info, debug or trace", |t| one(choice::log_level(t));
    RUST_LOG: String = Plain "",
        "log filter by module; wins over LOG_LEVEL", |t| one(choice::log_filter(t));
    LOG_FORMAT: LogFormat = Plain "auto",
        "text, json or auto (text on a terminal, else json)", |t| one(choice::log_format(t));
    OTEL_EXPORTER_OTLP_ENDPOINT: Url = Plain "",
        "base of the OTLP receiver of traces, such as http://localhost:4318; unset, no traces",
        |t| one(web_address::otlp_base(t));
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Url = Plain "",
        "the same to the end of its path; wins", |t| one(web_address::otlp_endpoint(t));
    OTEL_EXPORTER_OTLP_HEADERS: Headers = Secret "",
        "headers sent with traces: name=value,name=value", |t| one(trace_values::headers(t));
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: Headers = Secret "",
        "the same; wins", |t| one(trace_values::headers(t));
    OTEL_EXPORTER_OTLP_TIMEOUT: Duration = Plain "10000",
        "milliseconds one delivery of traces may take", |t| one(trace_values::timeout(t));
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: Duration = Plain "",
        "the same; wins", |t| one(trace_values::timeout(t));
    OTEL_EXPORTER_OTLP_PROTOCOL: HttpProtobuf = Plain "http/protobuf",
        "how traces are sent; there is no other way", |t| one(trace_values::protocol(t));
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: HttpProtobuf = Plain "",
        "the same; wins", |t| one(trace_values::protocol(t));
    OTEL_EXPORTER_OTLP_COMPRESSION: Compression = Plain "none",
        "none, or gzip to send traces compressed", |t| one(trace_values::compression(t));
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: Compression = Plain "",
        "the same; wins", |t| one(trace_values::compression(t));
    OTEL_SERVICE_NAME: String = Plain "",
        "service.name of traces; unset, that of OTEL_RESOURCE_ATTRIBUTES or mission-control",
        |t| one(trace_values::service_name(t));
    OTEL_RESOURCE_ATTRIBUTES: Attributes = Plain "",
        "attributes of this server in traces: name=value,name=value",
        |t| one(trace_values::attributes(t));
    OTEL_TRACES_SAMPLER: Sampler = Plain "parentbased_always_on",
        "which requests are recorded, 50 in a second at most", |t| one(trace_values::sampler(t));
    OTEL_TRACES_SAMPLER_ARG: f64 = Plain "1.0",
        "the ratio of the samplers that have one, 0 to 1", |t| one(trace_values::ratio(t));
    OTEL_TRACES_EXPORTER: bool = Plain "otlp",
        "otlp, or none for no traces", |t| one(trace_values::exporter(t));
    OTEL_SDK_DISABLED: bool = Plain "false",
        "true for no traces, whatever else is set", |t| one(choice::switch(t));
}

/// What a time limit of a request may be. No bound switches the protection off.
const REQUEST_TIME: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(1);

fn one<T>(parsed: Result<T, InvalidValue>) -> Result<T, Vec<InvalidValue>> {
    parsed.map_err(|invalid| vec![invalid])
}

/// A comma-separated list, each entry trimmed and parsed, blank entries skipped, repeated entries kept
/// once. Every faulty entry is a fault of its own.
fn list<T>(
    text: &str,
    parse: fn(&str) -> Result<T, InvalidValue>,
) -> Result<Vec<T>, Vec<InvalidValue>> {
    let mut entries: Vec<&str> = Vec::new();
    for entry in text.split(',').map(str::trim) {
        if !entry.is_empty() && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    let mut values = Vec::with_capacity(entries.len());
    let mut faults = Vec::new();
    for (position, entry) in (1_usize..).zip(&entries) {
        match parse(entry) {
            Ok(value) => values.push(value),
            Err(mut invalid) => {
                if entries.len() > 1 {
                    invalid.reason = format!("entry {position}: {}", invalid.reason);
                }
                faults.push(invalid);
            }
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

#[expect(clippy::unnecessary_wraps, reason = "every parser answers alike")]
fn verbatim(text: &str) -> Result<String, InvalidValue> {
    Ok(text.to_owned())
}

/// Without the variables of libpq; `database.rs` reads it with them.
fn database_address(text: &str) -> Result<DatabaseAddress, InvalidValue> {
    DatabaseAddress::parse(text, &|_| None)
        .map_err(|fault| InvalidValue::new(fault.reason, fault.fix))
}

impl Variable {
    /// The `NAME_FILE` form, for a variable that has one.
    pub(crate) fn file_name(&self) -> Option<String> {
        (self.kind != Kind::Plain).then(|| format!("{}_FILE", self.name))
    }
}

/// The variables as a table for `--help`: name, meaning, default. Ends in a line break.
pub fn help_table() -> String {
    let width = VARIABLES.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    let mut lines = vec!["Environment variables (the environment wins over .env):".to_owned()];
    lines.extend(VARIABLES.iter().map(|variable| {
        let default = match variable.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        let mark = if variable.kind == Kind::Plain { "" } else { " *" };
        let name = variable.name;
        let meaning = variable.meaning;
        format!("  {name:<width$}  {meaning}{default}{mark}")
    }));
    lines.push("  * also as NAME_FILE: the path of a file that holds the value\n".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_are_one_line() {
        for variable in VARIABLES {
            assert!(!variable.meaning.is_empty() && !variable.meaning.contains('\n'));
        }
    }

    #[test]
    fn what_is_secret_or_long_may_lie_in_a_file() {
        assert_eq!(LOCAL_AUTH_TOKEN.variable.file_name().as_deref(), Some("LOCAL_AUTH_TOKEN_FILE"));
        assert_eq!(CLERK_JWT_KEY.variable.file_name().as_deref(), Some("CLERK_JWT_KEY_FILE"));
        assert_eq!(PORT.variable.file_name(), None);
    }

    #[test]
    fn a_list_is_trimmed_and_each_entry_is_judged() {
        let odd = |text: &str| match text.strip_prefix('!') {
            Some(rest) => Err(InvalidValue::new(format!("{rest} has a !"), "drop it")),
            None => Ok(text.to_owned()),
        };
        for (text, expected) in [
            ("", Ok(vec![])),
            (" , ,", Ok(vec![])),
            ("a", Ok(vec!["a"])),
            (" a ,b,,a", Ok(vec!["a", "b"])),
            ("!a", Err(vec!["a has a !"])),
            ("!a,b,!c", Err(vec!["entry 1: a has a !", "entry 3: c has a !"])),
        ] {
            let read = list(text, odd)
                .map_err(|faults| faults.into_iter().map(|fault| fault.reason).collect::<Vec<_>>());
            let expected = expected
                .map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>())
                .map_err(|faults| faults.into_iter().map(str::to_owned).collect());
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[test]
    fn the_help_has_a_line_for_each_variable() {
        let help = help_table();
        for variable in VARIABLES {
            let line = help
                .lines()
                .find(|line| line.trim_start().starts_with(&format!("{} ", variable.name)))
                .unwrap_or_default();
            assert!(line.contains(variable.meaning), "{}", variable.name);
            assert!(line.contains(variable.default), "{}", variable.name);
        }
        assert!(help.ends_with('\n'));
    }
}
