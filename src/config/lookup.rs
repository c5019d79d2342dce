//! Where the text of a setting comes from: the process environment over a `.env` file.
//!
//! The only place of the crate that reads the environment. Knows names and texts, not what they
//! mean; a test builds an [`Environment`] from pairs and never touches the process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::dotenv;
use super::fault::{Fault, Refusal};

/// The file that is read from the working directory.
const DOTENV: &str = ".env";

/// Named texts: the process environment over `.env`. A blank text counts as unset, so a blank
/// variable of the process lets the one of `.env` through.
#[derive(Clone, Default)]
pub struct Environment {
    process: BTreeMap<String, String>,
    dotenv: BTreeMap<String, String>,
    /// Variables of the process whose value is not UTF-8.
    garbled: BTreeSet<String>,
}

impl Environment {
    /// Reads the process environment and, when there is one, `.env` in the working directory. The
    /// process environment is read only, never changed: changing it is unsound once threads run.
    ///
    /// # Errors
    /// A [`Fault`] naming the file, and the line when a line is malformed.
    pub fn from_process() -> Result<Self, Fault> {
        Ok(Self { dotenv: dotenv::read(Path::new(DOTENV))?, ..Self::process_only() })
    }

    /// Reads the process environment alone. Development mode uses this, so that the keys of a
    /// deployment lying in `.env` never reach it.
    pub fn process_only() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue; // none of our names
            };
            match value.into_string() {
                Ok(value) => {
                    environment.process.insert(name, value);
                }
                Err(_) => {
                    environment.garbled.insert(name);
                }
            }
        }
        environment
    }

    /// An environment of exactly these pairs, as if the process had been started with them.
    pub fn from_pairs<I, K, V>(pairs: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        Self {
            process: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            ..Self::default()
        }
    }

    /// The trimmed text of a variable, or `None` when it is unset or blank. For names that need no
    /// checking; settings are read through [`Settings`](super::Settings).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|(text, _)| text)
    }

    /// The trimmed text of a variable and where it was found.
    pub(super) fn find(&self, name: &str) -> Option<(&str, Source)> {
        [(&self.process, Source::Process), (&self.dotenv, Source::Dotenv)].into_iter().find_map(
            |(texts, source)| {
                let text = texts.get(name)?.trim();
                (!text.is_empty()).then_some((text, source))
            },
        )
    }

    /// Whether the process holds a value for this name that is not UTF-8.
    pub(super) fn is_garbled(&self, name: &str) -> bool {
        self.garbled.contains(name)
    }

    /// The names that have a text, sorted, each once.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.process
            .keys()
            .chain(self.dotenv.keys())
            .map(String::as_str)
            .filter(|name| self.get(name).is_some())
            .collect()
    }

    #[cfg(test)]
    pub(super) fn with_dotenv<const N: usize>(mut self, pairs: [(&str, &str); N]) -> Self {
        self.dotenv =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self
    }

    #[cfg(test)]
    pub(super) fn with_garbled(mut self, name: &str) -> Self {
        self.garbled.insert(name.to_owned());
        self
    }
}

/// Values may be secrets, so only the number of variables is shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("process", &self.process.len())
            .field("dotenv", &self.dotenv.len())
            .finish_non_exhaustive()
    }
}

/// Where a value was found. Displays as the parenthesis of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The environment of the process.
    Process,
    /// The file `.env`.
    Dotenv,
    /// A file named by the variable `NAME_FILE`.
    File { variable: String, path: PathBuf },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("from the environment"),
            Self::Dotenv => f.write_str("from .env"),
            Self::File { variable, path } => write!(f, "from {variable} {}", path.display()),
        }
    }
}

/// The largest file a `NAME_FILE` variable may name, in bytes. Keys are a few kilobytes; more is a
/// wrong path (or a device that never ends).
const SECRET_FILE_BYTES: u64 = 64 * 1024;

/// The trimmed contents of a file that holds one setting.
pub(super) fn read_secret_file(path: &Path) -> Result<String, Refusal> {
    use std::io::Read;

    let readable = "name a readable text file that holds the value and nothing else";
    let unreadable =
        |error: std::io::Error| Refusal::new(format!("the file cannot be read: {error}"), readable);
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > SECRET_FILE_BYTES {
        return Err(Refusal::new("the file is larger than 64 KiB", readable));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Refusal::new("the file is not UTF-8 text", readable))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Refusal::new(
            "the file is empty",
            "write the value into the file, or unset the variable",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_wins_and_blank_counts_as_unset() {
        let environment = Environment::from_pairs([("A", " process "), ("B", "  "), ("C", "")])
            .with_dotenv([("A", "file"), ("B", "file"), ("D", " ")]);
        assert_eq!(environment.find("A"), Some(("process", Source::Process)));
        assert_eq!(environment.find("B"), Some(("file", Source::Dotenv)));
        assert_eq!(environment.find("C"), None);
        assert_eq!(environment.find("D"), None);
        assert_eq!(environment.names().into_iter().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::from_pairs([("CLERK_SECRET_KEY", "sk_live_hidden")]);
        assert!(!format!("{environment:?}").contains("hidden"));
    }

    #[test]
    fn a_secret_file_is_trimmed_and_bounded() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("secret");
        let large = vec![b'a'; 65_537];
        let cases: [(&[u8], Result<&str, &str>); 5] = [
            (b" value\n", Ok("value")),
            (b"\xef\xbb\xbfvalue\r\n", Ok("value")),
            (b" \n", Err("the file is empty")),
            (b"\xff\xfe", Err("the file is not UTF-8 text")),
            (&large, Err("the file is larger than 64 KiB")),
        ];
        for (contents, expected) in cases {
            std::fs::write(&path, contents)?;
            let read = read_secret_file(&path).map_err(|refusal| refusal.reason);
            assert_eq!(read.as_deref().map_err(String::as_str), expected);
        }
        let missing = read_secret_file(&folder.path().join("missing"));
        assert!(missing.is_err_and(|refusal| refusal.reason.contains("cannot be read")));
        Ok(())
    }
}
