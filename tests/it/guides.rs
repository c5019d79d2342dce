//! What is written for people names files and tests that exist.

use std::{fs, path::Path};

/// Texts for people beside those in `docs/`.
const GUIDES: [&str; 6] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "deploy/README.md",
    "examples/nextjs/README.md",
    "migrations/README.md",
];
/// Where the files are that guides speak of.
const FOLDERS: [&str; 10] =
    ["src", "tests", "migrations", "docs", "deploy", "benches", "examples", "ui", ".ci", ".cargo"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text for people, by its path.
fn guides() -> Vec<(String, String)> {
    let mut paths = GUIDES.map(str::to_owned).to_vec();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    paths.sort();
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// Where the links of a text lead that stay in the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target);
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

/// The address of a heading within its page, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars();
    let kept = kept.filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
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
    let is_other =
        ["mission_control_", "log_parameter_"].iter().any(|start| span.starts_with(start))
            || span.ends_with("_timeout");
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
    for (guide, text) in guides() {
        // The example's own paths are those of a copy of it.
        if guide.starts_with("examples/") {
            continue;
        }
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
fn links_lead_to_files_and_headings_that_exist() {
    let (mut broken, mut seen) = (Vec::new(), 0);
    for (guide, text) in guides() {
        let folder = root().join(&guide).parent().unwrap().to_owned();
        for link in links(&text) {
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let is_there = folder.join(path).exists();
            let has_heading = heading.is_empty()
                || fs::read_to_string(folder.join(path)).is_ok_and(|text| {
                    text.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
                });
            if !is_there || !has_heading {
                broken.push(format!("{guide}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(seen > 20, "the links were read: {seen}");
}

/// A stranger has a minute.
#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 120, "what only some need belongs into docs/");
    for (path, _) in guides().into_iter().filter(|(path, _)| path.starts_with("docs/")) {
        assert!(readme.contains(&format!("({path})")), "README.md does not lead to {path}");
    }
}

/// The lines of OWASP ASVS 5.0 of levels 1 and 2 in the chapters V4 (API and Web Service), V9 (Self-contained
/// Tokens) and V16 (Security Logging and Error Handling).
const REQUIREMENTS: [&str; 33] = [
    "4.1.1", "4.1.2", "4.1.3", "4.2.1", "4.3.1", "4.3.2", "4.4.1", "4.4.2", "4.4.3", "4.4.4",
    "9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.2.4", "16.1.1", "16.2.1", "16.2.2",
    "16.2.3", "16.2.4", "16.2.5", "16.3.1", "16.3.2", "16.3.3", "16.3.4", "16.4.1", "16.4.2",
    "16.4.3", "16.5.1", "16.5.2", "16.5.3",
];

/// The name of a line of the standard.
fn is_requirement(text: &str) -> bool {
    text.split('.').count() == 3
        && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[test]
fn each_line_of_the_standard_is_answered_with_a_test_that_exists() {
    let guide = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let mut sources = String::new();
    code(&root().join("src"), &mut sources);
    code(&root().join("tests/it"), &mut sources);
    let names =
        |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for line in guide.lines() {
        let cells: Vec<_> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let Some(last) = cells.last().filter(|_| line.starts_with("| ") && cells.len() > 3) else {
            if let Some(list) = line.strip_prefix("- ")
                && let Some((ids, reason)) = list.split_once(": ")
                && ids.split(", ").all(is_requirement)
            {
                assert!(reason.len() > 20, "{line}");
                found.extend(ids.split(", ").map(str::to_owned));
            }
            continue;
        };
        // Heads of tables, and the lines below them.
        if *last == "shown by" || last.starts_with("---") {
            continue;
        }
        let tests = names(last);
        let missing = tests.iter().filter(|name| !sources.contains(&format!("fn {name}(")));
        wrong.extend(missing.map(|name| format!("no test is called {name}")));
        if is_requirement(cells[0]) {
            found.push(cells[0].to_owned());
            assert_eq!(cells.len(), 4, "{line}");
        }
        let is_for_operators = cells[cells.len() - 2].starts_with("The operator's.");
        if tests.is_empty() && !is_for_operators {
            wrong.push(format!("nothing shows it: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut expected = REQUIREMENTS.map(str::to_owned);
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "each line once");
}

/// The inventory of the log names lines that the program writes.
#[test]
fn the_log_is_what_the_guide_says() {
    let guide = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, table) = guide.split_once("| event | level | line |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut sources = String::new();
    code(&root().join("src"), &mut sources);
    let quoted: Vec<_> =
        table.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    let messages: Vec<_> = quoted.into_iter().filter(|span| span.contains(' ')).collect();
    assert!(messages.len() > 12, "{messages:?}");
    for message in messages {
        assert!(sources.contains(&format!("\"{message}")), "nothing logs {message:?}");
    }
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
