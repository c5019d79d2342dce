//! Keeping a user in step with tokens, Clerk's API and events: which statement about an address wins,
//! what a name may do, which organization is active, and that all of it costs nothing when nothing
//! has changed.

use chrono::{DateTime, TimeDelta, Utc};
use mission_control::clock::Clock;
use serde_json::{Value, json};

use crate::support::{
    Fault, TestApp, TestDatabase, Token, both, deliver, event, membership_object, noon,
    organization_object, start, start_with_webhooks, user_object,
};

const ME: &str = "{ me { id email name updatedAt activeOrganization { name } \
                   memberships { totalCount nodes { role organization { name viewerRole } } } } }";

async fn me(app: &TestApp, token: &Token) -> Value {
    app.query(Some(token), ME).await.data()["me"].clone()
}

async fn email(app: &TestApp, token: &Token) -> Value {
    me(app, token).await["email"].clone()
}

async fn verified(database: &TestDatabase) -> bool {
    database.number("SELECT COUNT(*) FROM users WHERE email_verified").await == 1
}

/// A token with a name and no address, so that an absent address is nothing to ask Clerk about for
/// the moment.
fn named(at: DateTime<Utc>) -> Token {
    Token::new("user_a", at).claim("name", "Ada")
}

fn addressed(at: DateTime<Utc>, email: &str) -> Token {
    named(at).claim("email", email)
}

both! {
    async fn the_later_statement_about_an_address_wins(database) {
        let app = start(&database).await;
        app.clock.advance(TimeDelta::seconds(8));
        let at = |seconds: i64| noon() + TimeDelta::seconds(seconds);
        let steps = [
            ("the first token", addressed(at(0), "a@example.com"), "a@example.com"),
            ("an older one", addressed(at(-1), "old@example.com"), "a@example.com"),
            ("one of the same second", addressed(at(0), "tie@example.com"), "a@example.com"),
            ("a later one", addressed(at(1), "B@example.com "), "b@example.com"),
            ("the first one again", addressed(at(0), "a@example.com"), "b@example.com"),
            ("a later one without address", named(at(2)), "b@example.com"),
            ("null", named(at(2)).claim("email", Value::Null), "b@example.com"),
            ("blank", addressed(at(2), "  "), "b@example.com"),
            ("no address", addressed(at(2), "not an address"), "b@example.com"),
            ("a number", named(at(2)).claim("email", 5), "b@example.com"),
            ("another spelling of the same", addressed(at(3), "b@EXAMPLE.com"), "b@example.com"),
            ("the latest", addressed(at(4), "c@example.com"), "c@example.com"),
        ];
        for (name, token, expected) in &steps {
            assert_eq!(email(&app, token).await, json!(expected), "{name}");
        }
        // Each of them once more: only the order of issue counts, and nothing is written.
        for (name, token, _) in &steps {
            let (found, statements) = app.statements(email(&app, token)).await;
            assert_eq!((found, statements), (json!("c@example.com"), 1), "{name}");
        }
        assert_eq!(app.clerk.reads(), 0);
        assert_eq!(database.count("users").await, 1);
    }
}

both! {
    async fn a_token_without_issue_time_only_fills_an_empty_place(database) {
        let app = TestApp::start(&database, &[("CLERK_VERIFY_IAT", "false")]).await;
        let timeless = |email: &str| addressed(noon(), email).without("iat");
        assert_eq!(email(&app, &timeless("a@example.com")).await, "a@example.com");
        assert_eq!(email(&app, &timeless("b@example.com")).await, "a@example.com");
        assert_eq!(email(&app, &addressed(noon(), "c@example.com")).await, "c@example.com");
        assert_eq!(email(&app, &timeless("d@example.com")).await, "c@example.com");
    }
}

