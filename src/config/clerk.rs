//! How Clerk is reached and which of its tokens are accepted. Checks the settings against each
//! other; calls nobody.

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::{
    credentials::{Instance, PublishableKey},
    reading::Reading,
    variables::{
        CLERK_API_URL, CLERK_AUDIENCE, CLERK_AUTHORIZED_PARTIES, CLERK_ISSUER, CLERK_JWT_KEY,
        CLERK_LEEWAY, CLERK_PUBLISHABLE_KEY, CLERK_SECRET_KEY, CLERK_VERIFY_IAT,
        CLERK_WEBHOOK_SIGNING_SECRET,
    },
    web_address,
};
use crate::clerk::{key::VerifyingKey, token::Expectations, webhook::WebhookSecrets};

/// The settings of Clerk mode. Development mode has the same, pointing at its own issuer.
#[derive(Clone, Debug)]
pub(crate) struct ClerkSettings {
    /// The secret key; without it there is neither a profile fallback nor deletion at Clerk.
    pub(crate) secret_key: Option<SecretString>,
    /// The base of the Backend API: its path ends in `/v1`.
    pub(crate) api: Url,
    /// The public key that verifies tokens without network, if configured.
    pub(crate) jwt_key: Option<VerifyingKey>,
    /// The instance as browsers know it, for the GraphiQL page.
    pub(crate) frontend: Option<ClerkFrontend>,
    /// What a token must agree with. The issuers are those of `CLERK_ISSUER`, else the one that the
    /// publishable key names.
    pub(crate) expectations: Expectations,
    /// What webhooks are signed with. `None`: there is no webhook route.
    pub(crate) webhook_secrets: Option<WebhookSecrets>,
}

/// What a publishable key tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClerkFrontend {
    /// The key itself.
    pub(crate) publishable_key: String,
    /// The address of the instance's Frontend API, whatever issuer is accepted.
    pub(crate) url: String,
}

impl ClerkSettings {
    /// Reads what is set. Which settings are required depends on the mode: [`require_key`].
    pub(super) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let secret_key = reading.value(&CLERK_SECRET_KEY);
        let publishable_key = reading.value(&CLERK_PUBLISHABLE_KEY);
        let instance = secret_key.as_ref().map(|(_, instance)| *instance);
        refuse_mixed_instances(reading, instance, publishable_key.as_ref());
        let api = api(reading, instance);
        let mut issuers = reading.value_or_empty(&CLERK_ISSUER);
        if issuers.is_empty() {
            issuers.extend(publishable_key.iter().map(|key| key.issuer.clone()));
        }
        let verify_iat = reading.value_or_empty(&CLERK_VERIFY_IAT);
        // At most 300 s, which always fits.
        let leeway = TimeDelta::from_std(reading.value_or_empty(&CLERK_LEEWAY)).unwrap_or_default();
        let jwt_key = reading.value(&CLERK_JWT_KEY);
        let expectations = Expectations {
            leeway,
            verify_iat,
            issuers,
            audiences: reading.value_or_empty(&CLERK_AUDIENCE),
            authorized_parties: authorized_parties(reading),
        };
        let secrets = reading.value_or_empty(&CLERK_WEBHOOK_SIGNING_SECRET);
        Some(Self {
            secret_key: secret_key.map(|(key, _)| key),
            api: api?,
            jwt_key,
            frontend: publishable_key
                .map(|key| ClerkFrontend { publishable_key: key.text, url: key.issuer }),
            expectations,
            webhook_secrets: WebhookSecrets::new(secrets),
        })
    }
}

/// Clerk mode cannot verify a token without a key, and is weaker without some other settings;
/// the former is a fault, the latter are warnings.
pub(super) fn require_key(reading: &mut Reading<'_>) {
    let no_secret_key = !reading.is_set(&CLERK_SECRET_KEY.variable);
    if no_secret_key && !reading.is_set(&CLERK_JWT_KEY.variable) {
        reading.refuse(
            &CLERK_SECRET_KEY.variable,
            "is not set, and neither is CLERK_JWT_KEY; AUTH_MODE=clerk needs one of them to \
                 verify tokens",
            "copy the secret key (sk_test_… or sk_live_…) from the API keys page of the Clerk \
                 dashboard, or set CLERK_JWT_KEY to the PEM public key",
        );
    } else if no_secret_key {
        reading.warn(
            "CLERK_SECRET_KEY is not set: missing e-mail addresses and names are not looked up at \
             Clerk, and deleting a user does not delete them at Clerk",
        );
    }
    if !reading.is_set(&CLERK_AUTHORIZED_PARTIES.variable) {
        reading.warn(
            "CLERK_AUTHORIZED_PARTIES is not set: tokens obtained by any origin of the Clerk \
             application are accepted; list the origins of your front ends",
        );
    }
}

/// A live secret key beside a test publishable key names two instances: every token of one would
/// be refused by the other.
fn refuse_mixed_instances(
    reading: &mut Reading<'_>,
    secret: Option<Instance>,
    publishable_key: Option<&PublishableKey>,
) {
    if let (Some(secret), Some(publishable)) = (secret, publishable_key)
        && secret != publishable.instance
    {
        reading.refuse(
            &CLERK_PUBLISHABLE_KEY.variable,
            format!(
                "is the key of a {} instance while CLERK_SECRET_KEY is the key of a {} instance",
                publishable.instance.name(),
                secret.name()
            ),
            "copy both keys from the same instance of the Clerk dashboard",
        );
    }
}

/// The API base. Plain `http` to another machine would show a live secret key to the network, and
/// let the network choose the keys that verify tokens.
fn api(reading: &mut Reading<'_>, secret: Option<Instance>) -> Option<Url> {
    let api = reading.value(&CLERK_API_URL)?;
    let no_key = !reading.is_set(&CLERK_SECRET_KEY.variable);
    if api.exposed && secret == Some(Instance::Test) {
        reading.warn(
            "CLERK_API_URL is plain http to another machine: the secret key and the keys that \
             verify tokens cross the network unprotected",
        );
    } else if api.exposed && (secret == Some(Instance::Live) || no_key) {
        // A refused key ends this reading already, and it is not known which instance was meant.
        reading.refuse(
            &CLERK_API_URL.variable,
            "is plain http to another machine, which is accepted only with an sk_test_ key",
            "use https, or an address of this machine such as http://127.0.0.1:4000",
        );
    }
    Some(api.url)
}

/// `azp` holds an origin, but it is Clerk that writes it; what is no origin is pointed out and
/// compared as it stands.
fn authorized_parties(reading: &mut Reading<'_>) -> Vec<String> {
    let parties = reading.value_or_empty(&CLERK_AUTHORIZED_PARTIES);
    for party in &parties {
        if let Err(invalid) = web_address::origin(party) {
            reading.warn(format!(
                "CLERK_AUTHORIZED_PARTIES: {}; the claim azp holds an origin and is compared \
                 exactly, so this entry accepts no token; {}",
                invalid.reason, invalid.fix
            ));
        }
    }
    parties
}

#[cfg(test)]
#[path = "clerk_tests.rs"]
mod tests;
