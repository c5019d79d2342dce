//! Points out variables that look like ours and are not: a misspelt setting is otherwise silently
//! without effect. Knows names only, never values (apart from recognising what Kubernetes sets).

use super::lookup::Environment;
use super::reading::Reading;
use super::table;

/// Prefixes of ours. A name with one of them that is almost a known name is reported.
const PREFIXES: [&str; 7] =
    ["CLERK_", "LOCAL_AUTH_", "MISSION_CONTROL_", "GRAPHQL_", "MAX_", "CORS_", "DB_"];

/// Prefixes nothing else on a server uses: any unknown name is reported.
const EXCLUSIVE_PREFIXES: [&str; 3] = ["CLERK_", "GRAPHQL_", "CORS_"];

/// Names other software, older documentation and Clerk's own kits use for a setting of ours, too
/// far from its name for a comparison of letters.
const ALIASES: [(&str, &str); 8] = [
    ("CLERK_API_KEY", "CLERK_SECRET_KEY"),
    ("CLERK_PEM_PUBLIC_KEY", "CLERK_JWT_KEY"),
    ("CLERK_JWT_PUBLIC_KEY", "CLERK_JWT_KEY"),
    ("CLERK_WEBHOOK_SECRET", "CLERK_WEBHOOK_SIGNING_SECRET"),
    ("CLERK_ISSUER_URL", "CLERK_ISSUER"),
    ("CLERK_CLOCK_SKEW", "CLERK_LEEWAY"),
    ("CORS_ALLOWED_ORIGINS", "CORS_ORIGINS"),
    ("DB_URL", "DATABASE_URL"),
];

/// How many letters may be wrong, missing or too many.
const NEAR: usize = 2;

/// Warns of every unknown name that is near to a known one or carries an exclusive prefix.
pub(super) fn warn_unknown_names(reading: &mut Reading<'_>) {
    let environment = reading.environment();
    let known = table::known_names();
    for name in environment.names() {
        if known.iter().any(|known| known == name) || set_by_kubernetes(environment, name) {
            continue;
        }
        if let Some(suggestion) = suggestion(name, &known) {
            reading.warn(format!(
                "{name} is no setting and has no effect; did you mean {suggestion}?"
            ));
        } else if EXCLUSIVE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            reading.warn(format!("{name} is no setting and has no effect"));
        }
    }
}

/// The known name that `name` was probably meant to be.
fn suggestion<'known>(name: &str, known: &'known [String]) -> Option<&'known str> {
    let upper = name.to_uppercase();
    if !PREFIXES.iter().any(|prefix| upper.starts_with(prefix)) {
        return None;
    }
    let alias = ALIASES.iter().find(|(alias, _)| *alias == upper).map(|(_, meant)| *meant);
    let unprefixed = upper.strip_prefix("MISSION_CONTROL_");
    let same = |known: &str| {
        alias == Some(known) || unprefixed == Some(known) || letters(known) == letters(name)
    };
    known
        .iter()
        .find(|known| same(known))
        .or_else(|| {
            known
                .iter()
                .map(|known| (distance(known, &upper), known))
                .filter(|(distance, _)| *distance <= NEAR)
                .min()
                .map(|(_, known)| known)
        })
        .map(String::as_str)
}

/// Kubernetes describes a service called `mission-control` to every container beside it in
/// variables such as `MISSION_CONTROL_PORT=tcp://10.0.0.1:8000`.
fn set_by_kubernetes(environment: &Environment, name: &str) -> bool {
    let address = |text: &str| ["tcp://", "udp://"].iter().any(|mark| text.starts_with(mark));
    name.starts_with("MISSION_CONTROL_")
        && (name.contains("_SERVICE_")
            || name.contains("_PORT_")
            || environment.get(name).is_some_and(address))
}

/// The name without what people vary: letter case and underscores.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The Levenshtein distance of two names in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in (1..).zip(left.chars()) {
        let mut next = Vec::with_capacity(row.len());
        let mut beside = position;
        next.push(beside);
        for (pair, other) in row.windows(2).zip(&right) {
            if let [diagonal, above] = pair {
                let changed = diagonal + usize::from(letter != *other);
                beside = changed.min(above + 1).min(beside + 1);
                next.push(beside);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "ac", 1),
            ("abc", "xabc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

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
    fn near_names_are_pointed_out() {
        for (name, meant) in [
            ("CLERK_SECRETKEY", "CLERK_SECRET_KEY"),
            ("CLERK_SECRET_KEYS", "CLERK_SECRET_KEY"),
            ("clerk_secret_key", "CLERK_SECRET_KEY"),
            ("CLERK_AUTHORISED_PARTIES", "CLERK_AUTHORIZED_PARTIES"),
            ("CLERK_SECRET_KEY_FIEL", "CLERK_SECRET_KEY_FILE"),
            ("CLERK_WEBHOOK_SECRET", "CLERK_WEBHOOK_SIGNING_SECRET"),
            ("CORS_ORIGIN", "CORS_ORIGINS"),
            ("CORS_ALLOWED_ORIGINS", "CORS_ORIGINS"),
            ("MAX_ALIAS", "MAX_ALIASES"),
            ("DB_AUTOMIGRATE", "DB_AUTO_MIGRATE"),
            ("DB_URL", "DATABASE_URL"),
            ("GRAPHQL_INTROSPECTOIN", "GRAPHQL_INTROSPECTION"),
            ("LOCAL_AUTH_TOKENS", "LOCAL_AUTH_TOKEN"),
            ("MISSION_CONTROL_DATABASE_URL", "DATABASE_URL"),
        ] {
            assert_eq!(
                warnings(name, "hidden"),
                [format!("{name} is no setting and has no effect; did you mean {meant}?")]
            );
        }
    }

    #[test]
    fn far_names_are_reported_only_under_exclusive_prefixes() {
        for name in ["CLERK_SIGN_IN_URL", "GRAPHQL_SOMETHING", "CORS_MAX_AGE"] {
            assert_eq!(
                warnings(name, "hidden"),
                [format!("{name} is no setting and has no effect")]
            );
        }
        for (name, value) in [
            ("MAX_CONNECTIONS", "1"),
            ("DB_PASSWORD", "hidden"),
            ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_test_x"),
            ("VITE_CLERK_PUBLISHABLE_KEY", "pk_test_x"),
            ("MISSION_CONTROL_PORT", "tcp://10.0.0.1:8000"),
            ("MISSION_CONTROL_SERVICE_HOST", "10.0.0.1"),
            ("MISSION_CONTROL_PORT_8000_TCP_PORT", "8000"),
            ("PATH", "/bin"),
            ("CLERK_SECRET_KEY", "sk"),
            ("CLERK_SECRET_KEY_FILE", "/run/key"),
            ("CORS_ORIGIN", " "),
        ] {
            assert_eq!(warnings(name, value), Vec::<String>::new(), "{name}");
        }
    }
}
