//! What an address of PostgreSQL may say after its `?`, and what becomes of it. A parameter that asks for
//! security is honoured or refused, never ignored; one that is not known is refused, because it was meant
//! to do something. Names and meanings are libpq's ("Parameter Key Words" in PostgreSQL's manual).

use super::fault::AddressFault;

/// One parameter.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// The variable of libpq that stands in for it, or nothing.
    pub(super) variable: &'static str,
    rule: Rule,
}

/// What becomes of a parameter.
enum Rule {
    /// It is read into the address.
    Used,
    /// It promises nothing; whoever wrote it is told that it does nothing.
    NoEffect,
    /// It holds anyway when it has one of these values, and could not be honoured otherwise.
    Only(&'static [&'static str], &'static str),
}

const fn used(name: &'static str, variable: &'static str) -> Parameter {
    Parameter { name, variable, rule: Rule::Used }
}

const fn no_effect(name: &'static str) -> Parameter {
    Parameter { name, variable: "", rule: Rule::NoEffect }
}

const fn only(
    name: &'static str,
    variable: &'static str,
    values: &'static [&'static str],
    fix: &'static str,
) -> Parameter {
    Parameter { name, variable, rule: Rule::Only(values, fix) }
}

const VERIFY: &str = "leave it out and write sslmode=verify-full, which checks who the server is";
const LEAVE_OUT: &str = "leave it out";

static PARAMETERS: [Parameter; 50] = [
    used("host", "PGHOST"),
    used("hostaddr", "PGHOSTADDR"),
    used("port", "PGPORT"),
    used("dbname", "PGDATABASE"),
    used("user", "PGUSER"),
    used("password", "PGPASSWORD"),
    used("sslmode", "PGSSLMODE"),
    used("sslrootcert", "PGSSLROOTCERT"),
    used("sslcert", "PGSSLCERT"),
    used("sslkey", "PGSSLKEY"),
    used("application_name", "PGAPPNAME"),
    // The driver reads PGOPTIONS by itself, and ours are added to them.
    used("options", ""),
    used("search_path", ""),
    // Prisma's name for it.
    used("schema", ""),
    // The driver's own.
    used("statement-cache-capacity", ""),
    only("channel_binding", "PGCHANNELBINDING", &["disable", "prefer"], VERIFY),
    only("require_auth", "PGREQUIREAUTH", &[], VERIFY),
    only("requirepeer", "PGREQUIREPEER", &[], LEAVE_OUT),
    only("requiressl", "PGREQUIRESSL", &["0"], "write sslmode=require in its place"),
    only("gssencmode", "PGGSSENCMODE", &["disable", "prefer"], "write sslmode=verify-full"),
    only("gssdelegation", "PGGSSDELEGATION", &["0"], LEAVE_OUT),
    only("krbsrvname", "PGKRBSRVNAME", &[], "leave it out and sign in with a password"),
    only("gsslib", "PGGSSLIB", &[], "leave it out and sign in with a password"),
    only(
        "ssl_min_protocol_version",
        "PGSSLMINPROTOCOLVERSION",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        "write TLSv1.2, below which nothing is offered",
    ),
    only("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", &["TLSv1.3"], LEAVE_OUT),
    only("sslnegotiation", "PGSSLNEGOTIATION", &["postgres"], LEAVE_OUT),
    only(
        "sslcertmode",
        "PGSSLCERTMODE",
        &["allow"],
        "leave it out; sslcert and sslkey name a certificate",
    ),
    only("sslcrl", "PGSSLCRL", &[], "leave it out: lists of revoked certificates are not read"),
    only(
        "sslcrldir",
        "PGSSLCRLDIR",
        &[],
        "leave it out: lists of revoked certificates are not read",
    ),
    only("sslpassword", "", &[], "leave it out and name a key without a password in sslkey"),
    only("sslsni", "PGSSLSNI", &["1"], LEAVE_OUT),
    only("sslcompression", "PGSSLCOMPRESSION", &["0"], LEAVE_OUT),
    only(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        &["any", "read-write", "primary"],
        "write read-write: the server writes",
    ),
    only(
        "load_balance_hosts",
        "PGLOADBALANCEHOSTS",
        &["disable"],
        "leave it out and name one host",
    ),
    only(
        "client_encoding",
        "PGCLIENTENCODING",
        &["UTF8", "utf8", "UTF-8", "utf-8", "auto"],
        "leave it out: it is UTF8",
    ),
    only("service", "PGSERVICE", &[], "write the address itself: service files are not read"),
    only("passfile", "", &[], "put the address into a file and name that in DATABASE_URL_FILE"),
    only("replication", "", &["false", "off", "no", "0"], LEAVE_OUT),
    no_effect("connect_timeout"),
    no_effect("fallback_application_name"),
    no_effect("keepalives"),
    no_effect("keepalives_idle"),
    no_effect("keepalives_interval"),
    no_effect("keepalives_count"),
    no_effect("tcp_user_timeout"),
    // Those of other frameworks' pools.
    no_effect("pgbouncer"),
    no_effect("connection_limit"),
    no_effect("pool_timeout"),
    no_effect("pool_size"),
    no_effect("socket_timeout"),
];

