//! Development mode as the browser SDK of Clerk meets it: the requests are those that clerk-js sends.

use super::*;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, Response, header};
use sqlx::{Row, SqlitePool};

/// Where the page is that asks.
const PAGE: &str = "http://localhost:3000";

const KEY: &str = "sk_test_development";

/// A running server with a directory of its own.
struct Dev {
    process: Process,
    directory: TempDir,
    port: String,
}

impl Dev {
    async fn start() -> Self {
        Self::start_in(directory()).await
    }

    async fn start_in(directory: TempDir) -> Self {
        let port = free_port();
        let process = Process::start(directory.path(), &["dev"], &[("PORT", &port)]);
        let dev = Self { process, directory, port };
        until_ready(&dev.address()).await;
        dev
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it as Ctrl-C would, and starts it again.
    async fn restart(self) -> Self {
        self.process.terminate();
        let ended = self.process.end().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        Self::start_in(self.directory).await
    }

    fn browser(&self) -> Browser {
        Browser { at: format!("{}/dev/clerk", self.address()), cookie: Mutex::default() }
    }

    /// Asks the Backend API.
    async fn backend(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = client().request(method, format!("{}/dev/clerk{path}", self.address()));
        read(request.bearer_auth(KEY).json(&body).send().await.unwrap()).await
    }

    /// The status that a token meets.
    async fn status_of(&self, token: &str) -> u16 {
        query(&self.address(), Some(token), "{ me { id } }").await.0
    }

    /// One value from the server's own database.
    async fn row(&self, statement: &'static str, id: &str) -> Option<String> {
        let file = self.directory.path().join("data/development.db");
        let pool = SqlitePool::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        let row = sqlx::query(statement).bind(id.to_owned()).fetch_optional(&pool).await.unwrap();
        pool.close().await;
        row.map(|row| row.get(0))
    }
}

/// A browser with a cookie, at a page.
struct Browser {
    at: String,
    cookie: Mutex<Option<String>>,
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

impl Browser {
    /// Sends a form as the SDK does: methods other than GET and POST in the query string.
    async fn send(&self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let mut url = url::Url::parse(&format!("{}/v1{path}", self.at)).unwrap();
        let mut sent = Method::GET;
        if method != "GET" {
            sent = Method::POST;
            url.query_pairs_mut().append_pair("_clerk_js_version", "6.40.0");
            if method != "POST" {
                url.query_pairs_mut().append_pair("_method", method);
            }
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = client().request(sent, url).header("origin", PAGE);
        if let Some(cookie) = self.cookie.lock().unwrap().clone() {
            request = request.header(header::COOKIE, cookie);
        }
        if method != "GET" {
            request =
                request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], PAGE);
        assert_eq!(response.headers()["access-control-allow-credentials"], "true");
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
            let pair = cookie.split(';').next().unwrap().to_owned();
            *self.cookie.lock().unwrap() = Some(pair);
        }
        read(response).await
    }

    async fn expect(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, body) = self.send(method, path, form).await;
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    /// Signs in with the code, and answers session id and token.
    async fn sign_in(&self, address: &str) -> (String, String) {
        let begun = self.expect("POST", "/client/sign_ins", &[("identifier", address)]).await;
        assert_eq!(begun["response"]["status"], "needs_first_factor");
        let factor = &begun["response"]["supported_first_factors"][0]["strategy"];
        let path = format!("/client/sign_ins/{}", begun["response"]["id"].as_str().unwrap());
        let strategy = [("strategy", factor.as_str().unwrap())];
        self.expect("POST", &format!("{path}/prepare_first_factor"), &strategy).await;
        let attempt = [strategy[0], ("code", "424242")];
        let done = self.expect("POST", &format!("{path}/attempt_first_factor"), &attempt).await;
        assert_eq!(done["response"]["status"], "complete");
        self.session(&done)
    }

    /// The one session in an answer, and its token.
    fn session(&self, answer: &Value) -> (String, String) {
        let session = &answer["client"]["sessions"][0];
        let token = session["last_active_token"]["jwt"].as_str().unwrap();
        (session["id"].as_str().unwrap().to_owned(), token.to_owned())
    }

