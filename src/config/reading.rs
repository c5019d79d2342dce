//! One pass over the settings that collects every fault and warning instead of stopping at the
//! first. Knows how a variable is looked up (itself or its `NAME_FILE`), not what it means.

use std::path::Path;

use super::{
    environment::{Environment, Source, read_secret_file},
    fault::{Fault, Faults, InvalidValue, Warning},
    variables::{Setting, Variable},
};

/// The collector: parsers answer with a value or an [`InvalidValue`], the reading names the variable and
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

    /// The value of a setting: as given, else its default. `None` when there is neither, and when the
    /// given one is refused, which is noted.
    pub(super) fn value<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        self.value_by(setting, setting.parse)
    }

    /// The same by a parser that looks at more than the text.
    pub(super) fn value_by<T>(
        &mut self,
        setting: &Setting<T>,
        parse: impl FnOnce(&str) -> Result<T, Vec<InvalidValue>>,
    ) -> Option<T> {
        let text = match self.text(&setting.variable) {
            Ok(Some(text)) => text,
            Ok(None) if setting.variable.default.is_empty() => return None,
            Ok(None) => setting.variable.default.to_owned(),
            Err(fault) => {
                self.faults.push(fault);
                return None;
            }
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(all) => {
                for invalid in all {
                    self.refuse(&setting.variable, invalid.reason, invalid.fix);
                }
                None
            }
        }
    }

    /// The same where the type has an empty value: it stands for a setting that is unset, and in the place
    /// of a refused one, whose fault ends the reading.
    pub(super) fn value_or_empty<T: Default>(&mut self, setting: &Setting<T>) -> T {
        self.value(setting).unwrap_or_default()
    }

    /// The value of a setting that has to be set; `missing` is noted when it is not.
    pub(super) fn required<T>(
        &mut self,
        setting: &Setting<T>,
        missing: &str,
        fix: &str,
    ) -> Option<T> {
        if !self.is_set(&setting.variable) {
            self.refuse(&setting.variable, missing, fix);
        }
        self.value(setting)
    }

    /// Whether there is something to read for a variable, faulty or not.
    pub(super) fn is_set(&self, variable: &Variable) -> bool {
        !matches!(self.text(variable), Ok(None))
    }

    /// Notes a fault of `variable`, with the place its value came from.
    pub(super) fn refuse(
        &mut self,
        variable: &Variable,
        reason: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let source = self.source(variable);
        let invalid = InvalidValue::new(reason, fix);
        self.faults.push(fault(variable.name, invalid, source.as_ref()));
    }

    /// Notes a fault of a name that should not be in the environment.
    pub(super) fn refuse_name(&mut self, name: &str, reason: &str, fix: String) {
        let source = self.environment.find(name).map(|(_, source)| source);
        self.faults.push(fault(name, InvalidValue::new(reason, fix), source.as_ref()));
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(Warning(text.into()));
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
    fn text(&self, variable: &Variable) -> Result<Option<String>, Fault> {
        let name = variable.name;
        let file_name = variable.file_name();
        let direct = self.find(name)?;
        let file = match &file_name {
            Some(file_name) => {
                self.find(file_name)?.map(|(path, source)| (file_name, path, source))
            }
            None => None,
        };
        match (direct, file) {
            (None, None) => Ok(None),
            (Some((text, source)), None) => {
                unquoted(text).map(Some).map_err(|invalid| fault(name, invalid, Some(&source)))
            }
            (None, Some((file_name, path, source))) => read_secret_file(Path::new(path))
                .map(Some)
                .map_err(|invalid| fault(file_name, invalid, Some(&source))),
            (Some((_, source)), Some((file_name, _, file_source))) => Err(Fault {
                variable: name.to_owned(),
                reason: format!("is set ({source}) and so is {file_name} ({file_source})"),
                fix: format!("keep {name} or {file_name} and unset the other"),
            }),
        }
    }

    fn find(&self, name: &str) -> Result<Option<(&'env str, Source)>, Fault> {
        match self.environment.find(name) {
            None => Ok(None),
            Some((Ok(text), source)) => Ok(Some((text, source))),
            Some((Err(invalid), source)) => Err(fault(name, invalid.clone(), Some(&source))),
        }
    }

    fn source(&self, variable: &Variable) -> Option<Source> {
        if let Some((_, source)) = self.environment.find(variable.name) {
            return Some(source);
        }
        let file_name = variable.file_name()?;
        let path = self.environment.get(&file_name)?;
        Some(Source::File { path: path.into(), variable: file_name })
    }
}

