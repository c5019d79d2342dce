//! One pass over the settings that collects every fault and warning instead of stopping at the
//! first. Knows how a variable is looked up (itself or its `NAME_FILE`), not what it means.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::{Fault, Faults, Refusal, Warning};
use super::lookup::{Environment, Source, read_secret_file};
use super::number;
use super::table;

/// What reading one variable gave. "Refused" is told apart from "unset" so that a required
/// setting with a fault is not also reported as missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// Neither set nor a fault.
    Unset,
    /// Set, and the fault is noted.
    Refused,
    /// Set and accepted.
    Given(T),
}

impl<T> Answer<Vec<T>> {
    /// The accepted entries, none when the list is unset or refused.
    pub(super) fn entries(self) -> Vec<T> {
        self.unwrap_or(Vec::new())
    }
}

impl<T> Answer<T> {
    /// The accepted value. A refused one is `None` as well: its fault already ends the reading.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Unset | Self::Refused => None,
        }
    }

    pub(super) fn unwrap_or(self, default: T) -> T {
        self.given().unwrap_or(default)
    }
}

/// The collector: parsers answer with a value or a [`Refusal`], the reading names the variable and
/// the source.
pub(super) struct Reading<'env> {
    environment: &'env Environment,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl<'env> Reading<'env> {
    pub(super) fn new(environment: &'env Environment) -> Self {
        Self { environment, faults: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn environment(&self) -> &'env Environment {
        self.environment
    }

    /// One setting, parsed.
    pub(super) fn one<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Answer<T> {
        match self.text(name) {
            Answer::Unset => Answer::Unset,
            Answer::Refused => Answer::Refused,
            Answer::Given(text) => match parse(&text) {
                Ok(value) => Answer::Given(value),
                Err(refusal) => {
                    self.refuse(name, refusal);
                    Answer::Refused
                }
            },
        }
    }

    /// A comma-separated list, each entry trimmed and parsed, blank entries skipped, repeated
    /// entries kept once. Every faulty entry is a fault of its own.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Refusal>,
    ) -> Answer<Vec<T>> {
        let text = match self.text(name) {
            Answer::Unset => return Answer::Unset,
            Answer::Refused => return Answer::Refused,
            Answer::Given(text) => text,
        };
        let mut entries: Vec<&str> = Vec::new();
        for entry in text.split(',').map(str::trim) {
            if !entry.is_empty() && !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        let mut values = Vec::with_capacity(entries.len());
        for (position, entry) in (1_usize..).zip(&entries) {
            match parse(entry) {
                Ok(value) => values.push(value),
                Err(mut refusal) => {
                    if entries.len() > 1 {
                        refusal.reason = format!("entry {position}: {}", refusal.reason);
                    }
                    self.refuse(name, refusal);
                }
            }
        }
        if entries.is_empty() {
            Answer::Unset
        } else if values.len() == entries.len() {
            Answer::Given(values)
        } else {
            Answer::Refused
        }
    }

    /// A whole number within `range`.
    pub(super) fn whole(
        &mut self,
        name: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> usize {
        self.one(name, |text| number::whole(text, range)).unwrap_or(default)
    }

    /// A time span in decimal seconds within `range`.
    pub(super) fn seconds(
        &mut self,
        name: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.one(name, |text| number::seconds(text, range)).unwrap_or(default)
    }

    /// A switch.
    pub(super) fn switch(&mut self, name: &'static str, default: bool) -> bool {
        self.one(name, number::switch).unwrap_or(default)
    }

    /// Whether there is something to read for `name`, faulty or not.
    pub(super) fn is_set(&self, name: &str) -> bool {
        !matches!(self.read_text(name), Ok(None))
    }

    /// Notes a fault of `name`, with the place its value came from.
    pub(super) fn refuse(&mut self, name: &str, refusal: Refusal) {
        let source = self.source(name);
        self.faults.push(refusal.of(name, source.as_ref()));
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(Warning::new(text));
    }

    /// The settings if nothing was refused. `settings` is `None` only where a required part is
    /// missing, which was noted as a fault.
    pub(super) fn finish<T>(self, settings: Option<T>) -> Result<(T, Vec<Warning>), Faults> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok((settings, self.warnings)),
            _ => Err(Faults(self.faults)),
        }
    }

    /// The text of a variable, from itself or from the file that `NAME_FILE` names.
    fn text(&mut self, name: &'static str) -> Answer<String> {
        let read = self.read_text(name);
        match read {
            Ok(Some(text)) => Answer::Given(text),
            Ok(None) => Answer::Unset,
            Err(fault) => {
                self.faults.push(fault);
                Answer::Refused
            }
        }
    }

    fn read_text(&self, name: &str) -> Result<Option<String>, Fault> {
        let file_variable = format!("{name}_FILE");
        for garbled in [name, &file_variable] {
            if self.environment.is_garbled(garbled) {
                let refusal = Refusal::new("is not UTF-8 text", "write the value as UTF-8");
                return Err(refusal.of(garbled, Some(&Source::Process)));
            }
        }
        let direct = self.environment.find(name);
        let file = table::file_variable(name).and_then(|file| self.environment.find(&file));
        match (direct, file) {
            (None, None) => Ok(None),
            (Some((text, source)), None) => {
                unquoted(text).map(Some).map_err(|refusal| refusal.of(name, Some(&source)))
            }
            (None, Some((path, source))) => read_secret_file(&PathBuf::from(path))
                .map(Some)
                .map_err(|refusal| refusal.of(&file_variable, Some(&source))),
            (Some((_, source)), Some((_, file_source))) => Err(Fault {
                variable: name.to_owned(),
                reason: format!("is set ({source}) and so is {file_variable} ({file_source})"),
                fix: format!("keep {name} or {file_variable} and unset the other"),
            }),
        }
    }

    fn source(&self, name: &str) -> Option<Source> {
        if let Some((_, source)) = self.environment.find(name) {
            return Some(source);
        }
        let variable = table::file_variable(name)?;
        let (path, _) = self.environment.find(&variable)?;
        Some(Source::File { path: PathBuf::from(path), variable })
    }
}