both! {
    async fn of_a_token_and_clerks_api_the_later_wins_and_ties_go_to_clerk(database) {
        // As of when Clerk's object is, relative to the token; which of the two addresses counts.
        let cases = [
            (TimeDelta::milliseconds(-1), "claim@example.com"),
            (TimeDelta::zero(), "api@example.com"),
            (TimeDelta::milliseconds(1), "api@example.com"),
        ];
        let app = start(&database).await;
        for (number, (offset, expected)) in cases.into_iter().enumerate() {
            let updated_at = (app.clock.now() + offset).timestamp_millis();
            // At creation: the call is made for the missing name.
            let user = format!("user_new_{number}");
            app.clerk.put_user(user_object(&user, Some("api@example.com"), Some("Ada"), updated_at));
            let token = Token::new(&user, app.clock.now()).claim("email", "claim@example.com");
            assert_eq!(email(&app, &token).await, expected, "{offset}: created");

            // Later, once Clerk answers.
            let user = format!("user_old_{number}");
            app.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
            let token = Token::new(&user, app.clock.now()).claim("email", "claim@example.com");
            assert_eq!(email(&app, &token).await, "claim@example.com");
            app.clerk.on_read(None);
            app.clerk.put_user(user_object(&user, Some("api@example.com"), Some("Ada"), updated_at));
            app.clock.advance(TimeDelta::minutes(1));
            let found = me(&app, &Token::new(&user, app.clock.now())).await;
            assert_eq!(found["email"], expected, "{offset}: completed");
            assert_eq!(found["name"], "Ada", "{offset}: whatever its age, a name fills a gap");
        }
    }
}

both! {
    async fn clerk_naming_no_address_takes_none_away(database) {
        let app = start(&database).await;
        let updated_at = (noon() + TimeDelta::hours(1)).timestamp_millis();
        app.clerk.put_user(user_object("user_new", None, Some("Ada"), updated_at));
        app.clerk.put_user(user_object("user_old", None, Some("Ada"), updated_at));
        let token = |user: &str| Token::new(user, app.clock.now()).claim("email", "a@example.com");
        assert_eq!(email(&app, &token("user_new")).await, "a@example.com");
        app.clerk.on_read(Some(Fault::Status(401, "clerk_key_invalid")));
        assert_eq!(email(&app, &token("user_old")).await, "a@example.com");
        app.clerk.on_read(None);
        app.clock.advance(TimeDelta::minutes(1));
        let found = me(&app, &Token::new("user_old", app.clock.now())).await;
        assert_eq!((&found["email"], &found["name"]), (&json!("a@example.com"), &json!("Ada")));
    }
}

both! {
    async fn an_event_that_says_no_address_is_left_clears_it(database) {
        let app = start_with_webhooks(&database).await;
        app.clock.advance(TimeDelta::seconds(8));
        let at = |seconds: i64| noon() + TimeDelta::seconds(seconds);
        assert_eq!(email(&app, &addressed(at(0), "a@example.com")).await, "a@example.com");
        let gone = user_object("user_a", None, None, at(2).timestamp_millis());
        deliver(&app, "msg_1", &event("user.updated", gone)).await;
        assert_eq!(email(&app, &addressed(at(1), "a@example.com")).await, Value::Null, "older");
        assert_eq!(email(&app, &addressed(at(2), "a@example.com")).await, Value::Null, "a tie");
        assert_eq!(email(&app, &addressed(at(3), "b@example.com")).await, "b@example.com");
    }
}

both! {
    async fn an_address_is_verified_when_clerk_says_so(database) {
        let app = start(&database).await;
        app.clock.advance(TimeDelta::seconds(9));
        let at = |seconds: i64| noon() + TimeDelta::seconds(seconds);
        let steps = [
            ("nothing said", addressed(at(0), "a@example.com"), false),
            ("a text", addressed(at(1), "b@example.com").claim("email_verified", "true"), false),
            ("said of no address", named(at(2)).claim("email_verified", true), false),
            ("said", addressed(at(3), "c@example.com").claim("email_verified", true), true),
            ("nothing said of the same", addressed(at(4), "c@example.com"), true),
            ("nothing said of another", addressed(at(5), "d@example.com"), false),
            ("an older one", addressed(at(4), "d@example.com").claim("email_verified", true), false),
            ("said of the same", addressed(at(6), "d@example.com").claim("email_verified", true), true),
        ];
        for (name, token, expected) in &steps {
            me(&app, token).await;
            assert_eq!(verified(&database).await, *expected, "{name}");
        }
        let (_, statements) = app.statements(me(&app, &steps[7].1)).await;
        assert_eq!(statements, 1, "said and stored");
    }
}

