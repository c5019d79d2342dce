//! The subcommand `token`.

use super::*;

/// A token of `token`, which prints it and nothing else.
async fn print(directory: &TempDir, port: &str, arguments: &[&str]) -> String {
    let arguments = [&["token"], arguments].concat();
    let ended = run(directory.path(), &arguments, &[("PORT", port)]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let token = ended.stdout.strip_suffix('\n').unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert!(!token.contains(char::is_whitespace), "{token:?}");
    token.to_owned()
}

#[tokio::test]
async fn one_line_that_verifies_in_dev_and_nowhere_else() {
    let directory = directory();
    let port = free_port();
    // The key is the same whoever makes it.
    let early = print(&directory, &port, &["--ttl", "5m"]).await;
    let mut dev = Process::start(directory.path(), &["dev"], &[("PORT", &port)]);
    dev.wait_for(|output| output.contains("DEVELOPMENT MODE").then_some(())).await;
    let address = format!("http://127.0.0.1:{port}");
    until_ready(&address).await;
    let ask = "{ me { name email activeOrganization { name } } serverInfo { authMode } }";
    for (arguments, name, email, organization) in [
        (&[][..], "Ada Lovelace", json!("ada@example.com"), "Personal"),
        (&["--user", "grace"], "Grace Hopper", json!("grace@example.com"), "Acme"),
        (&["--user", "alan"], "Alan Turing", Value::Null, "Personal"),
        (&["--user", "ada", "--no-email"], "Ada Lovelace", json!("ada@example.com"), "Personal"),
    ] {
        let token = print(&directory, &port, arguments).await;
        let (status, body) = query(&address, Some(&token), ask).await;
        let me = json!({
            "name": name, "email": email, "activeOrganization": { "name": organization },
        });
        assert_eq!((status, &body["data"]["me"]), (200, &me), "{arguments:?}: {body}");
        assert_eq!(body["data"]["serverInfo"]["authMode"], "DEVELOPMENT");
    }
    assert_eq!(query(&address, Some(&early), ask).await.0, 200);
    let expired = print(&directory, &port, &["--expired"]).await;
    assert_eq!(query(&address, Some(&expired), ask).await.0, 401);

    // A server for real users, even one that is told to trust this very issuer and its keys.
    let variables = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", "sk_test_development0000000000"),
        ("CLERK_API_URL", &format!("{address}/dev/clerk")),
        ("PORT", "0"),
    ];
    let mut server = Process::start(directory.path(), &["serve"], &variables);
    let real = server.address().await;
    let (status, body) = query(&real, Some(&early), ask).await;
    assert_eq!(status, 401, "{body}");
    let with_its_key = [variables[0], ("CLERK_SECRET_KEY", "sk_test_development")];
    let ended = run(directory.path(), &["serve"], &with_its_key).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("the key of development mode"), "{}", ended.stderr);
    dev.terminate();
    let ended = dev.end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn faulty_arguments_print_no_token() {
    let directory = directory();
    for (arguments, code, hint) in [
        (&["token", "--user", "eve"][..], 1, "ada, grace, alan"),
        (&["token", "--ttl", "1d"], 2, "1h"),
        (&["token", "--ttl", "0"], 2, "60s"),
        (&["token", "--org", "a b"], 2, "letters"),
    ] {
        let ended = run(directory.path(), arguments, &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(ended.stderr.contains(hint), "{arguments:?}: {}", ended.stderr);
    }
}
