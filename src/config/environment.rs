//! Where the text of a setting comes from: the process environment over a `.env` file.
//!
//! The only place of the crate that reads the environment. Knows names and texts, not what they
//! mean; a test builds an [`Environment`] from pairs and never touches the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::{Path, PathBuf},
};

use super::{
    dotenv,
    fault::{Fault, InvalidValue},
};

/// The file that is read from the working directory.
const DOTENV: &str = ".env";

/// By name, the text or why it cannot be read.
type Texts = BTreeMap<String, Result<String, InvalidValue>>;

/// Named texts: the process environment over `.env`. A blank text counts as unset, so a blank
/// variable of the process lets the one of `.env` through.
#[derive(Clone, Default)]
pub struct Environment {
    process: Texts,
    dotenv: Texts,
}

impl Environment {
    /// Reads the process environment and, when there is one, `.env` in the working directory. The
    /// process environment is read only, never changed: changing it is unsound once threads run.
    ///
    /// # Errors
    /// A [`Fault`] when there is a file and it cannot be read. What is wrong with a line of it is a
    /// fault of the variable that the line names, when that variable is read.
    pub(crate) fn from_process() -> Result<Self, Fault> {
        let mut environment = Self::process_only();
        environment.dotenv = read_dotenv(Path::new(DOTENV), &environment.process)?;
        Ok(environment)
    }

    /// Reads the process environment alone. Development mode uses this, so that the keys of a
    /// deployment lying in `.env` never reach it.
    pub(crate) fn process_only() -> Self {
        // A name that is not UTF-8 is none of ours.
        let process = std::env::vars_os().filter_map(|(name, value)| {
            let value = value.into_string();
            let not_utf8 = |_| InvalidValue::new("is not UTF-8 text", "write the value as UTF-8");
            Some((name.into_string().ok()?, value.map_err(not_utf8)))
        });
        Self { process: process.collect(), dotenv: Texts::new() }
    }

    /// An environment of exactly these pairs, as if the process had been started with them.
    pub fn from_pairs<I, K, V>(pairs: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), Ok(value.into())));
        Self { process: pairs.collect(), dotenv: Texts::new() }
    }

    /// The trimmed text of a variable, or `None` when it is unset, blank or cannot be read. For names
    /// that need no checking; settings are read through [`Settings`](super::Settings).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.find(name)?.0.ok()
    }

    /// The trimmed text of a variable or why it cannot be read, and where it was found.
    pub(super) fn find(&self, name: &str) -> Option<(Result<&str, &InvalidValue>, Source)> {
        [(&self.process, Source::Process), (&self.dotenv, Source::Dotenv)].into_iter().find_map(
            |(texts, source)| {
                let text = texts.get(name)?.as_ref().map(|text| text.trim());
                (text != Ok("")).then_some((text, source))
            },
        )
    }

    /// The names that have a text, sorted, each once.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let names = self.process.keys().chain(self.dotenv.keys()).map(String::as_str);
        names.filter(|name| self.get(name).is_some()).collect()
    }

    #[cfg(test)]
    pub(super) fn with_dotenv(mut self, text: &str) -> Self {
        self.dotenv = dotenv::parse(text, |_| None);
        self
    }

    #[cfg(test)]
    pub(super) fn with_garbled(mut self, name: &str) -> Self {
        let not_utf8 = InvalidValue::new("is not UTF-8 text", "write the value as UTF-8");
        self.process.insert(name.to_owned(), Err(not_utf8));
        self
    }
}

/// The variables of the file, or none when there is no such file.
fn read_dotenv(path: &Path, process: &Texts) -> Result<Texts, Fault> {
    let unreadable = |reason: String| Fault {
        variable: path.display().to_string(),
        reason,
        fix: "make it a readable UTF-8 text file, or remove it".to_owned(),
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Texts::new()),
        Err(error) => return Err(unreadable(format!("the file cannot be read: {error}"))),
    };
    // PowerShell's `>` writes UTF-16.
    if bytes.contains(&0) {
        return Err(unreadable("the file is not UTF-8 text".to_owned()));
    }
    let known = |name: &str| process.get(name)?.as_ref().ok().cloned();
    Ok(dotenv::parse(&String::from_utf8_lossy(&bytes), known))
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
pub(super) fn read_secret_file(path: &Path) -> Result<String, InvalidValue> {
    use std::io::Read;

    let readable = "name a readable text file that holds the value and nothing else";
    let unreadable =
        |error: io::Error| InvalidValue::new(format!("the file cannot be read: {error}"), readable);
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > SECRET_FILE_BYTES {
        return Err(InvalidValue::new("the file is larger than 64 KiB", readable));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| InvalidValue::new("the file is not UTF-8 text", readable))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(InvalidValue::new(
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
            .with_dotenv("A=file\nB=file\nD=\nE hidden");
        assert_eq!(environment.find("A"), Some((Ok("process"), Source::Process)));
        assert_eq!(environment.find("B"), Some((Ok("file"), Source::Dotenv)));
        assert!(matches!(environment.find("E"), Some((Err(_), Source::Dotenv))));
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
    fn a_file_of_settings_may_be_missing_but_not_unreadable() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(".env");
        let process = Texts::from([("KNOWN".to_owned(), Ok("outside".to_owned()))]);
        assert_eq!(read_dotenv(&path, &process), Ok(Texts::new()));
        let fault = read_dotenv(folder.path(), &process).err();
        assert!(fault.is_some_and(|fault| fault.reason.contains("cannot be read")));
        std::fs::write(&path, b"\xff\xfeA\0=\x001\0")?;
        let fault = read_dotenv(&path, &process).err();
        assert!(fault.is_some_and(|fault| fault.reason.contains("not UTF-8")));
        std::fs::write(&path, b"# caf\xe9\nA=${KNOWN}\n")?;
        let expected = Texts::from([("A".to_owned(), Ok("outside".to_owned()))]);
        assert_eq!(read_dotenv(&path, &process), Ok(expected));
        Ok(())
    }

    #[test]
    fn a_secret_file_is_trimmed_and_bounded() -> io::Result<()> {
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
            let read = read_secret_file(&path).map_err(|invalid| invalid.reason);
            assert_eq!(read.as_deref().map_err(String::as_str), expected);
        }
        let missing = read_secret_file(&folder.path().join("missing"));
        assert!(missing.is_err_and(|invalid| invalid.reason.contains("cannot be read")));
        Ok(())
    }
}
