//! Documents that the framework or its parser answers differently from the GraphQL specification, one of
//! each kind that was found beside graphql-js; `tests/clients` looks for more of them.

use serde_json::{Value, json};

use crate::support::{TestApp, both, start};

/// Sends a document as a signed-in user.
async fn send(app: &TestApp, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    app.graphql(Some(&app.token("user_a")), body).await.json()
}

const PARSE: &str = "GRAPHQL_PARSE_FAILED";
const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";

both! {
    async fn what_the_specification_refuses_is_refused(database) {
        let app = start(&database).await;
        let cases = [
            // 5.8.3: a variable that is not defined, also on __typename.
            ("{__typename@include(if:$nope)}", INVALID),
            ("{me{__typename@skip(if:$nope)}}", INVALID),
            // 5.6.1: values of the right type, in directives too.
            ("{__typename@include(if:\"x\")}", INVALID),
            ("{__typename@include(if:null)}", INVALID),
            ("{__typename@include(if:[true])}", INVALID),
            ("{me{id@skip(if:1)}}", INVALID),
            // 5.7.3: a directive once.
            ("{__typename@skip(if:true)@skip(if:false)}", INVALID),
            ("{me{id@include(if:true)@include(if:true)}}", INVALID),
            // 5.3.2: one key, one shape, also on types that exclude each other.
            ("{node(id:\"1\"){...on User{name} ...on Organization{name}}}", INVALID),
            ("{node(id:\"1\"){...on User{x:id} ...on Organization{x:members{totalCount}}}}", INVALID),
            ("{me{x:id x:name}}", INVALID),
            // 5.6.3: a field of an input object once, whether or not it runs.
            ("mutation{updateProfile(input:{name:\"a\" name:\"b\"})@skip(if:true){user{id}}}", INVALID),
            ("mutation{deleteUser(input:{deleteFromClerk:false deleteFromClerk:true}){deletedUserId}}", INVALID),
            // 5.6.1: in operations that are not run.
            ("query O0{__typename} mutation O1($v:DeleteUserInput=1.5){deleteUser(input:$v){deletedUserId}}", INVALID),
            // 5.1.1: only executable definitions.
            ("schema{query:Query}", INVALID),
            ("scalar S", INVALID),
            ("{me{id}} type T{a:Int}", INVALID),
            ("query($v:[ID!]!=null){nodes(ids:$v){id}}", INVALID),
            // 2: syntax.
            ("query(){me{id}}", PARSE),
            ("queryO0{__typename}", PARSE),
            ("{...F} fragmentF on Query{__typename}", PARSE),
            ("{nodes(ids:[01]){id}}", PARSE),
            ("{...on}", PARSE),
            ("{me{type{id}}", PARSE),
            ("{me(type:type}", PARSE),
        ];
        for (query, code) in cases {
            for name in [Value::Null, json!("O0")] {
                let body = json!({ "query": query, "operationName": name });
                let answer = app.graphql(Some(&app.token("user_a")), body).await;
                assert_eq!(answer.code(), code, "{query}: {}", answer.text);
                assert!(answer.json().get("data").is_none(), "{query}: {}", answer.text);
            }
        }
    }
}

