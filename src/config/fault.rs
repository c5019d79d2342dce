//! What is wrong with a setting, said so that an operator can repair it.
//!
//! Knows nothing of any particular setting. Nothing here may hold a secret: reasons and fixes are
//! written by the parsers, which quote values only through [`quoted`].

use std::fmt;

/// One faulty setting: which variable, why it is wrong (with where its value came from), and how
/// to repair it. Never contains the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the variable, or `.env` when the file as a whole cannot be read.
    pub variable: String,
    /// Why the value is refused; ends with its source in parentheses when there is a value.
    pub reason: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    fix: {}", self.variable, self.reason, self.fix)
    }
}

/// All faults of one reading. They are collected so that an operator repairs the settings in one
/// go instead of one start per mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 fault in the settings:")?,
            count => write!(f, "{count} faults in the settings:")?,
        }
        for fault in &self.0 {
            write!(f, "\n{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

/// Something an operator should know although the server can start: a protection that is off, or
/// a variable that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub(super) String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a parser does not accept a text, before it is known which variable the text came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidValue {
    pub(super) reason: String,
    pub(super) fix: String,
}

impl InvalidValue {
    pub(super) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: reason.into(), fix: fix.into() }
    }
}

/// Refuses a text for this reason.
pub(super) fn invalid<T>(
    reason: impl Into<String>,
    fix: impl Into<String>,
) -> Result<T, InvalidValue> {
    Err(InvalidValue::new(reason, fix))
}

/// Refuses a text and begins the reason with it, as far as it may be shown.
pub(super) fn invalid_text<T>(
    text: &str,
    what: &str,
    fix: impl Into<String>,
) -> Result<T, InvalidValue> {
    invalid(format!("{} {what}", quoted(text)), fix)
}

/// The longest value that is repeated in a message; anything longer is more likely a key or a
/// token than a mistyped setting.
const QUOTABLE_CHARACTERS: usize = 80;

/// Beginnings of credentials that are sometimes pasted into the wrong variable.
const CREDENTIAL_MARKS: [&str; 6] = ["sk_", "pk_", "whsec_", "eyJ", "-----BEGIN", "@"];

/// The value for use in a message: quoted and escaped, or a stand-in when it might be a credential
/// that was pasted into the wrong variable.
fn quoted(text: &str) -> String {
    let suspicious = CREDENTIAL_MARKS.iter().any(|mark| text.contains(mark));
    if suspicious || text.chars().count() > QUOTABLE_CHARACTERS {
        "the value (not shown)".to_owned()
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(variable: &str) -> Fault {
        Fault {
            variable: variable.to_owned(),
            reason: "is wrong (from .env)".to_owned(),
            fix: "write it right".to_owned(),
        }
    }

    #[test]
    fn faults_are_counted_and_printed_one_after_the_other() {
        assert_eq!(
            Faults(vec![fault("PORT")]).to_string(),
            "1 fault in the settings:\nPORT: is wrong (from .env)\n    fix: write it right"
        );
        assert_eq!(
            Faults(vec![fault("PORT"), fault("HOST")]).to_string(),
            "2 faults in the settings:\n\
             PORT: is wrong (from .env)\n    fix: write it right\n\
             HOST: is wrong (from .env)\n    fix: write it right"
        );
    }

    #[test]
    fn a_value_is_quoted_unless_it_may_be_a_credential() {
        assert_eq!(quoted("abc"), "\"abc\"");
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        for credential in [
            "sk_live_0123456789",
            "postgres://user:password@host/db",
            "eyJhbGciOiJSUzI1NiJ9.e30.sig",
            "-----BEGIN PRIVATE KEY-----",
            &"a".repeat(81),
        ] {
            assert_eq!(quoted(credential), "the value (not shown)");
        }
    }
}
