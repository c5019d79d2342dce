//! Two people who change one organization at the same time, each on an instance of its own. Whatever meets, one of
//! the two orders is what happened, never half of each.

use std::sync::Arc;

use mission_control::{
    model::{OrganizationId, UserId},
    store::{Tx, locks},
};
use serde_json::{Value, json};

use super::people::{bring_in, change, found, invite, roles, signed_in, text};
use crate::support::{Answer, TestApp, TestDatabase, Token, both, start};

/// What somebody asks for.
#[derive(Clone)]
enum Wish {
    /// A GraphQL document.
    Query(String),
    /// The end of the own account.
    Purge,
}

/// Two instances on one database.
struct Instances {
    first: Arc<TestApp>,
    second: Arc<TestApp>,
}

async fn instances(database: &TestDatabase) -> Instances {
    let first = Arc::new(start(database).await);
    let second = Arc::new(first.second_instance(database).await);
    Instances { first, second }
}

async fn ask(app: Arc<TestApp>, token: Token, wish: Wish) -> Answer {
    match wish {
        Wish::Query(query) => app.query(Some(&token), &query).await,
        Wish::Purge => app.rest("DELETE", "/api/v1/users/me", Some(&token), None).await,
    }
}

impl Instances {
    /// Lets both wishes run into a transaction that holds what they need, the first one before the second, and then lets
    /// go.
    async fn meet(
        &self,
        database: &TestDatabase,
        gate: Tx<'_>,
        first: (&Token, Wish),
        second: (&Token, Wish),
    ) -> [Answer; 2] {
        let before = if database.is_postgres() { database.waiting().await } else { 0 };
        let one = tokio::spawn(ask(self.first.clone(), first.0.clone(), first.1));
        if database.is_postgres() {
            database.until_waiting(before + 1).await;
        }
        let two = tokio::spawn(ask(self.second.clone(), second.0.clone(), second.1));
        if database.is_postgres() {
            database.until_waiting(before + 2).await;
        }
        gate.commit().await.unwrap();
        [one.await.unwrap(), two.await.unwrap()]
    }
}

async fn lock_organization<'s>(store: &'s mission_control::store::Store, id: &str) -> Tx<'s> {
    let mut tx = store.begin().await.unwrap();
    locks::lock_organizations(tx.conn(), &[OrganizationId::parse(id).unwrap()]).await.unwrap();
    tx
}

async fn lock_person<'s>(store: &'s mission_control::store::Store, clerk_user_id: &str) -> Tx<'s> {
    let mut tx = store.begin().await.unwrap();
    locks::lock_clerk_id(tx.conn(), clerk_user_id).await.unwrap();
    tx
}

/// Whether an answer is a success without a mistake of the user's.
fn is_done(answer: &Answer) -> bool {
    let body = answer.json();
    body["errors"].is_null() && body["data"]["it"]["userErrors"] == json!([])
}

async fn membership(app: &TestApp, token: &Token, organization: &str, who: &str) -> String {
    let query = format!(
        "{{ organization(id: \"{organization}\") {{ members {{ nodes {{ id email }} }} }} }}"
    );
    let data = app.query(Some(token), &query).await.data();
    let email = format!("{who}@example.com");
    let nodes = data["organization"]["members"]["nodes"].as_array().unwrap();
    text(&nodes.iter().find(|node| node["email"] == email.as_str()).unwrap()["id"])
}

/// No organization has people but no owner, no pair has two memberships, and nothing refers to what is not there.
async fn assert_sound(database: &TestDatabase, case: &str) {
    for (what, sql) in [
        (
            "an organization without an owner",
            "SELECT COUNT(*) FROM organizations o \
            WHERE EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id) \
            AND NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id AND m.role = 'owner')",
        ),
        (
            "an organization of nobody",
            "SELECT COUNT(*) FROM organizations o \
            WHERE NOT EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id)",
        ),
        (
            "a pair with two memberships",
            "SELECT COUNT(*) FROM (SELECT 1 FROM organization_members \
            GROUP BY organization_id, user_id HAVING COUNT(*) > 1) twice",
        ),
        (
            "a user beside a tombstone",
            "SELECT COUNT(*) FROM users u JOIN tombstones t \
            ON t.kind = 'user' AND t.clerk_id = u.clerk_user_id",
        ),
    ] {
        assert_eq!(database.number(sql).await, 0, "{case}: {what}");
    }
}

/// An organization of two owners.
async fn two_owners(app: &TestApp) -> (String, [Token; 2], [String; 2]) {
    let ada = signed_in(app, "user_ada").await;
    let id = found(app, &ada, "Engine").await;
    let (bob, bobs) = bring_in(app, &ada, &id, "user_bob", "OWNER").await;
    let adas = membership(app, &ada, &id, "user_ada").await;
    (id, [ada, bob], [adas, bobs])
}

