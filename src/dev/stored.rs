//! A value in a file of its own, shared by the server and the commands that act for it: read anew each
//! time, changed under a lock, replaced whole or not at all. Knows nothing of what it keeps.

use std::{
    fs,
    io::{ErrorKind, Write},
    marker::PhantomData,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Serialize, de::DeserializeOwned};

use crate::private_files;

/// Where a `T` is kept. Without the file there is the default.
pub(crate) struct Stored<T> {
    file: PathBuf,
    kind: PhantomData<fn() -> T>,
}

impl<T: Default + Serialize + DeserializeOwned> Stored<T> {
    /// The value kept in `file`; fails when it cannot be read.
    pub(crate) fn open(file: PathBuf) -> anyhow::Result<Self> {
        let stored = Self { file, kind: PhantomData };
        stored.read()?;
        Ok(stored)
    }

    /// The present value.
    pub(crate) fn read(&self) -> anyhow::Result<T> {
        let file = &self.file;
        match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| {
                format!("{} cannot be read; delete it to start over", file.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// Changes the value and keeps it. One change at a time, of all processes.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> anyhow::Result<R> {
        let lock = self.beside("lock");
        let failed = || format!("{} cannot be changed", self.file.display());
        let guard = private_files::open(&lock).and_then(|file| file.lock().map(|()| file));
        let _guard = guard.with_context(failed)?;
        let mut value = self.read()?;
        let result = change(&mut value);
        let draft = self.beside("draft");
        write(&draft, &serde_json::to_vec(&value)?).with_context(failed)?;
        fs::rename(&draft, &self.file).with_context(failed)?;
        Ok(result)
    }

    fn beside(&self, extension: &str) -> PathBuf {
        self.file.with_extension(extension)
    }
}

fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = private_files::open(path)?;
    file.set_len(0)?;
    file.write_all(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_many_threads_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("numbers.json");
        std::thread::scope(|threads| {
            for number in 0..8 {
                let file = file.clone();
                threads.spawn(move || {
                    let stored = Stored::<Vec<u32>>::open(file).unwrap();
                    for step in 0..20 {
                        stored.change(|numbers| numbers.push(number * 100 + step)).unwrap();
                    }
                });
            }
        });
        let mut numbers = Stored::<Vec<u32>>::open(file).unwrap().read().unwrap();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 160);
    }

    #[test]
    fn a_broken_file_is_named_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("numbers.json");
        fs::write(&file, "{").unwrap();
        let error = Stored::<Vec<u32>>::open(file.clone()).err().unwrap().to_string();
        assert!(error.contains("numbers.json cannot be read; delete it to start over"), "{error}");
    }
}