/// Refuses a value that still wears the quotation marks of a file format: `docker --env-file`
/// keeps them, and a key with quotes around it fails later and less clearly.
fn unquoted(text: &str) -> Result<String, Refusal> {
    let wrapped = ['"', '\'']
        .into_iter()
        .any(|mark| text.len() >= 2 && text.starts_with(mark) && text.ends_with(mark));
    if wrapped {
        return Err(Refusal::new(
            "the quotation marks around the value are part of it",
            "remove them (a shell and .env take them off, docker's --env-file does not)",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Result<String, Refusal> {
        if text.starts_with('!') {
            Err(Refusal::new("starts with !", "drop the !"))
        } else {
            Ok(text.to_owned())
        }
    }

    #[test]
    fn a_list_is_trimmed_and_each_entry_is_judged() {
        let cases = [
            ("", Answer::Unset, 0),
            (" , ,", Answer::Unset, 0),
            ("a", Answer::Given(vec!["a"]), 0),
            (" a ,b,,a", Answer::Given(vec!["a", "b"]), 0),
            ("!a,b,!c", Answer::Refused, 2),
        ];
        for (text, expected, faults) in cases {
            let environment = Environment::from_pairs([("CORS_ORIGINS", text)]);
            let mut reading = Reading::new(&environment);
            let answer = reading.list("CORS_ORIGINS", accept);
            let expected = match expected {
                Answer::Given(values) => {
                    Answer::Given(values.into_iter().map(str::to_owned).collect())
                }
                Answer::Unset => Answer::Unset,
                Answer::Refused => Answer::Refused,
            };
            assert_eq!(answer, expected, "{text:?}");
            assert_eq!(reading.faults.len(), faults, "{text:?}");
        }
    }

    #[test]
    fn a_faulty_entry_is_numbered_when_there_are_several() {
        let environment = Environment::from_pairs([("CORS_ORIGINS", "a,!b")]);
        let mut reading = Reading::new(&environment);
        assert_eq!(reading.list("CORS_ORIGINS", accept), Answer::Refused);
        let text = Faults(reading.faults).to_string();
        assert!(
            text.contains("CORS_ORIGINS: entry 2: starts with ! (from the environment)"),
            "{text}"
        );
    }

    #[test]
    fn a_secret_comes_from_itself_or_its_file_but_not_both() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        std::fs::write(&path, "!from-file\n")?;
        let path = path.display().to_string();

        let environment = Environment::from_pairs([("LOCAL_AUTH_TOKEN_FILE", path.as_str())]);
        let mut reading = Reading::new(&environment);
        assert_eq!(reading.one("LOCAL_AUTH_TOKEN", accept), Answer::Refused);
        assert_eq!(
            Faults(reading.faults).to_string(),
            format!(
                "1 fault in the settings:\nLOCAL_AUTH_TOKEN: starts with ! \
                 (from LOCAL_AUTH_TOKEN_FILE {path})\n    fix: drop the !"
            )
        );

        let environment = Environment::from_pairs([("LOCAL_AUTH_TOKEN", "hidden")])
            .with_dotenv([("LOCAL_AUTH_TOKEN_FILE", path.as_str())]);
        let mut reading = Reading::new(&environment);
        assert_eq!(reading.one("LOCAL_AUTH_TOKEN", accept), Answer::Refused);
        let text = Faults(reading.faults).to_string();
        assert!(
            text.contains(
                "is set (from the environment) and so is LOCAL_AUTH_TOKEN_FILE (from .env)"
            ),
            "{text}"
        );
        assert!(!text.contains("hidden"));
        Ok(())
    }

    #[test]
    fn an_unreadable_file_quotes_and_other_encodings_are_faults() {
        let missing = Environment::from_pairs([("CLERK_SECRET_KEY_FILE", "/nowhere/key")]);
        let quotes = Environment::from_pairs([("CLERK_SECRET_KEY", "\"sk_test_hidden\"")]);
        let garbled = Environment::default().with_garbled("CLERK_SECRET_KEY");
        for (environment, expected) in [
            (missing, "CLERK_SECRET_KEY_FILE: the file cannot be read"),
            (quotes, "CLERK_SECRET_KEY: the quotation marks"),
            (garbled, "CLERK_SECRET_KEY: is not UTF-8 text"),
        ] {
            let mut reading = Reading::new(&environment);
            assert_eq!(reading.one("CLERK_SECRET_KEY", accept), Answer::Refused);
            let text = Faults(reading.faults).to_string();
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
    }

    #[test]
    fn only_listed_variables_are_read_from_files() {
        let environment = Environment::from_pairs([("PORT_FILE", "/nowhere/port")]);
        let mut reading = Reading::new(&environment);
        assert_eq!(reading.one("PORT", accept), Answer::Unset);
    }
}
