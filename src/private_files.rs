//! Files and folders that only their owner may read, whatever the umask says: databases, their copies,
//! keys. Knows nothing of what is in them.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    path::Path,
};

/// Makes the folder, and those above it that are missing, with mode 0700. One that exists stays as it is.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes an empty file with mode 0600, open for writing.
///
/// # Errors
/// `AlreadyExists` when there is one, or a link.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    private().create_new(true).open(path)
}

/// Opens a file for writing, with what is in it, and makes it with mode 0600 when there is none.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    private().create(true).truncate(false).open(path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// [`create`], unless there is such a file.
pub(crate) fn create_if_missing(path: &Path) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether others than the owner have rights to the file.
#[cfg(unix)]
pub(crate) fn is_open_to_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Only Unix has such rights.
#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_path: &Path) -> io::Result<bool> {
    Ok(false)
}
