//! The one reason for which a token is refused, for logs and counters. It is never sent to the client:
//! the answer must not tell which check failed.

use std::fmt;

use chrono::TimeDelta;
use serde_json::Value;
use thiserror::Error;

use crate::clerk::strict_json::JsonFault;

/// Longest token that is looked at, in bytes. Clerk's stay below 4 kB, the limit of a cookie.
pub(crate) const MAX_TOKEN: usize = 16 * 1024;
/// Longest excerpt of a claim in a message, in characters after escaping.
const MAX_EXCERPT: usize = 100;

/// A part of a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPart {
    /// The JOSE header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for TokenPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why a request carries no acceptable session token.
///
/// The variants up to [`TokenError::Signature`] say nothing that the sender chose; those after it
/// concern a token that the key has signed, and quote it shortened and escaped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The request has more than one `Authorization` header.
    #[error("the request has several Authorization headers")]
    SeveralHeaders,
    /// The `Authorization` header uses another scheme than `Bearer`, or none.
    #[error("the Authorization header does not start with the scheme Bearer")]
    NotBearer,
    /// The scheme is followed by nothing, or by more than one word.
    #[error("the scheme Bearer is not followed by exactly one token")]
    NotOneToken,
    /// The token is longer than [`MAX_TOKEN`].
    #[error("the token is longer than {} bytes", MAX_TOKEN)]
    TooLong,
    /// An API key, an OAuth or machine token, or a secret key.
    #[error(
        "the credential is an API key, an OAuth or machine token or a secret key; \
         send the session token that getToken() returns"
    )]
    NotASessionToken,
    /// The text is not three non-empty parts.
    #[error("the token is not three parts separated by dots")]
    NotThreeParts,
    /// A part is not strict unpadded base64url.
    #[error("the {part} is not unpadded base64url")]
    Encoding {
        /// Which part.
        part: TokenPart,
    },
    /// The header or the payload is not an acceptable JSON object.
    #[error("the {part} {fault}")]
    Json {
        /// Which part.
        part: TokenPart,
        /// What is wrong with it.
        fault: JsonFault,
    },
    /// `alg` is not exactly `RS256`.
    #[error("the token is not signed with RS256 (alg)")]
    Algorithm,
    /// `typ` is present and not exactly `JWT`.
    #[error("the token is of another type than JWT (typ), such as an OAuth access token")]
    Type,
    /// `crit` is present.
    #[error("the token demands an extension (crit), and none is supported")]
    Critical,
    /// `cat` names another class than session tokens.
    #[error(
        "the token is of another class than session tokens (cat); \
         call getToken() without a template"
    )]
    Class,
    /// `kid` is missing or ill-shaped.
    #[error("the token names no well-shaped key (kid)")]
    KeyId,
    /// The key did not sign this token.
    #[error("the signature does not fit the key and the token")]
    Signature,
    /// A claim that must be there is not.
    #[error("the token has no {claim}{}", missing_hint(claim))]
    ClaimMissing {
        /// Name of the claim.
        claim: &'static str,
    },
    /// A claim is of the wrong type or shape.
    #[error("the claim {claim} is of the wrong type or shape")]
    ClaimMalformed {
        /// Name of the claim.
        claim: &'static str,
    },
    /// A time lies beyond the year 9999, for instance because it is in milliseconds.
    #[error("the time {claim} lies beyond the year 9999; it counts seconds, not milliseconds")]
    TimeOutOfRange {
        /// Name of the claim.
        claim: &'static str,
    },
    /// The subject is a machine (`mch_…`).
    #[error("the token belongs to a machine, not to a user (sub)")]
    Machine,
    /// The token's class is not stated and no session is named.
    #[error("the token names neither its class (cat) nor a session (sid)")]
    SessionMissing,
    /// `sts` is not `active`, for instance while the user has a task to finish.
    #[error(
        "the session is not active (sts is {found}); pending means that the user must first \
         finish a task such as choosing an organization"
    )]
    SessionStatus {
        /// What the token says.
        found: String,
    },
    /// `iss` is none of the accepted issuers.
    #[error("the issuer is {found}, expected {expected} (CLERK_ISSUER, CLERK_PUBLISHABLE_KEY)")]
    Issuer {
        /// What the token says.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// `aud` holds none of the accepted audiences, or there should be none.
    #[error("the audience is {found}, expected {expected} (CLERK_AUDIENCE)")]
    Audience {
        /// What the token says.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// `azp` is none of the accepted parties.
    #[error("the authorized party is {found}, expected {expected} (CLERK_AUTHORIZED_PARTIES)")]
    AuthorizedParty {
        /// What the token says.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// `exp` has passed, leeway included.
    #[error(
        "the token expired {} s ago (exp), and the leeway is {} s; the client should send a fresh \
         token, or this machine's clock is ahead",
        seconds(*.ago), seconds(*.leeway)
    )]
    Expired {
        /// Time since `exp`.
        ago: TimeDelta,
        /// Leeway in force.
        leeway: TimeDelta,
    },
    /// `nbf` lies further ahead than the leeway.
    #[error(
        "the token is valid only in {} s (nbf), and the leeway is {} s (CLERK_LEEWAY); this \
         machine's clock is probably behind",
        seconds(*.ahead), seconds(*.leeway)
    )]
    NotYetValid {
        /// Time until `nbf`.
        ahead: TimeDelta,
        /// Leeway in force.
        leeway: TimeDelta,
    },
    /// `iat` lies further ahead than the leeway.
    #[error(
        "the token was issued {} s in the future (iat), and the leeway is {} s (CLERK_LEEWAY); \
         this machine's clock is probably behind",
        seconds(*.ahead), seconds(*.leeway)
    )]
    IssuedInFuture {
        /// Time until `iat`.
        ahead: TimeDelta,
        /// Leeway in force.
        leeway: TimeDelta,
    },
}