const CLEAR: &str = "DELETE FROM organizations; DELETE FROM users; DELETE FROM tombstones";

both! {
    async fn of_two_owners_who_turn_on_each_other_one_stays(database) {
        let both = instances(&database).await;
        let other = database.second_instance().await;
        let demote = |id: &str| format!("mutation {{ it: updateMemberRole(input: {{ membershipId: \"{id}\", role: MEMBER }}) {{ member {{ role }} userErrors {{ code }} }} }}");
        let remove = |id: &str| format!("mutation {{ it: removeMember(input: {{ membershipId: \"{id}\" }}) {{ deletedMembershipId userErrors {{ code }} }} }}");
        type Field<'f> = &'f dyn Fn(&str) -> String;
        let pairs: [(&str, Field<'_>, Field<'_>); 3] = [("demote", &demote, &demote), ("remove", &remove, &remove), ("both", &demote, &remove)];
        for (case, first, second) in pairs {
            let (id, [ada, bob], [adas, bobs]) = two_owners(&both.first).await;
            let gate = lock_organization(&other, &id).await;
            let answers = both.meet(&database, gate, (&ada, Wish::Query(first(&bobs))), (&bob, Wish::Query(second(&adas)))).await;
            assert_eq!(answers.iter().filter(|answer| is_done(answer)).count(), 1, "{case}: {} {}", answers[0].text, answers[1].text);
            let refused = answers.iter().find(|answer| !is_done(answer)).unwrap();
            assert!(["FORBIDDEN", "BAD_USER_INPUT"].contains(&refused.code().as_str()), "{case}: {}", refused.text);
            assert_sound(&database, case).await;
            database.execute(CLEAR).await;
        }
        // Each of oneself.
        let leave = |id: &str| format!("mutation {{ it: leaveOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedMembershipId userErrors {{ code }} }} }}");
        for case in ["leave", "step down"] {
            let (id, [ada, bob], [adas, bobs]) = two_owners(&both.first).await;
            let wishes = if case == "leave" { [leave(&id), leave(&id)] } else { [demote(&adas), demote(&bobs)] };
            let [one, two] = wishes.map(Wish::Query);
            let gate = lock_organization(&other, &id).await;
            let answers = both.meet(&database, gate, (&ada, one), (&bob, two)).await;
            assert_eq!(answers.iter().filter(|answer| is_done(answer)).count(), 1, "{case}: {} {}", answers[0].text, answers[1].text);
            let refused = answers.iter().find(|answer| !is_done(answer)).unwrap().json();
            assert_eq!(refused["data"]["it"]["userErrors"], json!([{ "code": "LAST_OWNER" }]), "{case}");
            assert_sound(&database, case).await;
            database.execute(CLEAR).await;
        }
    }
}

fn accept(token: &str) -> Wish {
    Wish::Query(format!(
        "mutation {{ it: acceptInvitation(input: {{ token: \"{token}\" }}) {{ member {{ role }} userErrors {{ code }} }} }}"
    ))
}

both! {
    async fn accepting_while_it_is_revoked_or_the_organization_deleted_is_one_of_the_two(database) {
        let both = instances(&database).await;
        let app = &both.first;
        let other = database.second_instance().await;
        for end in ["revokeInvitation", "deleteOrganization", "createInvitation", "again"] {
            for accepts_first in [true, false] {
                let case = format!("{end}, accepting first: {accepts_first}");
                let ada = signed_in(app, "user_ada").await;
                let bob = signed_in(app, "user_bob").await;
                let id = found(app, &ada, "Engine").await;
                let (invitation, token) = invite(app, &ada, &id, "user_bob@example.com", "ADMIN").await;
                let (who, wish) = match end {
                    "revokeInvitation" => (&ada, Wish::Query(format!("mutation {{ it: revokeInvitation(input: {{ invitationId: \"{invitation}\" }}) {{ userErrors {{ code }} }} }}"))),
                    "deleteOrganization" => (&ada, Wish::Query(format!("mutation {{ it: deleteOrganization(input: {{ organizationId: \"{id}\" }}) {{ userErrors {{ code }} }} }}"))),
                    "createInvitation" => (&ada, Wish::Query(format!("mutation {{ it: createInvitation(input: {{ organizationId: \"{id}\", email: \"user_bob@example.com\", role: MEMBER }}) {{ userErrors {{ code }} }} }}"))),
                    _ => (&bob, accept(&token)),
                };
                let gate = lock_organization(&other, &id).await;
                let [accepted, ended] = if accepts_first {
                    both.meet(&database, gate, (&bob, accept(&token)), (who, wish)).await
                } else {
                    let [ended, accepted] = both.meet(&database, gate, (who, wish), (&bob, accept(&token))).await;
                    [accepted, ended]
                };
                let case = format!("{case}: {} {}", accepted.text, ended.text);
                let members = roles(app, &bob, &id).await;
                match end {
                    "deleteOrganization" => {
                        assert!(is_done(&ended), "{case}");
                        assert!(is_done(&accepted) || accepted.code() == "BAD_USER_INPUT", "{case}");
                        assert!(members.is_empty(), "{case}");
                    }
                    "again" => {
                        assert!(is_done(&accepted) != is_done(&ended), "accepted once: {case}");
                        assert_eq!(members, ["user_ada OWNER", "user_bob ADMIN"], "{case}");
                    }
                    "createInvitation" if is_done(&accepted) => {
                        assert_eq!(ended.json()["data"]["it"]["userErrors"], json!([{ "code": "ALREADY_MEMBER" }]), "{case}");
                    }
                    _ => {
                        assert!(is_done(&accepted) != is_done(&ended), "{case}");
                        assert_eq!(members.len(), if is_done(&accepted) { 2 } else { 0 }, "{case}");
                    }
                }
                if database.is_postgres() {
                    // Who came first was served first.
                    let expected = if accepts_first || end == "again" { is_done(&accepted) || end == "again" } else { is_done(&ended) };
                    assert!(expected, "{case}");
                }
                let left = database.count("organization_invitations").await;
                assert_eq!(left, i64::from(end == "createInvitation" && is_done(&ended)), "{case}");
                assert_sound(&database, &case).await;
                database.execute(CLEAR).await;
            }
        }
    }
}

