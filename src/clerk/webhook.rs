//! Signatures of the webhooks that Clerk sends through Svix ("Verifying payloads" in Svix's
//! documentation; the Standard Webhooks specification uses the same scheme under other names).
//!
//! The signature covers the raw body, so verification comes before any JSON. This module must not
//! know what an event means, and it takes the time as a parameter.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::id::is_clerk_id;

/// How far, in whole seconds, the sender's clock may be from ours, in either direction and
/// inclusive. Bounds how long a recorded message can be replayed.
pub(crate) const TOLERANCE: i64 = 300;
/// The length of an HMAC-SHA256.
const TAG_BYTES: usize = 32;
/// Header names of one message, in the two spellings that are in use: id, timestamp, signature.
const SVIX_HEADERS: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];
const STANDARD_HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// Why a text is not a signing secret. The text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretFault {
    /// There is no secret at all.
    #[error("no signing secret is given")]
    Missing,
    /// The secret, or what follows `whsec_`, is empty.
    #[error("the signing secret is empty")]
    Empty,
    /// What follows `whsec_` is not standard base64.
    #[error("the signing secret is not whsec_ followed by base64")]
    NotBase64,
}

/// One signing secret of a webhook endpoint.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    /// Reads `whsec_` and standard base64, as Clerk's dashboard shows it. Outer white space and a
    /// missing prefix are forgiven.
    ///
    /// # Errors
    ///
    /// [`SecretFault`] when the rest is empty or not base64.
    pub fn parse(text: &str) -> Result<Self, SecretFault> {
        let text = text.trim();
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        if encoded.is_empty() {
            return Err(SecretFault::Empty);
        }
        let key = STANDARD.decode(encoded).map_err(|_| SecretFault::NotBase64)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    fn tag(&self, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        context.sign()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret([redacted])")
    }
}

/// The value of the signature header for a message, `v1,` and base64; `timestamp` in Unix seconds.
pub fn sign(secret: &WebhookSecret, id: &str, timestamp: i64, body: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(secret.tag(id, &timestamp.to_string(), body)))
}

/// The id of a message (`msg_…`): the same for every delivery of one event to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageId(String);

impl MessageId {
    /// The id as text, 1 to 255 visible ASCII characters.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a delivery is not accepted. The answer must not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum WebhookError {
    /// One of the three headers is missing.
    #[error("the headers svix-id, svix-timestamp and svix-signature are not all there")]
    HeaderMissing,
    /// One of the three headers is there more than once.
    #[error("one of the signature headers is repeated")]
    HeaderRepeated,
    /// The message id is not visible ASCII without a dot, or too long.
    #[error("the message id is malformed")]
    MessageId,
    /// The timestamp is not a canonical number of seconds.
    #[error("the timestamp is malformed")]
    Timestamp,
    /// The timestamp is too old: a replay, or a clock difference.
    #[error(
        "the message was signed {seconds} s ago, more than {TOLERANCE} s: a replay, or clocks differ"
    )]
    TooOld {
        /// Age of the signature.
        seconds: i64,
    },
    /// The timestamp is too far ahead: a clock difference.
    #[error(
        "the message was signed {seconds} s in the future, more than {TOLERANCE} s: clocks differ"
    )]
    TooNew {
        /// Distance of the timestamp.
        seconds: i64,
    },
    /// No signature of version 1 fits any secret.
    #[error("no signature fits; is CLERK_WEBHOOK_SIGNING_SECRET the secret of this endpoint?")]
    Signature,
}

impl WebhookError {
    /// A short stable label for counters and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::HeaderMissing => "header_missing",
            Self::HeaderRepeated => "header_repeated",
            Self::MessageId => "message_id",
            Self::Timestamp => "timestamp",
            Self::TooOld { .. } => "too_old",
            Self::TooNew { .. } => "too_new",
            Self::Signature => "signature",
        }
    }
}

/// The secrets of which any may have signed a delivery: one, or two while Clerk rotates. Never
/// empty.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSecrets(Vec<WebhookSecret>);

impl WebhookSecrets {
    /// Reads every secret of a list; see [`WebhookSecret::parse`].
    ///
    /// # Errors
    ///
    /// [`SecretFault`] of the first unreadable secret, or when there is none.
    #[cfg(test)]
    pub(crate) fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SecretFault> {
        let secrets: Vec<_> =
            texts.into_iter().map(WebhookSecret::parse).collect::<Result<_, _>>()?;
        if secrets.is_empty() { Err(SecretFault::Missing) } else { Ok(Self(secrets)) }
    }

