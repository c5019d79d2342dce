//! Public keys that may verify a session token.
//!
//! A key is checked once, when it is loaded: a key that this module hands out is an RSA signing key
//! of a sound size, so the verifier need not ask again. Nothing here knows where a set came from,
//! how old it is, or what a token says.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use thiserror::Error;

use super::pem::{PemFault, public_key_blocks};

/// Longest key id that is looked up, in bytes. Clerk's are about 30.
const MAX_KEY_ID: usize = 128;
/// Sizes of RSA moduli, in bits, that the signature check supports. RFC 7518 section 3.3 demands
/// at least 2048.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Key ids of the development issuer begin so, to be told from Clerk's.
pub(crate) const DEVELOPMENT_KEY_PREFIX: &str = "mission-control-development-";

/// Whether a text has the shape of a key id: 1 to 128 letters, digits, dots, underscores or
/// hyphens. Anything else is refused before it can start a look-up or reach a log line.
pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=MAX_KEY_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Why a published key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// The entry is not an object, or a member has the wrong type.
    #[error("is not a JSON Web Key")]
    Malformed,
    /// `kty` is not `RSA`, or the PEM block holds a key of another kind.
    #[error("is not an RSA key")]
    NotRsa,
    /// `use` says that the key is not for signatures (RFC 7517 section 4.2).
    #[error("is not published for signatures (use)")]
    NotForSignatures,
    /// `alg` names another algorithm than RS256 (RFC 7517 section 4.4).
    #[error("is published for another algorithm than RS256")]
    OtherAlgorithm,
    /// `kid` is missing or not of the shape `is_key_id` asks for.
    #[error("has no usable key id (kid)")]
    KeyId,
    /// Another usable key of the same set has the same `kid`.
    #[error("repeats the key id of another key")]
    DuplicateKeyId,
    /// `n` or `e` is missing or not unpadded base64url.
    #[error("lacks a modulus or an exponent")]
    Components,
    /// The modulus is not an odd number of 2048 to 8192 bits.
    #[error("has an unsuitable modulus of {bits} bits; 2048 to 8192 are accepted")]
    Modulus {
        /// Length of the modulus in bits.
        bits: usize,
    },
    /// The exponent is not an odd number from 3 to 2^32 - 1.
    #[error("has an unsuitable exponent")]
    Exponent,
    /// The text of a configured key holds no PEM public key.
    #[error(transparent)]
    Pem(#[from] PemFault),
    /// The PEM block cannot be read: its content is damaged.
    #[error("is a damaged PEM public key")]
    Damaged,
}

/// An RSA public key that passed every check and may verify RS256 signatures.
///
/// Two values are equal when they are the same key, whatever id or encoding they came with.
#[derive(Clone)]
pub struct VerifyingKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    decoding: DecodingKey,
}