both! {
    async fn clerks_api_says_whether_an_address_is_verified(database) {
        let app = start(&database).await;
        for (status, expected) in [("verified", 1), ("unverified", 1), ("transferable", 1)] {
            let user = format!("user_{status}");
            let mut object = user_object(&user, Some("a@example.com"), Some("Ada"), 0);
            object["email_addresses"][0]["verification"]["status"] = json!(status);
            app.clerk.put_user(object);
            me(&app, &Token::new(&user, noon())).await;
            let sql = "SELECT COUNT(*) FROM users WHERE email_verified";
            assert_eq!(database.number(sql).await, expected, "{status}");
        }
    }
}

both! {
    async fn a_name_only_fills_an_empty_place(database) {
        let app = start(&database).await;
        app.clock.advance(TimeDelta::seconds(5));
        let token = |seconds: i64, name: Value| {
            let at = noon() + TimeDelta::seconds(seconds);
            Token::new("user_a", at).claim("email", "a@example.com").claim("name", name)
        };
        assert_eq!(me(&app, &token(0, json!("Ada"))).await["name"], "Ada");
        for (seconds, name) in
            [(1, json!("Ada Lovelace")), (2, json!("")), (3, Value::Null), (-1, json!("Old"))]
        {
            let (found, statements) = app.statements(me(&app, &token(seconds, name))).await;
            assert_eq!((&found["name"], statements), (&json!("Ada"), 1));
        }
        // Cleared by its owner, it is filled by the next token that says one,
        clear_name(&app, &token(4, json!("Token"))).await;
        assert_eq!(me(&app, &token(1, json!("Ada Lovelace"))).await["name"], "Ada Lovelace");
        // or by Clerk, when the tokens say none.
        app.clerk.add_user("user_a", Some("a@example.com"), Some("Api"));
        clear_name(&app, &token(4, Value::Null)).await;
        assert_eq!(me(&app, &token(4, Value::Null)).await["name"], "Api");
        assert_eq!(app.clerk.reads(), 1);
    }
}

async fn clear_name(app: &TestApp, token: &Token) {
    let query = "mutation { updateProfile(input: { name: null }) { user { name } } }";
    let data = app.query(Some(token), query).await.data();
    assert_eq!(data["updateProfile"]["user"]["name"], Value::Null);
}

both! {
    async fn several_tokens_at_once_end_with_the_latest_address(database) {
        let one = start(&database).await;
        let two = one.second_instance(&database).await;
        one.clock.advance(TimeDelta::seconds(25));
        me(&one, &addressed(noon(), "first@example.com")).await;
        let tokens: Vec<_> = (1..=20)
            .map(|n| addressed(noon() + TimeDelta::seconds(n), &format!("a{n}@example.com")))
            .collect();
        let requests = tokens.iter().rev().enumerate().map(|(number, token)| {
            me(if number % 2 == 0 { &one } else { &two }, token)
        });
        futures_util::future::join_all(requests).await;
        assert_eq!(email(&one, &named(noon())).await, "a20@example.com");
    }
}

both! {
    async fn one_statement_when_nothing_has_changed(database) {
        let app = start_with_webhooks(&database).await;
        join(&app, "org_a", "Acme", "user_a", 1).await;
        let token = app.token("user_a").organization("org_a", "admin");
        let first = me(&app, &token).await;
        for (name, query) in [
            ("me", "{ me { id email name isSuperAdmin createdAt } }"),
            ("with memberships", "{ me { memberships { totalCount edges { cursor node { role } } } } }"),
            ("with organizations", ME),
            ("the active one", "{ me { activeOrganization { id name viewerRole } } }"),
            ("twice", "{ a: me { id memberships { totalCount } } b: me { activeOrganization { id } } }"),
            ("bootstrap", "mutation { bootstrap { created user { id memberships { totalCount } } } }"),
            ("the own node", &format!("{{ node(id: {}) {{ id ... on User {{ email }} }} }}", first["id"])),
        ] {
            let (answer, statements) = app.statements(app.query(Some(&token), query)).await;
            answer.data();
            assert_eq!(statements, 1, "{name}");
        }
        for (method, path) in [("GET", "/api/v1/users/me"), ("POST", "/api/v1/auth/bootstrap")] {
            let (answer, statements) = app.statements(app.rest(method, path, Some(&token), None)).await;
            assert_eq!((answer.status.as_u16(), statements), (200, 1), "{method} {path}");
        }
        // A change that changes nothing is read, not written.
        let same = Some(json!({ "name": "Sample Person" }));
        let request = app.rest("PATCH", "/api/v1/users/me", Some(&token), same);
        assert_eq!(app.statements(request).await.1, 1);
        assert_eq!(me(&app, &token).await, first);
    }
}

