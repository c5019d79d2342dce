//! How Clerk is reached and which of its tokens are accepted. Checks the settings against each
//! other; calls nobody.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use super::address;
use super::credentials::{self, Instance, PublishableKey};
use super::fault::Refusal;
use super::reading::{Answer, Reading};

/// The settings of Clerk mode. Development mode has the same, pointing at its own issuer.
#[derive(Clone, Debug)]
pub struct ClerkSettings {
    /// The secret key; without it there is neither a profile fallback nor deletion at Clerk.
    pub secret_key: Option<SecretString>,
    /// The base of the Backend API: ends in `/v1`, no trailing slash.
    pub api_base: String,
    /// Whether a token needs an `iat` that is not in the future.
    pub verify_iat: bool,
    /// The tolerated clock difference, 0 to 300 s, to the millisecond.
    pub leeway: TimeDelta,
    /// The PEM public key (real line breaks) that verifies tokens without network, if configured.
    pub jwt_key: Option<String>,
    /// The instance as browsers know it, for the GraphiQL page.
    pub frontend: Option<ClerkFrontend>,
    /// The accepted issuers: `CLERK_ISSUER`, else the one the publishable key names. Empty leaves
    /// the issuer unchecked.
    pub issuers: Vec<String>,
    /// The accepted audiences. Empty refuses tokens that carry one (RFC 7519, section 4.1.3).
    pub audiences: Vec<String>,
    /// The origins whose tokens are accepted (`azp`), compared exactly. Empty leaves it unchecked.
    pub authorized_parties: Vec<String>,
    /// The webhook signing secrets, each with its `whsec_`. Empty: there is no webhook route.
    pub webhook_secrets: Vec<SecretString>,
}

/// What a publishable key tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClerkFrontend {
    /// The key itself.
    pub publishable_key: String,
    /// The address of the instance's Frontend API, whatever issuer is accepted.
    pub url: String,
}

/// Clerk's Backend API.
const DEFAULT_API_BASE: &str = "https://api.clerk.com/v1";

/// The default leeway and the largest one, in seconds.
const LEEWAY: Duration = Duration::from_secs(10);
const LARGEST_LEEWAY: Duration = Duration::from_mins(5);

impl ClerkSettings {
    /// Reads what is set. Which settings are required depends on the mode:
    /// [`Self::require_key`].
    pub(super) fn read(reading: &mut Reading<'_>) -> Self {
        let secret_key = reading.one("CLERK_SECRET_KEY", credentials::secret_key);
        let publishable_key = reading.one("CLERK_PUBLISHABLE_KEY", credentials::publishable_key);
        refuse_mixed_instances(reading, &secret_key, &publishable_key);
        let api_base = api_base(reading, &secret_key);
        let publishable_key = publishable_key.given();
        let issuers = match reading.list("CLERK_ISSUER", address::issuer) {
            Answer::Given(issuers) => issuers,
            Answer::Unset | Answer::Refused => {
                publishable_key.iter().map(|key| key.issuer.clone()).collect()
            }
        };
        Self {
            secret_key: secret_key.given().map(|(key, _)| key),
            api_base,
            verify_iat: reading.switch("CLERK_VERIFY_IAT", true),
            leeway: leeway(reading),
            jwt_key: reading.one("CLERK_JWT_KEY", credentials::jwt_key).given(),
            frontend: publishable_key
                .map(|key| ClerkFrontend { publishable_key: key.text, url: key.issuer }),
            issuers,
            audiences: reading.list("CLERK_AUDIENCE", |text| Ok(text.to_owned())).entries(),
            authorized_parties: authorized_parties(reading),
            webhook_secrets: reading
                .list("CLERK_WEBHOOK_SIGNING_SECRET", credentials::webhook_secret)
                .entries(),
        }
    }

