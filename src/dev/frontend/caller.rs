//! Who asks and what for: the browser's cookie, the page's origin, the form.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};

use crate::dev::{
    Development,
    clients::Session,
    errors::Refusal,
    register::{Person, Register},
};

/// The cookie that names the browser.
pub(super) const CLIENT_COOKIE: &str = "__client";

/// A request to the Frontend API.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The secret of the browser's cookie.
    pub(super) secret: Option<String>,
    /// The page's origin.
    pub(super) origin: Option<String>,
    parameters: BTreeMap<String, String>,
}

/// Somebody signed in, and what there is.
pub(super) struct SignedIn {
    /// Their session.
    pub(super) session: Session,
    /// Who it is.
    pub(super) person: Person,
    /// Everything.
    pub(super) register: Register,
}

impl<S: Send + Sync> FromRequest<S> for Caller {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let mut parameters = pairs(query.as_bytes());
        let headers = request.headers();
        let secret = cookie(headers, CLIENT_COOKIE).map(str::to_owned);
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let origin = origin.map(str::to_owned);
        let is_form = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let body = Bytes::from_request(request, state).await.map_err(anyhow::Error::from)?;
        if is_form {
            parameters.extend(pairs(&body));
        }
        Ok(Self { secret, origin, parameters })
    }
}

fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name && !value.is_empty()).then_some(value))
}

impl Caller {
    /// A parameter without blanks around it; `None` when it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// A parameter without blanks around it, which may be empty; `None` when it is missing.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(|value| value.trim())
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    /// The session that is in use in this browser: the one the request names, else the last one.
    pub(super) fn signed_in(&self, development: &Development) -> Result<SignedIn, Refusal> {
        let secret = self.secret.as_deref().ok_or_else(Refusal::signed_out)?;
        let clients = development.clients.read()?;
        let client = clients.get(secret).ok_or_else(Refusal::signed_out)?;
        let session = client.active(self.text("_clerk_session_id"));
        let session = session.ok_or_else(Refusal::signed_out)?.clone();
        let register = development.people.read()?;
        let person = register.person(&session.user_id).ok_or_else(Refusal::signed_out)?.clone();
        Ok(SignedIn { session, person, register })
    }

    /// The session of this browser that has this id.
    pub(super) fn session(
        &self,
        development: &Development,
        session_id: &str,
    ) -> Result<SignedIn, Refusal> {
        let mut asking = self.clone();
        asking.parameters.insert("_clerk_session_id".to_owned(), session_id.to_owned());
        asking.signed_in(development)
    }
}