/// Makes a user a member of a mirrored organization, as Clerk's events do.
async fn join(app: &TestApp, organization: &str, name: &str, user: &str, at: i64) {
    let object = organization_object(organization, name, None, at);
    let id = format!("orgmem_{organization}_{user}");
    let membership = membership_object(&id, object, user, "org:member", at);
    let created = event("organizationMembership.created", membership);
    assert_eq!(deliver(app, &format!("msg_{id}"), &created).await.status, 204);
}

mod active_organization {
    use super::*;

    async fn active(app: &TestApp, token: &Token) -> Value {
        me(app, token).await["activeOrganization"]["name"].clone()
    }

    both! {
        async fn a_token_makes_an_organization_active_that_the_user_is_in(database) {
            let app = start_with_webhooks(&database).await;
            let token = || app.token("user_a");
            assert_eq!(active(&app, &token()).await, "Personal");
            join(&app, "org_a", "Acme", "user_a", 1).await;
            join(&app, "org_b", "Bravo", "user_a", 2).await;
            assert_eq!(active(&app, &token()).await, "Personal", "being a member is not enough");

            // The name of a step, what its token says, the organization then, and the statements that it costs.
            type Step = (&'static str, fn(Token) -> Token, &'static str, u64);
            let steps: [Step; 9] = [
                ("a", |token| token.organization("org_a", "admin"), "Acme", 2),
                ("the same", |token| token.organization("org_a", "admin"), "Acme", 1),
                ("none", |token| token, "Acme", 1),
                ("b", |token| token.organization("org_b", "member"), "Bravo", 2),
                ("unknown here", |token| token.organization("org_x", "admin"), "Bravo", 1),
                ("ill-shaped", |token| token.claim("o", "org_a"), "Bravo", 1),
                ("empty", |token| token.claim("o", json!({})), "Bravo", 1),
                ("version 1", |token| token.without("v").claim("org_id", "org_a"), "Acme", 2),
                ("version 1 in a version 2 token", |token| token.claim("org_id", "org_b"), "Acme", 1),
            ];
            for (name, with, expected, cost) in steps {
                let token = with(token());
                let (found, statements) = app.statements(active(&app, &token)).await;
                assert_eq!((found, statements), (json!(expected), cost), "{name}");
                app.clock.advance(TimeDelta::minutes(1));
            }
            // The token's role in it grants nothing here.
            let token = app.token("user_a").organization("org_a", "org:admin");
            let found = me(&app, &token).await;
            let roles: Vec<_> = found["memberships"]["nodes"].as_array().unwrap().iter()
                .map(|node| node["role"].as_str().unwrap()).collect();
            assert_eq!(roles, ["OWNER", "MEMBER", "MEMBER"]);
        }
    }

