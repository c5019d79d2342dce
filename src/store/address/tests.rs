//! Which addresses are taken, as what, and what is said of the others.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::*;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn parse(text: &str) -> Result<DatabaseAddress, AddressFault> {
    DatabaseAddress::parse(text, &|_| None)
}

fn options(text: &str, environment: &[(&str, &str)]) -> PgConnectOptions {
    let known = |name: &str| {
        let found = environment.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    match DatabaseAddress::parse(text, &known) {
        Ok(DatabaseAddress::Postgres(address)) => address.connect_options(),
        other => panic!("{text}: {other:?}"),
    }
}

/// What the driver is told, in the order of an address.
fn told(text: &str) -> String {
    let options = options(text, &[]);
    let password = password(&options);
    let place = match options.get_socket() {
        Some(directory) => directory.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let database = options.get_database().unwrap_or("-");
    format!("{} {password} {place} {} {database}", options.get_username(), options.get_port())
}

fn password(options: &PgConnectOptions) -> String {
    use sqlx::ConnectOptions;

    // The driver shows it in its own address alone, which it cannot make of every user and host.
    let address = options.clone().username("u").host("h").to_url_lossy();
    percent_decoded(address.password().unwrap_or("-"))
}

fn percent_decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect()
}

#[test]
fn spellings_of_sqlite() {
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
    ] {
        let read = parse(text);
        assert!(
            matches!(&read, Ok(DatabaseAddress::Sqlite { path }) if path.as_os_str() == expected),
            "{text}: {read:?}"
        );
    }
}

#[test]
fn spellings_of_postgres() {
    for (text, expected) in [
        ("postgres://u:p@h/d", "u p h 5432 d"),
        ("postgresql://u:p@h:5433/d", "u p h 5433 d"),
        ("POSTGRES://u:p@h/d", "u p h 5432 d"),
        ("postgresql+psycopg://u:p@h/d", "u p h 5432 d"),
        ("postgresql+psycopg2://u:p@h/d", "u p h 5432 d"),
        ("postgresql+asyncpg://u:p@h/d", "u p h 5432 d"),
        ("postgres://u:p@h", "u p h 5432 -"),
        ("postgres://u:p@h/", "u p h 5432 -"),
        ("postgres://u:p@[::1]:5433/d", "u p ::1 5433 d"),
        ("postgres://u:p@[::1]/d", "u p ::1 5432 d"),
        ("postgres://u:p@/d?host=/socket/dir", "u p /socket/dir 5432 d"),
        ("postgres://u:p@:5433/d?host=/socket/dir", "u p /socket/dir 5433 d"),
        ("postgres:///d?host=/socket/dir&user=u&password=p", "u p /socket/dir 5432 d"),
        ("postgres://u:p@%2Fsocket%2Fdir:5433/d", "u p /socket/dir 5433 d"),
        ("postgres://h/d?user=u&password=p", "u p h 5432 d"),
        ("postgres://u:p@h/d?host=i&port=1&dbname=e", "u p i 1 e"),
        ("postgres://u:p@/d?hostaddr=10.0.0.1", "u p 10.0.0.1 5432 d"),
        // What a URL would end at, and a password may hold.
        ("postgres://u:12?x@h/d", "u 12?x h 5432 d"),
        ("postgres://u:12#x@h/d", "u 12#x h 5432 d"),
        ("postgres://u:a:b@h/d", "u a:b h 5432 d"),
        ("postgres://u:a b@h/d", "u a b h 5432 d"),
        ("postgres://u:a+b@h/d", "u a+b h 5432 d"),
        ("postgres://u:%40%2F%3A%25@h/d", "u @/:% h 5432 d"),
        ("postgres://u%40x:p@h/d%20e", "u@x p h 5432 d e"),
        ("postgres://u:p@db.internal_net/d", "u p db.internal_net 5432 d"),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn how_a_connection_is_protected() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, CERTIFICATE)?;
    let file = file.display();
    for (query, expected) in [
        (String::new(), PgSslMode::Prefer),
        ("?sslmode=disable".to_owned(), PgSslMode::Disable),
        ("?sslmode=allow".to_owned(), PgSslMode::Prefer),
        ("?sslmode=prefer".to_owned(), PgSslMode::Prefer),
        ("?sslmode=require".to_owned(), PgSslMode::Require),
        ("?ssl=true".to_owned(), PgSslMode::Require),
        ("?sslmode=verify-full".to_owned(), PgSslMode::VerifyFull),
        (format!("?sslmode=verify-full&sslrootcert={file}"), PgSslMode::VerifyFull),
        ("?sslmode=verify-full&sslrootcert=system".to_owned(), PgSslMode::VerifyFull),
        ("?sslrootcert=system".to_owned(), PgSslMode::VerifyFull),
        ("?sslmode=require&channel_binding=prefer".to_owned(), PgSslMode::Require),
        ("?sslmode=require&ssl_min_protocol_version=TLSv1.2".to_owned(), PgSslMode::Require),
    ] {
        let mode = options(&format!("postgres://u:p@h/d{query}"), &[]).get_ssl_mode();
        assert_eq!(format!("{mode:?}"), format!("{expected:?}"), "{query}");
    }
    // A socket is this machine; libpq does not protect it either.
    let mode = options("postgres://u@/d?host=/run&sslmode=require", &[]).get_ssl_mode();
    assert!(matches!(mode, PgSslMode::Disable));
    Ok(())
}