both! {
    async fn accepting_while_the_account_is_purged_leaves_nobody_behind(database) {
        let both = instances(&database).await;
        let app = &both.first;
        let other = database.second_instance().await;
        for accepts_first in [true, false] {
            let ada = signed_in(app, "user_ada").await;
            let bob = signed_in(app, "user_bob").await;
            app.clerk.add_user("user_bob", None, None);
            let id = found(app, &ada, "Engine").await;
            let (_, token) = invite(app, &ada, &id, "user_bob@example.com", "OWNER").await;
            let gate = lock_person(&other, "user_bob").await;
            let [accepted, purged] = if accepts_first {
                both.meet(&database, gate, (&bob, accept(&token)), (&bob, Wish::Purge)).await
            } else {
                let [purged, accepted] = both.meet(&database, gate, (&bob, Wish::Purge), (&bob, accept(&token))).await;
                [accepted, purged]
            };
            let case = format!("accepting first: {accepts_first}: {} {}", accepted.text, purged.text);
            assert_eq!(purged.text, "{\"ok\":true}", "{case}");
            assert!(is_done(&accepted) || accepted.code() == "UNAUTHENTICATED", "{case}");
            assert_eq!(roles(app, &ada, &id).await, ["user_ada OWNER"], "{case}");
            assert_sound(&database, &case).await;
            assert_eq!((database.count("users").await, database.count("tombstones").await), (1, 1), "{case}");
            database.execute(CLEAR).await;
        }
    }
}

both! {
    async fn founding_while_the_account_is_purged_leaves_no_organization_of_nobody(database) {
        let both = instances(&database).await;
        let other = database.second_instance().await;
        for founds_first in [true, false] {
            let ada = signed_in(&both.first, "user_ada").await;
            both.first.clerk.add_user("user_ada", None, None);
            let wish = Wish::Query("mutation { it: createOrganization(input: { name: \"Engine\" }) { userErrors { code } } }".to_owned());
            let gate = lock_person(&other, "user_ada").await;
            let [founded, purged] = if founds_first {
                both.meet(&database, gate, (&ada, wish), (&ada, Wish::Purge)).await
            } else {
                let [purged, founded] = both.meet(&database, gate, (&ada, Wish::Purge), (&ada, wish)).await;
                [founded, purged]
            };
            let case = format!("{} {}", founded.text, purged.text);
            assert_eq!(purged.text, "{\"ok\":true}", "{case}");
            assert!(is_done(&founded) || founded.code() == "UNAUTHENTICATED", "{case}");
            assert_eq!((database.count("users").await, database.count("organizations").await), (0, 0), "{case}");
            database.execute(CLEAR).await;
        }
    }
}

