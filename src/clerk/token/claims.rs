//! The claims of a token whose signature fits: their types, and whether they are meant for us now.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::error::{TokenError, excerpt, listed};
use super::organization::active_organization_id;
use crate::{
    clerk::{id::is_clerk_id, profile, strict_json::whole_number},
    model::Profile,
};

/// First and last second of the years 1 and 9999, in Unix seconds.
const YEAR_ONE: i64 = -62_135_596_800;
const YEAR_9999: i64 = 253_402_300_799;

/// What a token must agree with, from the settings. An empty list switches its check off, except
/// that a token with an audience is refused when none is expected (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// Clock difference that is forgiven in either direction.
    pub leeway: TimeDelta,
    /// Whether `iat` must be present and not in the future.
    pub verify_iat: bool,
    /// Accepted values of `iss`, compared exactly.
    pub issuers: Vec<String>,
    /// Accepted values of `aud`; one match is enough.
    pub audiences: Vec<String>,
    /// Accepted values of `azp`, compared exactly.
    pub authorized_parties: Vec<String>,
}

/// The claims of a verified session token.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user's id at Clerk (`sub`): 1 to 255 visible ASCII characters.
    pub(crate) subject: String,
    /// The session (`sid`), with the same shape; absent in tokens not bound to a session.
    pub(crate) session_id: Option<String>,
    /// When the token was issued (`iat`), in whole seconds.
    pub(crate) issued_at: Option<DateTime<Utc>>,
    /// Before when the token is not valid (`nbf`), in whole seconds.
    pub(crate) not_before: Option<DateTime<Utc>>,
    /// When the token expires (`exp`), in whole seconds.
    pub(crate) expires_at: DateTime<Utc>,
    /// Whether somebody else acts in the user's name (impersonation, claim `act`, RFC 8693
    /// section 4.1).
    pub(crate) is_impersonated: bool,
    /// The id of the user's active organization at Clerk. Informative: it grants nothing here.
    pub(crate) organization_id: Option<String>,
    /// E-mail address and name, as far as the token holds them.
    pub(crate) profile: Profile,
    /// Every claim, as the JSON that was sent: a fifth of the room that the values would take, and
    /// thousands of sessions are remembered.
    json: Box<str>,
}

impl Claims {
    /// Reads the claims and compares all but the times with what is expected. `json` is the text that
    /// they were read from.
    pub(super) fn read(
        all: &Map<String, Value>,
        json: Box<str>,
        expect: &Expectations,
    ) -> Result<Self, TokenError> {
        let subject = subject(all)?;
        let session_id = session_id(all)?;
        check_status(all)?;
        check_token_id(all)?;
        check_audience(all, &expect.audiences)?;
        check_authorized_party(all, &expect.authorized_parties)?;
        check_issuer(all, &expect.issuers)?;
        Ok(Self {
            subject,
            session_id,
            expires_at: time(all, "exp")?.ok_or(TokenError::ClaimMissing { claim: "exp" })?,
            not_before: time(all, "nbf")?,
            issued_at: time(all, "iat")?,
            is_impersonated: is_impersonated(all),
            organization_id: active_organization_id(all),
            profile: profile::from_claims(all),
            json,
        })
    }

