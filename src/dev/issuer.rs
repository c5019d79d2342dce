//! Mints session tokens in Clerk's shape (version 2 claims) and publishes the key that verifies them.

use std::sync::Arc;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    clients::new_id,
    register::{ActiveOrganization, Person},
};
use crate::{clerk::key::DEVELOPMENT_KEY_PREFIX, clock::Clock};

/// The class of session tokens, as Clerk marks it in the header.
const SESSION_TOKEN_CLASS: &str = "cl_B7d4PD111AAA";

/// The class of tokens made from a template, which are no session tokens.
const TEMPLATE_TOKEN_CLASS: &str = "cl_B7d4PD222AAA";

/// What a token is to say.
#[derive(Debug, Clone)]
pub(crate) struct Minting<'a> {
    /// Whose it is.
    pub(crate) person: &'a Person,
    /// The session it belongs to; without one it gets an id that no session has.
    pub(crate) session: Option<&'a str>,
    /// The origin of the page that asked for it, as browsers write it.
    pub(crate) origin: Option<&'a str>,
    /// How long it lives.
    pub(crate) ttl: TimeDelta,
    /// Issue it so long ago that it has just expired, leeway included.
    pub(crate) is_expired: bool,
    /// Whether e-mail address and name are among the claims.
    pub(crate) with_profile: bool,
    /// The organization to make active.
    pub(crate) organization: Option<ActiveOrganization>,
}

/// The development issuer.
pub(crate) struct Issuer {
    key: RsaKeyPair,
    key_id: String,
    url: String,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// Tokens will name `url` as their issuer.
    pub(crate) fn new(key: RsaKeyPair, url: String, clock: Arc<dyn Clock>) -> Self {
        let fingerprint = digest(&SHA256, key.public_key().as_ref());
        let short = fingerprint.as_ref().get(..9).unwrap_or_default();
        let key_id = format!("{DEVELOPMENT_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(short));
        Self { key, key_id, url, clock }
    }

    /// The key set, as `/v1/jwks` publishes it.
    pub(crate) fn key_set(&self) -> Value {
        let public = self.key.public_key();
        json!({ "keys": [{
            "use": "sig",
            "kty": "RSA",
            "kid": self.key_id,
            "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        }] })
    }

    /// Signs a session token.
    pub(crate) fn mint(&self, minting: &Minting<'_>) -> anyhow::Result<String> {
        self.sign(SESSION_TOKEN_CLASS, &self.claims(minting))
    }

    /// Signs a token of a template, which says who its owner is and belongs to no session.
    pub(crate) fn mint_from_template(&self, minting: &Minting<'_>) -> anyhow::Result<String> {
        let mut claims = self.claims(minting);
        for name in ["sid", "fva", "sts", "v", "o"] {
            claims.remove(name);
        }
        self.sign(TEMPLATE_TOKEN_CLASS, &claims)
    }

    /// Signs the cookies that a server which sent a browser here is to set (Clerk's handshake).
    pub(crate) fn sign_handshake(&self, cookies: &[String]) -> anyhow::Result<String> {
        let claims = Map::from_iter([("handshake".to_owned(), json!(cookies))]);
        self.sign(SESSION_TOKEN_CLASS, &claims)
    }

    fn sign(&self, class: &str, claims: &Map<String, Value>) -> anyhow::Result<String> {
        let header = json!({ "alg": "RS256", "cat": class, "kid": self.key_id, "typ": "JWT" });
        let encode = |value: String| URL_SAFE_NO_PAD.encode(value);
        let claims = serde_json::to_string(claims)?;
        let message = format!("{}.{}", encode(header.to_string()), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| anyhow::anyhow!("the development key cannot sign"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn claims(&self, minting: &Minting<'_>) -> Map<String, Value> {
        let mut issued_at = self.clock.now().timestamp();
        if minting.is_expired {
            issued_at -= minting.ttl.num_seconds() + 3600;
        }
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        if let Some(origin) = minting.origin {
            claim("azp", json!(origin));
        }
        claim("exp", json!(issued_at + minting.ttl.num_seconds()));
        claim("fva", json!([0, -1]));
        claim("iat", json!(issued_at));
        claim("iss", json!(self.url));
        claim("jti", json!(Uuid::new_v4().simple().to_string()));
        claim("nbf", json!(issued_at - 10));
        claim("sid", json!(minting.session.map_or_else(|| new_id("sess"), str::to_owned)));
        claim("sts", json!("active"));
        let person = minting.person;
        claim("sub", json!(person.clerk_id));
        claim("v", json!(2));
        if minting.with_profile {
            if let Some(name) = person.full_name() {
                claim("name", json!(name));
            }
            if let Some(email) = &person.email {
                claim("email", json!(email));
                claim("email_verified", json!(true));
            }
        }
        if let Some(active) = &minting.organization {
            claim("o", json!({ "id": active.id, "slg": active.slug, "rol": active.role }));
        }
        claims
    }
}
