//! Requests meant to hurt, sent to the real program in a process of its own: each is answered with a
//! code, costs at most a second of processor time and 64 MiB of memory, and the next one is served.

mod documents;
mod program;
mod requests;

use serde_json::{Value, json};

use self::{
    program::{MOST_MEMORY, Program, Request},
    requests::{Corpus, bodies, documents, heads, introspection, nested, query, texts},
};

async fn survive(mut program: Program, corpus: Corpus) {
    // What every request needs is in memory from now on, and the user exists.
    program.attack("warm up", &query("{ me { id } }")).await;
    program.attack("warm up", &query("{ __schema { types { name } } }")).await;
    let mut broken = Vec::new();
    for (name, request) in &corpus {
        broken.extend(program.attack(name, request).await);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test]
async fn nesting_of_every_kind() {
    survive(Program::start().await, nested()).await;
}

#[tokio::test]
async fn strings_comments_names_and_numbers() {
    survive(Program::start().await, texts()).await;
}

#[tokio::test]
async fn fragments_aliases_and_repetitions() {
    survive(Program::start().await, documents()).await;
}

#[tokio::test]
async fn introspection_of_everything() {
    survive(Program::start().await, introspection()).await;
}

#[tokio::test]
async fn bodies_of_the_largest_size() {
    survive(Program::start().await, bodies()).await;
}

#[tokio::test]
async fn heads_and_targets_of_the_largest_size() {
    survive(Program::start().await, heads()).await;
}

#[tokio::test]
async fn answers_that_multiply_what_is_stored() {
    let program = Program::start().await;
    // The longest texts there are, in characters of four bytes.
    let long = "\u{1f600}".repeat(10_000);
    let text = "mutation($n: UpdateProfileInput!) { updateProfile(input: $n) { user { id } userErrors { code } } }";
    for field in ["notes", "context"] {
        let body = json!({ "query": text, "variables": { "n": { field: long } } }).to_string();
        program.send(&Request::Post(body.into_bytes())).await;
    }
    let (_, body) = program.send(&query("{ me { id notes } }")).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["data"]["me"]["notes"], long);
    let id = body["data"]["me"]["id"].as_str().unwrap();
    let both = "notes context";
    let hundred = format!("\"{id}\",").repeat(100);
    let mut asked = vec![
        (
            "aliases of me".to_owned(),
            (0..49).map(|n| format!("a{n}:me{{{both}}} ")).collect::<String>(),
        ),
        ("the same again".to_owned(), format!("me{{{both}}} ").repeat(160)),
    ];
    for times in [1, 2, 10, 24, 49] {
        let nodes =
            (0..times).map(|n| format!("a{n}:nodes(ids:[{hundred}]){{...on User{{{both}}}}} "));
        asked.push((format!("{times} times a hundred nodes"), nodes.collect()));
    }
    let mut corpus = Corpus::new();
    for (name, fields) in asked {
        // The ids make the text long; variables do not count as text.
        let body = json!({
            "query": format!("query($i: [ID!]!) {{ {} x: nodes(ids: $i) {{ id }} }}", fields.replace(&format!("[{hundred}]"), "$i")),
            "variables": { "i": vec![id; 100] },
        });
        corpus.push((name, Request::Post(body.to_string().into_bytes())));
    }
    survive(program, corpus).await;
}

#[tokio::test]
async fn texts_that_are_all_different() {
    let program = Program::start().await;
    let full = |n: usize| {
        let text = format!("{{ {} }} #{n} {}", "a:__typename ".repeat(50), "me{id} ".repeat(220));
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let persisted = json!({ "version": 1, "sha256Hash": hash });
        let body = json!({ "query": text, "extensions": { "persistedQuery": persisted } });
        Request::Post(body.to_string().into_bytes())
    };
    for n in 0..100 {
        assert_eq!(program.send(&full(n)).await.0, 200);
    }
    let before = program.memory("VmRSS");
    for n in 100..3000 {
        let (_, body) = program.send(&full(n)).await;
        assert!(body.starts_with(b"{\"data\":{"), "{}", String::from_utf8_lossy(&body));
    }
    let grown = program.memory("VmRSS").saturating_sub(before);
    assert!(grown <= MOST_MEMORY, "{} KiB for 3,000 texts", grown >> 10);
}
