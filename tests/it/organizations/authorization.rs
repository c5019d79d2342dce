//! Who may do what, as one table: role, operation, kind of organization. Every line of it is tried through both
//! faces, by the person and by somebody acting as the person (`act`), and what is refused must change nothing.

use mission_control::{
    clock::Clock,
    model::{Invitation, InvitationId, MembershipId, OrganizationId, Role, UserId},
    store::{
        invitations::insert_invitation,
        memberships::find_own_membership,
        users::{NewUser, insert_user, set_active_organization},
    },
};
use serde_json::{Value, json};

use super::people::stored;
use crate::{
    api::seed,
    support::{TestApp, TestDatabase, Token, both, start},
};

/// What somebody may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Read,
    ListMembers,
    ReadOther,
    Rename,
    Delete,
    SetActive,
    RaiseMemberToAdmin,
    RaiseMemberToOwner,
    LowerOwner,
    LowerOneself,
    RemoveMember,
    RemoveOwner,
    RemoveOneself,
    Leave,
    InviteMember,
    InviteOwner,
    ListInvitations,
    Revoke,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is done.
    Done,
    /// The role does not allow it.
    Forbidden,
    /// It is done at Clerk.
    Mirrored,
    /// As if there were no such thing.
    Absent,
}

use Operation::*;
use Outcome::*;

/// The outcomes for an owner, an admin and a member of a local organization, for all members of a mirrored one (where an
/// owner's is another one for reading somebody else), and for who is in neither.
const TABLE: [(Operation, [Outcome; 3], [Outcome; 3], Outcome); 18] = [
    (Read, [Done, Done, Done], [Done, Done, Done], Absent),
    (ListMembers, [Done, Done, Done], [Done, Done, Done], Absent),
    (ReadOther, [Done, Done, Forbidden], [Done, Done, Forbidden], Absent),
    (Rename, [Done, Done, Forbidden], [Mirrored; 3], Absent),
    (Delete, [Done, Forbidden, Forbidden], [Mirrored; 3], Absent),
    (SetActive, [Done, Done, Done], [Done, Done, Done], Forbidden),
    (RaiseMemberToAdmin, [Done, Done, Forbidden], [Mirrored; 3], Absent),
    (RaiseMemberToOwner, [Done, Forbidden, Forbidden], [Mirrored; 3], Absent),
    (LowerOwner, [Done, Forbidden, Forbidden], [Mirrored; 3], Absent),
    (LowerOneself, [Done, Done, Forbidden], [Mirrored; 3], Absent),
    (RemoveMember, [Done, Done, Forbidden], [Mirrored; 3], Absent),
    (RemoveOwner, [Done, Forbidden, Forbidden], [Mirrored; 3], Absent),
    (RemoveOneself, [Forbidden, Forbidden, Forbidden], [Mirrored; 3], Absent),
    (Leave, [Done, Done, Done], [Mirrored; 3], Absent),
    (InviteMember, [Done, Done, Forbidden], [Mirrored; 3], Absent),
    (InviteOwner, [Done, Forbidden, Forbidden], [Mirrored; 3], Absent),
    (ListInvitations, [Done, Done, Forbidden], [Mirrored; 3], Absent),
    (Revoke, [Done, Done, Forbidden], [Mirrored; 3], Absent),
];

/// What the caller has to do with the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Local(Role),
    Mirrored(Role),
    Elsewhere,
}

/// An organization with another owner, a plain member and an open invitation, and perhaps the caller.
struct Scene {
    organization: OrganizationId,
    caller: UserId,
    own: MembershipId,
    owner: MembershipId,
    member: MembershipId,
    invitation: InvitationId,
}

