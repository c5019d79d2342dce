//! People, and what they ask for.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestDatabase, Token};

/// A token whose address is verified, as an operator's claims may say.
pub fn verified(app: &TestApp, clerk_user_id: &str) -> Token {
    app.token(clerk_user_id).claim("email_verified", true)
}

/// Signs somebody in and answers the token.
pub async fn signed_in(app: &TestApp, clerk_user_id: &str) -> Token {
    let token = verified(app, clerk_user_id);
    app.query(Some(&token), "{ me { id } }").await.data();
    token
}

/// Sends a mutation of one field, and answers that field.
pub async fn change(app: &TestApp, token: &Token, field: &str) -> Value {
    let data = app.query(Some(token), &format!("mutation {{ it: {field} }}")).await.data();
    data["it"].clone()
}

/// Founds an organization and answers its id.
pub async fn found(app: &TestApp, token: &Token, name: &str) -> String {
    let field = format!(
        "createOrganization(input: {{ name: {} }}) {{ organization {{ id }} userErrors {{ code }} }}",
        json!(name)
    );
    let payload = change(app, token, &field).await;
    text(&payload["organization"]["id"])
}

/// Invites an address, and answers the id of the invitation and its token.
pub async fn invite(
    app: &TestApp,
    token: &Token,
    organization: &str,
    email: &str,
    role: &str,
) -> (String, String) {
    let field = format!(
        "createInvitation(input: {{ organizationId: \"{organization}\", email: \"{email}\", role: {role} }}) \
         {{ invitation {{ id }} token userErrors {{ code }} }}"
    );
    let payload = change(app, token, &field).await;
    (text(&payload["invitation"]["id"]), text(&payload["token"]))
}

/// Accepts an invitation.
pub async fn accept(app: &TestApp, token: &Token, invitation: &str) -> Answer {
    let query = format!(
        "mutation {{ acceptInvitation(input: {{ token: \"{invitation}\" }}) \
         {{ member {{ id role organization {{ id name }} }} userErrors {{ code }} }} }}"
    );
    app.query(Some(token), &query).await
}

/// Brings somebody into an organization with an invitation, and answers the membership's id.
pub async fn bring_in(
    app: &TestApp,
    owner: &Token,
    organization: &str,
    clerk_user_id: &str,
    role: &str,
) -> (Token, String) {
    let token = signed_in(app, clerk_user_id).await;
    let email = format!("{clerk_user_id}@example.com");
    let (_, invitation) = invite(app, owner, organization, &email, role).await;
    let data = accept(app, &token, &invitation).await.data();
    (token, text(&data["acceptInvitation"]["member"]["id"]))
}

/// The members of an organization as somebody in it sees them: address and role, in order.
pub async fn roles(app: &TestApp, token: &Token, organization: &str) -> Vec<String> {
    let query = format!(
        "{{ organization(id: \"{organization}\") {{ members {{ nodes {{ email role }} }} }} }}"
    );
    let data = app.query(Some(token), &query).await.data();
    let Some(nodes) = data["organization"]["members"]["nodes"].as_array() else {
        return Vec::new();
    };
    let line = |node: &Value| {
        let email = text(&node["email"]);
        format!("{} {}", email.split('@').next().unwrap(), text(&node["role"]))
    };
    nodes.iter().map(line).collect()
}

/// Everything about organizations that is stored, as lines of text.
pub async fn stored(database: &TestDatabase) -> Vec<String> {
    let queries = [
        "SELECT 'organization ' || CAST(id AS TEXT) || ' ' || name FROM organizations",
        "SELECT 'member ' || CAST(id AS TEXT) || ' ' || CAST(organization_id AS TEXT) || ' ' || \
         CAST(user_id AS TEXT) || ' ' || role FROM organization_members",
        "SELECT 'invitation ' || CAST(id AS TEXT) || ' ' || email || ' ' || role FROM organization_invitations",
        "SELECT 'active ' || CAST(id AS TEXT) || ' ' || COALESCE(CAST(active_organization_id AS TEXT), '-') FROM users",
    ];
    let mut lines = database.texts(&queries.join(" UNION ALL ")).await;
    lines.sort();
    lines
}

/// A text that must be one.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
