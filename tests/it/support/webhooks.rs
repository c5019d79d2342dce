//! Signed webhook messages, and the events they carry.

use axum::{body::Body, http::Request};
use mission_control::{
    clerk::webhook::{WebhookSecret, sign},
    clock::Clock,
};
use serde_json::{Value, json};

use super::{Answer, TestApp, TestDatabase};

/// What messages are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u";

/// A server that expects webhook messages.
pub async fn start_with_webhooks(database: &TestDatabase) -> TestApp {
    TestApp::start(database, &[("CLERK_WEBHOOK_SIGNING_SECRET", WEBHOOK_SECRET)]).await
}

/// Delivers an event under a message id, signed now.
pub async fn deliver(app: &TestApp, message: &str, event: &Value) -> Answer {
    let body = event.to_string();
    let now = app.clock.now().timestamp();
    let signature =
        sign(&WebhookSecret::parse(WEBHOOK_SECRET).unwrap(), message, now, body.as_bytes());
    let request = Request::post("/api/v1/webhooks/clerk")
        .header("svix-id", message)
        .header("svix-timestamp", now)
        .header("svix-signature", signature)
        .header("content-type", "application/json");
    app.send(request.body(Body::from(body)).unwrap()).await
}

/// An event in Clerk's envelope.
pub fn event(kind: &str, data: Value) -> Value {
    json!({ "type": kind, "object": "event", "data": data, "timestamp": 0, "instance_id": "ins_1" })
}

/// A user object as of a point in time, in milliseconds.
pub fn user_object(id: &str, email: Option<&str>, first_name: Option<&str>, at: i64) -> Value {
    let addresses: Vec<_> = email
        .iter()
        .map(|email| {
            json!({
                "id": "idn_1", "object": "email_address", "email_address": email,
                "verification": { "status": "verified" }, "linked_to": [],
            })
        })
        .collect();
    json!({
        "id": id, "object": "user", "first_name": first_name, "last_name": null, "username": null,
        "primary_email_address_id": email.map(|_| "idn_1"), "email_addresses": addresses,
        "banned": false, "locked": false, "created_at": 0, "updated_at": at,
    })
}

/// An organization object.
pub fn organization_object(id: &str, name: &str, created_by: Option<&str>, at: i64) -> Value {
    json!({
        "id": id, "object": "organization", "name": name, "slug": "sample",
        "created_by": created_by, "created_at": 0, "updated_at": at,
    })
}

/// A membership object.
pub fn membership_object(id: &str, organization: Value, user: &str, role: &str, at: i64) -> Value {
    json!({
        "id": id, "object": "organization_membership", "role": role, "organization": organization,
        "public_user_data": { "user_id": user, "identifier": "someone@example.com" },
        "created_at": 0, "updated_at": at,
    })
}
