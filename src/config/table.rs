//! The one list of all variables: what `--help` prints, what the documentation is checked against
//! and what a misspelt name is compared with. Knows names and texts, reads nothing.

/// One environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name in the environment and in `.env`.
    pub name: &'static str,
    /// What holds when the variable is unset; empty when there is no default.
    pub default: &'static str,
    /// What it does, in one line.
    pub meaning: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether it may also be given as `NAME_FILE`, the path of a file that holds the value.
    pub file: bool,
}

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning, secret: false, file: false }
}

/// A value that may also lie in a file without being secret.
const fn in_file(name: &'static str, meaning: &'static str) -> Variable {
    Variable { file: true, ..plain(name, "", meaning) }
}

const fn secret(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { secret: true, file: true, ..plain(name, default, meaning) }
}

/// Every variable the program knows, in the order `--help` shows them.
#[rustfmt::skip]
pub const VARIABLES: &[Variable] = &[
    plain("AUTH_MODE", "", "clerk or local; required by serve"),
    secret("CLERK_SECRET_KEY", "", "Clerk secret key, sk_test_… or sk_live_…"),
    plain("CLERK_API_URL", "https://api.clerk.com", "base of Clerk's Backend API"),
    plain("CLERK_VERIFY_IAT", "true", "whether a missing or future iat refuses a token"),
    plain("CLERK_LEEWAY", "10.0", "tolerated clock difference, decimal seconds, 0 to 300"),
    in_file("CLERK_JWT_KEY", "PEM public key; verifies tokens without network"),
    in_file("CLERK_PUBLISHABLE_KEY", "names the issuer, and is used by the browser page"),
    plain("CLERK_ISSUER", "", "comma list of accepted issuers; wins over the publishable key"),
    plain("CLERK_AUDIENCE", "", "comma list of accepted audiences"),
    plain("CLERK_AUTHORIZED_PARTIES", "", "comma list of origins whose tokens are accepted"),
    secret("CLERK_WEBHOOK_SIGNING_SECRET", "", "comma list of whsec_… secrets; unset, no webhooks"),
    secret("LOCAL_AUTH_TOKEN", "", "shared token of local mode, at least 50 characters"),
    secret("DATABASE_URL", "sqlite:data/mission-control.db", "sqlite:PATH or postgres://…"),
    plain("DB_AUTO_MIGRATE", "true", "apply migrations at start; false: refuse when behind"),
    plain("HOST", "127.0.0.1", "address to listen on"),
    plain("PORT", "8000", "port to listen on; 0 takes a free one"),
    plain("CORS_ORIGINS", "", "comma list of exact browser origins"),
    plain("GRAPHQL_INTROSPECTION", "true", "whether the schema can be queried"),
    plain("GRAPHQL_PLAYGROUND", "true", "whether GraphiQL is served"),
    plain("METRICS_ADDR", "", "address:port of the metrics listener; unset, off"),
    plain("SHUTDOWN_TIMEOUT", "10", "seconds for requests in flight after SIGTERM"),
    plain("DRAIN_DELAY", "5", "seconds after SIGTERM in which requests are still taken; 0 in dev"),
    plain("MAX_CONNECTIONS", "10000", "most open connections; past it new ones wait"),
    plain("MAX_IN_FLIGHT_BYTES", "134217728", "most bytes of all bodies and undelivered answers"),
    plain("MAX_RESPONSE_BYTES", "2097152", "largest answer"),
    plain("MAX_BODY_BYTES", "262144", "largest request body"),
    plain("MAX_QUERY_BYTES", "16384", "longest query text"),
    plain("MAX_NESTING", "40", "deepest nesting of brackets in a query"),
    plain("MAX_SELECTIONS", "500", "most selections after fragments are expanded"),
    plain("MAX_ALIASES", "50", "most aliases after fragments are expanded"),
    plain("MAX_DEPTH", "16", "deepest nesting of fields"),
    plain("MAX_COMPLEXITY", "5000", "largest complexity; lists count their page size"),
    plain("MAX_DIRECTIVES", "5", "most directives on one field"),
    plain("MAX_OPERATIONS", "10", "most operations in one document"),
    plain("IDLE_TIMEOUT", "75", "seconds a kept connection may be silent between requests"),
    plain("HEADER_TIMEOUT", "5", "seconds to receive the headers of a request that has begun"),
    plain("BODY_TIMEOUT", "10", "seconds to receive the body of a request"),
    plain("EXECUTION_TIMEOUT", "10", "seconds to answer a request"),
    plain("WRITE_TIMEOUT", "10", "seconds a client may take nothing of its answer"),
    plain("LOG_LEVEL", "info", "error, warn, info, debug or trace"),
    plain("RUST_LOG", "", "log filter by module; wins over LOG_LEVEL"),
    plain("LOG_FORMAT", "auto", "text, json or auto (text on a terminal, else json)"),
];

/// The `NAME_FILE` form of a variable that has one.
pub(super) fn file_variable(name: &str) -> Option<String> {
    VARIABLES
        .iter()
        .any(|variable| variable.name == name && variable.file)
        .then(|| format!("{name}_FILE"))
}

/// All names that mean something, `NAME_FILE` forms included.
pub(super) fn known_names() -> Vec<String> {
    VARIABLES
        .iter()
        .flat_map(|variable| {
            std::iter::once(variable.name.to_owned()).chain(file_variable(variable.name))
        })
        .collect()
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
        let mark = if variable.file { " *" } else { "" };
        let name = variable.name;
        let meaning = variable.meaning;
        format!("  {name:<width$}  {meaning}{default}{mark}")
    }));
    lines.push("  * also as NAME_FILE: the path of a file that holds the value\n".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_meanings_are_one_line() {
        let names: BTreeSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), VARIABLES.len());
        for variable in VARIABLES {
            assert!(!variable.meaning.is_empty() && !variable.meaning.contains('\n'));
        }
    }

    #[test]
    fn every_secret_of_ours_may_lie_in_a_file() {
        for variable in VARIABLES {
            if variable.secret {
                assert!(variable.file, "{}", variable.name);
            }
        }
        assert_eq!(file_variable("LOCAL_AUTH_TOKEN").as_deref(), Some("LOCAL_AUTH_TOKEN_FILE"));
        assert_eq!(file_variable("PORT"), None);
        assert_eq!(file_variable("UNKNOWN"), None);
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