    async fn sign_up(&self, form: &[(&str, &str)]) -> Value {
        let begun = self.expect("POST", "/client/sign_ups", form).await;
        assert_eq!(begun["response"]["status"], "missing_requirements", "{begun}");
        let path = format!("/client/sign_ups/{}", begun["response"]["id"].as_str().unwrap());
        let strategy = ("strategy", "email_code");
        self.expect("POST", &format!("{path}/prepare_verification"), &[strategy]).await;
        let attempt = [strategy, ("code", "424242")];
        let done = self.expect("POST", &format!("{path}/attempt_verification"), &attempt).await;
        assert_eq!(done["response"]["status"], "complete");
        done
    }
}

/// What a token says, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn dev_env_prints_four_lines_and_does_nothing_else() {
    let directory = directory();
    let ended = run(directory.path(), &["dev", "--env"], &[("PORT", "8123")]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        ended.stdout,
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_test_Y2xlcmsubWlzc2lvbi1jb250cm9sLmxvY2FsaG9zdCQ\n\
         CLERK_SECRET_KEY=sk_test_development\n\
         NEXT_PUBLIC_CLERK_PROXY_URL=http://localhost:8123/dev/clerk\n\
         CLERK_API_URL=http://127.0.0.1:8123/dev/clerk\n"
    );
    assert!(directory.path().read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn who_signs_up_is_there_before_anything_is_asked() {
    let dev = Dev::start().await;
    let browser = dev.browser();
    let form =
        [("email_address", " Mary@Example.com "), ("first_name", "Mary"), ("last_name", "Shelley")];
    let done = browser.sign_up(&form).await;
    let user = done["response"]["created_user_id"].as_str().unwrap();
    let email = dev.row("SELECT email FROM users WHERE clerk_user_id = ?", user).await;
    assert_eq!(email.as_deref(), Some("mary@example.com"));
    let name = dev.row("SELECT name FROM users WHERE clerk_user_id = ?", user).await;
    assert_eq!(name.as_deref(), Some("Mary Shelley"));
    let (session, token) = browser.session(&done);
    assert_eq!(claims(&token)["sid"], session);
    assert_eq!(claims(&token)["azp"], PAGE);
    assert_eq!(dev.status_of(&token).await, 200);

    // Nobody else can have the address, and the person is known to the commands.
    let taken = dev.browser().send("POST", "/client/sign_ups", &form).await;
    assert_eq!(taken.0, 422);
    assert_eq!(taken.1["errors"][0]["code"], "form_identifier_exists");
    assert_eq!(taken.1["errors"][0]["meta"]["param_name"], "email_address");
    let arguments = ["token", "--user", "mary@example.com"];
    let ended = run(dev.directory.path(), &arguments, &[("PORT", &dev.port)]).await;
    assert_eq!(claims(ended.stdout.trim())["sub"], user);
}

#[tokio::test]
async fn a_session_that_ends_is_refused_at_once() {
    let dev = Dev::start().await;
    for (how, event) in [
        ("end", "ended"),
        ("remove", "removed"),
        ("sign out of everything", "removed"),
        ("revoke", "revoked"),
        ("revoke elsewhere", "revoked"),
        ("delete the person", "removed"),
        ("delete the account", "removed"),
    ] {
        let browser = dev.browser();
        let (session, token) = browser.sign_in("ada@example.com").await;
        assert_eq!(dev.status_of(&token).await, 200, "{how}");
        let path = format!("/client/sessions/{session}");
        let user = claims(&token)["sub"].as_str().unwrap().to_owned();
        match how {
            "end" | "remove" => {
                let ended = browser.expect("POST", &format!("{path}/{how}"), &[]).await;
                assert_eq!(ended["response"]["status"], event);
                assert_eq!(ended["client"]["sessions"], json!([]));
            }
            "sign out of everything" => {
                browser.expect("DELETE", "/client/sessions", &[]).await;
            }
            "revoke" => {
                let path = format!("/v1/sessions/{session}/revoke");
                let (status, body) = dev.backend(Method::POST, &path, json!({})).await;
                assert_eq!((status, &body["status"]), (200, &json!("revoked")));
                assert_eq!(dev.backend(Method::POST, &path, json!({})).await.0, 404);
            }
            "revoke elsewhere" => {
                let other = dev.browser();
                other.sign_in("ada@example.com").await;
                let path = format!("/me/sessions/{session}/revoke");
                other.expect("POST", &path, &[]).await;
                let foreign = dev.browser();
                foreign.sign_in("grace@example.com").await;
                assert_eq!(foreign.send("POST", &path, &[]).await.0, 404);
            }
            "delete the person" => {
                let deleted = browser.expect("DELETE", "/me", &[]).await;
                assert_eq!(deleted["response"]["deleted"], true);
                assert_eq!(
                    dev.backend(Method::GET, &format!("/v1/users/{user}"), json!({})).await.0,
                    404
                );
            }
            _ => {
                let mutation = "mutation { deleteUser { clerkDeletion } }";
                let (_, body) = query(&dev.address(), Some(&token), mutation).await;
                assert_eq!(body["data"]["deleteUser"]["clerkDeletion"], "DELETED", "{body}");
            }
        }
        assert_eq!(dev.status_of(&token).await, 401, "{how}");
        let (status, body) = browser.send("POST", &format!("{path}/tokens"), &[]).await;
        assert_eq!(
            (status, &body["errors"][0]["code"]),
            (401, &json!("authentication_invalid")),
            "{how}"
        );
        let client = browser.expect("GET", "/client", &[]).await;
        assert_eq!(client["response"]["sessions"], json!([]), "{how}");
    }
}

#[tokio::test]
async fn what_is_mistyped_is_told_beside_its_field() {
    let dev = Dev::start().await;
    let browser = dev.browser();
    let long = "x".repeat(101);
    for (path, form, code, parameter, hint) in [
        (
            "sign_ins",
            ("identifier", "eve@example.com"),
            "form_identifier_not_found",
            "identifier",
            "ada@example.com",
        ),
        ("sign_ins", ("ticket", "made-up"), "ticket_invalid_code", "ticket", "used already"),
        (
            "sign_ups",
            ("email_address", "no address"),
            "form_param_format_invalid",
            "email_address",
            "valid",
        ),
        (
            "sign_ups",
            ("email_address", "ada@example.com"),
            "form_identifier_exists",
            "email_address",
            "taken",
        ),
        ("sign_ups", ("first_name", &long), "form_param_max_length_exceeded", "first_name", "100"),
        ("sign_ups", ("last_name", "a\u{0}b"), "form_param_format_invalid", "last_name", "shown"),
    ] {
        let (status, body) = browser.send("POST", &format!("/client/{path}"), &[form]).await;
        let error = &body["errors"][0];
        assert_eq!((status, &error["code"]), (422, &json!(code)), "{form:?}: {body}");
        assert_eq!(error["meta"]["param_name"], parameter);
        assert!(error["long_message"].as_str().unwrap().contains(hint), "{error}");
    }
    let begun = browser.expect("POST", "/client/sign_ins", &[("identifier", "+12015550100")]).await;
    let path = format!("/client/sign_ins/{}", begun["response"]["id"].as_str().unwrap());
    for code in ["", "111111", "4242421"] {
        let form = [("strategy", "phone_code"), ("code", code)];
        let (status, body) =
            browser.send("POST", &format!("{path}/attempt_first_factor"), &form).await;
        assert_eq!((status, &body["errors"][0]["code"]), (422, &json!("form_code_incorrect")));
    }
    // Nor is the attempt of one browser there for another.
    let stranger = dev.browser();
    stranger.expect("PUT", "/client", &[]).await;
    let form = [("strategy", "phone_code"), ("code", "424242")];
    let attempt = format!("{path}/attempt_first_factor");
    assert_eq!(stranger.send("POST", &attempt, &form).await.0, 404);
    browser.expect("POST", &attempt, &form).await;
    let second =
        browser.send("POST", "/client/sign_ins", &[("identifier", "ada@example.com")]).await;
    assert_eq!((second.0, &second.1["errors"][0]["code"]), (400, &json!("session_exists")));
}

#[tokio::test]
async fn a_ticket_is_good_once() {
    let dev = Dev::start().await;
    let path = "/v1/sign_in_tokens";
    let (status, body) =
        dev.backend(Method::POST, path, json!({ "user_id": "user_dev_alan" })).await;
    assert_eq!(status, 200, "{body}");
    let form = [("strategy", "ticket"), ("ticket", body["token"].as_str().unwrap())];
    let browser = dev.browser();
    let done = browser.expect("POST", "/client/sign_ins", &form).await;
    assert_eq!(done["response"]["status"], "complete");
    assert_eq!(claims(&browser.session(&done).1)["sub"], "user_dev_alan");
    assert_eq!(dev.browser().send("POST", "/client/sign_ins", &form).await.0, 422);
    let nobody = json!({ "user_id": "user_dev_eve" });
    assert_eq!(dev.backend(Method::POST, path, nobody).await.0, 404);
    let without_key = client().post(format!("{}/dev/clerk{path}", dev.address())).send().await;
    assert_eq!(without_key.unwrap().status(), 401);
}

#[tokio::test]
async fn a_server_gets_cookies_for_its_own_pages_and_for_no_others() {
    let dev = Dev::start().await;
    let browser = dev.browser();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let handshake = async |to: &str, cookie: Option<String>| {
        let mut url = url::Url::parse(&format!("{}/v1/client/handshake", browser.at)).unwrap();
        url.query_pairs_mut().append_pair("redirect_url", to);
        let mut request = client.get(url);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = request.send().await.unwrap();
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|location| location.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    };
    let cookies = |location: &str| -> Vec<String> {
        let url = url::Url::parse(location).unwrap();
        let (_, token) = url.query_pairs().find(|(name, _)| name == "__clerk_handshake").unwrap();
        let cookies = claims(&token)["handshake"].as_array().unwrap().clone();
        cookies.into_iter().map(|cookie| cookie.as_str().unwrap().to_owned()).collect()
    };
    let (status, location) = handshake("http://localhost:3000/boards?a=b", None).await;
    assert_eq!(status, 307);
    let location = location.unwrap();
    assert!(location.starts_with("http://localhost:3000/boards?a=b&__clerk_handshake="));
    let set = cookies(&location);
    assert!(set.iter().any(|cookie| cookie.starts_with("__client_uat=0;")), "{set:?}");
    assert!(
        set.iter().any(|cookie| cookie.starts_with("__session=; Path=/; Max-Age=0")),
        "{set:?}"
    );

    let (_, first) = browser.sign_in("grace@example.com").await;
    let cookie = browser.cookie.lock().unwrap().clone();
    let (_, location) = handshake("http://127.0.0.1:3000/", cookie.clone()).await;
    let set = cookies(&location.unwrap());
    // With and without what the SDK derives from the publishable key: the first eight letters of its SHA-1.
    for name in [
        "__session",
        "__session_",
        "__client_uat",
        "__client_uat_",
        "__clerk_db_jwt",
        "__clerk_db_jwt_",
    ] {
        let is_there = |cookie: &&String| {
            let given = cookie.split('=').next().unwrap();
            given == name
                || (name.ends_with('_') && given.starts_with(name) && given.len() == name.len() + 8)
        };
        assert_eq!(set.iter().filter(is_there).count(), 1, "{name}: {set:?}");
    }
    let session = set.iter().find(|cookie| cookie.starts_with("__session=")).unwrap();
    let token = session.trim_start_matches("__session=").split(';').next().unwrap();
    assert_eq!(claims(token)["sid"], claims(&first)["sid"]);
    assert_eq!(claims(token)["azp"], "http://127.0.0.1:3000");
    assert_eq!(dev.status_of(token).await, 200);

    for foreign in [
        "https://evil.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "file://localhost/etc/passwd",
        "/boards",
        "",
    ] {
        let (status, location) = handshake(foreign, cookie.clone()).await;
        assert_eq!((status, location), (400, None), "{foreign}");
    }
}

#[tokio::test]
async fn other_sites_and_other_names_get_nothing() {
    let dev = Dev::start().await;
    let at = dev.address();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost.evil.example"),
        ("host", "evil.example"),
        ("host", "clerk.mission-control.localhost.evil.example"),
    ] {
        for (method, path) in [
            (Method::POST, "/v1/client/sign_ins"),
            (Method::GET, "/v1/client"),
            (Method::GET, "/v1/client/handshake?redirect_url=http://localhost:3000/"),
            (Method::GET, "/v1/environment"),
            (Method::GET, "/v1/pictures?letters=AL"),
        ] {
            let request =
                client().request(method, format!("{at}/dev/clerk{path}")).header(name, value);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 403, "{name}: {value}, {path}");
            assert!(response.headers().get("access-control-allow-origin").is_none());
            assert!(response.headers().get("set-cookie").is_none());
        }
    }
    // A page of this machine that is not a front end of ours may not read answers either.
    let request =
        client().get(format!("{at}/dev/clerk/v1/client")).header("origin", "http://localhost:9999");
    let response = request.send().await.unwrap();
    assert!(response.headers().get("access-control-allow-origin").is_none());
    let unspoken = dev.browser().send("POST", "/client/sign_ins/x/reset_password", &[]).await;
    assert_eq!((unspoken.0, &unspoken.1["errors"][0]["code"]), (404, &json!("resource_not_found")));
}

