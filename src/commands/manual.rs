//! `completions` and `man`: what an installation puts beside the program.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command};

use super::output::print;

#[derive(Args)]
pub(crate) struct Completions {
    /// Which shell
    shell: clap_complete::Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// Write the page, and one for each command, into this directory instead
    #[arg(long, value_name = "PATH")]
    directory: Option<PathBuf>,
}

pub(crate) fn print_completions(
    arguments: &Completions,
    mut program: Command,
) -> anyhow::Result<()> {
    let mut script = Vec::new();
    let name = program.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut program, name, &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn print_man(arguments: &Man, program: Command) -> anyhow::Result<()> {
    if let Some(directory) = &arguments.directory {
        std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(program, directory))
            .with_context(|| format!("{} cannot be written", directory.display()))?;
        return Ok(());
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(program).render(&mut page)?;
    print(&String::from_utf8_lossy(&page))
}