#[test]
fn what_the_session_is_told() {
    for (query, expected) in [
        ("", None),
        ("?schema=mission", Some("-c search_path=mission")),
        ("?search_path=a,b", Some("-c search_path=a,b")),
        ("?options=-c%20geqo%3Doff%20-cwork_mem%3D8MB", Some("-c geqo=off -c work_mem=8MB")),
        ("?options=--search_path%3Da", Some("-c search_path=a")),
        (r"?options=-c%20application_name%3Da\%20b", Some(r"-c application_name=a\ b")),
        ("?options[geqo]=off", Some("-c geqo=off")),
    ] {
        let options = options(&format!("postgres://u:p@h/d{query}"), &[]);
        assert_eq!(options.get_options(), expected, "{query}");
        assert_eq!(options.get_application_name(), Some("mission-control"));
    }
    let options = options("postgres://u:p@h/d?application_name=mine", &[]);
    assert_eq!(options.get_application_name(), Some("mine"));
}

#[test]
fn variables_of_libpq_count_where_the_address_is_silent() {
    let environment = [
        ("PGHOST", "other"),
        ("PGPORT", "5499"),
        ("PGUSER", "other"),
        ("PGPASSWORD", "secret"),
        ("PGDATABASE", "other"),
        ("PGSSLMODE", "require"),
    ];
    let read = options("postgres://u@h/d", &environment);
    assert_eq!((read.get_username(), read.get_host(), read.get_port()), ("u", "h", 5499));
    assert_eq!((read.get_database(), password(&read)), (Some("d"), "secret".to_owned()));
    assert!(matches!(read.get_ssl_mode(), PgSslMode::Require));
    let read = options("postgres://", &environment);
    assert_eq!((read.get_username(), read.get_host()), ("other", "other"));
    let known = |name: &str| (name == "PGSSLCRL").then(|| "x".to_owned());
    let fault = DatabaseAddress::parse("postgres://u@h/d", &known).err();
    assert!(fault.is_some_and(|fault| fault.reason.contains("PGSSLCRL")));
}

#[test]
fn parameters_without_effect_are_told() {
    let read = parse("postgres://u@h/d?connect_timeout=3&pgbouncer=true&keepalives=1");
    let names = read.map(|address| address.without_effect().to_vec());
    assert_eq!(names, Ok(vec!["connect_timeout", "pgbouncer", "keepalives"]));
}

