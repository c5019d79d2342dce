//! Points out variables that look like ours and are not: a misspelt setting is otherwise silently
//! without effect. Knows names only, never values.

use super::{reading::Reading, variables::VARIABLES};

/// Prefixes nothing else on a server uses: any unknown name is reported.
const EXCLUSIVE_PREFIXES: [&str; 3] = ["CLERK_", "GRAPHQL_", "CORS_"];

/// How alike two names must be, from 0 to 1 (Jaro-Winkler, which counts a common beginning in favour and
/// so forgives a missing word as well as a wrong letter).
const ALIKE: f64 = 0.915;

/// Warns of every unknown name that is like a known one or carries an exclusive prefix.
pub(super) fn warn_unknown_names(reading: &mut Reading<'_>) {
    let known: Vec<String> = VARIABLES
        .iter()
        .flat_map(|variable| [Some(variable.name.to_owned()), variable.file_name()])
        .flatten()
        .collect();
    for name in reading.environment().names() {
        // Of OpenTelemetry's names, only some are ours, and the others mean something to its library or to others.
        if known.iter().any(|known| known == name) || name.starts_with("OTEL_") {
            continue;
        }
        if let Some(meant) = most_alike(name, &known) {
            reading.warn(format!("{name} is no setting and has no effect; did you mean {meant}?"));
        } else if EXCLUSIVE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            reading.warn(format!("{name} is no setting and has no effect"));
        }
    }
}

/// The known name that `name` was probably meant to be. Only names that share their first word with one
/// of ours are compared: `HOME` is not a misspelt `HOST`.
fn most_alike<'known>(name: &str, known: &'known [String]) -> Option<&'known str> {
    let name = name.to_uppercase();
    let (prefix, _) = name.split_once('_')?;
    known
        .iter()
        .filter(|known| known.split_once('_').is_some_and(|(first, _)| first == prefix))
        .map(|known| (strsim::jaro_winkler(known, &name), known.as_str()))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn warnings(name: &str, value: &str) -> Vec<String> {
        let environment = Environment::from_pairs([(name, value)]);
        let mut reading = Reading::new(&environment);
        warn_unknown_names(&mut reading);
        reading
            .finish(Some(()))
            .map(|((), warnings)| warnings.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    #[test]
    fn names_that_are_alike_are_pointed_out() {
        for (name, meant) in [
            ("CLERK_SECRETKEY", "CLERK_SECRET_KEY"),
            ("CLERK_SECRET_KEYS", "CLERK_SECRET_KEY"),
            ("clerk_secret_key", "CLERK_SECRET_KEY"),
            ("CLERK_AUTHORISED_PARTIES", "CLERK_AUTHORIZED_PARTIES"),
            ("CLERK_SECRET_KEY_FIEL", "CLERK_SECRET_KEY_FILE"),
            ("CLERK_WEBHOOK_SECRET", "CLERK_WEBHOOK_SIGNING_SECRET"),
            ("CLERK_ISSUER_URL", "CLERK_ISSUER"),
            ("CLERK_JWT_PUBLIC_KEY", "CLERK_JWT_KEY"),
            ("CORS_ORIGIN", "CORS_ORIGINS"),
            ("CORS_ALLOWED_ORIGINS", "CORS_ORIGINS"),
            ("MAX_ALIAS", "MAX_ALIASES"),
            ("DB_AUTOMIGRATE", "DB_AUTO_MIGRATE"),
            ("GRAPHQL_INTROSPECTOIN", "GRAPHQL_INTROSPECTION"),
            ("LOCAL_AUTH_TOKENS", "LOCAL_AUTH_TOKEN"),
            ("DATABASE_URI", "DATABASE_URL"),
        ] {
            assert_eq!(
                warnings(name, "hidden"),
                [format!("{name} is no setting and has no effect; did you mean {meant}?")]
            );
        }
    }

    #[test]
    fn other_names_are_reported_only_under_exclusive_prefixes() {
        for name in ["CLERK_SIGN_IN_URL", "GRAPHQL_SOMETHING", "CORS_MAX_AGE"] {
            assert_eq!(
                warnings(name, "hidden"),
                [format!("{name} is no setting and has no effect")]
            );
        }
        for (name, value) in [
            ("MAX_WORKERS", "1"),
            ("DB_PASSWORD", "hidden"),
            ("DATABASE_PASSWORD", "hidden"),
            ("LOG_FILE", "x"),
            ("HOME", "/root"),
            ("RUST_BACKTRACE", "1"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://localhost:4318/v1/metrics"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1000"),
            ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_test_x"),
            ("MISSION_CONTROL_PORT", "tcp://10.0.0.1:8000"),
            ("PATH", "/bin"),
            ("CLERK_SECRET_KEY", "sk"),
            ("CLERK_SECRET_KEY_FILE", "/run/key"),
            ("CORS_ORIGIN", " "),
        ] {
            assert_eq!(warnings(name, value), Vec::<String>::new(), "{name}");
        }
    }
}
