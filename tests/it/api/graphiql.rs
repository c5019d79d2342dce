//! The GraphiQL page: who gets it, what it may do, and that nothing of it is there when it is off. What it
//! does in a browser is tested in `tests/browser`.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestDatabase, start};

/// What browsers send.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// Of the host clerk.example.com.
const PUBLISHABLE_KEY: &str = "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k";

async fn get(app: &TestApp, path: &str, accept: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT, accept);
    app.send(request.body(Body::empty()).unwrap()).await
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type") == "text/html; charset=utf-8"
}

/// What the server tells the page.
fn configuration(page: &Answer) -> Value {
    let begin = r#"<script type="application/json" id="configuration">"#;
    let (_, rest) = page.text.split_once(begin).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The addresses in the attributes of the page.
fn addresses(page: &Answer) -> Vec<&str> {
    ["href=\"", "src=\""]
        .iter()
        .flat_map(|attribute| page.text.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

#[tokio::test]
async fn a_browser_gets_the_page_and_nobody_else_does() {
    let app = start(&TestDatabase::sqlite().await).await;
    let query = "/graphql?query=%7B__typename%7D";
    let cases = [
        ("/", BROWSER, true),
        ("/", "*/*", true),
        ("/", "application/json", true),
        ("/graphql", BROWSER, true),
        ("/graphql", "text/html", true),
        ("/graphql", "text/html;q=0.2, */*;q=0.9", true),
        ("/graphql?operationName=A", BROWSER, true),
        ("/graphql", "*/*", false),
        ("/graphql", "application/json", false),
        ("/graphql", "application/graphql-response+json, text/html;q=0.9", false),
        ("/graphql", "image/png", false),
        (query, BROWSER, false),
        (query, "*/*", false),
    ];
    for (path, accept, expected) in cases {
        let answer = get(&app, path, accept).await;
        assert_eq!(is_page(&answer), expected, "{path} {accept}: {}", answer.text);
        if expected {
            assert_eq!(answer.status, StatusCode::OK, "{path} {accept}");
        }
    }
    let answer = app.send(Request::get("/graphql").body(Body::empty()).unwrap()).await;
    assert!(!is_page(&answer), "no Accept at all is not a browser");
    for path in ["/", "/ui/page.js"] {
        let answer = app.send(Request::post(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn the_page_is_bound_to_this_server() {
    let app = start(&TestDatabase::sqlite().await).await;
    let (scripts, styles) = if cfg!(feature = "embedded-ui") {
        (String::new(), String::new())
    } else {
        let cdn = "https://cdn.jsdelivr.net/npm";
        (
            format!(
                " {cdn}/react@18.3.1/umd/react.production.min.js \
                 {cdn}/react-dom@18.3.1/umd/react-dom.production.min.js \
                 {cdn}/graphiql@4.1.2/graphiql.min.js"
            ),
            format!(" {cdn}/graphiql@4.1.2/graphiql.min.css"),
        )
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'{styles}; \
         img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    for path in ["/", "/graphql"] {
        let page = get(&app, path, BROWSER).await;
        let expected = [
            ("content-security-policy", policy.as_str()),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("vary", "Accept, Authorization, Origin"),
        ];
        for (name, value) in expected {
            assert_eq!(page.header(name), value, "{path}: {name}");
        }
        // The policy allows no inline script, so the page must not depend on one.
        assert_eq!(page.text.matches("<script").count(), 2, "{}", page.text);
        assert!(!page.text.contains("onload="), "{}", page.text);
        // Relative, so that the page works below any path that a proxy takes off.
        for address in addresses(&page) {
            assert!(address.starts_with("ui/") || address.starts_with("data:"), "{address}");
        }
    }
}

#[tokio::test]
async fn our_files_are_kept_as_long_as_they_are_true() {
    let app = start(&TestDatabase::sqlite().await).await;
    let page = get(&app, "/", BROWSER).await;
    let files: Vec<String> = addresses(&page)
        .into_iter()
        .filter(|address| address.starts_with("ui/"))
        .map(|address| format!("/{address}"))
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for address in &files {
        let file = get(&app, address, "*/*").await;
        assert_eq!(file.status, StatusCode::OK, "{address}");
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        let expected = if address.starts_with("/ui/page.css?v=") {
            "text/css; charset=utf-8"
        } else {
            "text/javascript; charset=utf-8"
        };
        assert_eq!(file.header("content-type"), expected, "{address}");

        let (path, _) = address.split_once('?').unwrap();
        for other in [path.to_owned(), format!("{path}?v=0123456789abcdef")] {
            let same = get(&app, &other, "*/*").await;
            assert_eq!(same.header("cache-control"), "no-cache", "{other}");
            assert_eq!(same.text, file.text);
        }
    }
    let unknown = [
        "/ui",
        "/ui/",
        "/ui/page.html",
        "/ui/../Cargo.toml",
        "/ui/%2e%2e/Cargo.toml",
        "/ui/graphiql@4.1.1/graphiql.min.js",
    ];
    for path in unknown {
        assert_eq!(get(&app, path, "*/*").await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_file_of_others_is_pinned() {
    let app = start(&TestDatabase::sqlite().await).await;
    let page = get(&app, "/", BROWSER).await;
    let files = configuration(&page)["files"].as_array().unwrap().clone();
    assert_eq!(files.len(), 4);
    for file in files {
        let url = file["url"].as_str().unwrap();
        assert!(file["integrity"].as_str().unwrap().starts_with("sha384-"), "{file}");
        if cfg!(feature = "embedded-ui") {
            let answer = get(&app, url, "*/*").await;
            assert_eq!(answer.status, StatusCode::OK, "{url}");
            assert_eq!(answer.header("vary"), "Accept-Encoding", "{url}");
            assert!(answer.header("cache-control").ends_with("immutable"), "{url}");
            let is_style = answer.header("content-type").starts_with("text/css");
            assert_eq!(is_style, file["kind"] == "style", "{url}");
        } else {
            assert!(url.starts_with("https://cdn.jsdelivr.net/npm/"), "{url}");
        }
    }
    let licenses = get(&app, "/ui/licenses.txt", "*/*").await;
    if cfg!(feature = "embedded-ui") {
        assert!(
            licenses.text.contains("graphiql 4.1.2"),
            "who distributes them says whose they are"
        );
    } else {
        assert_eq!(licenses.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn switched_off_nothing_of_it_is_left() {
    let app =
        TestApp::start(&TestDatabase::sqlite().await, &[("GRAPHQL_PLAYGROUND", "false")]).await;
    for path in ["/", "/graphql", "/ui/page.js", "/ui/page.css", "/ui/licenses.txt"] {
        let answer = get(&app, path, BROWSER).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.refusal(), json!({ "detail": "Not Found" }), "{path}");
        assert_eq!(answer.header("content-security-policy"), "", "{path}");
    }
    let answer = get(&app, "/graphql?query=%7B__typename%7D", BROWSER).await;
    assert_eq!(answer.data(), json!({ "__typename": "Query" }), "the API stays");
}

#[tokio::test]
async fn a_publishable_key_opens_the_policy_for_its_host_and_no_other() {
    let database = TestDatabase::sqlite().await;
    let page = get(&start(&database).await, "/", BROWSER).await;
    assert_eq!(configuration(&page)["mode"], "clerk");
    assert_eq!(configuration(&page)["clerk"], Value::Null);

    let app = TestApp::start(&database, &[("CLERK_PUBLISHABLE_KEY", PUBLISHABLE_KEY)]).await;
    let page = get(&app, "/", BROWSER).await;
    assert_eq!(
        configuration(&page)["clerk"],
        json!({
            "publishableKey": PUBLISHABLE_KEY,
            "script": "https://clerk.example.com/npm/@clerk/clerk-js@6/dist/clerk.browser.js",
        })
    );
    let policy = page.header("content-security-policy");
    let scripts = policy.split("; ").find(|directive| directive.starts_with("script-src")).unwrap();
    assert!(scripts.ends_with(" https://clerk.example.com"), "{policy}");
    assert!(policy.contains("connect-src 'self' https://clerk.example.com;"), "{policy}");
    assert!(policy.contains("img-src 'self' data: https://img.clerk.com;"), "{policy}");
    assert_eq!(policy.matches("clerk.example.com").count(), 2, "{policy}");
}
