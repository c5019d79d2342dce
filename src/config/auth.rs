//! Who answers for the users: Clerk, one shared token, or the development issuer.

use secrecy::SecretString;

use super::{
    choice::{MODE_FIX, Mode},
    clerk::{ClerkSettings, require_key},
    credentials::TOKEN_FIX,
    reading::Reading,
    variables::{AUTH_MODE, LOCAL_AUTH_TOKEN},
};

/// How requests are authenticated.
#[derive(Clone, Debug)]
pub(crate) enum AuthSettings {
    /// `AUTH_MODE=clerk`: Clerk session tokens.
    Clerk(ClerkSettings),
    /// `AUTH_MODE=local`: one shared token, one user.
    Local(LocalSettings),
    /// The command `dev`: the same path as Clerk mode, against an issuer inside this process.
    Development(ClerkSettings),
}

/// The settings of local mode.
#[derive(Clone, Debug)]
pub(crate) struct LocalSettings {
    /// The shared token, at least 50 visible ASCII characters.
    pub(crate) token: SecretString,
}

impl AuthSettings {
    /// The Clerk settings of the modes that verify session tokens.
    pub(crate) fn clerk(&self) -> Option<&ClerkSettings> {
        match self {
            Self::Clerk(settings) | Self::Development(settings) => Some(settings),
            Self::Local(_) => None,
        }
    }

    /// What `AUTH_MODE` says for it.
    pub(crate) fn mode_name(&self) -> &'static str {
        match self {
            Self::Clerk(_) => "clerk",
            Self::Local(_) => "local",
            Self::Development(_) => "development",
        }
    }

    /// Whether this is development mode.
    pub(crate) fn is_development(&self) -> bool {
        matches!(self, Self::Development(_))
    }

    /// `None` when a fault was noted for what cannot be left out.
    pub(super) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        match reading.required(&AUTH_MODE, "is not set", MODE_FIX) {
            Some(Mode::Clerk) => {
                require_key(reading);
                ClerkSettings::read(reading).map(Self::Clerk)
            }
            Some(Mode::Local) => {
                let missing = "is not set; AUTH_MODE=local needs it";
                let token = reading.required(&LOCAL_AUTH_TOKEN, missing, TOKEN_FIX)?;
                Some(Self::Local(LocalSettings { token }))
            }
            None => {
                // The mode is not known, so nothing is required; what is set is checked.
                ClerkSettings::read(reading);
                reading.value(&LOCAL_AUTH_TOKEN);
                None
            }
        }
    }
}
