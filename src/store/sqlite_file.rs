//! The file of a SQLite database: private, and still the one that was opened. Knows no statement.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::StoreError;
use crate::private_files;

/// A database file that is open, with the write-ahead log beside it.
pub(super) struct SqliteFile {
    database: Place,
    /// Known once it was seen: SQLite makes the log with the first statement.
    log: OnceLock<Place>,
    log_path: PathBuf,
    is_displaced: AtomicBool,
}

/// A path and which file it led to.
struct Place {
    path: PathBuf,
    identity: Identity,
}

/// Device and inode: two paths, or one path at two times, that lead to the same file agree in them.
type Identity = (u64, u64);

impl SqliteFile {
    /// Makes the file, and its folder, readable by their owner alone when there is none. SQLite gives the
    /// files beside it the same rights.
    pub(super) fn prepare(path: &Path) -> io::Result<()> {
        let parent = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        if let Some(directory) = parent {
            private_files::create_directory(directory)?;
        }
        private_files::create_if_missing(path)?;
        if private_files::is_open_to_others(path)? {
            tracing::warn!(
                "others than its owner have rights to the database {}; \
                 `chmod 600` it and the -wal and -shm files beside it",
                path.display()
            );
        }
        Ok(())
    }

    /// The file at the path, which is being opened.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut log_path = path.as_os_str().to_owned();
        log_path.push("-wal");
        Ok(Self {
            database: Place { path: path.to_owned(), identity: identity(path)? },
            log: OnceLock::new(),
            log_path: log_path.into(),
            is_displaced: AtomicBool::new(false),
        })
    }

    /// An error once another file, or none, is where this one was: what is written to it then is gone when
    /// the server stops. Two calls to the file system, which are nothing beside the `fsync` of a write.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.database.is_as_it_was() && self.log().is_none_or(Place::is_as_it_was) {
            return Ok(());
        }
        if !self.is_displaced.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "the database {} was removed or replaced while it was open; nothing is written any more. \
                 Restart the server to go on with what is there now",
                self.database.path.display()
            );
        }
        Err(StoreError::Displaced)
    }

    fn log(&self) -> Option<&Place> {
        self.log.get().or_else(|| {
            let identity = identity(&self.log_path).ok()?;
            Some(self.log.get_or_init(|| Place { path: self.log_path.clone(), identity }))
        })
    }
}

impl Place {
    fn is_as_it_was(&self) -> bool {
        identity(&self.path).is_ok_and(|now| now == self.identity)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Elsewhere a file that is open cannot be removed or replaced.
#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|_| (0, 0))
}