both! {
    async fn a_purge_and_a_change_of_roles_keep_an_owner(database) {
        let both = instances(&database).await;
        let app = &both.first;
        let other = database.second_instance().await;
        for purges_first in [true, false] {
            // Ada gives up her place to Bob, who is about to vanish; Cyd stays.
            let (id, [ada, bob], [adas, _]) = two_owners(app).await;
            let (cyd, _) = bring_in(app, &ada, &id, "user_cyd", "MEMBER").await;
            app.clerk.add_user("user_bob", None, None);
            let wish = Wish::Query(format!("mutation {{ it: updateMemberRole(input: {{ membershipId: \"{adas}\", role: ADMIN }}) {{ userErrors {{ code }} }} }}"));
            let gate = lock_organization(&other, &id).await;
            let [changed, purged] = if purges_first {
                let [purged, changed] = both.meet(&database, gate, (&bob, Wish::Purge), (&ada, wish)).await;
                [changed, purged]
            } else {
                both.meet(&database, gate, (&ada, wish), (&bob, Wish::Purge)).await
            };
            let case = format!("{} {}", changed.text, purged.text);
            assert_eq!(purged.text, "{\"ok\":true}", "{case}");
            assert_eq!(roles(app, &cyd, &id).await, ["user_ada OWNER", "user_cyd MEMBER"], "{case}");
            assert_sound(&database, &case).await;
            database.execute(CLEAR).await;
        }
    }
}

both! {
    async fn two_invitations_for_one_address_at_once_leave_one(database) {
        let both = instances(&database).await;
        let other = database.second_instance().await;
        let (id, [ada, bob], _) = two_owners(&both.first).await;
        let wish = |role: &str| Wish::Query(format!("mutation {{ it: createInvitation(input: {{ organizationId: \"{id}\", email: \"x@example.com\", role: {role} }}) {{ token userErrors {{ code }} }} }}"));
        let gate = lock_organization(&other, &id).await;
        let answers = both.meet(&database, gate, (&ada, wish("MEMBER")), (&bob, wish("ADMIN"))).await;
        assert!(answers.iter().all(is_done), "{} {}", answers[0].text, answers[1].text);
        assert_eq!(database.count("organization_invitations").await, 1);
    }
}

both! {
    async fn a_caller_who_vanishes_while_waiting_is_signed_out(database) {
        let both = instances(&database).await;
        let other = database.second_instance().await;
        let fields = |id: &str, membership: &str| [
            format!("updateOrganization(input: {{ organizationId: \"{id}\", name: \"x\" }}) {{ organization {{ id }} }}"),
            format!("setActiveOrganization(input: {{ organizationId: \"{id}\" }}) {{ organization {{ id }} }}"),
            format!("leaveOrganization(input: {{ organizationId: \"{id}\" }}) {{ deletedMembershipId }}"),
            format!("updateMemberRole(input: {{ membershipId: \"{membership}\", role: MEMBER }}) {{ member {{ id }} }}"),
        ];
        for number in 0..4 {
            let (id, [_, bob], [adas, _]) = two_owners(&both.first).await;
            let data = both.first.query(Some(&bob), "{ me { id } }").await.data();
            let user = UserId::parse(data["me"]["id"].as_str().unwrap()).unwrap();
            let mut gate = lock_organization(&other, &id).await;
            mission_control::store::users::delete_user(gate.conn(), user).await.unwrap();
            let query = format!("mutation {{ it: {} }}", fields(&id, &adas)[number]);
            let app = both.second.clone();
            let before = app.app.state.accounts.store().statements();
            let request = tokio::spawn(ask(app.clone(), bob, Wish::Query(query.clone())));
            // It has found its user.
            while app.app.state.accounts.store().statements() == before {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            if database.is_postgres() {
                database.until_waiting(1).await;
            }
            gate.commit().await.unwrap();
            let answer = request.await.unwrap();
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{query}: {}", answer.text);
            database.execute(CLEAR).await;
        }
    }
}

both! {
    async fn a_person_who_was_removed_or_lowered_on_one_instance_is_so_on_the_other(database) {
        let both = instances(&database).await;
        let ada = signed_in(&both.first, "user_ada").await;
        let id = found(&both.first, &ada, "Engine").await;
        let (bob, bobs) = bring_in(&both.first, &ada, &id, "user_bob", "ADMIN").await;
        let invitation = format!("mutation {{ it: createInvitation(input: {{ organizationId: \"{id}\", email: \"x@example.com\", role: MEMBER }}) {{ token }} }}");
        both.second.query(Some(&bob), &invitation).await.data();
        change(&both.first, &ada, &format!("updateMemberRole(input: {{ membershipId: \"{bobs}\", role: MEMBER }}) {{ userErrors {{ code }} }}")).await;
        assert_eq!(both.second.query(Some(&bob), &invitation).await.code(), "FORBIDDEN");
        let query = format!("{{ organization(id: \"{id}\") {{ viewerRole invitations {{ totalCount }} }} }}");
        let data = both.second.query(Some(&bob), &query).await.data();
        assert_eq!(data["organization"], json!({ "viewerRole": "MEMBER", "invitations": null }));
        change(&both.first, &ada, &format!("removeMember(input: {{ membershipId: \"{bobs}\" }}) {{ userErrors {{ code }} }}")).await;
        assert_eq!(both.second.query(Some(&bob), &query).await.data()["organization"], Value::Null);
        assert_eq!(both.second.query(Some(&bob), &invitation).await.code(), "BAD_USER_INPUT");
    }
}