    /// Every claim as sent, the operator's own included. Read anew from the text at each call, because
    /// requests need none of them but those above. Nothing here reads them yet: they are there for whoever
    /// adds a rule of their own.
    #[cfg_attr(not(test), expect(dead_code, reason = "for rules that operators add"))]
    pub(crate) fn all(&self) -> Map<String, Value> {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// Compares the times with the clock; to be repeated on every use of a remembered token.
    ///
    /// With the leeway L a token is expired when `exp <= now - L`, and too early when
    /// `nbf > now + L` or, unless that check is off, `iat > now + L`. An old `iat` is no fault
    /// while `exp` holds.
    ///
    /// # Errors
    ///
    /// [`TokenError`] for the first time that does not fit, or for a required `iat` that is absent.
    pub(crate) fn check_times(
        &self,
        expect: &Expectations,
        now: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        let leeway = expect.leeway;
        let ago = now.signed_duration_since(self.expires_at);
        if ago >= leeway {
            return Err(TokenError::Expired { ago, leeway });
        }
        if let Some(ahead) = too_early(self.not_before, leeway, now) {
            return Err(TokenError::NotYetValid { ahead, leeway });
        }
        if !expect.verify_iat {
            return Ok(());
        }
        if self.issued_at.is_none() {
            return Err(TokenError::ClaimMissing { claim: "iat" });
        }
        match too_early(self.issued_at, leeway, now) {
            Some(ahead) => Err(TokenError::IssuedInFuture { ahead, leeway }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Claims {
    /// Leaves out the values of claims, among which may be an e-mail address.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Claims")
            .field("subject", &self.subject)
            .field("session_id", &self.session_id)
            .field("issued_at", &self.issued_at)
            .field("not_before", &self.not_before)
            .field("expires_at", &self.expires_at)
            .field("is_impersonated", &self.is_impersonated)
            .field("organization_id", &self.organization_id)
            .field("profile", &self.profile)
            .field("json", &format_args!("{} bytes", self.json.len()))
            .finish()
    }
}

fn too_early(
    time: Option<DateTime<Utc>>,
    leeway: TimeDelta,
    now: DateTime<Utc>,
) -> Option<TimeDelta> {
    time.map(|time| time.signed_duration_since(now)).filter(|ahead| *ahead > leeway)
}

fn subject(all: &Map<String, Value>) -> Result<String, TokenError> {
    let claim = "sub";
    let value = all.get(claim).ok_or(TokenError::ClaimMissing { claim })?;
    match value.as_str() {
        Some(machine) if machine.starts_with("mch_") => Err(TokenError::Machine),
        Some(subject) if is_clerk_id(subject) => Ok(subject.to_owned()),
        _ => Err(TokenError::ClaimMalformed { claim }),
    }
}

fn session_id(all: &Map<String, Value>) -> Result<Option<String>, TokenError> {
    let claim = "sid";
    match all.get(claim).map(Value::as_str) {
        None => Ok(None),
        Some(Some(session)) if is_clerk_id(session) => Ok(Some(session.to_owned())),
        Some(_) => Err(TokenError::ClaimMalformed { claim }),
    }
}

/// Refuses sessions with an open task ("Session tasks" in Clerk's documentation).
fn check_status(all: &Map<String, Value>) -> Result<(), TokenError> {
    match all.get("sts") {
        None => Ok(()),
        Some(status) if status.as_str() == Some("active") => Ok(()),
        status => Err(TokenError::SessionStatus { found: excerpt(status) }),
    }
}

/// `jti` is a string (RFC 7519 section 4.1.7).
fn check_token_id(all: &Map<String, Value>) -> Result<(), TokenError> {
    match all.get("jti") {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(TokenError::ClaimMalformed { claim: "jti" }),
    }
}

/// RFC 7519 section 4.1.3: a token that names its audience is refused by everybody else. An empty text or
/// list names nobody and counts as absent, as in Clerk's own SDKs.
fn check_audience(all: &Map<String, Value>, accepted: &[String]) -> Result<(), TokenError> {
    let found = all.get("aud");
    let matches = match found {
        None => accepted.is_empty(),
        Some(Value::String(audience)) if audience.is_empty() => accepted.is_empty(),
        Some(Value::Array(audiences)) if audiences.is_empty() => accepted.is_empty(),
        Some(Value::String(audience)) => accepted.contains(audience),
        Some(Value::Array(audiences)) => {
            if !audiences.iter().all(Value::is_string) {
                return Err(TokenError::ClaimMalformed { claim: "aud" });
            }
            audiences.iter().any(|audience| is_accepted(Some(audience), accepted))
        }
        Some(_) => return Err(TokenError::ClaimMalformed { claim: "aud" }),
    };
    if matches {
        return Ok(());
    }
    let found = match found {
        Some(Value::Array(audiences)) => format!("a list of {}", audiences.len()),
        other => excerpt(other),
    };
    Err(TokenError::Audience { found, expected: listed(accepted) })
}

fn check_authorized_party(all: &Map<String, Value>, accepted: &[String]) -> Result<(), TokenError> {
    let found = all.get("azp");
    if accepted.is_empty() || is_accepted(found, accepted) {
        return Ok(());
    }
    Err(TokenError::AuthorizedParty { found: excerpt(found), expected: listed(accepted) })
}

fn check_issuer(all: &Map<String, Value>, accepted: &[String]) -> Result<(), TokenError> {
    let found = all.get("iss");
    if accepted.is_empty() || is_accepted(found, accepted) {
        return Ok(());
    }
    Err(TokenError::Issuer { found: excerpt(found), expected: listed(accepted) })
}

fn is_accepted(found: Option<&Value>, accepted: &[String]) -> bool {
    found.and_then(Value::as_str).is_some_and(|found| accepted.iter().any(|one| one == found))
}

/// Anything but an absent or null `act` counts as impersonation: a shape that is not understood
/// must not lift a restriction.
fn is_impersonated(all: &Map<String, Value>) -> bool {
    all.get("act").is_some_and(|actor| !actor.is_null())
}

/// A NumericDate (RFC 7519 section 2): a number of seconds, truncated toward zero.
///
/// A time beyond the year 9999 is refused, because it is either a mistake (milliseconds) or a token
/// that never expires. A time before the year 1 is taken as that year: it decides the same.
fn time(
    all: &Map<String, Value>,
    claim: &'static str,
) -> Result<Option<DateTime<Utc>>, TokenError> {
    let Some(value) = all.get(claim) else {
        return Ok(None);
    };
    let seconds = whole_number(value).ok_or(TokenError::ClaimMalformed { claim })?;
    let out_of_range = TokenError::TimeOutOfRange { claim };
    if seconds > YEAR_9999 {
        return Err(out_of_range);
    }
    DateTime::from_timestamp(seconds.max(YEAR_ONE), 0).map(Some).ok_or(out_of_range)
}
