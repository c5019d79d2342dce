//! The requests that are meant to hurt.

use serde_json::json;

use super::program::Request;

/// Requests with names.
pub type Corpus = Vec<(String, Request)>;

/// A document.
pub fn query(text: &str) -> Request {
    Request::Post(json!({ "query": text }).to_string().into_bytes())
}

/// As many repetitions as fit into a text of the largest size.
fn fill(start: &str, piece: &str, end: &str) -> String {
    let room = 16 * 1024 - start.len() - end.len();
    format!("{start}{}{end}", piece.repeat(room / piece.len()))
}

fn fragments(levels: usize, spreads: usize) -> String {
    let mut text = "{...F0}".to_owned();
    for level in 0..levels {
        let spread = format!("...F{} ", level + 1).repeat(spreads);
        text += &format!("fragment F{level} on Query{{{spread}}}");
    }
    text + &format!("fragment F{levels} on Query{{__typename}}")
}

/// Nesting of every kind.
pub fn nested() -> Corpus {
    let mut corpus = Corpus::new();
    for open in [
        "{",
        "[",
        "(",
        "{a",
        "{...{",
        "{...on Query{",
        "{a(b:[",
        "{a(b:{c:",
        "query($v:[",
        "query($v:Int=[",
        "{a@b(c:[",
        "{a(b:\"\"\"\"[",
        "{a(b:\"\\\"[",
        "#{\n{",
    ] {
        corpus.push((format!("open {open:?}"), query(&fill("", open, ""))));
    }
    for (start, open, middle, close, end) in [
        ("", "{a", "", "}", ""),
        ("{", "...{", "__typename", "}", "}"),
        ("{node(id:", "[", "1", "]", "){id}}"),
        ("{node(id:", "{a:", "1", "}", "){id}}"),
        ("query($v:", "[", "Int", "]", "){__typename}"),
        ("query($v:", "[", "Int", "]!", "){__typename}"),
        ("query($v:Int=", "[", "1", "]", "){__typename}"),
        ("{__typename@a(b:", "[", "1", "]", ")}"),
    ] {
        for levels in [20, 30, 2000] {
            let text =
                format!("{start}{}{middle}{}{end}", open.repeat(levels), close.repeat(levels));
            corpus.push((format!("{levels} of {open:?}"), query(&text)));
        }
    }
    corpus
}

