//! Says what is missing before the compiler complains about a file it cannot include.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if cfg!(feature = "embedded-ui") {
        println!("cargo::rerun-if-changed=ui/dist");
        if !Path::new("ui/dist").is_dir() {
            println!(
                "cargo::error=the feature `embedded-ui` needs the files of the GraphiQL page in \
                 ui/dist: run `ui/build` first (it needs Node.js 20 and npm), or build without the \
                 feature"
            );
        }
    }
}
