//! The subcommand `user`, on both databases.

use super::*;
use crate::support::{both, start};

/// Runs it against a database, with Clerk where it is.
async fn user(database: &TestDatabase, clerk: &StandInClerk, arguments: &[&str]) -> Ended {
    let directory = directory();
    let url = clerk.url();
    let variables = [
        ("AUTH_MODE", "clerk"),
        ("CLERK_SECRET_KEY", SECRET_KEY),
        ("CLERK_API_URL", url.as_str()),
        ("DATABASE_URL", database.url.as_str()),
    ];
    run(directory.path(), &[&["user"], arguments].concat(), &variables).await
}

async fn json_of(database: &TestDatabase, clerk: &StandInClerk, arguments: &[&str]) -> Value {
    let ended = user(database, clerk, arguments).await;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{arguments:?}: {}",
        ended.stdout
    );
    serde_json::from_str(&ended.stdout).unwrap()
}

both! {
    async fn users_are_listed_found_and_exported(database) {
        let app = start(&database).await;
        for name in ["user_a", "user_b", "user_c"] {
            app.query(Some(&app.token(name)), "{ me { id } }").await.data();
        }
        let notes = "mutation { updateProfile(input: { notes: \"kept\", timezone: \"Europe/London\" }) { user { id } } }";
        let id = app.query(Some(&app.token("user_a")), notes).await.data()["updateProfile"]["user"]["id"].clone();
        let id = id.as_str().unwrap();
        let clerk = &app.clerk;

        let list = json_of(&database, clerk, &["list", "--json", "--limit", "2"]).await;
        let names = |list: &Value| -> Vec<String> {
            let users = list["users"].as_array().unwrap().iter();
            users.map(|user| user["clerkUserId"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&list), ["user_a", "user_b"]);
        let rest = ["list", "--json", "--after", list["next"].as_str().unwrap()];
        let rest = json_of(&database, clerk, &rest).await;
        assert_eq!((names(&rest), &rest["next"]), (vec!["user_c".to_owned()], &Value::Null));
        let table = user(&database, clerk, &["list"]).await.stdout;
        let lines: Vec<_> = table.lines().collect();
        assert_eq!((lines.len(), lines[0].find("E-MAIL")), (4, lines[1].find("user_a@example.com")), "{table}");

        for who in [id, "user_a", "USER_A@example.com"] {
            let shown = json_of(&database, clerk, &["show", "--json", who]).await;
            assert_eq!((&shown["id"], &shown["notes"]), (&json!(id), &json!("kept")), "{who}");
            let text = user(&database, clerk, &["show", who]).await.stdout;
            for part in ["user_a@example.com (not verified)", "Sample Person", "Europe/London", "Personal (local), active"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        for (host, guest) in [("user_a", "guest@example.com"), ("user_b", "user_a@example.com"), ("user_b", "other@example.com")] {
            let found = format!("mutation {{ createOrganization(input: {{ name: \"For {guest}\" }}) {{ organization {{ id }} }} }}");
            let found = app.query(Some(&app.token(host)), &found).await.data()["createOrganization"]["organization"]["id"].clone();
            let invite = format!("mutation {{ createInvitation(input: {{ organizationId: {found}, email: \"{guest}\", role: MEMBER }}) {{ invitation {{ id }} }} }}");
            let made = app.query(Some(&app.token(host)), &invite).await;
            assert!(made.data()["createInvitation"]["invitation"].is_object(), "{guest}: {}", made.data());
        }
        let export = json_of(&database, clerk, &["export", "user_a"]).await;
        assert_eq!(export["memberships"][0]["role"], "owner");
        let mut invitations: Vec<_> = export["invitations"].as_array().unwrap().iter()
            .map(|invitation| (invitation["email"].as_str().unwrap(), invitation["isOwn"].as_bool().unwrap()))
            .collect();
        invitations.sort_unstable();
        assert_eq!(invitations, [("guest@example.com", true), ("user_a@example.com", false)]);
        let active = export["memberships"].as_array().unwrap().last().unwrap();
        assert_eq!(active["organization"]["id"], export["activeOrganizationId"]);
        // Every column of the row is there.
        let columns = if database.is_postgres() {
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'users'"
        } else {
            "SELECT name FROM pragma_table_info('users')"
        };
        for column in database.texts(columns).await {
            let mut words = column.split('_');
            let first = words.next().unwrap().to_owned();
            let name = words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..]);
            let is_mark = column.starts_with("deletion_");
            assert!(is_mark || export.get(&name).is_some(), "{name}: {export:#}");
        }
        assert!(export.get("deletionUnderWay").is_some(), "{export:#}");

        for (who, complaint) in [
            ("user_z", "no user with the Clerk id user_z"),
            ("z@example.com", "no user with the address z@example.com"),
            ("01890000-0000-7000-8000-000000000000", "no user with the id"),
        ] {
            let ended = user(&database, clerk, &["show", who]).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{who}");
            assert!(ended.stderr.contains(complaint), "{who}: {}", ended.stderr);
        }
        assert_eq!(user(&database, clerk, &["show", "a b"]).await.code, Some(2));
        database.execute("UPDATE users SET email = 'same@example.com'").await;
        let ended = user(&database, clerk, &["show", "same@example.com"]).await;
        assert!(ended.stderr.contains("3 users have this address") && ended.stderr.contains(id), "{}", ended.stderr);
    }
}

both! {
    async fn a_super_admin_is_made_and_unmade_for_the_next_request(database) {
        let app = start(&database).await;
        let (ada, bob) = (app.token("user_a"), app.token("user_b"));
        app.query(Some(&ada), "{ me { id } }").await.data();
        let bob = app.query(Some(&bob), "{ me { id } }").await.data()["me"]["id"].clone();
        let read = format!("{{ node(id: {bob}) {{ ... on User {{ id }} }} }}");
        for (action, is_seen, words) in [
            ("promote", true, "is a super admin now"),
            ("promote", true, "was a super admin already"),
            ("demote", false, "is no super admin any more"),
            ("demote", false, "was no super admin"),
        ] {
            let ended = user(&database, &app.clerk, &[action, "user_a"]).await;
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
            assert!(ended.stdout.contains(words), "{}", ended.stdout);
            assert_eq!(app.query(Some(&ada), &read).await.data()["node"].is_null(), !is_seen, "{action}");
        }
    }
}

both! {
    async fn deleting_asks_first_and_does_what_the_api_does(database) {
        let app = start(&database).await;
        let clerk = &app.clerk;
        for name in ["user_a", "user_b", "user_c"] {
            clerk.add_user(name, Some("x@example.com"), Some("X"));
            app.query(Some(&app.token(name)), "{ me { id } }").await.data();
        }
        // Nobody says yes.
        let ended = user(&database, clerk, &["delete", "user_a"]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        for part in ["user_a@example.com", "here and at Clerk", "nothing was deleted", "--yes"] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
        // Clerk does not do its part.
        clerk.on_delete(Some(Fault::Status(403, "quota_exceeded")));
        let ended = user(&database, clerk, &["delete", "--yes", "user_a"]).await;
        assert!(ended.code == Some(1) && ended.stderr.contains("Nothing is lost"), "{}", ended.stderr);
        clerk.on_delete(None);
        assert_eq!((database.count("users").await, clerk.deletes()), (3, 1));
        assert_eq!(app.query(Some(&app.token("user_a")), "{ me { id } }").await.status, 200);

        let ended = user(&database, clerk, &["delete", "--yes", "user_a"]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
        assert!(ended.stdout.contains("1 organization") && ended.stdout.contains("at Clerk: deleted"), "{}", ended.stdout);
        assert!(!clerk.has_user("user_a"));
        assert_eq!(app.query(Some(&app.token("user_a")), "{ me { id } }").await.status, 401);
        let gone = user(&database, clerk, &["show", "user_a"]).await;
        assert!(gone.stderr.contains("deleted at") && gone.stderr.contains("for ever"), "{}", gone.stderr);

        let report = json_of(&database, clerk, &["delete", "--yes", "--json", "--keep-at-clerk", "user_b"]).await;
        assert_eq!((&report["atClerk"], report["organizations"].as_array().unwrap().len()), (&json!("kept"), 1));
        assert!(clerk.has_user("user_b"));
        assert_eq!((database.count("users").await, database.count("organizations").await), (1, 1));

        // A yes that is typed.
        let directory = directory();
        let url = clerk.url();
        let variables = [
            ("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", SECRET_KEY), ("CLERK_API_URL", url.as_str()),
            ("DATABASE_URL", database.url.as_str()),
        ];
        for (answer, code, left) in [("y\n", 1, 1), ("yes\n", 0, 0)] {
            let arguments = ["user", "delete", "user_c"];
            let ended = run_with_input(directory.path(), &arguments, &variables, answer).await;
            assert_eq!((ended.code, database.count("users").await), (Some(code), left), "{}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let directory = directory();
    for arguments in [&["user", "list"][..], &["user", "promote", "user_a"], &["backup", "x.db"]] {
        let ended = run(directory.path(), arguments, &[]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(
            ended.stderr.contains("there is no database") && ended.stderr.contains("DATABASE_URL"),
            "{}",
            ended.stderr
        );
    }
    assert!(directory.path().read_dir().unwrap().next().is_none(), "nothing was made");
}
