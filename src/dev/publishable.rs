//! What a front end has to know of the development issuer: four settings of Clerk's own SDK.

use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::{config::ClerkSettings, loopback};

/// The instance that the publishable key names. No such name leaves this machine (RFC 6761, section 6.3);
/// requests go to the proxy URL instead.
const INSTANCE: &str = "clerk.mission-control.localhost";

/// The settings of a front end.
#[derive(Clone, Debug)]
pub(crate) struct FrontEnd {
    /// Where browsers reach the issuer. `localhost` where that is this server, because a page at
    /// `http://localhost:3000` shares its cookies with that name only.
    pub(crate) url: String,
    /// Where browsers reach this server, under the same name.
    pub(crate) origin: String,
    /// Where servers reach it.
    issuer: String,
    publishable_key: String,
    secret_key: SecretString,
}

impl FrontEnd {
    /// For the issuer of these settings, which are those of development mode.
    pub(crate) fn new(clerk: &ClerkSettings) -> anyhow::Result<Self> {
        let issuer = clerk.expectations.issuers.first().context("there is no issuer")?;
        let secret_key = clerk.secret_key.as_ref().context("there is no secret key")?;
        Self::at(issuer, secret_key)
    }

    fn at(issuer: &str, secret_key: &SecretString) -> anyhow::Result<Self> {
        let mut url = Url::parse(issuer)?;
        let is_default = match url.host() {
            Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
            Some(host) => loopback::is_loopback(&host),
            None => false,
        };
        if is_default {
            url.set_host(Some("localhost")).context("the issuer has no host")?;
        }
        let encoded = STANDARD_NO_PAD.encode(format!("{INSTANCE}$"));
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            url: url.to_string().trim_end_matches('/').to_owned(),
            issuer: issuer.to_owned(),
            publishable_key: format!("pk_test_{encoded}"),
            secret_key: secret_key.clone(),
        })
    }

    /// What the SDK appends to the names of its cookies: the beginning of the publishable key's SHA-1.
    pub(crate) fn cookie_suffix(&self) -> String {
        use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.publishable_key.as_bytes());
        let mut suffix = URL_SAFE_NO_PAD.encode(hash.as_ref());
        suffix.truncate(8);
        suffix
    }

    /// The lines for `.env.local` of a Next.js application. The secret in them is public knowledge and
    /// opens nothing but this issuer.
    pub(crate) fn env(&self) -> String {
        let Self { url, issuer, publishable_key, secret_key, .. } = self;
        let secret_key = secret_key.expose_secret();
        format!(
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY={publishable_key}\n\
             CLERK_SECRET_KEY={secret_key}\n\
             NEXT_PUBLIC_CLERK_PROXY_URL={url}\n\
             CLERK_API_URL={issuer}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_end_gets_four_lines() {
        let secret_key = SecretString::from("sk_test_development");
        let front_end = FrontEnd::at("http://127.0.0.1:8000/dev/clerk", &secret_key).unwrap();
        assert_eq!(
            front_end.env(),
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_test_Y2xlcmsubWlzc2lvbi1jb250cm9sLmxvY2FsaG9zdCQ\n\
             CLERK_SECRET_KEY=sk_test_development\n\
             NEXT_PUBLIC_CLERK_PROXY_URL=http://localhost:8000/dev/clerk\n\
             CLERK_API_URL=http://127.0.0.1:8000/dev/clerk\n"
        );
    }

    #[test]
    fn an_address_that_localhost_is_not_is_kept() {
        let secret_key = SecretString::from("sk_test_development");
        let front_end = FrontEnd::at("http://127.0.0.2:9/dev/clerk", &secret_key).unwrap();
        assert_eq!(front_end.url, "http://127.0.0.2:9/dev/clerk");
        let front_end = FrontEnd::at("http://[::1]:9/dev/clerk", &secret_key).unwrap();
        assert_eq!(front_end.url, "http://localhost:9/dev/clerk");
        assert_eq!(front_end.origin, "http://localhost:9");
    }
}