both! {
    async fn what_the_specification_allows_is_answered(database) {
        let app = start(&database).await;
        let me = send(&app, "{me{id}}", json!({})).await["data"]["me"]["id"].clone();
        let emoji = send(&app, "mutation{updateProfile(input:{name:\"\\uD83D\\uDE00 \\u{1F600}\"}){user{name}}}", json!({})).await;
        assert_eq!(emoji["data"]["updateProfile"]["user"]["name"], "😀 😀", "{emoji}");
        let cases = [
            // 5.8.4: a variable used on __typename is used.
            ("query($v:Boolean!){__typename@skip(if:$v)}", json!({ "v": false }), json!({ "__typename": "Query" })),
            ("query($v:Boolean!){__typename@skip(if:$v)}", json!({ "v": true }), json!({})),
            // 2.1.7: ignored tokens, between any others.
            ("query($v:[ID! ]!){nodes(ids:$v){id}}", json!({ "v": [] }), json!({ "nodes": [] })),
            ("query($v:ID,!){__typename node(id:$v){id}}", json!({ "v": "x" }), json!({ "__typename": "Query", "node": null })),
            ("query($ v#\n:ID!){__typename node(id:$,\n v)@include(if:false){id}}", json!({ "v": "x" }), json!({ "__typename": "Query" })),
            ("\u{feff}{__typename}", json!({}), json!({ "__typename": "Query" })),
            // 4.5.3: an interface implements a list of none; a scalar has none.
            (
                "{node:__type(name:\"Node\"){interfaces{name}} user:__type(name:\"User\"){interfaces{name}} \
                 string:__type(name:\"String\"){name interfaces{name}}}",
                json!({}),
                json!({
                    "node": { "interfaces": [] },
                    "user": { "interfaces": [{ "name": "Node" }] },
                    "string": { "name": "String", "interfaces": null },
                }),
            ),
            ("{__type(name:\"User\"){isOneOf fields{args{isDeprecated deprecationReason}}}}", json!({}), Value::Null),
            // September 2025: descriptions of operations and their variables.
            ("\"mine\" query Q(\"yes\" $v:ID!){node(id:$v){id}}", json!({ "v": me }), json!({ "node": { "id": me } })),
        ];
        for (query, variables, expected) in cases {
            let answer = send(&app, query, variables).await;
            assert!(answer.get("errors").is_none(), "{query}: {answer}");
            if !expected.is_null() {
                assert_eq!(answer["data"], expected, "{query}");
            }
        }
    }
}

both! {
    async fn fields_come_in_the_order_of_those_that_are_shown(database) {
        let app = start(&database).await;
        let token = app.token("user_a");
        let me = app.query(Some(&token), "{me{id}}").await.data()["me"]["id"].as_str().unwrap().to_owned();
        let node = format!("{{node(id:\"{me}\"){{...on Organization{{updatedAt id}} ...on User{{id updatedAt}} __typename}}}}");
        let cases = [
            ("{me{id@skip(if:true)name id}}", "name, id"),
            ("{me{id@include(if:false) ...on User{name@skip(if:false)} id}}", "name, id"),
            ("{me{...on Node{...on Organization{updatedAt}} id updatedAt}}", "id, updatedAt"),
            ("query($v:Boolean=true){me{id@skip(if:$v) name id}}", "name, id"),
            ("{me{...F@skip(if:true) name ...F}} fragment F on User{id updatedAt}", "name, id, updatedAt"),
            (&node, "id, updatedAt, __typename"),
        ];
        for (query, expected) in cases {
            let answer = app.query(Some(&token), query).await;
            let text = answer.text.clone();
            let keys: Vec<&str> = text
                .split('"')
                .filter(|part| ["id", "name", "updatedAt", "__typename"].contains(part))
                .collect();
            assert_eq!(keys.join(", "), expected, "{query}: {text}");
        }
    }
}

both! {
    async fn null_for_a_variable_that_may_not_be_null_where_it_stands_is_an_error_of_the_field(database) {
        let app = start(&database).await;
        let null = json!({ "v": null });
        for (query, data, path) in [
            ("query($v:Boolean=false){me{id context@include(if:$v)}}", Value::Null, json!(["me"])),
            ("query($v:Boolean=false){serverInfo{name} me@include(if:$v){id}}", Value::Null, Value::Null),
            ("query($v:[ID!]=[]){__typename nodes(ids:$v){id}}", Value::Null, json!(["nodes"])),
            ("query($v:ID=\"x\"){__typename node(id:$v){id}}", json!({ "__typename": "Query", "node": null }), json!(["node"])),
            ("query($v:[ID!]=[]){__typename nodes(ids:$v)@skip(if:true){id}}", json!({ "__typename": "Query" }), Value::Null),
            (
                "query($v:String=\"User\"){__typename __type(name:$v){name}}",
                json!({ "__typename": "Query", "__type": null }),
                json!(["__type"]),
            ),
            (
                "query($v:Int=1){__typename me{memberships(first:$v){totalCount}}}",
                Value::Null,
                json!(["me", "memberships"]),
            ),
        ] {
            let answer = send(&app, query, null.clone()).await;
            assert_eq!(answer["data"], data, "{query}: {answer}");
            assert!(answer.get("data").is_some(), "{query}: {answer}");
            assert_eq!(answer["errors"][0]["path"], path, "{query}: {answer}");
            if answer.get("errors").is_some() {
                assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{query}: {answer}");
            }
        }
    }
}
