//! The signing key of the development issuer: made once, kept where only its owner can read it.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::Context;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::private_files;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Reads the key, or makes one. Two processes that start at the same time end up with the same key.
pub(crate) fn load_or_create(path: &Path) -> anyhow::Result<RsaKeyPair> {
    if let Some(key) = load(path)? {
        return Ok(key);
    }
    let key = RsaKeyPair::generate(KeySize::Rsa2048)
        .map_err(|_| anyhow::anyhow!("the development key cannot be generated"))?;
    // Written whole under another name, then linked into place, so that no other process reads half a key.
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    // One that a killed process left under this name.
    let _ = fs::remove_file(&draft);
    let text = pem(&key)?;
    private_files::create(&draft)
        .and_then(|mut draft| draft.write_all(text.as_bytes()))
        .with_context(|| format!("the development key cannot be written to {}", draft.display()))?;
    let linked = fs::hard_link(&draft, path);
    // A draft left behind does no harm.
    let _ = fs::remove_file(&draft);
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            load(path)?.context("the development key vanished while it was being read")
        }
        Err(error) => Err(error).with_context(|| {
            format!("the development key cannot be written to {}", path.display())
        }),
    }
}

fn load(path: &Path) -> anyhow::Result<Option<RsaKeyPair>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("the development key {} cannot be read", path.display()));
        }
    };
    let broken =
        || format!("{} is not a private key; delete it, a new one will be made", path.display());
    let encoded: String = text
        .trim()
        .strip_prefix(PEM_BEGIN)
        .and_then(|text| text.strip_suffix(PEM_END))
        .with_context(broken)?
        .split_whitespace()
        .collect();
    let der = STANDARD.decode(encoded).with_context(broken)?;
    RsaKeyPair::from_pkcs8(&der).ok().with_context(broken).map(Some)
}

fn pem(key: &RsaKeyPair) -> anyhow::Result<String> {
    let der: Pkcs8V1Der<'_> =
        key.as_der().map_err(|_| anyhow::anyhow!("the development key cannot be encoded"))?;
    let mut text = format!("{PEM_BEGIN}\n");
    let encoded = STANDARD.encode(der.as_ref());
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(PEM_END);
    text.push('\n');
    Ok(text)
}
