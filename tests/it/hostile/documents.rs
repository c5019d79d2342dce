//! Documents that nobody would write: whatever the text, it is answered, in one line for each fault, at
//! places that the text has.

use std::sync::OnceLock;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{TestApp, TestDatabase, for_all};

/// What a text is made of: the signs of the language, the beginnings and ends of everything that has two,
/// letters of one to four bytes, and names that the schema knows.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "=",
    "!",
    "|",
    "&",
    "@",
    "$",
    "$v",
    "...",
    ".",
    "..",
    ",",
    "#",
    "# comment",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "\u{feff}",
    "\"",
    "\"\"\"",
    "\\",
    "\\\"",
    "\\\"\"\"",
    "\\u",
    "\\u00e9",
    "\\u{1F600}",
    "\\ud83d",
    "\\ude00",
    "\\n",
    "\"text\"",
    "\"é\"",
    "\"\"\"é\n 😀\"\"\"",
    "é",
    "ß",
    "日",
    "😀",
    "\u{301}",
    "\u{200d}",
    "\u{2028}",
    "\0",
    "\u{7}",
    "\u{7f}",
    "\u{85}",
    "-",
    "+",
    "0",
    "1",
    "-1",
    "01",
    "1.5",
    "1e",
    "1e400",
    "99999999999999999999",
    "_",
    "__typename",
    "query",
    "mutation",
    "subscription",
    "fragment",
    "on",
    "type",
    "schema",
    "extend",
    "input",
    "true",
    "false",
    "null",
    "me",
    "id",
    "email",
    "notes",
    "memberships",
    "first",
    "after",
    "edges",
    "node",
    "nodes",
    "ids",
    "serverInfo",
    "name",
    "updateProfile",
    "deleteUser",
    "User",
    "ID",
    "Int",
    "String",
    "__schema",
    "__type",
    "skip",
    "include",
    "if",
    "deprecated",
    "specifiedBy",
    "oneOf",
    "A",
    "f",
    "v",
];

/// Documents that are right, to be damaged.
const SOUND: &[&str] = &[
    "query A($v: ID!, $n: Int = 5) { node(id: $v) { ... on User { id notes } } \
     me { memberships(first: $n) { edges { node { id } } } } }",
    "mutation { updateProfile(input: { name: \"é😀\", notes: \"\"\"a\n  b\"\"\" }) { userErrors { code } } }",
    "fragment f on User @include(if: true) { id ...g } fragment g on User { name } { me { ...f } }",
    "{ __schema { types { name fields(includeDeprecated: true) { name } } } serverInfo { name } }",
];

fn ask(body: &Value) -> (u16, Value) {
    static SERVER: OnceLock<(Runtime, TestDatabase, TestApp)> = OnceLock::new();
    let (runtime, _, app) = SERVER.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let (database, app) = runtime.block_on(async {
            let database = TestDatabase::sqlite().await;
            let app = TestApp::start(&database, &[]).await;
            (database, app)
        });
        (runtime, database, app)
    });
    runtime.block_on(async {
        let token = app.token("user_a");
        let answer = app.graphql(Some(&token), body.clone()).await;
        (answer.status.as_u16(), answer.json())
    })
}

/// The lines of a text (GraphQL specification, section 2.1.2) with their lengths in characters.
fn lines(text: &str) -> Vec<usize> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.split('\n').map(|line| line.chars().count()).collect()
}

fn is_answered(text: &str) -> Result<(), TestCaseError> {
    let (status, answer) = ask(&json!({ "query": text, "variables": { "v": "x" } }));
    prop_assert!(status == 200 || status == 400, "{status}: {answer}");
    let faults = answer["errors"].as_array().cloned().unwrap_or_default();
    prop_assert!(status == 200 || !faults.is_empty(), "{answer}");
    let lines = lines(text);
    for fault in faults {
        let message = fault["message"].as_str().unwrap_or_default();
        prop_assert!(!message.is_empty() && message.chars().count() <= 300, "{fault}");
        prop_assert!(!message.contains(char::is_control), "{fault}");
        prop_assert!(fault["extensions"]["code"] != "INTERNAL_SERVER_ERROR", "{fault}");
        for place in fault["locations"].as_array().into_iter().flatten() {
            let (line, column) = (place["line"].as_u64(), place["column"].as_u64());
            let length = line
                .and_then(|line| usize::try_from(line).ok()?.checked_sub(1))
                .and_then(|line| lines.get(line));
            prop_assert!(length.is_some(), "{fault} in {} lines", lines.len());
            let column = column.and_then(|column| usize::try_from(column).ok());
            let room = length.map_or(0, |length| length + 1);
            prop_assert!(column.is_some_and(|column| (1..=room).contains(&column)), "{fault}");
        }
    }
    Ok(())
}

#[test]
fn a_text_of_any_pieces_is_answered() {
    let texts = (vec(select(PIECES), 0..60), select(&["", " "]))
        .prop_map(|(pieces, between)| pieces.join(between));
    for_all(1_500, &texts, |text| is_answered(&text));
}

#[test]
fn a_sound_document_is_answered_however_it_was_damaged() {
    let damage = (any::<prop::sample::Index>(), 0..4_usize, select(PIECES));
    let texts = (select(SOUND), vec(damage, 1..5)).prop_map(|(sound, damages)| {
        let mut signs: Vec<char> = sound.chars().collect();
        for (place, taken, piece) in damages {
            let start = place.index(signs.len() + 1);
            let end = (start + taken).min(signs.len());
            signs.splice(start..end, piece.chars());
        }
        signs.into_iter().collect::<String>()
    });
    for_all(1_500, &texts, |text| is_answered(&text));
}

#[test]
fn a_text_of_any_characters_is_answered() {
    for_all(500, &".{0,200}", |text: String| is_answered(&text));
    for_all(500, &any::<String>(), |text| is_answered(&text));
}

/// What nests, up to the most that can be allowed, on half the stack that a thread of the server has.
#[test]
fn the_deepest_documents_fit_into_a_small_stack() {
    const DEEPEST: usize = 64;
    let braces = |inner: &str, depth: usize| {
        format!("{}{inner}{}", "{ me ".repeat(depth), "}".repeat(depth))
    };
    let types = |depth: usize| {
        format!("query(${{v}}: {}ID{}) {{ me {{ id }} }}", "[".repeat(depth), "]".repeat(depth))
            .replace("${v}", "$v")
    };
    let value = |open: &str, close: &str, depth: usize| {
        format!("{{ node(id: {}1{}) {{ id }} }}", open.repeat(depth), close.repeat(depth))
    };
    let fragments = "... on Query { ".repeat(DEEPEST - 1);
    let documents = [
        braces("id", DEEPEST),
        types(DEEPEST - 1),
        value("[", "]", DEEPEST - 2),
        value("{ a: ", "}", DEEPEST - 2),
        format!("{{ {fragments} me {} }}", "}".repeat(DEEPEST - 1)),
    ];
    let runtime = Runtime::new().unwrap();
    let database = runtime.block_on(TestDatabase::sqlite());
    let settings = [("MAX_NESTING", "64"), ("MAX_DEPTH", "200")];
    let app = runtime.block_on(TestApp::start(&database, &settings));
    let pipeline = app.app.state.pipeline.clone();
    for text in documents {
        let pipeline = pipeline.clone();
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let read = thread.spawn(move || format!("{:?}", pipeline.check(&text))).unwrap();
        let outcome = read.join().unwrap();
        assert!(!outcome.contains("MAX_NESTING"), "{outcome}");
    }
}
