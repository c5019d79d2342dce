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

use super::people::Person;
use crate::{clerk::key::DEVELOPMENT_KEY_PREFIX, clock::Clock};

/// The class of session tokens, as Clerk marks it in the header.
const SESSION_TOKEN_CLASS: &str = "cl_B7d4PD111AAA";

/// What a token is to say.
#[derive(Debug, Clone)]
pub(crate) struct Minting<'a> {
    /// Whose it is.
    pub(crate) person: &'a Person,
    /// The person's present id.
    pub(crate) clerk_user_id: String,
    /// How long it lives.
    pub(crate) ttl: TimeDelta,
    /// Issue it so long ago that it has just expired, leeway included.
    pub(crate) is_expired: bool,
    /// Whether e-mail address and name are among the claims.
    pub(crate) with_profile: bool,
    /// Slug of the organization to make active, instead of the person's own.
    pub(crate) organization: Option<&'a str>,
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

    /// Signs a token.
    pub(crate) fn mint(&self, minting: &Minting<'_>) -> anyhow::Result<String> {
        let header = json!({
            "alg": "RS256", "cat": SESSION_TOKEN_CLASS, "kid": self.key_id, "typ": "JWT",
        });
        let message = format!("{}.{}", encode(&header), encode(&self.claims(minting)));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| anyhow::anyhow!("the development key cannot sign"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn claims(&self, minting: &Minting<'_>) -> Value {
        let mut issued_at = self.clock.now().timestamp();
        if minting.is_expired {
            issued_at -= minting.ttl.num_seconds() + 3600;
        }
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("exp", json!(issued_at + minting.ttl.num_seconds()));
        claim("fva", json!([0, -1]));
        claim("iat", json!(issued_at));
        claim("iss", json!(self.url));
        claim("jti", json!(Uuid::new_v4().simple().to_string()));
        claim("nbf", json!(issued_at - 10));
        claim("sid", json!(format!("sess_dev_{}", Uuid::new_v4().simple())));
        claim("sts", json!("active"));
        claim("sub", json!(minting.clerk_user_id));
        claim("v", json!(2));
        let person = minting.person;
        if minting.with_profile {
            claim("name", json!(format!("{} {}", person.first_name, person.last_name)));
            if let Some(email) = person.email {
                claim("email", json!(email));
                claim("email_verified", json!(true));
            }
        }
        let own = person.organization.as_ref();
        if let Some(slug) = minting.organization.or(own.map(|own| own.slug)) {
            let role = own.filter(|own| own.slug == slug).map_or("member", |own| own.role);
            let id = format!("org_dev_{slug}");
            claim("o", json!({ "id": id, "slg": slug, "rol": role }));
        }
        Value::Object(claims)
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
