//! Browsers and sessions.

use serde::Serialize;

use super::{
    attempts::{SignInObject, SignUpObject},
    public_user::PublicUserData,
    users::UserObject,
};
use crate::dev::{
    clients::{Client, Session},
    register::Register,
};

/// How long a session can last, in milliseconds: seven days, Clerk's default.
const LIFETIME: i64 = 7 * 24 * 60 * 60 * 1000;
/// How long a browser is remembered, in milliseconds: a year.
const COOKIE_LIFETIME: i64 = 365 * 24 * 60 * 60 * 1000;

/// A session token.
#[derive(Serialize)]
pub(crate) struct TokenObject {
    object: &'static str,
    jwt: String,
}

impl TokenObject {
    /// The token itself.
    pub(crate) const fn new(jwt: String) -> Self {
        Self { object: "token", jwt }
    }
}

/// A session with its user and its last token.
#[derive(Serialize)]
pub(crate) struct SessionObject {
    id: String,
    object: &'static str,
    status: &'static str,
    factor_verification_age: [i64; 2],
    expire_at: i64,
    abandon_at: i64,
    last_active_at: i64,
    last_active_token: Option<TokenObject>,
    last_active_organization_id: Option<String>,
    actor: Option<()>,
    tasks: Option<()>,
    user: Option<UserObject>,
    public_user_data: Option<PublicUserData>,
    created_at: i64,
    updated_at: i64,
}

impl SessionObject {
    /// `token` is one made for this session just now.
    pub(crate) fn new(
        session: &Session,
        register: &Register,
        token: Option<String>,
        at: &str,
    ) -> Self {
        let person = register.person(&session.user_id);
        Self {
            id: session.id.clone(),
            object: "session",
            status: session.status.as_str(),
            factor_verification_age: [0, -1],
            expire_at: session.created_at + LIFETIME,
            abandon_at: session.created_at + LIFETIME,
            last_active_at: session.last_active_at,
            last_active_token: token.map(TokenObject::new),
            last_active_organization_id: session.organization.clone(),
            actor: None,
            tasks: None,
            user: person.map(|person| UserObject::new(person, register, at)),
            public_user_data: person.map(|person| PublicUserData::new(person, at)),
            created_at: session.created_at,
            updated_at: session.updated_at,
        }
    }
}

/// A session as servers and events know it.
#[derive(Serialize)]
pub(crate) struct SessionEvent<'a> {
    id: &'a str,
    object: &'static str,
    client_id: &'static str,
    user_id: &'a str,
    status: &'static str,
    last_active_organization_id: Option<&'a str>,
    last_active_at: i64,
    expire_at: i64,
    abandon_at: i64,
    created_at: i64,
    updated_at: i64,
}

impl<'a> SessionEvent<'a> {
    /// In short.
    pub(crate) fn new(session: &'a Session) -> Self {
        Self {
            id: &session.id,
            object: "session",
            client_id: "client_dev",
            user_id: &session.user_id,
            status: session.status.as_str(),
            last_active_organization_id: session.organization.as_deref(),
            last_active_at: session.last_active_at,
            expire_at: session.created_at + LIFETIME,
            abandon_at: session.created_at + LIFETIME,
            created_at: session.created_at,
            updated_at: session.updated_at,
        }
    }
}

/// A browser: its sessions in use, and what is under way.
#[derive(Serialize)]
pub(crate) struct ClientObject {
    id: String,
    object: &'static str,
    sessions: Vec<SessionObject>,
    sign_in: Option<SignInObject>,
    sign_up: Option<SignUpObject>,
    last_active_session_id: Option<String>,
    last_authentication_strategy: Option<&'static str>,
    captcha_bypass: bool,
    cookie_expires_at: i64,
    created_at: i64,
    updated_at: i64,
}

impl ClientObject {
    /// With the sessions as they are shown.
    pub(crate) fn new(
        client: &Client,
        sessions: Vec<SessionObject>,
        register: &Register,
        at: &str,
    ) -> Self {
        let last_active = client.active(None).map(|session| session.id.clone());
        Self {
            id: client.id.clone(),
            object: "client",
            sessions,
            sign_in: client
                .sign_in
                .as_ref()
                .map(|attempt| SignInObject::new(attempt, register, at)),
            sign_up: client.sign_up.as_ref().map(SignUpObject::new),
            last_active_session_id: last_active,
            last_authentication_strategy: None,
            captcha_bypass: true,
            cookie_expires_at: client.updated_at + COOKIE_LIFETIME,
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}