    /// Clerk mode cannot verify a token without a key, and is weaker without some other settings;
    /// the former is a fault, the latter are warnings.
    pub(super) fn require_key(&self, reading: &mut Reading<'_>) {
        let no_secret_key = !reading.is_set("CLERK_SECRET_KEY");
        if no_secret_key && !reading.is_set("CLERK_JWT_KEY") {
            reading.refuse(
                "CLERK_SECRET_KEY",
                Refusal::new(
                    "is not set, and neither is CLERK_JWT_KEY; AUTH_MODE=clerk needs one of them \
                     to verify tokens",
                    "copy the secret key (sk_test_… or sk_live_…) from the API keys page of the \
                     Clerk dashboard, or set CLERK_JWT_KEY to the PEM public key",
                ),
            );
        } else if no_secret_key {
            reading.warn(
                "CLERK_SECRET_KEY is not set: missing e-mail addresses and names are not looked up \
                 at Clerk, and deleting a user does not delete them at Clerk",
            );
        }
        if self.authorized_parties.is_empty() {
            reading.warn(
                "CLERK_AUTHORIZED_PARTIES is not set: tokens obtained by any origin of the Clerk \
                 application are accepted; list the origins of your front ends",
            );
        }
    }
}

/// A live secret key beside a test publishable key names two instances: every token of one would
/// be refused by the other.
fn refuse_mixed_instances(
    reading: &mut Reading<'_>,
    secret_key: &Answer<(SecretString, Instance)>,
    publishable_key: &Answer<PublishableKey>,
) {
    if let (Answer::Given((_, secret)), Answer::Given(publishable)) = (secret_key, publishable_key)
        && *secret != publishable.instance
    {
        reading.refuse(
            "CLERK_PUBLISHABLE_KEY",
            Refusal::new(
                format!(
                    "is the key of a {} instance while CLERK_SECRET_KEY is the key of a {} instance",
                    publishable.instance.name(),
                    secret.name()
                ),
                "copy both keys from the same instance of the Clerk dashboard",
            ),
        );
    }
}

/// The API base. Plain `http` to another machine would show a live secret key to the network, and
/// let the network choose the keys that verify tokens.
fn api_base(reading: &mut Reading<'_>, secret_key: &Answer<(SecretString, Instance)>) -> String {
    let Answer::Given(api) = reading.one("CLERK_API_URL", address::api_base) else {
        return DEFAULT_API_BASE.to_owned();
    };
    if api.exposed {
        match secret_key {
            Answer::Given((_, Instance::Test)) => reading.warn(
                "CLERK_API_URL is plain http to another machine: the secret key and the keys that \
                 verify tokens cross the network unprotected",
            ),
            // Another fault already ends this reading, and it is not known which key is meant.
            Answer::Refused => {}
            Answer::Given((_, Instance::Live)) | Answer::Unset => reading.refuse(
                "CLERK_API_URL",
                Refusal::new(
                    "is plain http to another machine, which is accepted only with an sk_test_ key",
                    "use https, or an address of this machine such as http://127.0.0.1:4000",
                ),
            ),
        }
    }
    api.base
}

fn leeway(reading: &mut Reading<'_>) -> TimeDelta {
    let leeway = reading.seconds("CLERK_LEEWAY", LEEWAY, Duration::ZERO..=LARGEST_LEEWAY);
    // At most 300 s, which always fits.
    TimeDelta::from_std(leeway).unwrap_or(TimeDelta::zero())
}

/// `azp` holds an origin, but it is Clerk that writes it; what is no origin is pointed out and
/// compared as it stands.
fn authorized_parties(reading: &mut Reading<'_>) -> Vec<String> {
    let parties = reading.list("CLERK_AUTHORIZED_PARTIES", |text| Ok(text.to_owned())).entries();
    for party in &parties {
        if let Err(refusal) = address::origin(party) {
            reading.warn(format!(
                "CLERK_AUTHORIZED_PARTIES: {}; the claim azp holds an origin and is compared \
                 exactly, so this entry accepts no token; {}",
                refusal.reason, refusal.fix
            ));
        }
    }
    parties
}

#[cfg(test)]
#[path = "clerk_tests.rs"]
mod tests;