    // Two tabs with two organizations.
    both! {
        async fn the_token_s_counts_for_each_request_and_is_stored_once_a_minute(database) {
            let app = start_with_webhooks(&database).await;
            join(&app, "org_a", "Acme", "user_a", 1).await;
            join(&app, "org_b", "Bravo", "user_a", 2).await;
            let before = me(&app, &app.token("user_a")).await["updatedAt"].clone();
            let tab = |organization: &str| app.token("user_a").organization(organization, "member");
            app.clock.advance(TimeDelta::seconds(5));
            let mut writes = 0;
            for round in 0..20 {
                for (organization, name) in [("org_a", "Acme"), ("org_b", "Bravo")] {
                    let (found, statements) = app.statements(me(&app, &tab(organization))).await;
                    assert_eq!(found["activeOrganization"]["name"], name, "round {round}");
                    assert_eq!(found["updatedAt"], before, "nobody has changed the profile");
                    writes += statements - 1;
                }
            }
            assert_eq!(writes, 1);
            assert_eq!(active(&app, &app.token("user_a")).await, "Acme", "the first was stored");
            // What a mutation answers is of the same tab, and what it stores is not the organization.
            let rename = "mutation { updateProfile(input: { pronouns: \"she/her\" }) { user { activeOrganization { name } } } }";
            let data = app.query(Some(&tab("org_b")), rename).await.data();
            assert_eq!(data["updateProfile"]["user"]["activeOrganization"]["name"], "Bravo");
            let working = app.rest("GET", "/api/v1/organizations/me", Some(&tab("org_b")), None).await;
            assert_eq!(working.json()["name"], "Bravo");
            assert_eq!(active(&app, &app.token("user_a")).await, "Acme");
            app.clock.advance(TimeDelta::seconds(60));
            assert_eq!(active(&app, &tab("org_b")).await, "Bravo");
            assert_eq!(active(&app, &app.token("user_a")).await, "Bravo", "a minute later");
        }
    }

    both! {
        async fn the_token_s_counts_although_it_cannot_be_stored(database) {
            let app = start_with_webhooks(&database).await;
            join(&app, "org_a", "Acme", "user_a", 1).await;
            me(&app, &app.token("user_a")).await;
            if database.is_postgres() {
                database.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$").await;
                database.execute("CREATE TRIGGER no BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse()").await;
            } else {
                database.execute("CREATE TRIGGER no BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END").await;
            }
            let token = app.token("user_a").organization("org_a", "member");
            assert_eq!(active(&app, &token).await, "Acme");
            assert_eq!(active(&app, &app.token("user_a")).await, "Personal");
        }
    }

    both! {
        async fn one_that_the_user_is_not_in_changes_nothing(database) {
            let app = start_with_webhooks(&database).await;
            join(&app, "org_a", "Acme", "user_b", 1).await;
            let token = app.token("user_a").organization("org_a", "admin");
            assert_eq!(active(&app, &token).await, "Personal");
            let (found, statements) = app.statements(me(&app, &token)).await;
            assert_eq!((found["memberships"]["totalCount"].clone(), statements), (json!(1), 1));
            let sql = "SELECT COUNT(*) FROM users WHERE active_organization_id IS NOT NULL";
            assert_eq!(database.number(sql).await, 0);
        }
    }

    both! {
        async fn a_lost_membership_reads_as_the_oldest_and_coming_back_as_itself(database) {
            let app = start_with_webhooks(&database).await;
            join(&app, "org_a", "Acme", "user_a", 1).await;
            let with = || app.token("user_a").organization("org_a", "admin");
            assert_eq!(active(&app, &with()).await, "Acme");
            let object = organization_object("org_a", "Acme", None, 2);
            let left = membership_object("orgmem_org_a_user_a", object, "user_a", "org:member", 2);
            deliver(&app, "msg_left", &event("organizationMembership.deleted", left)).await;
            // Tokens name the organization for up to a minute after; that costs no write.
            for token in [with(), app.token("user_a")] {
                let (found, statements) = app.statements(active(&app, &token)).await;
                assert_eq!((found, statements), (json!("Personal"), 1));
            }
            let object = organization_object("org_a", "Acme", None, 3);
            let back = membership_object("orgmem_again", object, "user_a", "org:member", 3);
            deliver(&app, "msg_back", &event("organizationMembership.created", back)).await;
            assert_eq!(active(&app, &with()).await, "Acme");
        }
    }

    both! {
        async fn a_user_whom_an_event_created_starts_in_the_tokens_organization(database) {
            let app = start_with_webhooks(&database).await;
            join(&app, "org_a", "Acme", "user_a", 1).await;
            let token = app.token("user_a").organization("org_a", "admin");
            let found = me(&app, &token).await;
            assert_eq!(found["activeOrganization"]["name"], "Acme");
            assert_eq!(found["email"], "user_a@example.com");
            assert_eq!(found["memberships"]["totalCount"], 2);
        }
    }
}
