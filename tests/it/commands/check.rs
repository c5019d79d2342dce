//! The subcommands `check`, `healthcheck`, `completions` and `man`.

use super::*;

#[tokio::test]
async fn settings_are_checked_without_opening_anything() {
    let directory = directory();
    let nobody = format!("postgres://user:hidden-password@127.0.0.1:{}/accounts", free_port());
    let right = [&LOCAL[..], &[("DATABASE_URL", &nobody)]].concat();
    let ended = run(directory.path(), &["check"], &right).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for part in ["AUTH_MODE=local", "postgres://127.0.0.1:", "127.0.0.1:0"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\u{1b}'), "colours are for terminals: {:?}", ended.stdout);
    let wrong = [("AUTH_MODE", "both"), ("PORT", "x"), ("CLERK_SECRET_KEY", "sk_live_...")];
    let ended = run(directory.path(), &["check"], &wrong).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.starts_with("3 faults in the settings:\n"), "{}", ended.stderr);
    let ended = run(directory.path(), &["check", "--json"], &wrong).await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &report["ok"]), (Some(2), &json!(false)));
    let named: Vec<_> =
        report["faults"].as_array().unwrap().iter().map(|f| &f["variable"]).collect();
    assert_eq!(named, ["AUTH_MODE", "CLERK_SECRET_KEY", "PORT"]);
    assert!(report["faults"][2]["fix"].as_str().unwrap().contains("whole number"), "{report}");

    let clerk = [("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", SECRET_KEY)];
    let ended = run(directory.path(), &["check", "--json"], &clerk).await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &report["ok"]), (Some(0), &json!(true)));
    assert!(
        report["warnings"][0].as_str().unwrap().contains("CLERK_AUTHORIZED_PARTIES"),
        "{report}"
    );
    assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
}

#[tokio::test]
async fn a_container_asks_its_own_server() {
    let directory = directory();
    let port = free_port();
    // Whatever else is set: it must not need what `serve` needs.
    let mine = [("PORT", port.as_str()), ("HOST", "0.0.0.0")];
    let ended = run(directory.path(), &["healthcheck"], &mine).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains(&format!("no server answers at http://127.0.0.1:{port}")));
    let mut dev = Process::start(directory.path(), &["dev"], &[("PORT", port.as_str())]);
    dev.wait_for(|output| output.contains("DEVELOPMENT MODE").then_some(())).await;
    until_ready(&format!("http://127.0.0.1:{port}")).await;
    let ended = run(directory.path(), &["healthcheck"], &mine).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "ready\n"), "{}", ended.stderr);

    let clerk = StandInClerk::start().await;
    clerk.on_keys(Some(Fault::Status(503, "service_unavailable")));
    let url = clerk.url();
    let port = free_port();
    let variables = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", SECRET_KEY),
        ("CLERK_API_URL", url.as_str()),
        ("PORT", port.as_str()),
    ];
    let mut server = Process::start(directory.path(), &["serve"], &variables);
    server.address().await;
    let ended = run(directory.path(), &["healthcheck"], &variables).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("503") && ended.stderr.contains("keys: not loaded"),
        "{}",
        ended.stderr
    );
    let ended = run(directory.path(), &["healthcheck"], &[("PORT", "0")]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("set PORT"), "{}", ended.stderr);
}

#[tokio::test]
async fn help_completions_and_manual_name_every_command() {
    let directory = directory();
    let help = run(directory.path(), &["--help"], &[]).await.stdout;
    let commands = [
        "serve",
        "dev",
        "check",
        "doctor",
        "healthcheck",
        "token",
        "user",
        "backup",
        "restore",
        "webhook",
        "schema",
        "migrate",
        "completions",
        "man",
    ];
    for command in commands {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))),
            "{command}: {help}"
        );
    }
    assert!(
        help.contains("Exit codes: 0 done, 1 failed, 2") && help.contains("DATABASE_URL"),
        "{help}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let script = run(directory.path(), &["completions", shell], &[]).await.stdout;
        assert!(script.contains("healthcheck") && script.contains("mission-control"), "{shell}");
    }
    let page = run(directory.path(), &["man"], &[]).await.stdout;
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
    assert!(
        page.contains("doctor") && page.contains("CLERK\\_LEEWAY") || page.contains("CLERK_LEEWAY")
    );
    let pages = directory.path().join("pages");
    let ended = run(directory.path(), &["man", "--directory", "pages"], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    for page in
        ["mission-control.1", "mission-control-user-delete.1", "mission-control-token-inspect.1"]
    {
        assert!(pages.join(page).exists(), "{page}");
    }
}

/// What the command prints on a terminal.
async fn on_a_terminal(directory: &Path, variables: &[(&str, &str)]) -> String {
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{} check", env!("CARGO_BIN_EXE_mission-control")), "/dev/null"]);
    script.current_dir(directory).env_clear().env("TERM", "xterm").stdin(Stdio::null());
    let output = script.envs(variables.iter().copied()).output().expect("script(1) of util-linux");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn colours_are_for_terminals_and_for_those_who_want_them() {
    let directory = directory();
    let coloured = on_a_terminal(directory.path(), &LOCAL).await;
    assert!(coloured.contains("\u{1b}[32mThe settings are right"), "{coloured:?}");
    let plain = on_a_terminal(directory.path(), &[&LOCAL[..], &[("NO_COLOR", "1")]].concat()).await;
    assert!(plain.contains("The settings are right") && !plain.contains('\u{1b}'), "{plain:?}");
}
