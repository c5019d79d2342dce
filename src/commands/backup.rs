//! `backup` and `restore`: a SQLite database in one file.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::output::{Progress, print, print_json};
use crate::{
    clock::{Clock, SystemClock},
    config::{Environment, Faults, Settings},
    private_files,
    store::{
        DatabaseAddress,
        sqlite_copy::{self, Contents},
    },
};

/// How often the progress of a copy is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Backup {
    /// Where to write the copy
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// A file that `backup` made
    file: PathBuf,
    /// Also when the database is newer than the file, or in use
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn back_up(arguments: &Backup) -> anyhow::Result<ExitCode> {
    let database = database(
        "PostgreSQL is backed up by its own tools: pg_dump --format=custom --file=FILE DATABASE_URL",
    )?;
    let file = &arguments.file;
    if !database.exists() {
        bail!("there is no database {}; see that DATABASE_URL is right", database.display());
    }
    if file.exists() && !arguments.force {
        bail!("{} is there already; name another file, or add --force", file.display());
    }
    let copy = Copy::make(&database, file).await?;
    copy.put(file, arguments.force)?;
    let Contents { users, latest_change } = &copy.contents;
    let bytes = fs::metadata(file)?.len();
    if arguments.json {
        print_json(&json!({
            "file": file, "bytes": bytes, "users": users, "latestChange": latest_change,
        }))?;
    } else {
        print(&format!("{}: {users} users, {bytes} bytes, found whole\n", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn restore(arguments: &Restore) -> anyhow::Result<ExitCode> {
    let database = database("PostgreSQL is restored by its own tools: pg_restore")?;
    let file = &arguments.file;
    if !file.exists() {
        bail!("there is no file {}", file.display());
    }
    let is_same = fs::canonicalize(file)? == fs::canonicalize(&database).unwrap_or_default();
    if is_same {
        bail!("{} is the database itself", file.display());
    }
    if let Some(directory) = database.parent().filter(|path| !path.as_os_str().is_empty()) {
        private_files::create_directory(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    let copy = Copy::make(file, &database).await?;
    let mut kept = None;
    let mut was_in_use = false;
    if database.exists() {
        if !arguments.force {
            refuse_newer(&database, &copy.contents).await?;
        }
        // What cannot be opened at all, nobody has.
        was_in_use = !sqlite_copy::fold(&database).await.unwrap_or(true);
        if was_in_use && !arguments.force {
            bail!(
                "the database {} is in use: stop the server first (with --force it must be restarted \
                 afterwards)",
                database.display()
            );
        }
        kept = Some(set_aside(&database)?);
    }
    copy.put(&database, false)?;
    let users = copy.contents.users;
    if arguments.json {
        print_json(&json!({
            "database": database, "users": users, "keptAs": kept, "wasInUse": was_in_use,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{}: {users} users, from {}\n", database.display(), file.display());
    if let Some(kept) = kept {
        let _ = writeln!(text, "What was there is kept as {}", kept.display());
    }
    if was_in_use {
        text += "It was in use: restart the server, which does not use the new file yet.\n";
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The configured SQLite file; `otherwise` says what to do with PostgreSQL.
fn database(otherwise: &str) -> anyhow::Result<PathBuf> {
    let environment = Environment::from_process().map_err(Faults::from)?;
    match Settings::read_database(&environment)?.0.address {
        DatabaseAddress::Sqlite { path } => Ok(path),
        DatabaseAddress::Postgres(_) => bail!("this is for SQLite. {otherwise}"),
    }
}

/// Refuses to replace a database in which something happened after the copy was made.
async fn refuse_newer(database: &Path, restored: &Contents) -> anyhow::Result<()> {
    let present = sqlite_copy::examine(database).await.with_context(|| {
        format!(
            "the database {} cannot be compared with the file; --force replaces it unseen",
            database.display()
        )
    })?;
    if present.latest_change > restored.latest_change {
        bail!(
            "the database {} is newer: it was changed at {}, the file was last at {}; --force replaces it",
            database.display(),
            present.latest_change.as_deref().unwrap_or("no time"),
            restored.latest_change.as_deref().unwrap_or("no time"),
        );
    }
    Ok(())
}

/// Renames a database and what belongs to it, so that nothing of it is taken for the new one's.
fn set_aside(database: &Path) -> anyhow::Result<PathBuf> {
    let mut name = database.as_os_str().to_owned();
    name.push(SystemClock.now().format(".replaced-%Y%m%dT%H%M%S%.6fZ").to_string());
    let kept = PathBuf::from(name);
    for (from, to) in sqlite_copy::companions(database).iter().zip(&sqlite_copy::companions(&kept))
    {
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome.with_context(|| format!("{} cannot be renamed", from.display()))?,
        }
    }
    fs::rename(database, &kept)
        .with_context(|| format!("{} cannot be renamed", database.display()))?;
    Ok(kept)
}

/// A copy of a database beside the place where it is to be, found whole. Removed when dropped.
struct Copy {
    path: PathBuf,
    contents: Contents,
}

impl Copy {
    async fn make(from: &Path, to: &Path) -> anyhow::Result<Self> {
        let mut name = to.as_os_str().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let mut copy =
            Self { path: name.into(), contents: Contents { users: 0, latest_change: None } };
        let cannot = || format!("{} cannot be copied to {}", from.display(), to.display());
        let copying = sqlite_copy::copy(from, &copy.path);
        watched(copying, from, &copy.path).await.with_context(cannot)?;
        copy.contents = sqlite_copy::examine(&copy.path)
            .await
            .with_context(|| format!("{} is of no use", from.display()))?;
        File::open(&copy.path).and_then(|file| file.sync_all()).with_context(cannot)?;
        Ok(copy)
    }

    /// Puts it in its place, at once and for good.
    fn put(&self, place: &Path, replaces: bool) -> anyhow::Result<()> {
        // A link, unlike a new name, replaces nothing.
        let placed =
            if replaces { fs::rename(&self.path, place) } else { fs::hard_link(&self.path, place) };
        let directory = place.parent().filter(|path| !path.as_os_str().is_empty());
        placed
            .and_then(|()| File::open(directory.unwrap_or(Path::new(".")))?.sync_all())
            .with_context(|| format!("{} cannot be written", place.display()))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Shows how large the copy is by now.
async fn watched<T>(work: impl Future<Output = T>, from: &Path, to: &Path) -> T {
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len() / 1024);
    let progress = Progress::new();
    let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                progress.show(&format!("copying: {} of {} KiB", size(to), size(from)));
            }
        }
    }
}