#[expect(clippy::too_many_lines, reason = "a list")]
/// Strings, comments, names, numbers.
pub fn texts() -> Corpus {
    let mut corpus = Corpus::new();
    for (name, piece) in [
        ("escapes", "\\u0041"),
        ("escaped quotes", "\\\""),
        ("backslashes", "\\\\"),
        ("controls", "\\n\\t\\r\\b\\f"),
        ("four bytes", "\u{1f600}"),
        ("nothing visible", "\u{200b}\u{202e}\u{feff}"),
        ("NUL", "\0"),
    ] {
        let text = fill("{node(id:\"", piece, "\"){id}}");
        corpus.push((format!("a string of {name}"), query(&text)));
        let text = fill("{node(id:\"", piece, "");
        corpus.push((format!("an open string of {name}"), query(&text)));
        let text = fill("{__typename#", piece, "\n}");
        corpus.push((format!("a comment of {name}"), query(&text)));
    }
    for piece in [
        "\\\"\"\"",
        "\"\"",
        "\"\"\"",
        "\"\"\"\"",
        "\n",
        "\r\n",
        "\n ",
        " \n",
        "\n\t\t\t\t\t\t\t\t",
        "\\",
    ] {
        let text = fill("{node(id:\"\"\"", piece, "\"\"\"){id}}");
        corpus.push((format!("a block of {piece:?}"), query(&text)));
        let text = fill("{node(id:\"\"\"", piece, "");
        corpus.push((format!("an open block of {piece:?}"), query(&text)));
    }
    for piece in [
        "\"",
        "\"\"\"",
        "#",
        "#\n",
        ",",
        " ",
        "\n",
        "\u{feff}",
        "...",
        "@a",
        "$a",
        "!",
        "=",
        ":",
        "|",
        "&",
        "a ",
        "a:",
        "1 ",
        "-",
        ".",
        "\u{0}",
        "é",
        "{a}",
        "()",
        "[]",
        "on ",
        "query ",
        "fragment ",
        "{a(b:\"\")}",
    ] {
        corpus.push((format!("nothing but {piece:?}"), query(&fill("", piece, ""))));
        corpus.push((format!("a selection of {piece:?}"), query(&fill("{", piece, "}"))));
    }
    let long = "x".repeat(16_000);
    for (name, text) in [
        ("field", format!("{{{long}}}")),
        ("alias", format!("{{{long}:__typename}}")),
        ("argument", format!("{{node({long}:1){{id}}}}")),
        ("spread", format!("{{...{long}}}")),
        ("directive", format!("{{__typename@{long}}}")),
        ("operation", format!("query {long}{{__typename}}")),
        ("variable", format!("query(${long}:Int){{__typename}}")),
        ("type", format!("query($v:{long}){{__typename}}")),
        ("condition", format!("{{...on {long}{{id}}}}")),
        ("enum", format!("{{node(id:{long}){{id}}}}")),
        ("member", format!("mutation{{updateProfile(input:{{{long}:1}}){{user{{id}}}}}}")),
        ("kind of field", format!("{{me{{{long}}}}}")),
        ("root of field", format!("mutation{{{long}}}")),
    ] {
        corpus.push((format!("a long name of {name}"), query(&text)));
    }
    for number in [
        "1e999999999",
        "-1e999999999",
        "1e-999999999",
        "0.1e400",
        "-0",
        "-0.0e-0",
        "1e400",
        "123456789012345678901",
    ] {
        for place in [
            "{node(id:N){id}}",
            "{me{memberships(first:N){totalCount}}}",
            "query($v:Int=N){__typename}",
        ] {
            corpus.push((
                format!("the number {number} in {place}"),
                query(&place.replace('N', number)),
            ));
        }
    }
    for digits in ["9", "0", "1e1"] {
        let text = fill("{node(id:1", digits, "){id}}");
        corpus.push((format!("a number of many {digits}"), query(&text)));
    }
    corpus
        .push(("a number of many decimals".to_owned(), query(&fill("{node(id:0.", "1", "){id}}"))));
    corpus
}

