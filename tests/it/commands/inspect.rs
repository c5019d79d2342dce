//! The subcommand `token inspect`: the rule that decides, and what to change.

use super::*;
use chrono::TimeDelta;

/// What `token inspect --json` says about a token with these settings.
async fn inspect(
    directory: &Path,
    token: &str,
    variables: &[(&str, &str)],
) -> (Option<i32>, Value) {
    let arguments = ["token", "inspect", "--json", "-"];
    let ended = run_with_input(directory, &arguments, variables, token).await;
    assert_eq!(ended.stderr, "", "{token}");
    (ended.code, serde_json::from_str(&ended.stdout).unwrap())
}

#[tokio::test]
async fn the_rule_that_refuses_is_named_with_what_to_change() {
    let directory = directory();
    let clerk = StandInClerk::start().await;
    let url = clerk.url();
    let base = [("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", SECRET_KEY), ("CLERK_API_URL", &url)];
    let now = SystemClock.now();
    let good = || Token::new("user_a", now);
    let other_key = good().sign_with(include_str!("../../keys/other-rsa.pem"));
    let none: (&str, &str) = ("CLERK_LEEWAY", "10");
    for (token, setting, rule, words) in [
        (good().sign(), none, "accepted", "every rule"),
        (format!("Authorization: Bearer {}", good().sign()), none, "accepted", "every rule"),
        (format!("Bearer {}\n", good().sign()), none, "accepted", "user show user_a"),
        (other_key, none, "signature", "CLERK_JWT_KEY"),
        (good().shifted(TimeDelta::seconds(-300)).sign(), none, "expired", "NTP"),
        (good().shifted(TimeDelta::seconds(300)).sign(), none, "not_yet_valid", "NTP"),
        (good().sign(), ("CLERK_ISSUER", "https://clerk.other.com"), "issuer", "CLERK_ISSUER"),
        (good().claim("aud", "x").sign(), none, "audience", "CLERK_AUDIENCE"),
        (
            good().sign(),
            ("CLERK_AUTHORIZED_PARTIES", "https://a.com"),
            "authorized_party",
            "CLERK_AUTHORIZED_PARTIES",
        ),
        (good().claim("sts", "pending").sign(), none, "session_status", "task"),
        (good().without("iat").sign(), none, "claim_missing", "CLERK_VERIFY_IAT=false"),
        (good().header("cat", "cl_B7d4PD222AAA").sign(), none, "token_class", "without a template"),
        (good().header("kid", "ins_other").sign(), none, "unknown_key", "instance"),
        (good().header("alg", "none").sign(), none, "algorithm", "Clerk issued"),
        (good().claim("sub", "mch_a").sign(), none, "machine", "getToken()"),
        ("ak_0123456789".to_owned(), none, "not_a_session_token", "getToken()"),
        ("a.b".to_owned(), none, "not_three_parts", "three parts"),
    ] {
        let variables = [&base[..], &[setting]].concat();
        let (code, report) = inspect(directory.path(), &token, &variables).await;
        assert_eq!(report["rule"], rule, "{token}: {report:#}");
        let is_accepted = rule == "accepted";
        assert_eq!(
            (code, &report["accepted"]),
            (Some(i32::from(!is_accepted)), &json!(is_accepted))
        );
        assert_eq!(report["fix"].is_string(), !is_accepted, "{report:#}");
        assert!(report.to_string().contains(words), "{words}: {report:#}");
        if let Some((_, signature)) = token.rsplit_once('.').filter(|(_, last)| last.len() > 20) {
            assert!(!report.to_string().contains(signature.trim()), "the signature: {report:#}");
        }
    }
}

#[tokio::test]
async fn people_see_header_claims_and_ages_and_no_signature() {
    let directory = directory();
    let pem = include_str!("../../keys/test-rsa.pub.pem");
    let variables = [("AUTH_MODE", "clerk"), ("CLERK_JWT_KEY", pem)];
    let now = SystemClock.now();
    let token = Token::new("user_a", now - TimeDelta::seconds(20));
    let token = token.claim("name", "\u{1b}[2JZo\u{eb}").sign();
    let ended = run(directory.path(), &["token", "inspect", &token], &variables).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    for part in [
        "\"kid\": \"ins_2SampleTest\"",
        "\"sub\": \"user_a\"",
        "Zo\u{eb}",
        "valid until",
        "accepted: ",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let age = ended.stdout.lines().find(|line| line.contains("iat  issued")).unwrap();
    let seconds: i64 = age.rsplit_once("  ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!((20..80).contains(&seconds), "{age}");
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
    assert!(!ended.stdout.contains(token.rsplit_once('.').unwrap().1), "{}", ended.stdout);
}

#[tokio::test]
async fn without_the_keys_the_other_rules_are_applied() {
    let directory = directory();
    let url = format!("http://127.0.0.1:{}", free_port());
    let base = [("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", SECRET_KEY), ("CLERK_API_URL", &url)];
    let now = SystemClock.now();
    let (code, report) = inspect(directory.path(), &Token::new("user_a", now).sign(), &base).await;
    assert_eq!((code, &report["rule"]), (Some(1), &json!("keys_unavailable")));
    assert!(
        report["explanation"].as_str().unwrap().contains("all other rules accept"),
        "{report:#}"
    );
    let old = Token::new("user_a", now).shifted(TimeDelta::hours(-1)).sign();
    let (_, report) = inspect(directory.path(), &old, &base).await;
    assert!(report["explanation"].as_str().unwrap().contains("the token expired"), "{report:#}");
}

#[tokio::test]
async fn local_and_development_tokens_are_judged_by_their_own_rules() {
    let directory = directory();
    let (code, report) = inspect(directory.path(), LOCAL_TOKEN, &LOCAL).await;
    assert_eq!((code, &report["rule"]), (Some(0), &json!("accepted")));
    let (code, report) = inspect(directory.path(), "something.else.here", &LOCAL).await;
    assert_eq!((code, &report["rule"]), (Some(1), &json!("other_token")));
    assert!(!report.to_string().contains(LOCAL_TOKEN));

    let token = run(directory.path(), &["token"], &[]).await.stdout;
    let (code, report) = inspect(directory.path(), &token, &[]).await;
    assert_eq!((code, &report["rule"]), (Some(0), &json!("accepted")), "{report:#}");
    let pem = include_str!("../../keys/test-rsa.pub.pem");
    let clerk = [("AUTH_MODE", "clerk"), ("CLERK_JWT_KEY", pem)];
    let (code, report) = inspect(directory.path(), &token, &clerk).await;
    assert_eq!((code, &report["rule"]), (Some(1), &json!("unknown_key")), "{report:#}");

    let faulty = [("AUTH_MODE", "both")];
    let ended = run_with_input(directory.path(), &["token", "inspect"], &faulty, &token).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("AUTH_MODE"), "{}", ended.stderr);
}
