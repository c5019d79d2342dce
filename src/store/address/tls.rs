//! How a connection to PostgreSQL is protected: what an address says of certificates, checked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::RootCertStore;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{fault::AddressFault, parameters::Given};

/// How a connection over the network is protected. A socket needs no protection, and libpq gives it none.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Tls {
    Off,
    /// When the server offers it; promises nothing.
    Preferred,
    /// Always; whoever answers is believed to be the server.
    Required,
    /// Always, with a server that shows a certificate for its name from one of the bundled authorities, or
    /// from those of this file, else from those that the system trusts.
    Verified(Option<PathBuf>),
}

impl Tls {
    /// What the address says.
    pub(super) fn of(given: &Given) -> Result<Self, AddressFault> {
        let verify_full =
            "write sslmode=verify-full, which checks the certificate and the name in it";
        let roots = given.get("sslrootcert");
        let mode = match (given.get("sslmode"), roots) {
            // As in libpq.
            (None, Some("system")) => "verify-full",
            (mode, _) => mode.unwrap_or("prefer"),
        };
        let tls = match mode {
            "disable" => Self::Off,
            "allow" | "prefer" => Self::Preferred,
            "require" => Self::Required,
            "verify-full" => match roots {
                None | Some("system") => Self::Verified(None),
                Some(file) => {
                    check_pem("sslrootcert", Path::new(file))?;
                    Self::Verified(Some(PathBuf::from(file)))
                }
            },
            "verify-ca" => {
                return Err(AddressFault::new(
                    "has sslmode=verify-ca, which the driver cannot keep: it would take the certificate \
                     of any public authority for any host",
                    verify_full,
                ));
            }
            _ => {
                return Err(AddressFault::new(
                    "has an sslmode that is not known",
                    "write disable, prefer, require or verify-full",
                ));
            }
        };
        // libpq takes `require` with a root certificate for `verify-ca`.
        if roots.is_some() && !matches!(tls, Self::Verified(_)) {
            return Err(AddressFault::new(
                format!("names an sslrootcert, and with sslmode={mode} it would not be used"),
                verify_full,
            ));
        }
        Ok(tls)
    }

    /// Tells the driver.
    pub(super) fn apply(&self, options: PgConnectOptions) -> PgConnectOptions {
        match self {
            Self::Off => options.ssl_mode(PgSslMode::Disable),
            Self::Preferred => options.ssl_mode(PgSslMode::Prefer),
            Self::Required => options.ssl_mode(PgSslMode::Require),
            Self::Verified(Some(file)) => {
                options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file)
            }
            Self::Verified(None) => {
                options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(system_roots())
            }
        }
    }
}

/// The certificate and the key to show the server.
pub(super) fn client_certificate(
    given: &Given,
) -> Result<Option<(PathBuf, PathBuf)>, AddressFault> {
    match (given.get("sslcert"), given.get("sslkey")) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            check_pem("sslcert", Path::new(certificate))?;
            check_pem("sslkey", Path::new(key))?;
            Ok(Some((certificate.into(), key.into())))
        }
        _ => Err(AddressFault::new(
            "names one of sslcert and sslkey",
            "name both: the certificate and its key",
        )),
    }
}

/// The file is read again with every connection, so that a renewed certificate counts.
fn check_pem(parameter: &str, path: &Path) -> Result<(), AddressFault> {
    let fix = format!("name a readable PEM file in {parameter}");
    match fs::read(path) {
        Ok(bytes) if bytes.windows(11).any(|window| window == b"-----BEGIN ") => Ok(()),
        Ok(_) => Err(AddressFault::new(
            format!("names a file in {parameter} that holds no PEM block (-----BEGIN …)"),
            fix,
        )),
        Err(error) => Err(AddressFault::new(
            format!("names a file in {parameter} that cannot be read: {error}"),
            fix,
        )),
    }
}

/// The certificates that the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` count), those left out that
/// the driver would refuse all of them for.
fn system_roots() -> Vec<u8> {
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::warn!(%error, "a certificate that the system trusts cannot be read");
    }
    let mut pem = String::new();
    for certificate in found.certs {
        if RootCertStore::empty().add(certificate.clone()).is_err() {
            continue;
        }
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(&certificate);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, below) = rest.split_at(rest.len().min(64));
            pem.extend([line, "\n"]);
            rest = below;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem.into_bytes()
}
