//! What is written for people names files and tests that exist.

use std::{fs, path::Path};

/// Every text for people.
const GUIDES: [&str; 11] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/ARCHITECTURE.md",
    "docs/adding.md",
    "docs/operations.md",
    "docs/organizations.md",
    "docs/security.md",
    "docs/upgrading.md",
    "deploy/README.md",
    "migrations/README.md",
];
/// Where the files are that guides speak of.
const FOLDERS: [&str; 10] =
    ["src", "tests", "migrations", "docs", "deploy", "benches", "examples", "ui", ".ci", ".cargo"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts between backticks, outside of blocks of code.
fn spans(text: &str) -> Vec<String> {
    let mut is_block = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    });
    let prose = prose.collect::<Vec<_>>().join("\n");
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A path in the repository, which ends in a file or a folder that must be there.
fn is_path(span: &str) -> bool {
    let first = span.split('/').next().unwrap_or_default();
    let is_text = !span.contains([' ', '*', '<', '$']) && !span.contains("NNNN");
    is_text && span.contains('/') && FOLDERS.contains(&first)
}

/// The name of a test: a sentence.
fn is_test(span: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    // Counters and settings of PostgreSQL have long names too.
    let is_other = span.starts_with("mission_control_") || span.ends_with("_timeout");
    span.split('_').count() >= 5 && span.split('_').all(is_word) && !is_other
}

/// All code in which a test may be.
fn code(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                code(&path, text);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn guides_name_files_and_tests_that_exist() {
    let mut tests = String::new();
    code(&root().join("src"), &mut tests);
    code(&root().join("tests/it"), &mut tests);
    let (mut missing, mut paths, mut names) = (Vec::new(), 0, 0);
    for guide in GUIDES {
        let text = fs::read_to_string(root().join(guide)).unwrap();
        for span in spans(&text) {
            if is_path(&span) {
                paths += 1;
                if !root().join(&span).exists() {
                    missing.push(format!("{guide}: {span}"));
                }
            } else if is_test(&span) {
                names += 1;
                if !tests.contains(&format!("fn {span}(")) {
                    missing.push(format!("{guide}: no test is called {span}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(paths > 50 && names > 8, "the guides were read: {paths} paths, {names} tests");
}

#[test]
fn the_map_shows_every_module() {
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let mut absent = Vec::new();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let folder = if entry.file_type().unwrap().is_dir() { "/" } else { "" };
        if name != "lib.rs" && !map.contains(&format!("`src/{name}{folder}`")) {
            absent.push(name);
        }
    }
    assert!(absent.is_empty(), "docs/ARCHITECTURE.md does not show {absent:?}");
}
