//! What a request is allowed to be: anonymous, signed in, or refused.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::local::LOCAL_CLERK_USER_ID;
use crate::{
    clerk::token::Claims,
    model::{Profile, User},
    rate_limit::Wait,
};

/// The outcome of looking at one request's `Authorization` header.
#[derive(Clone)]
pub enum Authentication {
    /// No header.
    Anonymous,
    /// A header that holds no valid token. The reason is in the log and in a counter, not here, so
    /// that it cannot reach a client.
    Refused,
    /// The same, from an address that sends more of them than it may.
    TooManyRefused(Wait),
    /// The keys to check it with are not known.
    Unavailable,
    /// A valid token.
    SignedIn(Arc<Session>),
}

/// A verified session token, as far as the rest of the product needs it.
pub struct Session(Source);

/// Where a session comes from.
enum Source {
    /// A session token of Clerk's.
    Clerk(Claims),
    /// The shared token of local mode, whose one user Clerk does not know.
    Local(Profile),
}

impl Session {
    /// The session of a verified Clerk token.
    pub(crate) fn clerk(claims: Claims) -> Self {
        Self(Source::Clerk(claims))
    }

    /// The session of the shared token of local mode.
    pub(crate) fn local(profile: Profile) -> Self {
        Self(Source::Local(profile))
    }

    /// Clerk's id of the user: the `sub` claim.
    pub(crate) fn clerk_user_id(&self) -> &str {
        self.claims().map_or(LOCAL_CLERK_USER_ID, |claims| &claims.subject)
    }

    /// Clerk's id of the session: the `sid` claim.
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.claims()?.session_id.as_deref()
    }

    /// When the token was issued.
    pub(crate) fn issued_at(&self) -> Option<DateTime<Utc>> {
        self.claims()?.issued_at
    }

    /// The Clerk organization that is active in this session.
    pub(crate) fn clerk_organization_id(&self) -> Option<&str> {
        self.claims()?.organization_id.as_deref()
    }

    /// Whether somebody else acts as this user.
    pub(crate) fn is_impersonated(&self) -> bool {
        self.claims().is_some_and(|claims| claims.is_impersonated)
    }

    /// Whether this session has the powers of a super admin, `user` being its own. An
    /// impersonated session never has. Every check of those powers is this one.
    pub(crate) fn is_super_admin(&self, user: &User) -> bool {
        user.is_super_admin && !self.is_impersonated()
    }

    /// Whether this is the one user of local mode.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.0, Source::Local(_))
    }

    /// E-mail address and name, as far as the token holds them.
    pub(crate) fn profile(&self) -> &Profile {
        match &self.0 {
            Source::Clerk(claims) => &claims.profile,
            Source::Local(profile) => profile,
        }
    }

    /// The claims of Clerk's token, custom ones included ([`Claims::all`]); `None` in local mode.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        match &self.0 {
            Source::Clerk(claims) => Some(claims),
            Source::Local(_) => None,
        }
    }
}
