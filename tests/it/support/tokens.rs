//! Session tokens in Clerk's shape, signed with a fixed key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// Id of the key that signs unless another is chosen; the stand-in for Clerk publishes it.
pub const KEY_ID: &str = "ins_2SampleTest";

/// A token about to be signed.
#[derive(Clone)]
pub struct Token {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
}

impl Token {
    /// An ordinary version 2 session token: 60 seconds, no e-mail address, no name.
    pub fn new(clerk_user_id: &str, now: DateTime<Utc>) -> Self {
        let now = now.timestamp();
        Self {
            header: json!({
                "alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": KEY_ID, "typ": "JWT",
            }),
            claims: json!({
                "exp": now + 60, "fva": [0, -1], "iat": now, "iss": "https://clerk.example.com",
                "jti": "0123456789abcdef", "nbf": now - 10,
                "sid": format!("sess_{clerk_user_id}"), "sts": "active", "sub": clerk_user_id, "v": 2,
            }),
        }
    }

    /// The same with an e-mail address and a name, so that Clerk need not be asked.
    pub fn complete(clerk_user_id: &str, now: DateTime<Utc>) -> Self {
        Self::new(clerk_user_id, now)
            .claim("email", format!("{clerk_user_id}@example.com"))
            .claim("name", "Sample Person")
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Makes a Clerk organization the active one.
    pub fn organization(self, id: &str, role: &str) -> Self {
        self.claim("o", json!({ "id": id, "slg": "sample", "rol": role }))
    }

    /// Moves issue, not-before and expiry.
    pub fn shifted(mut self, by: TimeDelta) -> Self {
        for name in ["iat", "nbf", "exp"] {
            let moved = self.claims[name].as_i64().unwrap() + by.num_seconds();
            self.claims[name] = moved.into();
        }
        self
    }

    /// Signs with the key that the stand-in for Clerk publishes.
    pub fn sign(&self) -> String {
        self.sign_with(include_str!("../../keys/test-rsa.pem"))
    }

    /// Signs with another private key.
    pub fn sign_with(&self, pem: &str) -> String {
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = crypto::sign(message.as_bytes(), &key, Algorithm::RS256).unwrap();
        format!("{message}.{signature}")
    }
}
