//! The shapes of keys and tokens, checked before anything is sent anywhere. Pure functions; no
//! message repeats the text it refuses.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::SecretString;

use super::{
    fault::{InvalidValue, invalid},
    placeholder::is_placeholder,
};
use crate::clerk::{key::VerifyingKey, webhook::WebhookSecret};

/// The secret key of the development issuer. Public knowledge, so `serve` refuses it.
pub(super) const DEVELOPMENT_SECRET_KEY: &str = "sk_test_development";

/// The webhook secret of development mode: base64 of "development mode only, no secret".
/// Public knowledge, so `serve` refuses it.
pub(super) const DEVELOPMENT_WEBHOOK_SECRET: &str =
    "whsec_ZGV2ZWxvcG1lbnQgbW9kZSBvbmx5LCBubyBzZWNyZXQ=";

/// Which instance of a Clerk application a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instance {
    Test,
    Live,
}

impl Instance {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

/// A Clerk secret key: `sk_test_` or `sk_live_` and at least six letters, digits or underscores.
pub(super) fn secret_key(text: &str) -> Result<(SecretString, Instance), InvalidValue> {
    let fix = "copy the secret key (sk_test_… or sk_live_…) from the API keys page of the Clerk \
               dashboard";
    let refuse = |reason: &str| invalid(reason, fix);
    if text.starts_with("pk_") {
        return refuse("is a publishable key, not a secret key");
    }
    if text.starts_with("whsec_") {
        return refuse("is a webhook signing secret, not a secret key");
    }
    let (instance, rest) = match (text.strip_prefix("sk_test_"), text.strip_prefix("sk_live_")) {
        (Some(rest), _) => (Instance::Test, rest),
        (None, Some(rest)) => (Instance::Live, rest),
        (None, None) if is_placeholder(text) => return refuse("is a placeholder"),
        (None, None) => return refuse("does not begin with sk_test_ or sk_live_"),
    };
    if is_placeholder(text) {
        return refuse("is a placeholder");
    }
    if text == DEVELOPMENT_SECRET_KEY {
        return refuse("is the key of development mode, which everybody knows");
    }
    if rest.len() < 6 {
        return refuse("is cut off");
    }
    if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return refuse("has characters that no Clerk key has");
    }
    Ok((SecretString::from(text), instance))
}

/// A publishable key and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublishableKey {
    pub(super) text: String,
    /// The Frontend API address, which is the issuer of the instance's tokens.
    pub(super) issuer: String,
    pub(super) instance: Instance,
}

/// Clerk leaves the padding off and does not zero the loose bits in every key it ever issued.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A Clerk publishable key: `pk_test_` or `pk_live_` and the base64 of the Frontend API host
/// followed by one `$` (Clerk's `parsePublishableKey`); the host has a dot.
pub(super) fn publishable_key(text: &str) -> Result<PublishableKey, InvalidValue> {
    let fix = "copy the publishable key (pk_test_… or pk_live_…) from the API keys page of the \
               Clerk dashboard";
    if text.starts_with("sk_") {
        return invalid(
            "is a secret key, and this setting is shown to browsers",
            format!("{fix}; put the secret key into CLERK_SECRET_KEY"),
        );
    }
    if is_placeholder(text) {
        return invalid("is a placeholder", fix);
    }
    let (instance, encoded) = match (text.strip_prefix("pk_test_"), text.strip_prefix("pk_live_")) {
        (Some(encoded), _) => (Instance::Test, encoded),
        (None, Some(encoded)) => (Instance::Live, encoded),
        (None, None) => {
            return invalid("does not begin with pk_test_ or pk_live_", fix);
        }
    };
    let host = frontend_host(encoded)
        .ok_or_else(|| InvalidValue::new("does not hold the address of a Clerk instance", fix))?;
    Ok(PublishableKey { text: text.to_owned(), issuer: format!("https://{host}"), instance })
}

fn frontend_host(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(LENIENT_BASE64.decode(encoded).ok()?).ok()?;
    let host = decoded.strip_suffix('$')?;
    let plain =
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    let labels = host.contains('.') && host.split('.').all(|label| !label.is_empty());
    (plain && labels).then(|| host.to_owned())
}

/// The fewest bytes of a webhook signing secret. Svix issues 24.
const WEBHOOK_SECRET_BYTES: usize = 16;

/// A webhook signing secret, and no example of one.
pub(super) fn webhook_secret(text: &str) -> Result<WebhookSecret, InvalidValue> {
    let fix = "copy the signing secret (whsec_…) of the endpoint from the Webhooks page of the \
               Clerk dashboard";
    let refuse = |reason: &str| invalid(reason, fix);
    if text.starts_with("sk_") || text.starts_with("pk_") {
        return refuse("is an API key, not a webhook signing secret");
    }
    if is_placeholder(text) {
        return refuse("is a placeholder");
    }
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    if DEVELOPMENT_WEBHOOK_SECRET.strip_prefix("whsec_") == Some(encoded) {
        return refuse("is the secret of development mode, which everybody knows");
    }
    match WebhookSecret::parse(text) {
        Ok(_) if encoded.trim_end_matches('=').len() * 3 / 4 < WEBHOOK_SECRET_BYTES => {
            refuse("is too short to be a signing secret")
        }
        Ok(secret) => Ok(secret),
        Err(_) => refuse("is not whsec_ followed by base64"),
    }
}

/// How to get a shared token.
pub(super) const TOKEN_FIX: &str = "generate one, for example with: openssl rand -hex 32";

/// The fewest characters of the shared token of local mode.
const LOCAL_TOKEN_CHARACTERS: usize = 50;

/// The shared token of local mode: at least 50 visible ASCII characters, so that it fits into a
/// header as it is and cannot be guessed.
pub(super) fn local_token(text: &str) -> Result<SecretString, InvalidValue> {
    let fix = TOKEN_FIX;
    if is_placeholder(text) {
        return invalid("is a placeholder", fix);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid(
            "has blanks or characters outside visible ASCII, which an Authorization header cannot \
             carry",
            fix,
        );
    }
    if text.len() < LOCAL_TOKEN_CHARACTERS {
        return invalid(
            format!("has {} characters, fewer than {LOCAL_TOKEN_CHARACTERS}", text.len()),
            fix,
        );
    }
    Ok(SecretString::from(text))
}

/// The public key of an instance; see [`VerifyingKey::from_pem`] for the forms it may have.
pub(super) fn jwt_key(text: &str) -> Result<VerifyingKey, InvalidValue> {
    let fix = if text.contains("PRIVATE KEY") {
        "copy the PEM public key from the API keys page of the Clerk dashboard, and treat the \
             private key as exposed: it belongs on no other machine"
    } else {
        "copy the PEM public key (JWKS public key) from the API keys page of the Clerk dashboard, \
             from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----; in .env put double quotes \
             around it"
    };
    VerifyingKey::from_pem(text).map_err(|fault| InvalidValue::new(fault.to_string(), fix))
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