#[tokio::test]
async fn organizations_follow_what_happens_in_the_browser() {
    let dev = Dev::start().await;
    let (ada, grace) = (dev.browser(), dev.browser());
    let (session, _) = ada.sign_in("ada@example.com").await;
    grace.sign_in("grace@example.com").await;
    let made = ada.expect("POST", "/organizations", &[("name", "Engines & Co")]).await;
    let (id, slug) = (&made["response"]["id"], &made["response"]["slug"]);
    assert_eq!(slug, "engines-co");
    let id = id.as_str().unwrap();
    let name = "SELECT name FROM organizations WHERE clerk_organization_id = ?";
    assert_eq!(dev.row(name, id).await.as_deref(), Some("Engines & Co"));

    // Chosen, it is in the token; by id or by slug.
    let touch = format!("/client/sessions/{session}/touch");
    let touched = ada.expect("POST", &touch, &[("active_organization_id", "engines-co")]).await;
    assert_eq!(touched["response"]["last_active_organization_id"], id);
    let token = ada.session(&touched).1;
    assert_eq!(claims(&token)["o"], json!({ "id": id, "slg": "engines-co", "rol": "admin" }));
    let (_, body) =
        query(&dev.address(), Some(&token), "{ me { activeOrganization { name } } }").await;
    assert_eq!(body["data"]["me"]["activeOrganization"]["name"], "Engines & Co");
    let tokens = format!("/client/sessions/{session}/tokens");
    let without = ada.expect("POST", &tokens, &[("organization_id", "")]).await;
    assert!(claims(without["jwt"].as_str().unwrap()).get("o").is_none());
    assert_eq!(ada.send("POST", &touch, &[("active_organization_id", "acme")]).await.0, 404);

    // It exists for its members alone, and is changed by those who manage it.
    let path = format!("/organizations/{id}");
    let members = format!("{path}/memberships");
    assert_eq!(grace.send("GET", &path, &[]).await.0, 404);
    assert_eq!(
        grace
            .send("POST", &members, &[("user_id", "user_dev_grace"), ("role", "org:admin")])
            .await
            .0,
        404
    );
    ada.expect("POST", &members, &[("user_id", "user_dev_grace"), ("role", "org:member")]).await;
    grace.expect("GET", &path, &[]).await;
    let listed = grace.expect("GET", "/me/organization_memberships?limit=1&offset=1", &[]).await;
    assert_eq!(listed["response"]["total_count"], 2);
    assert_eq!(listed["response"]["data"][0]["organization"]["id"], id);
    assert_eq!(listed["response"]["data"][0]["role"], "org:member");
    for (method, path) in [
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("DELETE", format!("{members}/user_dev_ada")),
    ] {
        let (status, body) = grace.send(method, &path, &[("name", "Mine")]).await;
        assert_eq!(
            (status, &body["errors"][0]["code"]),
            (403, &json!("not_allowed_access")),
            "{method} {path}"
        );
    }
    // The last manager neither leaves nor steps down; after another was made one they may.
    let leave = format!("/me/organization_memberships/{id}");
    assert_eq!(ada.send("DELETE", &leave, &[]).await.0, 400);
    let (mine, theirs) = (format!("{members}/user_dev_ada"), format!("{members}/user_dev_grace"));
    assert_eq!(ada.send("PATCH", &mine, &[("role", "org:member")]).await.0, 400);
    assert_eq!(ada.send("PATCH", &theirs, &[("role", "org:king")]).await.0, 422);
    ada.expect("PATCH", &theirs, &[("role", "org:admin")]).await;
    ada.expect("DELETE", &leave, &[]).await;
    let role = "SELECT role FROM organization_members m JOIN organizations o ON o.id = m.organization_id \
                WHERE o.clerk_organization_id = ?";
    assert_eq!(dev.row(role, id).await.as_deref(), Some("admin"));
    grace.expect("PATCH", &path, &[("name", "Grace's Engines")]).await;
    assert_eq!(dev.row(name, id).await.as_deref(), Some("Grace's Engines"));
    grace.expect("DELETE", &path, &[]).await;
    assert_eq!(dev.row(name, id).await, None);
}

