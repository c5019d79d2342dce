//! The shapes of keys and tokens, checked before anything is sent anywhere. Pure functions; no
//! refusal repeats the text it refuses.

use aws_lc_rs::signature::RsaParameters;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use secrecy::SecretString;

use super::fault::Refusal;
use super::placeholder::is_placeholder;

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
pub(super) fn secret_key(text: &str) -> Result<(SecretString, Instance), Refusal> {
    let fix = "copy the secret key (sk_test_… or sk_live_…) from the API keys page of the Clerk \
               dashboard";
    let refuse = |reason: &str| Err(Refusal::new(reason, fix));
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
pub(super) fn publishable_key(text: &str) -> Result<PublishableKey, Refusal> {
    let fix = "copy the publishable key (pk_test_… or pk_live_…) from the API keys page of the \
               Clerk dashboard";
    if text.starts_with("sk_") {
        return Err(Refusal::new(
            "is a secret key, and this setting is shown to browsers",
            format!("{fix}; put the secret key into CLERK_SECRET_KEY"),
        ));
    }
    if is_placeholder(text) {
        return Err(Refusal::new("is a placeholder", fix));
    }
    let (instance, encoded) = match (text.strip_prefix("pk_test_"), text.strip_prefix("pk_live_")) {
        (Some(encoded), _) => (Instance::Test, encoded),
        (None, Some(encoded)) => (Instance::Live, encoded),
        (None, None) => {
            return Err(Refusal::new("does not begin with pk_test_ or pk_live_", fix));
        }
    };
    let host = frontend_host(encoded)
        .ok_or_else(|| Refusal::new("does not hold the address of a Clerk instance", fix))?;
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

/// The webhook signing secret: `whsec_` and the standard base64 of at least 16 bytes (Svix issues
/// 24). The prefix may be missing, as in Svix's libraries; it is put back.
pub(super) fn webhook_secret(text: &str) -> Result<SecretString, Refusal> {
    let fix = "copy the signing secret (whsec_…) of the endpoint from the Webhooks page of the \
               Clerk dashboard";
    let refuse = |reason: &str| Err(Refusal::new(reason, fix));
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
    match general_purpose::STANDARD.decode(encoded) {
        Ok(key) if key.len() >= 16 => Ok(SecretString::from(format!("whsec_{encoded}"))),
        Ok(_) => refuse("is too short to be a signing secret"),
        Err(_) => refuse("is not whsec_ followed by base64"),
    }
}

/// The fewest characters of the shared token of local mode.
const LOCAL_TOKEN_CHARACTERS: usize = 50;

/// The shared token of local mode: at least 50 visible ASCII characters, so that it fits into a
/// header as it is and cannot be guessed.
pub(super) fn local_token(text: &str) -> Result<SecretString, Refusal> {
    let fix = "generate one, for example with: openssl rand -hex 32";
    if is_placeholder(text) {
        return Err(Refusal::new("is a placeholder", fix));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::new(
            "has blanks or characters outside visible ASCII, which an Authorization header cannot \
             carry",
            fix,
        ));
    }
    if text.len() < LOCAL_TOKEN_CHARACTERS {
        return Err(Refusal::new(
            format!("has {} characters, fewer than {LOCAL_TOKEN_CHARACTERS}", text.len()),
            fix,
        ));
    }
    Ok(SecretString::from(text))
}

/// Sizes of RSA keys that verification accepts, in bits.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// A PEM public key (RFC 7468) with real or `\n`-escaped line breaks, or none at all. Answers the
/// same key with 64-column lines, which every PEM reader takes.
pub(super) fn jwt_key(text: &str) -> Result<String, Refusal> {
    let fix = "copy the PEM public key (JWKS public key) from the API keys page of the Clerk \
               dashboard, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----";
    if text.contains("PRIVATE KEY") {
        return Err(Refusal::new(
            "is a private key; tokens are verified with the public one and the private one belongs \
             on no other machine",
            format!("{fix}; treat the private key as exposed"),
        ));
    }
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let pem = public_key_block(&text).map_err(|reason| Refusal::new(reason, fix))?;
    let bits = jsonwebtoken::DecodingKey::from_rsa_pem(pem.as_bytes())
        .ok()
        .and_then(|key| RsaParameters::public_modulus_len(key.try_get_as_bytes().ok()?).ok())
        .ok_or_else(|| Refusal::new("is not an RSA public key", fix))?;
    if RSA_BITS.contains(&bits) {
        Ok(pem)
    } else {
        Err(Refusal::new(format!("is an RSA key of {bits} bits; 2048 to 8192 are accepted"), fix))
    }
}

/// The public key block of a text in canonical lines.
fn public_key_block(text: &str) -> Result<String, &'static str> {
    let (_, after) =
        text.split_once("-----BEGIN ").ok_or("holds no PEM block (-----BEGIN PUBLIC KEY-----)")?;
    let (label, after) = after.split_once("-----").ok_or("is cut off")?;
    if !matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY") {
        return Err("holds another PEM block than PUBLIC KEY");
    }
    let (body, _) = after.split_once(&format!("-----END {label}-----")).ok_or("is cut off")?;
    let body: Vec<char> = body.chars().filter(|c| !c.is_whitespace()).collect();
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in body.chunks(64) {
        pem.extend(line);
        pem.push('\n');
    }
    pem.extend(["-----END ", label, "-----\n"]);
    Ok(pem)
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
