//! The shape of the source, read from its text: a module imports only from the modules below it, the
//! files of a folder do not import each other in a circle, a statement binds as many values as it
//! names, and a file stays short enough to be read at once.
//!
//! A module here is a file. An import counts for the file that defines the item: `use super::Thing`
//! of something that `mod.rs` only re-exports is an import from where `Thing` is.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
};

/// The modules of the crate, lowest first: each may import from those before it.
const LAYERS: [&str; 18] = [
    "clock",
    "loopback",
    "private_files",
    "rate_limit",
    "model",
    "error",
    "telemetry",
    "clerk",
    "store",
    "auth",
    "accounts",
    "graphql",
    "config",
    "dev",
    "serving",
    "http",
    "app",
    "commands",
];

/// Folders whose files may import each other: the types of the schema refer to each other, as a member
/// has an organization and an organization has members.
const FOLDERS_OF_MUTUAL_TYPES: [&str; 1] = ["graphql::types"];

/// A module's path inside the crate: `["store", "users", "profile"]`.
type ModulePath = Vec<String>;

/// One source file, without comments and tests.
struct Source {
    module: ModulePath,
    /// The paths of its `use` items, each with whether it is re-exported, and the name it gets.
    imports: Vec<Import>,
    /// Everything but the `use` items.
    body: String,
}

struct Import {
    path: Vec<String>,
    name: String,
    is_reexport: bool,
}

/// The source files of the crate by module path; the crate's own file is the empty path.
type Sources = BTreeMap<ModulePath, Source>;

fn read_sources() -> Sources {
    let mut sources = Sources::new();
    read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut sources);
    assert!(sources.len() > 50, "the source was found");
    sources
}

fn read_folder(folder: &Path, module: &[String], sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut inner = module.to_vec();
        if path.is_dir() {
            inner.push(name);
            read_folder(&path, &inner, sources);
            continue;
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let is_test =
            name == "tests" || name.ends_with("_tests") || inner.contains(&"tests".into());
        let is_program = module.is_empty() && name == "main";
        if !is_source || is_test || is_program {
            continue;
        }
        if name != "mod" && name != "lib" {
            inner.push(name);
        }
        let source = read_source(&fs::read_to_string(&path).unwrap(), inner.clone());
        sources.insert(inner, source);
    }
}

fn read_source(text: &str, module: ModulePath) -> Source {
    // Tests come last in a file, and may import what they like.
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let without_comments: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.to_owned() + "\n")
        .collect();
    let mut imports = Vec::new();
    let mut body = String::new();
    for statement in without_comments.split_inclusive(';') {
        // A `use` begins on a line of its own, after whatever ended without a semicolon.
        let line = statement.lines().position(|line| {
            let line = line.trim_start();
            line.starts_with("use ") || (line.starts_with("pub") && line.contains(" use "))
        });
        let Some(line) = line else {
            // A declaration of a file (`mod name;`) is no use of the name.
            body.extend(
                statement
                    .lines()
                    .filter(|line| !line.contains("mod "))
                    .flat_map(|line| [line, "\n"]),
            );
            continue;
        };
        let before: Vec<_> =
            statement.lines().take(line).filter(|line| !line.contains("mod ")).collect();
        let item: Vec<_> = statement.lines().skip(line).collect();
        body.push_str(&before.join("\n"));
        body.push('\n');
        let item = item.join(" ");
        let (visibility, tree) = item.split_once("use ").unwrap();
        let is_reexport = visibility.contains("pub");
        expand(tree.trim_end_matches(';').trim(), &[], &mut |path, name| {
            imports.push(Import { path, name, is_reexport });
        });
    }
    Source { module, imports, body }
}

/// Takes `a::{b, c::{d as e}}` apart into paths, each with the name that it gets.
fn expand(tree: &str, before: &[String], found: &mut impl FnMut(Vec<String>, String)) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let mut prefix = before.to_vec();
        prefix.extend(segments(&tree[..open]));
        let inside = &tree[open + 1..tree.rfind('}').unwrap()];
        let (mut depth, mut start) = (0, 0);
        for (at, sign) in inside.char_indices().chain([(inside.len(), ',')]) {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !inside[start..at].trim().is_empty() {
                        expand(&inside[start..at], &prefix, found);
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let mut whole = before.to_vec();
    whole.extend(segments(path));
    // `two::{self, Two}`: the module itself.
    if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
        whole.pop();
    }
    let name = alias.or_else(|| whole.last().cloned()).unwrap();
    found(whole, name);
}

