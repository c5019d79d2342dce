//! Verification of Clerk session tokens: a token, a key, what is expected and the time go in, and
//! claims or one reason come out.
//!
//! The rules are those of RFC 7515 and RFC 7519 as Clerk uses them ("Session tokens", "Manual JWT
//! verification"), cheap ones first: nothing is asked of the network or of cryptography for a text
//! that cannot be a session token. The algorithm is pinned to RS256; what the token says about keys
//! other than its `kid` is never looked at.
//!
//! This module must not know where keys come from, who the user is here, or what the clock says.

mod claims;
mod error;
mod organization;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

pub use self::claims::{Claims, Expectations};
pub(crate) use self::error::{MAX_TOKEN, TokenError, TokenPart};
use super::key::{VerifyingKey, is_key_id};
use super::strict_json;

/// Prefixes of credentials that are no session token, though Clerk issues them: OAuth access
/// tokens, API keys, machine tokens (two forms) and secret keys.
const OPAQUE_PREFIXES: [&str; 5] = ["oat_", "ak_", "mt_", "m2m_", "sk_"];
/// Token class (header member `cat`) of session tokens.
const SESSION_CLASS: &str = "cl_B7d4PD111AAA";
/// Value of `cat` that says nothing about the class: the instance opted out of classes.
const UNSTATED_CLASS: &str = "cl_I7d4PD111III";

/// The bearer token among the values of all `Authorization` headers of a request (RFC 9110
/// section 11.6.2); `None` when there is no such header.
///
/// # Errors
///
/// `TokenError` when there are several headers, when the one there is does not read
/// `Bearer <token>` (the scheme in any letter case), or when the token exceeds `MAX_TOKEN`.
pub fn bearer_token<'a, V>(
    values: impl IntoIterator<Item = &'a V>,
) -> Result<Option<&'a str>, TokenError>
where
    V: AsRef<[u8]> + ?Sized + 'a,
{
    let mut values = values.into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(TokenError::SeveralHeaders);
    }
    let value = value.as_ref();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(TokenError::NotBearer);
    }
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let token = rest.get(spaces..).unwrap_or_default();
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLong);
    }
    // To the end, whatever is found: so the compiler takes many bytes at a time.
    let is_graphic = token.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() && is_graphic => Ok(Some(token)),
        _ => Err(TokenError::NotOneToken),
    }
}

/// The decoded parts of a token. Nothing is checked but their form, so this is for showing a token
/// to its owner, never for deciding anything.
#[derive(Clone)]
pub(crate) struct TokenParts<'a> {
    /// The JOSE header.
    pub(crate) header: Map<String, Value>,
    /// The claims.
    pub(crate) payload: Map<String, Value>,
    /// The claims as they were sent.
    payload_json: Box<str>,
    signing_input: &'a str,
    signature: &'a str,
}

impl<'a> TokenParts<'a> {
    /// Splits and decodes a compact JWS (RFC 7515 section 3.1).
    ///
    /// # Errors
    ///
    /// [`TokenError`] when the text is longer than [`MAX_TOKEN`], is another kind of credential,
    /// or is not three non-empty parts of unpadded base64url of which the first two are JSON
    /// objects without repeated members.
    pub(crate) fn decode(token: &'a str) -> Result<Self, TokenError> {
        if OPAQUE_PREFIXES.iter().any(|prefix| token.starts_with(prefix)) {
            return Err(TokenError::NotASessionToken);
        }
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenError::NotThreeParts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenError::NotThreeParts)?;
        let empty = header.is_empty() || payload.is_empty() || signature.is_empty();
        if empty || payload.contains('.') {
            return Err(TokenError::NotThreeParts);
        }
        decode_part(TokenPart::Signature, signature)?;
        let (header, _) = decode_object(TokenPart::Header, header)?;
        let (payload, payload_json) = decode_object(TokenPart::Payload, payload)?;
        Ok(Self { header, payload, payload_json, signing_input, signature })
    }
}