    /// Secrets that were read one by one; `None` when there is none.
    pub(crate) fn new(secrets: Vec<WebhookSecret>) -> Option<Self> {
        (!secrets.is_empty()).then_some(Self(secrets))
    }

    /// The one to sign with.
    pub(crate) fn first(&self) -> Option<&WebhookSecret> {
        self.0.first()
    }

    /// Judges what can be judged of a delivery without its body: that the headers are there and have
    /// the shape of signed ones, and the age. Costs next to nothing.
    ///
    /// # Errors
    ///
    /// [`WebhookError`], the first rule that the headers break.
    pub(crate) fn check_headers(
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        SignedHeaders::read(headers, now).map(drop)
    }

    /// Verifies a delivery: its headers, the raw body, and its age at `now`.
    ///
    /// The headers are `svix-*` or, when those are incomplete, `webhook-*`; the two are never mixed.
    ///
    /// # Errors
    ///
    /// [`WebhookError`], the first rule that the delivery breaks.
    pub(crate) fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<MessageId, WebhookError> {
        let SignedHeaders { id, timestamp, tags } = SignedHeaders::read(headers, now)?;
        // One pass over the body per secret, however many signatures are offered.
        let expected: Vec<_> =
            self.0.iter().map(|secret| secret.tag(id, timestamp, body)).collect();
        let fits = tags.iter().any(|offered| {
            expected
                .iter()
                .any(|tag| constant_time::verify_slices_are_equal(tag.as_ref(), offered).is_ok())
        });
        if fits { Ok(MessageId(id.to_owned())) } else { Err(WebhookError::Signature) }
    }
}

/// The headers of a delivery, each in its shape and none too old; whether they are genuine is open.
struct SignedHeaders<'a> {
    id: &'a str,
    timestamp: &'a str,
    /// The offered signatures of version 1, at least one.
    tags: Vec<Vec<u8>>,
}

impl<'a> SignedHeaders<'a> {
    fn read(headers: &'a HeaderMap, now: DateTime<Utc>) -> Result<Self, WebhookError> {
        let [id, timestamp, signatures] = message_headers(headers)?;
        // The signed text joins its parts with dots, so an id with one could be read in two ways.
        let id = text(id).filter(|id| is_clerk_id(id) && !id.contains('.'));
        let id = id.ok_or(WebhookError::MessageId)?;
        let timestamp = text(timestamp).ok_or(WebhookError::Timestamp)?;
        check_age(timestamp, now)?;
        let tags: Vec<_> = signatures.split(|byte| *byte == b' ').filter_map(offered_tag).collect();
        if tags.is_empty() {
            return Err(WebhookError::Signature);
        }
        Ok(Self { id, timestamp, tags })
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn message_headers(headers: &HeaderMap) -> Result<[&[u8]; 3], WebhookError> {
    let complete = |names: &[&str; 3]| names.iter().all(|name| headers.contains_key(*name));
    let names = [SVIX_HEADERS, STANDARD_HEADERS]
        .into_iter()
        .find(complete)
        .ok_or(WebhookError::HeaderMissing)?;
    let mut values: [&[u8]; 3] = [&[]; 3];
    for (value, name) in values.iter_mut().zip(names) {
        let mut all = headers.get_all(name).iter();
        *value = all.next().ok_or(WebhookError::HeaderMissing)?.as_bytes();
        if all.next().is_some() {
            return Err(WebhookError::HeaderRepeated);
        }
    }
    Ok(values)
}

/// Checks a timestamp in Unix seconds: digits only, no leading zero, near enough to `now`.
fn check_age(timestamp: &str, now: DateTime<Utc>) -> Result<(), WebhookError> {
    let canonical = timestamp.bytes().all(|byte| byte.is_ascii_digit())
        && (timestamp.len() == 1 || !timestamp.starts_with('0'));
    let seconds: i64 =
        timestamp.parse().ok().filter(|_| canonical).ok_or(WebhookError::Timestamp)?;
    let age = now.timestamp().saturating_sub(seconds);
    if age > TOLERANCE {
        return Err(WebhookError::TooOld { seconds: age });
    }
    if age < -TOLERANCE {
        return Err(WebhookError::TooNew { seconds: age.saturating_neg() });
    }
    Ok(())
}

/// The tag in one entry of the signature header; `None` for other versions and for junk.
fn offered_tag(entry: &[u8]) -> Option<Vec<u8>> {
    let tag = STANDARD.decode(entry.strip_prefix(b"v1,")?).ok()?;
    (tag.len() == TAG_BYTES).then_some(tag)
}

#[cfg(test)]
mod tests;