impl TokenError {
    /// A short stable label for counters and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::SeveralHeaders => "several_headers",
            Self::NotBearer => "not_bearer",
            Self::NotOneToken => "not_one_token",
            Self::TooLong => "too_long",
            Self::NotASessionToken => "not_a_session_token",
            Self::NotThreeParts => "not_three_parts",
            Self::Encoding { .. } => "encoding",
            Self::Json { .. } => "json",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Critical => "critical_extension",
            Self::Class => "token_class",
            Self::KeyId => "key_id",
            Self::Signature => "signature",
            Self::ClaimMissing { .. } => "claim_missing",
            Self::ClaimMalformed { .. } => "claim_malformed",
            Self::TimeOutOfRange { .. } => "time_out_of_range",
            Self::Machine => "machine",
            Self::SessionMissing => "session_missing",
            Self::SessionStatus { .. } => "session_status",
            Self::Issuer { .. } => "issuer",
            Self::Audience { .. } => "audience",
            Self::AuthorizedParty { .. } => "authorized_party",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::IssuedInFuture { .. } => "issued_in_future",
        }
    }
}

/// A signed claim for a message: shortened and escaped, so that it cannot break out of a log line.
pub(super) fn excerpt(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::String(text)) => {
            format!("\"{}\"", text.escape_default().take(MAX_EXCERPT).collect::<String>())
        }
        Some(_) => "not a text".to_owned(),
    }
}

/// The accepted values of a claim, for a message.
pub(super) fn listed(accepted: &[String]) -> String {
    if accepted.is_empty() { "none".to_owned() } else { accepted.join(" or ") }
}

fn missing_hint(claim: &str) -> &'static str {
    if claim == "iat" { " (CLERK_VERIFY_IAT=false accepts it without)" } else { "" }
}

/// Seconds with milliseconds where there are any: `15`, `0.25`.
fn seconds(span: TimeDelta) -> String {
    let milliseconds = span.num_milliseconds();
    let whole = milliseconds / 1000;
    match milliseconds.unsigned_abs() % 1000 {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:03}").trim_end_matches('0').to_owned(),
    }
}