fn segments(path: &str) -> Vec<String> {
    path.split("::")
        .map(str::trim)
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The module that defines what a path in `from` names; `None` for what is not of this crate.
fn definition(sources: &Sources, from: &[String], path: &[String]) -> Option<ModulePath> {
    let mut segments = path.iter().map(String::as_str).peekable();
    let mut module = from.to_vec();
    match segments.peek().copied()? {
        "crate" => {
            module.clear();
            segments.next();
        }
        "self" => {
            segments.next();
        }
        "super" => {
            while segments.next_if_eq(&"super").is_some() {
                module.pop()?;
            }
        }
        first => {
            let mut child = module.clone();
            child.push(first.to_owned());
            sources.get(&child)?;
        }
    }
    let mut rest: VecDeque<_> = segments.collect();
    while let Some(segment) = rest.pop_front() {
        let mut child = module.clone();
        child.push(segment.to_owned());
        if sources.contains_key(&child) {
            module = child;
            continue;
        }
        let reexport = sources[&module]
            .imports
            .iter()
            .find(|import| import.is_reexport && import.name == segment);
        return match reexport {
            Some(import) if import.path.len() > 1 => definition(sources, &module, &import.path),
            _ => Some(module),
        };
    }
    Some(module)
}

/// Which files import from which.
fn import_graph(sources: &Sources) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
    let mut graph = BTreeMap::new();
    for source in sources.values().filter(|source| !source.module.is_empty()) {
        let mut targets = BTreeSet::new();
        let mut add = |path: &[String]| {
            targets.extend(definition(sources, &source.module, path));
        };
        for import in &source.imports {
            // What a file re-exports it does not depend on, unless it uses it too.
            if !import.is_reexport || has_word(&source.body, &import.name) {
                add(&import.path);
            }
        }
        let mut paths = paths_in(&source.body);
        paths.retain(|path| {
            let is_keyword = matches!(path[0].as_str(), "crate" | "self" | "super");
            let mut child = source.module.clone();
            child.push(path[0].clone());
            is_keyword || sources.contains_key(&child)
        });
        for path in paths.iter().filter(|path| path.len() > 1) {
            add(path);
        }
        targets.remove(&source.module);
        targets.remove(&ModulePath::new());
        graph.insert(source.module.clone(), targets);
    }
    graph
}

fn is_word_sign(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|sign| !is_word_sign(sign)).any(|found| found == word)
}

/// Every path with `::` in a text.
fn paths_in(text: &str) -> Vec<Vec<String>> {
    text.split(|sign| !is_word_sign(sign) && sign != ':')
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(segments)
        .filter(|path| !path.is_empty())
        .collect()
}

/// The shortest way from a module back to itself, if there is one.
fn circle(
    graph: &BTreeMap<ModulePath, BTreeSet<ModulePath>>,
    start: &ModulePath,
) -> Option<Vec<ModulePath>> {
    let mut ways: BTreeMap<&ModulePath, Vec<ModulePath>> = BTreeMap::new();
    let mut next = VecDeque::from([(start, vec![start.clone()])]);
    while let Some((module, way)) = next.pop_front() {
        for target in graph.get(module).into_iter().flatten() {
            let mut way = way.clone();
            way.push(target.clone());
            if target == start {
                return Some(way);
            }
            if !ways.contains_key(target) {
                ways.insert(target, way.clone());
                next.push_back((target, way));
            }
        }
    }
    None
}

fn shown(way: &[ModulePath]) -> String {
    way.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> ")
}

