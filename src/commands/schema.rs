//! `schema`: the SDL on standard output.

use crate::graphql::sdl;

#[expect(clippy::print_stdout, reason = "the schema is what the command is for")]
#[expect(clippy::unnecessary_wraps, reason = "every command answers alike")]
pub fn run() -> anyhow::Result<()> {
    print!("{}", sdl());
    Ok(())
}