impl VerifyingKey {
    /// Takes a key from a published set (RFC 7517).
    ///
    /// # Errors
    ///
    /// [`KeyFault`] unless it is an RSA key of 2048 to 8192 bits with a well-shaped `kid`, whose
    /// `use` is absent or `sig` and whose `alg` is absent or `RS256`.
    pub(crate) fn from_jwk(jwk: &Jwk) -> Result<Self, KeyFault> {
        if jwk.kty.as_deref() != Some("RSA") {
            return Err(KeyFault::NotRsa);
        }
        if jwk.public_key_use.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(KeyFault::NotForSignatures);
        }
        if jwk.alg.as_deref().is_some_and(|algorithm| algorithm != "RS256") {
            return Err(KeyFault::OtherAlgorithm);
        }
        if !jwk.kid.as_deref().is_some_and(is_key_id) {
            return Err(KeyFault::KeyId);
        }
        Self::from_components(&component(jwk.n.as_deref())?, &component(jwk.e.as_deref())?)
    }

    /// Takes a PEM public key, `PUBLIC KEY` (RFC 5280) or `RSA PUBLIC KEY` (RFC 8017), in any of the forms
    /// that `clerk::pem` understands.
    ///
    /// # Errors
    ///
    /// [`KeyFault`] when the text holds no such block or the key is unsuitable.
    pub fn from_pem(text: &str) -> Result<Self, KeyFault> {
        let blocks = public_key_blocks(text)?;
        let read = blocks.iter().find_map(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok());
        let Some(key) = read else {
            // A readable block of another kind is worth telling apart from a damaged one.
            let is_readable = blocks.iter().any(|pem| {
                DecodingKey::from_ec_pem(pem.as_bytes()).is_ok()
                    || DecodingKey::from_ed_pem(pem.as_bytes()).is_ok()
            });
            return Err(if is_readable { KeyFault::NotRsa } else { KeyFault::Damaged });
        };
        let der = key.try_get_as_bytes().map_err(|_| KeyFault::Damaged)?;
        let (modulus, exponent) = read_rsa_public_key(der).ok_or(KeyFault::Damaged)?;
        Self::from_components(modulus, exponent)
    }

    /// Checks modulus and exponent, both big-endian, and builds the key.
    fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyFault> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        let bits = bit_length(modulus);
        if !MODULUS_BITS.contains(&bits) || !is_odd(modulus) {
            return Err(KeyFault::Modulus { bits });
        }
        // An exponent of 1 would make every message its own signature.
        if exponent.len() > 4 || !is_odd(exponent) || exponent == [1] {
            return Err(KeyFault::Exponent);
        }
        Ok(Self {
            decoding: DecodingKey::from_rsa_raw_components(modulus, exponent),
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// The key in the form the signature check takes.
    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.decoding
    }

    /// The first eight bytes, in hexadecimal, of the key's RFC 7638 thumbprint: enough to tell two
    /// keys apart in a log.
    pub(crate) fn fingerprint(&self) -> String {
        let canonical = format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(&self.exponent),
            URL_SAFE_NO_PAD.encode(&self.modulus)
        );
        let thumbprint = digest::digest(&digest::SHA256, canonical.as_bytes());
        let mut text = String::with_capacity(16);
        for byte in thumbprint.as_ref().iter().take(8) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.modulus == other.modulus && self.exponent == other.exponent
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({})", self.fingerprint())
    }
}

/// One entry of a published key set, as it stands: nothing is checked yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Jwk {
    /// Key type; only `RSA` is usable.
    pub(crate) kty: Option<String>,
    /// Key id, the `kid` of the tokens the key signs.
    pub(crate) kid: Option<String>,
    /// Intended use (`use`); absent or `sig` for a usable key.
    #[serde(rename = "use")]
    pub(crate) public_key_use: Option<String>,
    /// Intended algorithm; absent or `RS256` for a usable key.
    pub(crate) alg: Option<String>,
    /// Modulus, unpadded base64url.
    pub(crate) n: Option<String>,
    /// Exponent, unpadded base64url.
    pub(crate) e: Option<String>,
}

fn component(text: Option<&str>) -> Result<Vec<u8>, KeyFault> {
    text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(KeyFault::Components)
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Length in bits of a big-endian number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last % 2 == 1)
}

/// Modulus and exponent of an `RSAPublicKey` structure (RFC 8017 appendix A.1.1).
fn read_rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let (fields, rest) = read_element(SEQUENCE, der)?;
    let (modulus, fields) = read_element(INTEGER, fields)?;
    let (exponent, fields) = read_element(INTEGER, fields)?;
    (rest.is_empty() && fields.is_empty()).then_some((modulus, exponent))
}

/// Content of the DER element of the given tag at the start of `input`, and what follows it.
fn read_element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, input) = input.split_first()?;
    let (first, input) = input.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, input) = match usize::from(*first) {
        short @ ..=0x7F => (short, input),
        // A key needs two length bytes; more would only be an overflow waiting to happen.
        long @ 0x81..=0x82 => {
            let (bytes, input) = input.split_at_checked(long - 0x80)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), input)
        }
        _ => return None,
    };
    input.split_at_checked(length)
}

#[cfg(test)]
mod tests;