impl fmt::Debug for TokenParts<'_> {
    /// Shows no claims, which may hold an e-mail address, and nothing that could be replayed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenParts").finish_non_exhaustive()
    }
}

/// A token whose header is acceptable and whose signature has not been checked.
#[derive(Clone)]
pub struct UnverifiedToken<'a> {
    parts: TokenParts<'a>,
    key_id: String,
    session_required: bool,
}

impl<'a> UnverifiedToken<'a> {
    /// Decodes a token and applies every rule that needs no key.
    ///
    /// # Errors
    ///
    /// `TokenError`, the first rule that the form or the header breaks.
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        Self::from_parts(TokenParts::decode(token)?)
    }

    /// Applies the rules for the header to decoded parts.
    ///
    /// # Errors
    ///
    /// [`TokenError`], the first rule that the header breaks.
    pub(crate) fn from_parts(parts: TokenParts<'a>) -> Result<Self, TokenError> {
        let header = &parts.header;
        if header.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(TokenError::Algorithm);
        }
        if header.get("typ").is_some_and(|kind| kind.as_str() != Some("JWT")) {
            return Err(TokenError::Type);
        }
        // RFC 7515 section 4.1.11: an extension that is not understood forbids acceptance.
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let session_required = match header.get("cat").map(Value::as_str) {
            None | Some(Some(SESSION_CLASS)) => false,
            Some(Some(UNSTATED_CLASS)) => true,
            Some(_) => return Err(TokenError::Class),
        };
        let key_id = header.get("kid").and_then(Value::as_str).filter(|id| is_key_id(id));
        let key_id = key_id.ok_or(TokenError::KeyId)?.to_owned();
        Ok(Self { parts, key_id, session_required })
    }

    /// The id of the key that is said to have signed the token, well-shaped.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Applies the rules for the claims although the signature was not checked: for telling the owner of a
    /// token about it while its key cannot be had. It answers no claims, so that nothing can be decided
    /// by them.
    ///
    /// # Errors
    ///
    /// [`TokenError`], the first rule that the claims break.
    pub(crate) fn check_claims(
        &self,
        expect: &Expectations,
        now: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        let claims = Claims::read(&self.parts.payload, self.parts.payload_json.clone(), expect)?;
        if self.session_required && claims.session_id.is_none() {
            return Err(TokenError::SessionMissing);
        }
        claims.check_times(expect, now)
    }

    /// Checks the signature, then the claims.
    ///
    /// # Errors
    ///
    /// `TokenError`, the first rule that the token breaks.
    pub fn verify(
        self,
        key: &VerifyingKey,
        expect: &Expectations,
        now: DateTime<Utc>,
    ) -> Result<Claims, TokenError> {
        let signed = jsonwebtoken::crypto::verify(
            self.parts.signature,
            self.parts.signing_input.as_bytes(),
            key.decoding_key(),
            Algorithm::RS256,
        );
        if !matches!(signed, Ok(true)) {
            return Err(TokenError::Signature);
        }
        let claims = Claims::read(&self.parts.payload, self.parts.payload_json, expect)?;
        if self.session_required && claims.session_id.is_none() {
            return Err(TokenError::SessionMissing);
        }
        claims.check_times(expect, now)?;
        Ok(claims)
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    /// Shows the key id only: everything else is unchecked or could be replayed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UnverifiedToken")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Decodes strictly: no padding, no foreign characters, no loose bits at the end, so that one
/// token has one spelling.
fn decode_part(part: TokenPart, text: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Encoding { part })
}

/// A part that is a JSON object, read and as it was sent.
fn decode_object(
    part: TokenPart,
    text: &str,
) -> Result<(Map<String, Value>, Box<str>), TokenError> {
    strict_json::read_object(decode_part(part, text)?)
        .map_err(|fault| TokenError::Json { part, fault })
}

#[cfg(test)]
mod tests;