/// What an address says, part by part. A later value replaces an earlier one, as in libpq.
#[derive(Default)]
pub(super) struct Given {
    values: Vec<(&'static str, String)>,
    /// Names of parameters that are there and do nothing.
    pub(super) without_effect: Vec<&'static str>,
    /// `options[NAME]=VALUE`, the driver's way to write `options`.
    pub(super) session: Vec<(String, String)>,
}

impl Given {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().rev().find(|(other, _)| *other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Notes a part of the address proper.
    pub(super) fn set(&mut self, name: &'static str, value: String) {
        self.values.push((name, value));
    }

    /// Notes a parameter. `may_name` says whether the name can be repeated in a message: it cannot be part
    /// of a password.
    pub(super) fn add(
        &mut self,
        name: &str,
        value: String,
        may_name: bool,
    ) -> Result<(), AddressFault> {
        // The spelling of JDBC, which libpq takes too.
        if name == "ssl" {
            if value == "true" {
                self.set("sslmode", "require".to_owned());
                return Ok(());
            }
            return Err(AddressFault::new(
                "asks for TLS with the parameter ssl, which would be ignored",
                "write sslmode=require (or verify-full) in its place",
            ));
        }
        if let Some(setting) = name.strip_prefix("options[").and_then(|rest| rest.strip_suffix(']'))
        {
            self.session.push((setting.to_owned(), value));
            return Ok(());
        }
        let Some(parameter) = PARAMETERS.iter().find(|parameter| parameter.name == name) else {
            return Err(unknown(name, may_name));
        };
        self.check(parameter, parameter.name, value)
    }

    /// Notes what libpq's variables say where the address is silent.
    pub(super) fn complete(
        &mut self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), AddressFault> {
        let has_host = self.get("host").is_some() || self.get("hostaddr").is_some();
        for parameter in &PARAMETERS {
            let is_host = matches!(parameter.name, "host" | "hostaddr");
            if parameter.variable.is_empty()
                || self.get(parameter.name).is_some()
                || (is_host && has_host)
            {
                continue;
            }
            if let Some(value) = environment(parameter.variable) {
                self.check(parameter, parameter.variable, value)?;
            }
        }
        Ok(())
    }

    /// `label` is what the parameter was called where it was found.
    fn check(
        &mut self,
        parameter: &'static Parameter,
        label: &str,
        value: String,
    ) -> Result<(), AddressFault> {
        match parameter.rule {
            Rule::Used => self.set(parameter.name, value),
            Rule::NoEffect => self.without_effect.push(parameter.name),
            Rule::Only(values, fix) => {
                if !value.is_empty() && !values.contains(&value.as_str()) {
                    let reason = match values {
                        [] => format!("sets {label}, which cannot be honoured"),
                        _ => format!("sets {label} to something that cannot be honoured"),
                    };
                    return Err(AddressFault::new(reason, fix));
                }
                self.set(parameter.name, value);
            }
        }
        Ok(())
    }
}

fn unknown(name: &str, may_name: bool) -> AddressFault {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !may_name || name.is_empty() || !name.bytes().all(is_name) {
        return AddressFault::new(
            "has something after ? that is no parameter",
            "write NAME=VALUE there; in a password write %3F for ? and %40 for @",
        );
    }
    // Hyphens and capitals are other drivers' ways to write the same names.
    let plain = name.to_lowercase().replace('-', "");
    let meant = PARAMETERS
        .iter()
        .map(|parameter| {
            (
                strsim::jaro_winkler(
                    &parameter.name.replace(['-', '_'], ""),
                    &plain.replace('_', ""),
                ),
                parameter,
            )
        })
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .filter(|(likeness, _)| *likeness > 0.89);
    let fix = match meant {
        Some((_, parameter)) => format!("did you mean {}? else leave it out", parameter.name),
        None => "leave it out".to_owned(),
    };
    AddressFault::new(format!("has the parameter {name}, which is not known"), fix)
}
