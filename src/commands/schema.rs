//! `schema`: the SDL on standard output.

use super::output::print;
use crate::graphql::sdl;

pub(crate) fn run() -> anyhow::Result<()> {
    print(&sdl())
}
