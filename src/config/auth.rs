//! Who answers for the users: Clerk, one shared token, or the development issuer.

use secrecy::SecretString;

use super::clerk::ClerkSettings;
use super::credentials;
use super::fault::{Refusal, quoted};
use super::reading::{Answer, Reading};

/// How requests are authenticated.
#[derive(Clone, Debug)]
pub enum AuthSettings {
    /// `AUTH_MODE=clerk`: Clerk session tokens.
    Clerk(ClerkSettings),
    /// `AUTH_MODE=local`: one shared token, one user.
    Local(LocalSettings),
    /// The command `dev`: the same path as Clerk mode, against an issuer inside this process.
    Development(ClerkSettings),
}

/// The settings of local mode.
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// The shared token, at least 50 visible ASCII characters.
    pub token: SecretString,
}

/// What `AUTH_MODE` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Clerk,
    Local,
}

impl AuthSettings {
    /// The Clerk settings of the modes that verify session tokens.
    pub fn clerk(&self) -> Option<&ClerkSettings> {
        match self {
            Self::Clerk(settings) | Self::Development(settings) => Some(settings),
            Self::Local(_) => None,
        }
    }

    /// Whether this is development mode.
    pub fn is_development(&self) -> bool {
        matches!(self, Self::Development(_))
    }

    /// `None` when a fault was noted for what cannot be left out.
    pub(super) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        match reading.one("AUTH_MODE", mode) {
            Answer::Given(Mode::Clerk) => {
                let settings = ClerkSettings::read(reading);
                settings.require_key(reading);
                Some(Self::Clerk(settings))
            }
            Answer::Given(Mode::Local) => LocalSettings::read(reading).map(Self::Local),
            answer => {
                if answer == Answer::Unset {
                    reading.refuse("AUTH_MODE", Refusal::new("is not set", MODE_FIX));
                }
                // The mode is not known, so nothing is required; what is set is checked.
                ClerkSettings::read(reading);
                reading.one("LOCAL_AUTH_TOKEN", credentials::local_token);
                None
            }
        }
    }
}

impl LocalSettings {
    fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let answer = reading.one("LOCAL_AUTH_TOKEN", credentials::local_token);
        if matches!(answer, Answer::Unset) {
            reading.refuse(
                "LOCAL_AUTH_TOKEN",
                Refusal::new(
                    "is not set; AUTH_MODE=local needs it",
                    "generate one, for example with: openssl rand -hex 32",
                ),
            );
        }
        answer.given().map(|token| Self { token })
    }
}

const MODE_FIX: &str = "set AUTH_MODE=clerk (users sign in with Clerk; needs CLERK_SECRET_KEY) or \
                        AUTH_MODE=local (one shared token; needs LOCAL_AUTH_TOKEN); to try the \
                        server without any settings run `mission-control dev`";

fn mode(text: &str) -> Result<Mode, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "clerk" => Ok(Mode::Clerk),
        "local" => Ok(Mode::Local),
        _ => Err(Refusal::new(format!("{} is neither clerk nor local", quoted(text)), MODE_FIX)),
    }
}
