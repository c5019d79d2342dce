//! The two Backend API calls that requests make: reading a user and deleting one. Knows Clerk's
//! answers and sorts them by what the caller may conclude.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::event::ClerkUser;
use super::http::{ClerkHttp, EXCHANGE_TIMEOUT, ExchangeError, Reply};

/// The shortest pause before the second try of a read when Clerk names none.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Calls Clerk's Backend API with the secret key of one instance.
#[derive(Clone)]
pub struct ClerkApi {
    http: ClerkHttp,
}

/// Why a call did not answer what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClerkApiError {
    /// 404 with code `resource_not_found`: Clerk knows no such user.
    #[error("Clerk knows no such user")]
    NotFound,
    /// Clerk, or a proxy before it, certainly did not do what was asked.
    #[error("Clerk refused: {reason}")]
    Refused {
        /// Status, code and trace id, or why no connection was made.
        reason: String,
        /// When Clerk wants to be asked again.
        retry_after: Option<Duration>,
        /// Whether the same question may be answered later.
        is_passing: bool,
    },
    /// Clerk may or may not have done what was asked.
    #[error("Clerk's answer is unknown: {0}")]
    Unknown(String),
}

/// A deletion that Clerk has confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// This call did it.
    Deleted,
    /// There was no such user any more.
    AlreadyAbsent,
}

impl ClerkApi {
    /// A client over one instance's connections.
    pub fn new(http: ClerkHttp) -> Self {
        Self { http }
    }

    /// The connections.
    pub(super) fn http(&self) -> &ClerkHttp {
        &self.http
    }

    /// `GET /users/{id}`. Two tries within 5 seconds in all.
    pub(crate) async fn get_user(&self, clerk_user_id: &str) -> Result<ClerkUser, ClerkApiError> {
        let started = Instant::now();
        let call = async {
            let first = self.try_get_user(clerk_user_id).await;
            let pause = match &first {
                Err(ClerkApiError::Unknown(_)) => RETRY_PAUSE + jitter(),
                Err(ClerkApiError::Refused { retry_after: Some(pause), .. }) => *pause,
                _ => return first,
            };
            if started.elapsed() + pause >= EXCHANGE_TIMEOUT {
                return first;
            }
            tokio::time::sleep(pause).await;
            self.try_get_user(clerk_user_id).await
        };
        tokio::time::timeout(EXCHANGE_TIMEOUT, call).await.unwrap_or_else(|_| {
            Err(ClerkApiError::Unknown("no answer within 5 seconds".to_owned()))
        })
    }

    async fn try_get_user(&self, clerk_user_id: &str) -> Result<ClerkUser, ClerkApiError> {
        let reply = self.http.send(Method::GET, &["users", clerk_user_id]).await?;
        if reply.status != StatusCode::OK {
            return Err(refusal(&reply));
        }
        let object: Value = serde_json::from_slice(&reply.body)
            .map_err(|error| ClerkApiError::Unknown(format!("the answer is not JSON: {error}")))?;
        // A proxy or an emulator may answer 200 to anything; only the user asked for counts.
        ClerkUser::from_object(&object)
            .ok()
            .filter(|user| user.clerk_id == clerk_user_id)
            .ok_or_else(|| {
                ClerkApiError::Unknown("the answer is not the user asked for".to_owned())
            })
    }

    /// `DELETE /users/{id}`: one try, because the answer to a repeated one would be another.
    pub(crate) async fn delete_user(&self, clerk_user_id: &str) -> Result<Deletion, ClerkApiError> {
        #[derive(Deserialize)]
        struct Confirmation {
            deleted: bool,
        }
        let reply = self.http.send(Method::DELETE, &["users", clerk_user_id]).await?;
        if reply.status == StatusCode::OK {
            return match serde_json::from_slice(&reply.body) {
                Ok(Confirmation { deleted: true }) => Ok(Deletion::Deleted),
                _ => Err(ClerkApiError::Unknown("the answer confirms nothing".to_owned())),
            };
        }
        match refusal(&reply) {
            ClerkApiError::NotFound => Ok(Deletion::AlreadyAbsent),
            error => Err(error),
        }
    }
}

/// Random, up to a quarter of a second, so that calls that failed together are not repeated together.
pub(super) fn jitter() -> Duration {
    let mut random = [0_u8];
    // Without randomness there is no jitter, which is no reason to fail.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let [milliseconds] = random;
    Duration::from_millis(milliseconds.into())
}

impl From<ExchangeError> for ClerkApiError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::NotConnected(reason) => {
                Self::Refused { reason, retry_after: None, is_passing: true }
            }
            ExchangeError::Interrupted(reason) => Self::Unknown(reason),
        }
    }
}

/// Sorts an answer other than 200. Codes are compared without regard to letter case: emulators of
/// Clerk spell them in capitals.
pub(super) fn refusal(reply: &Reply) -> ClerkApiError {
    #[derive(Deserialize, Default)]
    struct Body {
        #[serde(default)]
        errors: Vec<Fault>,
        #[serde(default)]
        clerk_trace_id: Option<String>,
    }
    #[derive(Deserialize)]
    struct Fault {
        #[serde(default)]
        code: String,
    }
    let body: Body = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.errors.first().map_or("", |fault| fault.code.as_str());
    if reply.status == StatusCode::NOT_FOUND && code.eq_ignore_ascii_case("resource_not_found") {
        return ClerkApiError::NotFound;
    }
    let printable =
        |text: &str| -> String { text.chars().filter(char::is_ascii_graphic).take(80).collect() };
    let reason = format!(
        "status {}, code {:?}, trace id {:?}",
        reply.status.as_u16(),
        printable(code),
        printable(body.clerk_trace_id.as_deref().unwrap_or_default()),
    );
    if matches!(reply.status.as_u16(), 401 | 403 | 404 | 429) {
        let is_passing = reply.status == StatusCode::TOO_MANY_REQUESTS;
        ClerkApiError::Refused { reason, retry_after: reply.retry_after, is_passing }
    } else {
        ClerkApiError::Unknown(reason)
    }
}
