//! Finds a PEM public key (RFC 7468) in a text, however the environment it went through has treated its line
//! breaks. Knows the form alone; whether the key is suitable is for [`key`](super::key) to judge.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use thiserror::Error;

/// Why a text holds no PEM public key. The text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PemFault {
    /// There is neither a block nor the base64 of one.
    #[error("is not a PEM public key (-----BEGIN PUBLIC KEY-----)")]
    NotPem,
    /// The block has no end.
    #[error("is cut off: -----END PUBLIC KEY----- is missing")]
    CutOff,
    /// The block is a certificate, for example.
    #[error("holds another PEM block than PUBLIC KEY")]
    OtherBlock,
    /// A private key does not belong in a verifier.
    #[error("is a private key; use the public one")]
    PrivateKey,
    /// A key set or one of its entries.
    #[error("is JSON, not a PEM public key (-----BEGIN PUBLIC KEY-----)")]
    Json,
    /// The place where the key can be found.
    #[error("is an address, not the PEM public key itself (-----BEGIN PUBLIC KEY-----)")]
    Address,
}

const LABELS: [&str; 2] = ["PUBLIC KEY", "RSA PUBLIC KEY"];

/// Padding and loose bits do not matter: whether the key is whole shows when it is read.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The public key block of a text in canonical lines, or the two it may be when only the body is there.
///
/// Understood are real line breaks, `\n` and `\r` written out, a backslash at the end of each line, no
/// line breaks at all, text around the block, the base64 of all that, and the body without its frame.
pub(super) fn public_key_blocks(text: &str) -> Result<Vec<String>, PemFault> {
    match blocks_in(text) {
        Err(PemFault::NotPem) => from_base64(text),
        outcome => outcome,
    }
}

fn blocks_in(text: &str) -> Result<Vec<String>, PemFault> {
    if text.contains("PRIVATE KEY") {
        return Err(PemFault::PrivateKey);
    }
    // Base64 has no backslash, so those that are left cannot be part of the key.
    let text = text.replace("\\r", "").replace("\\n", "\n").replace('\\', "");
    let (_, after) = text.split_once("-----BEGIN ").ok_or(PemFault::NotPem)?;
    let (label, after) = after.split_once("-----").ok_or(PemFault::CutOff)?;
    if !LABELS.contains(&label) {
        return Err(PemFault::OtherBlock);
    }
    let (body, _) = after.split_once(&format!("-----END {label}-----")).ok_or(PemFault::CutOff)?;
    Ok(vec![block(label, body)])
}

fn from_base64(text: &str) -> Result<Vec<String>, PemFault> {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        return Err(PemFault::Json);
    }
    if text.contains("://") {
        return Err(PemFault::Address);
    }
    let text = text.replace("\\r", "").replace("\\n", "");
    let encoded: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
    let encoded = encoded.replace('-', "+").replace('_', "/");
    let decoded = LENIENT.decode(&encoded).map_err(|_| PemFault::NotPem)?;
    match std::str::from_utf8(&decoded) {
        Ok(inner) => blocks_in(inner),
        // An ASN.1 sequence, which both kinds of key are.
        Err(_) if decoded.starts_with(&[0x30]) => {
            Ok(LABELS.iter().map(|label| block(label, &encoded)).collect())
        }
        Err(_) => Err(PemFault::NotPem),
    }
}

fn block(label: &str, body: &str) -> String {
    let body: Vec<char> = body.chars().filter(|c| !c.is_whitespace()).collect();
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in body.chunks(64) {
        pem.extend(line);
        pem.push('\n');
    }
    pem.extend(["-----END ", label, "-----\n"]);
    pem
}