#[test]
fn modules_import_only_from_below() {
    let sources = read_sources();
    let place = |module: &str| {
        LAYERS.iter().position(|layer| *layer == module).unwrap_or_else(|| {
            panic!("the module {module} has no place in LAYERS of tests/it/structure.rs")
        })
    };
    let mut faults = BTreeSet::new();
    for (module, targets) in import_graph(&sources) {
        for target in targets {
            let (from, to) = (module[0].as_str(), target[0].as_str());
            if place(to) > place(from) {
                faults.insert(format!("{} imports from {}", module.join("::"), target.join("::")));
            }
        }
    }
    assert!(faults.is_empty(), "imports from above: {faults:#?}");
}

#[test]
fn files_of_a_folder_import_in_no_circle() {
    let mut graph = import_graph(&read_sources());
    for (module, targets) in &mut graph {
        targets.retain(|target| target[0] == module[0]);
    }
    let mut circles = BTreeMap::new();
    for module in graph.keys() {
        let Some(way) = circle(&graph, module) else { continue };
        let files: BTreeSet<_> = way.iter().map(|module| module.join("::")).collect();
        let is_known = FOLDERS_OF_MUTUAL_TYPES
            .iter()
            .any(|folder| files.iter().all(|file| file.starts_with(folder)));
        if !is_known {
            circles.entry(files).or_insert_with(|| shown(&way));
        }
    }
    let circles: Vec<_> = circles.into_values().collect();
    assert!(circles.is_empty(), "circles of imports: {circles:#?}");
}

/// PostgreSQL refuses a statement that binds another number of values than it names; SQLite takes NULL
/// for what is missing.
#[test]
fn a_statement_binds_as_many_values_as_it_names() {
    let mut statements = 0;
    let sources = read_sources();
    for source in sources.values().filter(|source| source.module.starts_with(&["store".into()])) {
        let mut bound_before = 0;
        for function in source.body.split("fn ").skip(1) {
            let name = function.split(|sign| !is_word_sign(sign)).next().unwrap();
            let numbers: BTreeSet<usize> = function
                .split('$')
                .skip(1)
                .filter_map(|rest| {
                    rest.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
                })
                .collect();
            let mut bound = function.matches(".bind(").count();
            if bound == 0 {
                // The text of a statement that the function before binds.
                bound = bound_before;
            }
            bound_before = bound;
            let Some(last) = numbers.last() else { continue };
            statements += 1;
            let all: BTreeSet<usize> = (1..=*last).collect();
            assert_eq!(numbers, all, "{name} leaves a number out");
            assert_eq!(bound, *last, "values bound by {name}");
        }
    }
    assert!(statements > 20, "the statements were found");
}

/// The most lines of a source file, its tests not counted.
const LONGEST_FILE: usize = 350;

#[test]
fn a_file_is_read_at_once() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.extend((name != "tests").then_some(path));
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
                assert!(
                    lines <= LONGEST_FILE,
                    "{} has {lines} lines: it has two subjects",
                    path.display()
                );
                files += 1;
            }
        }
    }
    assert!(files > 100, "{files} files were found");
}

#[test]
fn imports_are_read_as_rust_reads_them() {
    let source = |module: &str, text: &str| {
        let module: ModulePath = segments(module);
        (module.clone(), read_source(text, module))
    };
    let sources = Sources::from([
        source("", "pub mod a;\npub mod b;"),
        source("a", "mod one;\nmod two;\npub use one::{One, Other as Else};\nfn f() { two::go() }"),
        source("a::one", "use super::two::{self, Two};\n// use crate::b::Comment;\nstruct One;"),
        source(
            "a::two",
            "use std::fmt;\nfn go() -> crate::b::B {}\n#[cfg(test)]\nmod tests {\n    use crate::a::Else;\n}",
        ),
        source("b", "use crate::{\n    a::{Else, One},\n};\nstruct B;"),
    ]);
    let graph = import_graph(&sources);
    let imports = |module: &str| -> Vec<String> {
        graph[&segments(module)].iter().map(|target| target.join("::")).collect()
    };
    assert_eq!(imports("a"), ["a::two"], "a re-export is no import");
    assert_eq!(imports("a::one"), ["a::two"]);
    assert_eq!(imports("a::two"), ["b"]);
    assert_eq!(imports("b"), ["a::one"], "an item is where it is defined");
    let way = circle(&graph, &segments("b")).unwrap();
    assert_eq!(shown(&way), "b -> a::one -> a::two -> b");
}