/// Fragments, aliases, repetitions.
pub fn documents() -> Corpus {
    let mut corpus = Corpus::new();
    for (levels, spreads) in
        [(8, 2), (9, 2), (24, 2), (38, 2), (200, 2), (5, 3), (3, 8), (2, 22), (1, 499), (400, 1)]
    {
        corpus.push((
            format!("{levels} levels of {spreads} fragments"),
            query(&fragments(levels, spreads)),
        ));
    }
    for count in [100, 249, 499, 1500] {
        let text = format!("{{{}}} fragment F on Query{{__typename}}", "...F ".repeat(count));
        corpus.push((format!("a fragment {count} times"), query(&text)));
    }
    let everywhere = |count: usize| -> String {
        let spreads: String = (0..count).map(|n| format!("...F{n} ")).collect();
        let all: String =
            (0..count).map(|n| format!("fragment F{n} on Query{{{spreads}}}")).collect();
        format!("{{...F0}}{all}")
    };
    corpus.push(("fragments that all spread each other".to_owned(), query(&everywhere(45))));
    let chain: String =
        (0..400).map(|n| format!("fragment F{n} on Query{{...F{}}}", (n + 1) % 400)).collect();
    corpus.push(("a long cycle".to_owned(), query(&format!("{{...F0}}{chain}"))));
    let unused: String = (0..450).map(|n| format!("fragment F{n} on Query{{a{n}}}")).collect();
    corpus.push(("unused fragments".to_owned(), query(&format!("{{__typename}}{unused}"))));
    let aliases =
        |count: usize| -> String { (0..count).map(|n| format!("a{n}:__typename ")).collect() };
    for count in [50, 51, 900] {
        corpus.push((format!("{count} aliases"), query(&format!("{{{}}}", aliases(count)))));
    }
    for (name, field, count) in [
        ("__typename", "__typename ", 500),
        ("me", "me{id} ", 250),
        ("serverInfo", "serverInfo{name} ", 250),
        ("node", "node(id:\"x\"){id} ", 240),
        ("node with others", "a:node(id:\"x\"){id} a:node(id:\"y\"){id} ", 24),
        ("memberships", "me{memberships(first:1){nodes{id}}} ", 120),
        (
            "all of me",
            "me{id name email notes context displayName memberships(first:1){totalCount}} ",
            55,
        ),
        ("inline", "...on Query{me{...on User{id}}} ", 120),
        ("two faces", "...{x:__typename} ...on Query{x:__typename} ", 12),
        ("conflicts", "x:__typename x:me{id} ", 24),
    ] {
        corpus.push((
            format!("the same {name} {count} times"),
            query(&format!("{{{}}}", field.repeat(count))),
        ));
    }
    for width in [2, 3, 5] {
        // The same field within itself, several times on each level.
        let mut text = "id ".to_owned();
        for field in ["members(first:2)", "organization", "nodes", "memberships(first:2)", "me"] {
            text = format!("{field}{{{text}}} ").repeat(width);
        }
        corpus
            .push((format!("{width} of everything on each level"), query(&format!("{{{text}}}"))));
    }
    let arguments: String = (0..2000).map(|n| format!("a{n}:1,")).collect();
    let members: String = (0..1500).map(|n| format!("a{n}:1,")).collect();
    let variables: String = (0..1000).map(|n| format!("$a{n}:Int ")).collect();
    let used: String = (0..250).map(|n| format!("$a{n}:ID! ")).collect();
    let listed: String = (0..250).map(|n| format!("$a{n},")).collect();
    let operations = |count: usize, fields: usize| -> String {
        (0..count).map(|n| format!("query A{n}{{{}}}", "__typename ".repeat(fields))).collect()
    };
    let unknown: String = (0..490).map(|n| format!("nam{n} ")).collect();
    for (name, text) in [
        ("many arguments", format!("{{node(id:1,{arguments}){{id}}}}")),
        ("many members", format!("mutation{{updateProfile(input:{{{members}}}){{user{{id}}}}}}")),
        ("the same argument", format!("{{node({}){{id}}}}", "id:1,".repeat(3000))),
        ("many ids", format!("{{nodes(ids:[{}]){{id}}}}", "1,".repeat(8000))),
        ("many bad ids", format!("{{nodes(ids:[{}]){{id}}}}", "1.5,".repeat(4000))),
        ("many variables", format!("query({variables}){{__typename}}")),
        ("the same variable", format!("query({}){{__typename}}", "$a:Int ".repeat(2000))),
        ("variables in a list", format!("query({used}){{nodes(ids:[{listed}]){{id}}}}")),
        ("undefined variables", format!("{{nodes(ids:[{}]){{id}}}}", "$a,".repeat(5000))),
        ("ten full operations", operations(10, 130)),
        ("many operations", operations(700, 1)),
        ("unknown fields", format!("{{me{{{unknown}}}}}")),
        ("unknown fragments", format!("{{{}}}", "...Unknown ".repeat(490))),
        ("unknown types", format!("{{{}}}", "...on Unknown{a}".repeat(240))),
        ("directives on one field", fill("{__typename ", "@a ", "}")),
        (
            "directives on all",
            format!("{{{}}}", "__typename@skip(if:false)@include(if:true) ".repeat(350)),
        ),
        (
            "directives of many arguments",
            format!("{{__typename@skip({})}}", "if:true,".repeat(1900)),
        ),
        ("all skipped", format!("{{{}}}", "me@skip(if:true){id} ".repeat(240))),
        ("subscription", fill("subscription{", "a ", "}")),
    ] {
        corpus.push((name.to_owned(), query(&text)));
    }
    corpus
}

/// Introspection of everything.
pub fn introspection() -> Corpus {
    let mut corpus = Corpus::new();
    let leaves = "name description isDeprecated deprecationReason ";
    for (name, text) in [
        (
            "twice nested",
            format!("{{__schema{{types{{fields{{type{{fields{{{}}}}}}}}}}}}}", leaves.repeat(120)),
        ),
        (
            "with arguments",
            format!(
                "{{__schema{{types{{fields{{type{{fields{{args{{{}}}}}}}}}}}}}}}",
                "name description defaultValue ".repeat(160)
            ),
        ),
        (
            "with types of types",
            format!(
                "{{__schema{{types{{fields{{type{{ofType{{ofType{{fields{{type{{ofType{{{}}}}}}}}}}}}}}}}}}}}}",
                "kind name description ".repeat(160)
            ),
        ),
        (
            "side by side",
            format!("{{{}}}", "__schema{types{fields{type{fields{name}}}}} ".repeat(80)),
        ),
        (
            "by name",
            format!(
                "{{{}}}",
                "__type(name:\"User\"){fields{type{fields{type{name}}}}} ".repeat(80)
            ),
        ),
        (
            "possible types",
            format!(
                "{{__schema{{types{{possibleTypes{{interfaces{{{}}}}}}}}}}}",
                "kind name description ".repeat(160)
            ),
        ),
        ("names beyond all bounds", fill("{__type(name:\"", "x", "\"){name}}")),
    ] {
        corpus.push((format!("introspection {name}"), query(&text)));
    }
    corpus
}

