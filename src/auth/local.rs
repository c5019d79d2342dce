//! Local mode: one shared token, one user.

use aws_lc_rs::{constant_time, digest};
use secrecy::{ExposeSecret, SecretString};

use crate::model::Profile;

/// The id that stands where Clerk's id of a user stands otherwise.
pub(crate) const LOCAL_CLERK_USER_ID: &str = "local-auth-user";

/// The shared token, kept as its hash.
pub(crate) struct SharedToken {
    digest: digest::Digest,
}

impl SharedToken {
    /// Hashes the configured token.
    pub(crate) fn new(token: &SecretString) -> Self {
        Self { digest: hash(token.expose_secret()) }
    }

    /// Whether `candidate` is the token. Takes the same time wherever the two differ; hashes are
    /// compared so that not even the length shows.
    pub(crate) fn matches(&self, candidate: &str) -> bool {
        constant_time::verify_slices_are_equal(self.digest.as_ref(), hash(candidate).as_ref())
            .is_ok()
    }
}

fn hash(token: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, token.as_bytes())
}

/// The one user's profile.
pub(super) fn local_profile() -> Profile {
    Profile {
        email: Some("admin@home.local".to_owned()),
        email_verified: false,
        name: Some("Local User".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_matches() {
        let token = "k".repeat(25) + &"v".repeat(25);
        let shared = SharedToken::new(&SecretString::from(token.clone()));
        assert!(shared.matches(&token));
        for other in ["", &token[1..], &format!("{token} "), &token.to_uppercase()] {
            assert!(!shared.matches(other), "{other:?}");
        }
    }
}
