//! Verifies the `Authorization` header of one request, in whichever mode the server runs.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::http::{HeaderMap, header};

use super::{
    local::{SharedToken, local_profile},
    memory::TokenMemory,
    session::{Authentication, Session},
};
use crate::{
    clerk::{
        jwks::{KeySource, KeysUnavailable},
        key::DEVELOPMENT_KEY_PREFIX,
        token::{Expectations, TokenError, UnverifiedToken, bearer_token},
    },
    clock::Clock,
    telemetry::{Hits, Metrics, traces},
};

/// Turns a header into an [`Authentication`]. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    scheme: Scheme,
    metrics: Arc<Metrics>,
}

enum Scheme {
    Clerk(Box<ClerkTokens>),
    Local(SharedToken),
}

/// What Clerk's session tokens are verified against.
pub(crate) struct ClerkTokens {
    keys: KeySource,
    expectations: Expectations,
    clock: Arc<dyn Clock>,
    trusts_development_keys: bool,
    memory: TokenMemory,
    /// The generation of the key set that the memory was filled under.
    remembered_under: AtomicU64,
}

impl ClerkTokens {
    /// `keys` verify the signature, `expectations` the claims.
    pub(crate) fn new(keys: KeySource, expectations: Expectations, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            expectations,
            clock,
            trusts_development_keys: false,
            memory: TokenMemory::new(),
            remembered_under: AtomicU64::new(0),
        }
    }

    /// How often a token was known.
    pub(crate) fn memory_hits(&self) -> Hits {
        self.memory.hits()
    }

    /// Accepts tokens of the development issuer too. Without this its keys verify nothing, wherever
    /// they are published: who runs a development server can sign in as anyone.
    #[must_use]
    pub(crate) fn trust_development_keys(self) -> Self {
        Self { trusts_development_keys: true, ..self }
    }

    async fn verify(&self, token: &str) -> Result<Arc<Session>, Rejection> {
        let generation = self.keys.generation().unwrap_or(0);
        if self.remembered_under.swap(generation, Ordering::Relaxed) != generation {
            self.memory.clear();
        }
        if let Some(session) = self.memory.recall(token, generation) {
            if let Some(claims) = session.claims()
                && let Err(error) = claims.check_times(&self.expectations, self.clock.now())
            {
                self.memory.forget(token);
                return Err(error.into());
            }
            return Ok(session);
        }
        let unverified = UnverifiedToken::parse(token)?;
        if unverified.key_id().starts_with(DEVELOPMENT_KEY_PREFIX) && !self.trusts_development_keys
        {
            return Err(Rejection::UnknownKey);
        }
        let key = self.keys.find(unverified.key_id()).await?.ok_or(Rejection::UnknownKey)?;
        let claims = unverified.verify(&key, &self.expectations, self.clock.now())?;
        let session = Arc::new(Session::clerk(claims));
        // If the set was replaced meanwhile, this is remembered under a generation that is no longer
        // current, and never recalled.
        self.memory.remember(token, session.clone(), generation);
        Ok(session)
    }
}

/// Why a token was not accepted.
enum Rejection {
    Token(TokenError),
    UnknownKey,
    KeysUnavailable,
}

impl From<TokenError> for Rejection {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<KeysUnavailable> for Rejection {
    fn from(_: KeysUnavailable) -> Self {
        Self::KeysUnavailable
    }
}

impl Authenticator {
    /// Verifies Clerk's session tokens.
    pub(crate) fn clerk(tokens: ClerkTokens, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Inner { scheme: Scheme::Clerk(Box::new(tokens)), metrics }))
    }

    /// Accepts one shared token.
    pub(crate) fn local(token: SharedToken, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Inner { scheme: Scheme::Local(token), metrics }))
    }

    /// Looks at the `Authorization` headers of a request and nothing else: no cookie, no query.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Authentication {
        let token = match bearer_token(headers.get_all(header::AUTHORIZATION).iter()) {
            Ok(None) => {
                self.count("anonymous");
                return Authentication::Anonymous;
            }
            Ok(Some(token)) => token,
            Err(error) => return self.refuse(error.reason(), &error),
        };
        match &self.0.scheme {
            Scheme::Local(shared) if shared.matches(token) => {
                self.accept(Arc::new(Session::local(local_profile())))
            }
            Scheme::Local(_) => self.refuse("wrong_token", &"it is not the shared token"),
            Scheme::Clerk(tokens) => match tokens.verify(token).await {
                Ok(session) => self.accept(session),
                Err(Rejection::Token(error)) => {
                    if let TokenError::NotYetValid { .. } | TokenError::IssuedInFuture { .. } =
                        error
                    {
                        // A genuine token from the future: this machine's clock is behind.
                        tracing::warn!(%error, "a genuine session token was refused; check the clock");
                    }
                    self.refuse(error.reason(), &error)
                }
                Err(Rejection::UnknownKey) => self.refuse(
                    "unknown_key",
                    &"Clerk publishes no key with its key id; is it from another Clerk instance?",
                ),
                Err(Rejection::KeysUnavailable) => {
                    self.count("keys_unavailable");
                    tracing::warn!("a session token cannot be checked: no key set from Clerk yet");
                    Authentication::Unavailable
                }
            },
        }
    }

    fn count(&self, outcome: &'static str) {
        self.0.metrics.count_authentication(outcome);
        traces::note("mission_control.outcome", || outcome);
    }

    fn accept(&self, session: Arc<Session>) -> Authentication {
        self.count("accepted");
        Authentication::SignedIn(session)
    }

    fn refuse(&self, reason: &'static str, detail: &dyn std::fmt::Display) -> Authentication {
        self.count(reason);
        // The line of the request says why, in a word; this one, on demand, what to look at.
        tracing::Span::current().record("refused", reason);
        tracing::debug!(reason, %detail, "session token refused");
        Authentication::Refused
    }
}