fn fault(name: &str, invalid: InvalidValue, source: Option<&Source>) -> Fault {
    let reason = match source {
        Some(source) => format!("{} ({source})", invalid.reason),
        None => invalid.reason,
    };
    Fault { variable: name.to_owned(), reason, fix: invalid.fix }
}

/// Refuses a value that still wears the quotation marks of a file format: `docker --env-file`
/// keeps them, and a key with quotes around it fails later and less clearly.
fn unquoted(text: &str) -> Result<String, InvalidValue> {
    let wrapped = ['"', '\'']
        .into_iter()
        .any(|mark| text.len() >= 2 && text.starts_with(mark) && text.ends_with(mark));
    if wrapped {
        return Err(InvalidValue::new(
            "the quotation marks around the value are part of it",
            "remove them (a shell and .env take them off, docker's --env-file does not)",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{
        super::variables::{CLERK_SECRET_KEY, CORS_ORIGINS, LOCAL_AUTH_TOKEN, PORT},
        *,
    };

    fn faults<T>(environment: &Environment, setting: &Setting<T>) -> String {
        let mut reading = Reading::new(environment);
        let value = reading.value(setting);
        assert!(value.is_none());
        Faults(reading.faults).to_string()
    }

    #[test]
    fn a_value_is_the_given_one_or_the_default() {
        let environment = Environment::from_pairs([("PORT", "9000"), ("CORS_ORIGINS", " ")]);
        let mut reading = Reading::new(&environment);
        assert_eq!(reading.value(&PORT), Some(9000));
        assert_eq!(reading.value(&CORS_ORIGINS), None);
        assert!(reading.is_set(&PORT.variable) && !reading.is_set(&CORS_ORIGINS.variable));
        let environment = Environment::default();
        assert_eq!(Reading::new(&environment).value(&PORT), Some(8000));
    }

    #[test]
    fn every_faulty_entry_of_a_list_is_a_fault() {
        let environment = Environment::from_pairs([("CORS_ORIGINS", "https://a.com,*,null")]);
        let text = faults(&environment, &CORS_ORIGINS);
        assert!(text.starts_with("2 faults") && text.contains("CORS_ORIGINS: entry 3: "), "{text}");
    }

    #[test]
    fn a_secret_comes_from_itself_or_its_file_but_not_both() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        std::fs::write(&path, "hidden\n")?;
        let path = path.display().to_string();

        let environment = Environment::from_pairs([("LOCAL_AUTH_TOKEN_FILE", path.as_str())]);
        assert_eq!(
            faults(&environment, &LOCAL_AUTH_TOKEN),
            format!(
                "1 fault in the settings:\nLOCAL_AUTH_TOKEN: has 6 characters, fewer than 50 \
                 (from LOCAL_AUTH_TOKEN_FILE {path})\n    fix: generate one, for example with: \
                 openssl rand -hex 32"
            )
        );

        let environment = Environment::from_pairs([("LOCAL_AUTH_TOKEN", "hidden")])
            .with_dotenv(&format!("LOCAL_AUTH_TOKEN_FILE={path}"));
        let text = faults(&environment, &LOCAL_AUTH_TOKEN);
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
        let malformed = Environment::default().with_dotenv("\nCLERK_SECRET_KEY: hidden");
        for (environment, expected) in [
            (missing, "CLERK_SECRET_KEY_FILE: the file cannot be read"),
            (quotes, "CLERK_SECRET_KEY: the quotation marks"),
            (garbled, "CLERK_SECRET_KEY: is not UTF-8 text (from the environment)"),
            (malformed, "CLERK_SECRET_KEY: line 2 has no = after the name (from .env)"),
        ] {
            let text = faults(&environment, &CLERK_SECRET_KEY);
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
    }

    #[test]
    fn only_what_may_lie_in_a_file_is_read_from_files() {
        let environment = Environment::from_pairs([("PORT_FILE", "/nowhere/port")]);
        assert_eq!(Reading::new(&environment).value(&PORT), Some(8000));
    }
}