#[expect(clippy::too_many_lines, reason = "a list")]
/// Bodies of the largest size.
pub fn bodies() -> Corpus {
    const ROOM: usize = 256 * 1024 - 200;
    let mut corpus = Corpus::new();
    let full = |piece: &str| piece.repeat(ROOM / piece.len());
    for piece in [
        "[",
        "{",
        "{\"a\":",
        "\"",
        "9",
        " ",
        "\0",
        "\\",
        "null,",
        "-",
        "1e9",
        "\u{1f600}",
        "[[],",
        "\"\\ud800",
    ] {
        corpus.push((format!("a body of {piece:?}"), Request::Post(full(piece).into_bytes())));
        let variables = format!(r#"{{"query":"{{ __typename }}","variables":{}"#, full(piece));
        corpus.push((format!("variables of {piece:?}"), Request::Post(variables.into_bytes())));
    }
    corpus.push(("a body of 0xff".to_owned(), Request::Post(vec![0xff; ROOM])));
    corpus.push(("a body of NUL".to_owned(), Request::Post(vec![0; ROOM])));
    let in_variables = |value: &str| {
        let text = "query($n: String!) { __type(name: $n) { name } }";
        format!(r#"{{"query":"{text}","variables":{{"n":{value}}}}}"#).into_bytes()
    };
    let wrapped = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let members: String = (0..18_000).map(|n| format!("\"a{n}\":0,")).collect();
    for (name, value) in [
        ("a long string", format!("\"{}\"", full("x"))),
        ("a string of escapes", format!("\"{}\"", full("\\u0041"))),
        ("a string of NUL", format!("\"{}\"", full("\\u0000"))),
        ("lone surrogates", format!("\"{}\"", full("\\ud800"))),
        ("a number of digits", full("9")),
        ("1e999999999", "1e999999999".to_owned()),
        ("100 lists", wrapped(100)),
        ("120 lists", wrapped(120)),
        ("130 lists", wrapped(130)),
        ("100,000 lists", wrapped(100_000)),
        ("many items", format!("[{}1]", full("1,"))),
        ("many empty lists", format!("[{}[]]", full("[],"))),
        ("many members", format!("{{{members}\"z\":0}}")),
        ("the same member", format!("{{{}\"a\":0}}", full("\"a\":0,"))),
    ] {
        corpus.push((format!("a variable of {name}"), Request::Post(in_variables(&value))));
    }
    let ids = |value: &str| {
        let text = "query($n: [ID!]!) { nodes(ids: $n) { id } }";
        format!(r#"{{"query":"{text}","variables":{{"n":{value}}}}}"#).into_bytes()
    };
    for (name, value) in [
        ("many ids", format!("[{}1]", full("1,"))),
        ("bad ids", format!("[{}1.5]", full("1.5,"))),
        ("lists of ids", wrapped(120)),
        ("a long id", format!("\"{}\"", full("x"))),
        ("100 long ids", format!("[{}\"\"]", format!("\"{}\",", "x".repeat(2500)).repeat(99))),
    ] {
        corpus.push((name.to_owned(), Request::Post(ids(&value))));
    }
    let input = |value: &str| {
        let text = "mutation($n: UpdateProfileInput!) { updateProfile(input: $n) { user { id } userErrors { code } } }";
        format!(r#"{{"query":"{text}","variables":{{"n":{value}}}}}"#).into_bytes()
    };
    corpus.push((
        "long notes".to_owned(),
        Request::Post(input(&format!("{{\"notes\":\"{}\"}}", full("x")))),
    ));
    corpus.push((
        "a long time zone".to_owned(),
        Request::Post(input(&format!("{{\"timezone\":\"{}\"}}", full("a/")))),
    ));
    corpus.push((
        "an input of members".to_owned(),
        Request::Post(input(&format!("{{{members}\"z\":0}}"))),
    ));
    for (name, body) in [
        ("a long query", format!(r#"{{"query":"{}"}}"#, full("x"))),
        ("a long query of brackets", format!(r#"{{"query":"{}"}}"#, full("{a"))),
        (
            "a long operation name",
            format!(r#"{{"query":"{{ __typename }}","operationName":"{}"}}"#, full("x")),
        ),
        (
            "a long hash",
            format!(
                r#"{{"extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{}"}}}}}}"#,
                full("0")
            ),
        ),
        (
            "extensions of members",
            format!(r#"{{"query":"{{ __typename }}","extensions":{{{members}"z":0}}}}"#),
        ),
        ("members nobody knows", format!(r#"{{{members}"query":"{{ __typename }}"}}"#)),
        (
            "the same query many times",
            format!(r#"{{{}"query":"{{ __typename }}"}}"#, full("\"query\":\"{\",")),
        ),
        ("a long key", format!(r#"{{"{}":1,"query":"{{ __typename }}"}}"#, full("x"))),
    ] {
        corpus.push((name.to_owned(), Request::Post(body.into_bytes())));
    }
    corpus
}

/// Heads and targets of the largest size.
pub fn heads() -> Corpus {
    let mut corpus = Corpus::new();
    let full = |piece: &str| piece.repeat(60_000 / piece.len());
    for (name, value) in [
        ("accept", full("a/b;q=0.1,")),
        ("accept", full(",")),
        ("accept", full("a;")),
        ("accept", full("application/json;q=0.")),
        ("content-type", full("application/json;")),
        ("content-type", full("a=b;")),
        ("authorization", full("Bearer ")),
        ("authorization", format!("Bearer {}", full("a."))),
        ("authorization", format!("Bearer {}", full("a"))),
        ("x-request-id", full("x")),
        ("origin", full("https://a,")),
        ("sec-fetch-site", full("x")),
        ("cookie", full("a=b;")),
    ] {
        corpus.push((format!("{name} of {:?}", &value[..10]), Request::With(name, value)));
    }
    for piece in [
        "&",
        "=",
        "a&",
        "a=b&",
        "query&",
        "query=&",
        "%",
        "%zz",
        "%ff",
        "%00",
        "+",
        "variables={&",
        "?",
    ] {
        corpus.push((format!("a target of {piece:?}"), Request::Get(full(piece))));
        let text = format!("query=%7B__typename%7D&{}", full(piece));
        corpus.push((format!("a query and {piece:?}"), Request::Get(text)));
    }
    let head = |lines: &str| {
        format!("POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n\r\n")
    };
    let many: String = (0..5000).map(|n| format!("x{n}: y\r\n")).collect();
    for (name, bytes) in [
        ("a token of 1 MiB", head(&format!("Authorization: Bearer {}", "a".repeat(1 << 20)))),
        ("many header fields", head(&many)),
        ("a method of 1 MiB", format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(1 << 20))),
        ("a target of 1 MiB", format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20))),
        ("lines without end", "\r\n".repeat(1 << 19)),
        (
            "chunks of one byte",
            format!(
                "{}{}0\r\n\r\n",
                head("Content-Type: application/json\r\nTransfer-Encoding: chunked"),
                "1\r\n \r\n".repeat(300_000)
            ),
        ),
        (
            "chunks with extensions",
            format!(
                "{}1;{}\r\n \r\n0\r\n\r\n",
                head("Content-Type: application/json\r\nTransfer-Encoding: chunked"),
                "a=b;".repeat(1 << 18)
            ),
        ),
        (
            "trailers",
            format!(
                "{}0\r\n{}\r\n",
                head("Content-Type: application/json\r\nTransfer-Encoding: chunked"),
                "x: y\r\n".repeat(1 << 17)
            ),
        ),
    ] {
        corpus.push((name.to_owned(), Request::Raw(bytes.into_bytes())));
    }
    // The same noise in every run (xorshift).
    let mut state = 88_172_645_463_325_252_u64;
    let noise: Vec<u8> = (0..1 << 20)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    corpus.push(("noise".to_owned(), Request::Raw(noise.clone())));
    corpus.push(("a body of noise".to_owned(), Request::Post(noise[..200_000].to_vec())));
    corpus
}