#[test]
fn refusals_name_the_reason_and_repeat_nothing() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing")?;
    let empty = format!("postgres://u:hid@h/d?sslmode=verify-full&sslrootcert={}", empty.display());
    for (text, reason, fix) in [
        (":memory:", "in memory", "name a file"),
        ("sqlite::memory:", "in memory", "name a file"),
        ("sqlite://:memory:", "in memory", "name a file"),
        ("sqlite:///:memory:", "in memory", "name a file"),
        ("sqlite://", "in memory", "name a file"),
        ("sqlite:", "in memory", "name a file"),
        ("sqlite:hid.db?mode=memory", "in memory", "name a file"),
        ("sqlite:file::memory:?cache=shared", "in memory", "name a file"),
        ("sqlite:hid.db?cache=shared", "options after ?", "leave out the ?"),
        ("sqlite:file:hid.db", "does not name a file", "write sqlite:"),
        ("sqlite:hid/", "does not name a file", "write sqlite:"),
        ("hid.db", "no scheme", "write sqlite:"),
        ("host=h password=hid", "list of parameters", "write sqlite:"),
        ("mysql://u:hid@h/d", "neither", "write sqlite:"),
        ("jdbc:postgresql://h/d?password=hid", "JDBC", "postgres://"),
        ("postgres:hid", "lacks the //", "postgres://user"),
        // Unencoded parts of a password, wherever they end up.
        ("postgres://u:12/hid@h/d", "name of its database", "percent-encoded"),
        ("postgres://u:a/hid@h/d", "name of its database", "percent-encoded"),
        ("postgres://u:hi@d@h/d", "more than one @", "percent-encoded"),
        ("postgres://u:x@y:hid@h/d", "more than one @", "percent-encoded"),
        ("postgres://u:x@y/hid@h/d", "name of its database", "percent-encoded"),
        ("postgres://u:x@y?hid@h/d", "no parameter", "%3F"),
        ("postgres://u:x@y?hid=1@h/d", "no parameter", "%3F"),
        ("postgres://u:hid%@h/d", "%", "%25"),
        ("postgres://u:hid%zz@h/d", "%", "%25"),
        ("postgres://u:hid%00@h/d", "%", "%25"),
        ("postgres://u:hid%ff@h/d", "%", "%25"),
        ("postgres://u:hid@h:99999/d", "port", "host:5432"),
        ("postgres://u:hid@h:0/d", "port", "host:5432"),
        ("postgres://u:hid@h:port/d", "port", "host:5432"),
        ("postgres://u:hid@::1/d", "well-formed host", "postgres://user"),
        ("postgres://u:hid@[::1/d", "well-formed host", "postgres://user"),
        ("postgres://u:hid@[h]/d", "well-formed host", "postgres://user"),
        ("postgres://u:hid@h 1/d", "blank in its host", "postgres://user"),
        ("postgres://u:${DB_PASSWORD}@h/d", "${DB_PASSWORD}", "write the value"),
        ("postgres://u:[YOUR-PASSWORD]@h/d", "placeholder", "write the password"),
        ("postgres://u:<hid>@h/d", "placeholder", "write the password"),
        ("postgres://u:hid@h1,h2/d?target_session_attrs=read-write", "several hosts", "name one"),
        ("postgres://u:hid@h1:1,h2:2/d", "several hosts", "name one"),
        ("postgres://u:hid@/d?host=h1,h2", "several hosts", "name one"),
        ("postgres://u:hid@h/d?hostaddr=10.0.0.1", "host and a hostaddr", "name one"),
        ("postgres://u:hid@/d?hostaddr=hid", "no IP address", "name one"),
        ("postgres://u:hid@%40abstract/d", "abstract socket", "directory"),
        // What asks for security and cannot be had.
        ("postgresql+asyncpg://u:hid@h/d?ssl=require", "parameter ssl", "sslmode=require"),
        ("postgres://u:hid@h/d?sslmode=hid", "sslmode", "verify-full"),
        ("postgres://u:hid@h/d?sslmode=verify-ca", "any public authority", "verify-full"),
        ("postgres://u:hid@h/d?sslmode=require&sslrootcert=hid.pem", "sslrootcert", "verify-full"),
        ("postgres://u:hid@h/d?sslrootcert=hid.pem", "sslrootcert", "verify-full"),
        ("postgres://u:hid@h/d?sslmode=prefer&sslrootcert=system", "sslrootcert", "verify-full"),
        ("postgres://u:hid@h/d?sslmode=verify-full&sslrootcert=hid.pem", "cannot be read", "PEM"),
        (empty.as_str(), "no PEM block", "PEM"),
        ("postgres://u:hid@h/d?sslcert=hid.pem", "one of sslcert", "both"),
        ("postgres://u:hid@h/d?channel_binding=require", "channel_binding", "verify-full"),
        ("postgres://u:hid@h/d?require_auth=scram-sha-256", "require_auth", "verify-full"),
        ("postgres://u:hid@h/d?gssencmode=require", "gssencmode", "verify-full"),
        ("postgres://u:hid@h/d?ssl_min_protocol_version=TLSv1.3", "min_protocol", "TLSv1.2"),
        ("postgres://u:hid@h/d?sslcrl=hid", "sslcrl", "leave it out"),
        ("postgres://u:hid@h/d?sslpassword=hid", "sslpassword", "without a password"),
        ("postgres://u:hid@h/d?target_session_attrs=standby", "target_session_attrs", "read-write"),
        // What is not known.
        ("postgres://u:hid@h/d?passwd=hid", "passwd", "did you mean password"),
        ("postgres://u:hid@h/d?ssl-mode=require", "ssl-mode", "did you mean sslmode"),
        ("postgres://u:hid@h/d?sslMode=require", "sslMode", "did you mean sslmode"),
        ("postgres://u:hid@h/d?application-name=x", "application-name", "application_name"),
        ("postgres://u:hid@h/d?zzz=hid", "zzz", "leave it out"),
        ("postgres://u:p@h/d?hid", "no parameter", "NAME=VALUE"),
        ("postgres://u:hid@h/d?options=-f", "options", "-c%20NAME=VALUE"),
        ("postgres://u:hid@h/d?statement-cache-capacity=x", "statement-cache", "number"),
    ] {
        let fault = parse(text).err();
        assert!(
            fault.as_ref().is_some_and(|fault| fault.reason.contains(reason)
                && fault.fix.contains(fix)
                && !format!("{fault:?}").contains("hid")),
            "{text}: {fault:?}"
        );
    }
    Ok(())
}