async fn arrange(app: &TestApp, name: &str, place: Place) -> Scene {
    let store = app.app.state.accounts.store();
    let now = app.clock.now();
    let caller = seed::sign_in(app, &format!("user_{name}")).await;
    let (owner, member) = (UserId::generate(), UserId::generate());
    let mut tx = store.begin().await.unwrap();
    for (id, who) in [(owner, "owner"), (member, "member")] {
        let clerk_user_id = format!("user_{name}_{who}");
        insert_user(tx.conn(), &NewUser::nameless(id, &clerk_user_id, now)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut people = vec![(owner, Role::Owner), (member, Role::Member)];
    if let Place::Local(role) | Place::Mirrored(role) = place {
        people.push((caller, role));
    }
    let organization = match place {
        Place::Mirrored(_) => {
            seed::found_mirrored(app, "Acme", &format!("org_{name}"), &people).await
        }
        Place::Local(_) | Place::Elsewhere => seed::found(app, "Acme", &people).await,
    };
    let invitation = Invitation {
        id: InvitationId::generate(),
        organization_id: organization,
        email: "guest@example.com".to_owned(),
        role: Role::Member,
        created_by: Some(owner),
        created_at: now,
        expires_at: now + chrono::TimeDelta::days(7),
    };
    let mut tx = store.begin().await.unwrap();
    insert_invitation(tx.conn(), &invitation, name).await.unwrap();
    let mut of = Vec::new();
    for user in [caller, owner, member] {
        let found = find_own_membership(tx.conn(), organization, user).await.unwrap();
        of.push(found.map_or_else(MembershipId::generate, |membership| membership.id));
    }
    tx.commit().await.unwrap();
    let invitation = invitation.id;
    Scene { organization, caller, own: of[0], owner: of[1], member: of[2], invitation }
}

impl Scene {
    /// The operation as a GraphQL document.
    fn graphql(&self, operation: Operation) -> String {
        let Self { organization, own, owner, member, invitation, .. } = self;
        let set = |id: &MembershipId, role: &str| {
            format!(
                "updateMemberRole(input: {{ membershipId: \"{id}\", role: {role} }}) {{ member {{ role }} userErrors {{ code }} }}"
            )
        };
        let remove = |id: &MembershipId| {
            format!(
                "removeMember(input: {{ membershipId: \"{id}\" }}) {{ deletedMembershipId userErrors {{ code }} }}"
            )
        };
        let invite = |role: &str| {
            format!(
                "createInvitation(input: {{ organizationId: \"{organization}\", email: \"new@example.com\", role: {role} }}) {{ token userErrors {{ code }} }}"
            )
        };
        let field = match operation {
            Read => {
                return format!(
                    "{{ it: organization(id: \"{organization}\") {{ name viewerRole }} }}"
                );
            }
            ListMembers => {
                return format!(
                    "{{ it: organization(id: \"{organization}\") {{ members {{ nodes {{ role email }} }} }} }}"
                );
            }
            ReadOther => {
                return format!(
                    "{{ it: node(id: \"{member}\") {{ ... on OrganizationMember {{ role email }} }} }}"
                );
            }
            ListInvitations => {
                return format!(
                    "{{ it: organization(id: \"{organization}\") {{ invitations {{ nodes {{ email }} }} }} }}"
                );
            }
            Rename => format!(
                "updateOrganization(input: {{ organizationId: \"{organization}\", name: \"New\" }}) {{ organization {{ name }} userErrors {{ code }} }}"
            ),
            Delete => format!(
                "deleteOrganization(input: {{ organizationId: \"{organization}\" }}) {{ deletedOrganizationId userErrors {{ code }} }}"
            ),
            SetActive => format!(
                "setActiveOrganization(input: {{ organizationId: \"{organization}\" }}) {{ organization {{ name }} userErrors {{ code }} }}"
            ),
            RaiseMemberToAdmin => set(member, "ADMIN"),
            RaiseMemberToOwner => set(member, "OWNER"),
            LowerOwner => set(owner, "MEMBER"),
            LowerOneself => set(own, "MEMBER"),
            RemoveMember => remove(member),
            RemoveOwner => remove(owner),
            RemoveOneself => remove(own),
            Leave => format!(
                "leaveOrganization(input: {{ organizationId: \"{organization}\" }}) {{ deletedMembershipId userErrors {{ code }} }}"
            ),
            InviteMember => invite("MEMBER"),
            InviteOwner => invite("OWNER"),
            Revoke => format!(
                "revokeInvitation(input: {{ invitationId: \"{invitation}\" }}) {{ deletedInvitationId userErrors {{ code }} }}"
            ),
        };
        format!("mutation {{ it: {field} }}")
    }

    /// The operation as a request of REST, where there is one.
    fn rest(&self, operation: Operation) -> Option<(&'static str, String, Option<Value>)> {
        let Self { organization, own, owner, member, invitation, .. } = self;
        let one =
            |method, id: &MembershipId, body| Some((method, format!("/me/members/{id}"), body));
        let role = |role: &str| Some(json!({ "role": role }));
        let invite = |role: &str| Some(json!({ "invited_email": "new@example.com", "role": role }));
        match operation {
            Rename | Leave => None,
            Read => Some(("GET", "/me".to_owned(), None)),
            ListMembers => Some(("GET", "/me/members".to_owned(), None)),
            ReadOther => one("GET", member, None),
            Delete => Some(("DELETE", "/me".to_owned(), None)),
            SetActive => Some((
                "PATCH",
                "/me/active".to_owned(),
                Some(json!({ "organization_id": organization })),
            )),
            RaiseMemberToAdmin => one("PATCH", member, role("admin")),
            RaiseMemberToOwner => one("PATCH", member, role("owner")),
            LowerOwner => one("PATCH", owner, role("member")),
            LowerOneself => one("PATCH", own, role("member")),
            RemoveMember => one("DELETE", member, None),
            RemoveOwner => one("DELETE", owner, None),
            RemoveOneself => one("DELETE", own, None),
            InviteMember => Some(("POST", "/me/invites".to_owned(), invite("member"))),
            InviteOwner => Some(("POST", "/me/invites".to_owned(), invite("owner"))),
            ListInvitations => Some(("GET", "/me/invites".to_owned(), None)),
            Revoke => Some(("DELETE", format!("/me/invites/{invitation}"), None)),
        }
    }
}

fn changes(operation: Operation) -> bool {
    !matches!(operation, Read | ListMembers | ReadOther | ListInvitations)
}

/// Whether an operation is about the organization that the caller works in and nothing else, so that somebody who is not
/// in it cannot ask for it.
fn is_about_me(operation: Operation) -> bool {
    matches!(operation, Read | ListMembers | Delete | InviteMember | InviteOwner | ListInvitations)
}

async fn through_graphql(
    app: &TestApp,
    token: &Token,
    scene: &Scene,
    operation: Operation,
    expected: Outcome,
    case: &str,
) {
    let answer = app.query(Some(token), &scene.graphql(operation)).await;
    assert_eq!(answer.status, 200, "{case}: {}", answer.text);
    let body = answer.json();
    let it = &body["data"]["it"];
    match (operation, expected) {
        // Members see each other; who is an admin only matters for the REST of the original.
        (ReadOther, Done | Forbidden) => assert_eq!(it["role"], "MEMBER", "{case}: {body}"),
        // Not an error, so that a page about an organization works for everybody in it.
        (ListInvitations, Forbidden) => {
            assert_eq!(it["invitations"], Value::Null, "{case}: {body}")
        }
        // There are none by rule; the one of this scene was forced in.
        (ListInvitations, Mirrored) => assert!(body["errors"].is_null(), "{case}: {body}"),
        (Read | ListMembers | ReadOther | ListInvitations, Absent) => {
            assert_eq!(body, json!({ "data": { "it": null } }), "{case}");
        }
        (_, Done) => {
            assert!(body["errors"].is_null() && !it.is_null(), "{case}: {body}");
            if changes(operation) {
                assert_eq!(it["userErrors"], json!([]), "{case}: {body}");
            }
        }
        (_, outcome) => {
            let code = if outcome == Absent { "BAD_USER_INPUT" } else { "FORBIDDEN" };
            assert_eq!(answer.code(), code, "{case}: {body}");
            let message = body["errors"][0]["message"].as_str().unwrap();
            assert_eq!(message.contains("Clerk"), outcome == Mirrored, "{case}: {message}");
        }
    }
}

async fn through_rest(
    app: &TestApp,
    token: &Token,
    scene: &Scene,
    operation: Operation,
    expected: Outcome,
    case: &str,
) {
    let Some((method, path, body)) = scene.rest(operation) else { return };
    let path = format!("/api/v1/organizations{path}");
    let answer = app.rest(method, &path, Some(token), body).await;
    let status = match expected {
        Done => 200,
        Forbidden => 403,
        Mirrored => 409,
        Absent => 404,
    };
    assert_eq!(answer.status, status, "{case}: {}", answer.text);
    if expected != Done {
        let detail = answer.refusal()["detail"].as_str().unwrap().to_owned();
        assert_eq!(detail.contains("Clerk"), expected == Mirrored, "{case}: {detail}");
    }
}

async fn try_all(database: &TestDatabase, app: &TestApp) -> usize {
    let roles = [Role::Owner, Role::Admin, Role::Member];
    let mut tried = 0;
    for (operation, local, mirrored, elsewhere) in TABLE {
        let places = roles.iter().zip(local).map(|(role, outcome)| (Place::Local(*role), outcome));
        let places = places
            .chain(
                roles.iter().zip(mirrored).map(|(role, outcome)| (Place::Mirrored(*role), outcome)),
            )
            .chain([(Place::Elsewhere, elsewhere)]);
        for (place, expected) in places {
            for is_impersonated in [false, true] {
                for is_rest in [false, true] {
                    if is_rest && place == Place::Elsewhere && is_about_me(operation) {
                        continue;
                    }
                    tried += 1;
                    let case =
                        format!("{operation:?} {place:?} act={is_impersonated} rest={is_rest}");
                    let name = format!("n{tried}");
                    let scene = arrange(app, &name, place).await;
                    if is_rest && place != Place::Elsewhere && operation != SetActive {
                        let mut tx = app.app.state.accounts.store().begin().await.unwrap();
                        let now = app.clock.now();
                        assert!(
                            set_active_organization(
                                tx.conn(),
                                scene.caller,
                                scene.organization,
                                now
                            )
                            .await
                            .unwrap()
                        );
                        tx.commit().await.unwrap();
                    }
                    let mut token = app.token(&format!("user_{name}"));
                    if is_impersonated {
                        token = token.claim("act", json!({ "sub": "user_support" }));
                    }
                    let before = stored(database).await;
                    if is_rest {
                        through_rest(app, &token, &scene, operation, expected, &case).await;
                    } else {
                        through_graphql(app, &token, &scene, operation, expected, &case).await;
                    }
                    let is_changed = stored(database).await != before;
                    let has_rest = scene.rest(operation).is_some();
                    // A member who is made a member is what it was.
                    let is_idle = operation == LowerOneself && place == Place::Local(Role::Member);
                    if !is_rest || has_rest {
                        let should = expected == Done && changes(operation) && !is_idle;
                        assert_eq!(is_changed, should, "{case}");
                    }
                    database.execute("DELETE FROM organizations; DELETE FROM users").await;
                }
            }
        }
    }
    tried
}

both! {
    async fn every_line_of_the_table_holds_through_both_faces(database) {
        let app = start(&database).await;
        let tried = try_all(&database, &app).await;
        assert!(tried > 450, "{tried}");
    }
}