#[tokio::test]
async fn a_name_changed_at_the_issuer_is_told_and_a_template_token_is_refused() {
    let dev = Dev::start().await;
    let browser = dev.browser();
    let (session, token) = browser.sign_in("+12015550100").await;
    let changed =
        browser.expect("PATCH", "/me", &[("first_name", "Mathison"), ("last_name", "")]).await;
    assert_eq!(changed["response"]["first_name"], "Mathison");
    assert_eq!(changed["response"]["last_name"], Value::Null);
    let (_, user) = dev.backend(Method::GET, "/v1/users/user_dev_alan", json!({})).await;
    assert_eq!(user["first_name"], "Mathison");
    assert_eq!(dev.status_of(&token).await, 200);
    let path = format!("/client/sessions/{session}/tokens/some-template");
    let template = browser.expect("POST", &path, &[]).await;
    let template = template["jwt"].as_str().unwrap();
    assert_eq!(claims(template)["sub"], "user_dev_alan");
    assert!(claims(template).get("sid").is_none());
    assert_eq!(dev.status_of(template).await, 401);
}

#[tokio::test]
async fn who_is_signed_in_stays_signed_in_when_the_server_starts_again() {
    let dev = Dev::start().await;
    let browser = dev.browser();
    browser.sign_up(&[("email_address", "emmy@example.com")]).await;
    let client = browser.expect("GET", "/client", &[]).await;
    let session = client["response"]["sessions"][0]["id"].as_str().unwrap().to_owned();
    let dev = dev.restart().await;
    let again =
        Browser { cookie: Mutex::new(browser.cookie.lock().unwrap().clone()), ..dev.browser() };
    let token = again.expect("POST", &format!("/client/sessions/{session}/tokens"), &[]).await;
    assert_eq!(dev.status_of(token["jwt"].as_str().unwrap()).await, 200);
    for file in ["development-people.json", "development-sessions.json", "development-key.pem"] {
        let path = dev.directory.path().join("data").join(file);
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn nothing_of_it_is_there_in_other_modes() {
    let directory = directory();
    let mut server = Process::start(directory.path(), &["serve"], &LOCAL);
    let address = server.address().await;
    for path in
        ["/dev/clerk/v1/environment", "/dev/clerk/v1/client", "/dev/clerk/v1/jwks", "/dev/people"]
    {
        let response = client().get(format!("{address}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
}
