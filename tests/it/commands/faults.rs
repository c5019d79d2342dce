//! Settings and arguments that are wrong.

use super::*;

#[tokio::test]
async fn all_are_named_at_once_with_reason_and_fix() {
    let directory = directory();
    let variables = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", "sk_live_..."),
        ("CLERK_PUBLISHABLE_KEY", "pk_test_hidden-publishable"),
        ("CLERK_API_URL", "ftp://api.clerk.com"),
        ("CLERK_LEEWAY", "301"),
        ("CLERK_VERIFY_IAT", "perhaps"),
        ("CLERK_JWT_KEY", "-----BEGIN PRIVATE KEY-----hidden-key"),
        ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_hidden!secret"),
        ("DATABASE_URL", "mysql://user:hidden-password@host/database"),
        ("HOST", "example.com"),
        ("PORT", "65536"),
        ("CORS_ORIGINS", "*, https://a.example/"),
        ("MAX_DEPTH", "deep"),
        ("LOG_LEVEL", "loud"),
    ];
    for arguments in [&["serve"][..], &[]] {
        let ended = run(directory.path(), arguments, &variables).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
        let lines: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(lines[0], format!("{} faults in the settings:", lines.len() / 2));
        assert_eq!(lines.len() / 2, variables.len(), "each once, origins twice, the mode not");
        for (name, _) in &variables[1..] {
            let at = lines.iter().position(|line| line.starts_with(&format!("{name}: ")));
            let at = at.unwrap_or_else(|| panic!("{name}: {}", ended.stderr));
            assert!(lines[at].contains("(from the environment)"), "{}", lines[at]);
            assert!(lines[at + 1].starts_with("    fix: "), "{}", lines[at + 1]);
        }
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }
    assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
}

#[tokio::test]
async fn without_any_setting_the_first_step_is_explained() {
    let directory = directory();
    let ended = run(directory.path(), &["serve"], &[]).await;
    assert_eq!(ended.code, Some(2));
    for hint in ["AUTH_MODE: is not set", "AUTH_MODE=clerk", "mission-control dev"] {
        assert!(ended.stderr.contains(hint), "{hint}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn an_unknown_command_is_a_fault_of_the_arguments() {
    let directory = directory();
    let ended = run(directory.path(), &["sreve"], &[]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("serve"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_file_of_settings_is_read_by_serve_and_not_by_dev() {
    let directory = directory();
    let port = free_port();
    let text = "AUTH_MODE=both\nCLERK_SECRET_KEY=sk_live_0123456789abcdefghij\nPORT=nowhere\n";
    std::fs::write(directory.path().join(".env"), text).unwrap();
    let ended = run(directory.path(), &["serve"], &[("PORT", "0")]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("AUTH_MODE: \"both\" is neither"), "{}", ended.stderr);
    assert!(ended.stderr.contains("(from .env)"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("PORT:"), "the environment wins: {}", ended.stderr);
    assert!(!ended.stderr.contains("0123456789abcdefghij"), "{}", ended.stderr);

    let mut dev = Process::start(directory.path(), &["dev"], &[("PORT", &port)]);
    dev.wait_for(|output| output.contains("DEVELOPMENT MODE").then_some(())).await;

    let text = "a line of another tool\nAUTH_MODE: hidden\nWELCOME=don't panic\n";
    std::fs::write(directory.path().join(".env"), text).unwrap();
    let ended = run(directory.path(), &["serve"], &[]).await;
    assert_eq!(ended.code, Some(2));
    let expected = "1 fault in the settings:\n\
        AUTH_MODE: line 2 has no = after the name (from .env)\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[tokio::test]
async fn dev_refuses_what_belongs_to_a_real_application_or_lets_others_in() {
    let directory = directory();
    for (name, value) in [
        ("CLERK_SECRET_KEY", "sk_live_0123456789abcdefghij"),
        ("CLERK_SECRET_KEY_FILE", "/run/secrets/hidden"),
        ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
        ("CLERK_JWT_KEY", "-----BEGIN PUBLIC KEY-----"),
        ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
        ("HOST", "0.0.0.0"),
    ] {
        let ended = run(directory.path(), &["dev"], &[(name, value), ("PORT", "1")]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(ended.stderr.contains(&format!("{name}: ")), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("fix: "), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("0123456789"), "{name}: {}", ended.stderr);
    }
    assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
}