#[test]
fn display_and_debug_show_no_credentials() {
    for (text, shown) in [
        ("postgres://user:hidden@host:5433/name", "postgres://host:5433/name"),
        ("postgresql://host/name?password=hidden", "postgres://host:5432/name"),
        ("postgres:///name?host=/run&user=hidden", "postgres://%2Frun:5432/name"),
        ("postgres://user:hidden@[::1]/name", "postgres://[::1]:5432/name"),
        ("postgres://user:hid?den@h/name", "postgres://h:5432/name"),
        ("sqlite:////abs/a.db", "sqlite:/abs/a.db"),
        ("sqlite:data/a.db", "sqlite:data/a.db"),
    ] {
        let address = parse(text);
        assert_eq!(address.as_ref().map(ToString::to_string).as_deref(), Ok(shown));
        assert!(!format!("{address:?}").contains("hid"), "{text}");
    }
}

/// What an ordinary address means is what the driver makes of it by itself.
#[test]
fn ordinary_addresses_mean_what_they_mean_to_the_driver() {
    for text in [
        "postgres://u:p@h/d",
        "postgresql://u:p%40@h:5433/d?sslmode=require",
        "postgres://u:p@h/d?options=-c%20geqo=off&application_name=x",
        "postgres:///d?host=/run/x&user=u&password=p",
    ] {
        let ours = options(text, &[]);
        let Ok(drivers) = PgConnectOptions::from_str(text) else { panic!("{text}") };
        assert_eq!(ours.get_username(), drivers.get_username());
        assert_eq!(password(&ours), password(&drivers));
        assert_eq!(ours.get_socket(), drivers.get_socket());
        assert_eq!(ours.get_port(), drivers.get_port());
        assert_eq!(ours.get_database(), drivers.get_database());
        assert_eq!(ours.get_options(), drivers.get_options());
    }
}
