//! The browsers that signed in at the development issuer, and their sessions; what Clerk calls a client
//! is one browser. Knows nothing of the people beyond their ids.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// More browsers than anybody has; the ones unused longest are forgotten.
const MOST_CLIENTS: usize = 200;
/// More tickets than anybody needs at a time.
const MOST_TICKETS: usize = 200;

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionStatus {
    /// In use.
    Active,
    /// Signed out, remembered by the browser.
    Ended,
    /// Signed out, forgotten by the browser.
    Removed,
    /// Ended by somebody else.
    Revoked,
}

impl SessionStatus {
    /// The word Clerk has for it, also the second half of the event's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }
}

/// One person signed in in one browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// `sess_…`
    pub(crate) id: String,
    /// `user_…`
    pub(crate) user_id: String,
    /// What became of it.
    pub(crate) status: SessionStatus,
    /// The organization to work in, `org_…`.
    pub(crate) organization: Option<String>,
    /// Milliseconds.
    pub(crate) created_at: i64,
    /// Milliseconds.
    pub(crate) last_active_at: i64,
    /// Milliseconds.
    pub(crate) updated_at: i64,
}

/// A sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// `sia_…`
    pub(crate) id: String,
    /// Who wants to sign in, once it is known.
    pub(crate) user_id: Option<String>,
    /// What they typed.
    pub(crate) identifier: Option<String>,
    /// Whether a code was asked for.
    pub(crate) is_prepared: bool,
    /// The session it led to.
    pub(crate) session_id: Option<String>,
}

/// A sign-up under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignUp {
    /// `sua_…`
    pub(crate) id: String,
    /// First name.
    pub(crate) first_name: Option<String>,
    /// Last name.
    pub(crate) last_name: Option<String>,
    /// E-mail address in lower case.
    pub(crate) email: Option<String>,
    /// Whether a code was asked for.
    pub(crate) is_prepared: bool,
    /// The session it led to.
    pub(crate) session_id: Option<String>,
    /// The person it led to.
    pub(crate) user_id: Option<String>,
}

/// One browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Client {
    /// `client_…`
    pub(crate) id: String,
    /// Oldest first; those that are over stay for a while.
    pub(crate) sessions: Vec<Session>,
    /// The session that is in use.
    pub(crate) last_active: Option<String>,
    /// A sign-in under way.
    pub(crate) sign_in: Option<SignIn>,
    /// A sign-up under way.
    pub(crate) sign_up: Option<SignUp>,
    /// Milliseconds.
    pub(crate) created_at: i64,
    /// Milliseconds.
    pub(crate) updated_at: i64,
}

impl Client {
    fn new(now: i64) -> Self {
        Self {
            id: new_id("client"),
            sessions: Vec::new(),
            last_active: None,
            sign_in: None,
            sign_up: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The session in use: the one asked for, else the one used last.
    pub(crate) fn active(&self, wanted: Option<&str>) -> Option<&Session> {
        let wanted = wanted.or(self.last_active.as_deref())?;
        self.active_sessions().find(|session| session.id == wanted)
    }

    /// Those that are not over.
    pub(crate) fn active_sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(|session| session.status == SessionStatus::Active)
    }

    /// Signs somebody in. One browser has one session at a time, as Clerk's instances have by default.
    pub(crate) fn sign_in(
        &mut self,
        user_id: &str,
        organization: Option<String>,
        now: DateTime<Utc>,
    ) -> Session {
        let now = now.timestamp_millis();
        let session = Session {
            id: new_id("sess"),
            user_id: user_id.to_owned(),
            status: SessionStatus::Active,
            organization,
            created_at: now,
            last_active_at: now,
            updated_at: now,
        };
        self.sessions.retain(|session| session.status == SessionStatus::Active);
        self.sessions.push(session.clone());
        self.last_active = Some(session.id.clone());
        self.updated_at = now;
        session
    }

    fn end(&mut self, session_id: &str, status: SessionStatus, now: i64) -> Option<Session> {
        let session = self
            .sessions
            .iter_mut()
            .find(|known| known.id == session_id && known.status == SessionStatus::Active)?;
        session.status = status;
        session.updated_at = now;
        let ended = session.clone();
        self.updated_at = now;
        if self.last_active.as_deref() == Some(session_id) {
            self.last_active = self.active_sessions().last().map(|session| session.id.clone());
        }
        Some(ended)
    }
}

/// A right to sign in as somebody without anything else, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// `user_…`
    pub(crate) user_id: String,
    /// Milliseconds.
    pub(crate) expires_at: i64,
}

/// All browsers by the secret in their cookie, and the tickets that were given out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Clients {
    clients: BTreeMap<String, Client>,
    tickets: BTreeMap<String, Ticket>,
}

impl Clients {
    /// The browser that has this secret.
    pub(crate) fn get(&self, secret: &str) -> Option<&Client> {
        self.clients.get(secret)
    }

    /// The browser that has this secret, to be changed.
    pub(crate) fn get_mut(&mut self, secret: &str) -> Option<&mut Client> {
        self.clients.get_mut(secret)
    }

    /// The browser that has this secret, or a new one under a new secret.
    pub(crate) fn get_or_create(
        &mut self,
        secret: Option<&str>,
        now: DateTime<Utc>,
    ) -> (String, &mut Client) {
        let known = secret.filter(|secret| self.clients.contains_key(*secret));
        let secret = known.map_or_else(new_secret, str::to_owned);
        if known.is_none() && self.clients.len() >= MOST_CLIENTS {
            let oldest = self.clients.iter().min_by_key(|(_, client)| client.updated_at);
            if let Some(oldest) = oldest.map(|(secret, _)| secret.clone()) {
                self.clients.remove(&oldest);
            }
        }
        let now = now.timestamp_millis();
        let client = self.clients.entry(secret.clone()).or_insert_with(|| Client::new(now));
        (secret, client)
    }

    /// Any session, of whichever browser.
    pub(crate) fn session(&self, session_id: &str) -> Option<&Session> {
        self.clients
            .values()
            .flat_map(|client| &client.sessions)
            .find(|session| session.id == session_id)
    }

    /// A person's sessions that are not over.
    pub(crate) fn sessions_of(&self, user_id: &str) -> Vec<Session> {
        let active = self.clients.values().flat_map(Client::active_sessions);
        active.filter(|session| session.user_id == user_id).cloned().collect()
    }

    /// Ends a session of whichever browser. `None` when there is none that is in use.
    pub(crate) fn end(
        &mut self,
        session_id: &str,
        status: SessionStatus,
        now: DateTime<Utc>,
    ) -> Option<Session> {
        let now = now.timestamp_millis();
        self.clients.values_mut().find_map(|client| client.end(session_id, status, now))
    }

    /// Ends all sessions of a person.
    pub(crate) fn end_all_of(&mut self, user_id: &str, now: DateTime<Utc>) -> Vec<Session> {
        let ended = self.sessions_of(user_id);
        ended.iter().filter_map(|one| self.end(&one.id, SessionStatus::Removed, now)).collect()
    }

    /// Gives out a ticket.
    pub(crate) fn issue(&mut self, ticket: Ticket, now: DateTime<Utc>) -> String {
        self.tickets.retain(|_, known| known.expires_at > now.timestamp_millis());
        while self.tickets.len() >= MOST_TICKETS {
            self.tickets.pop_first();
        }
        let secret = new_secret();
        self.tickets.insert(secret.clone(), ticket);
        secret
    }

    /// Takes a ticket, which is used up; answers whose it was.
    pub(crate) fn redeem(&mut self, ticket: &str, now: DateTime<Utc>) -> Option<String> {
        let ticket = self.tickets.remove(ticket)?;
        (ticket.expires_at > now.timestamp_millis()).then_some(ticket.user_id)
    }
}

/// A new id of a kind, in Clerk's fashion.
pub(crate) fn new_id(kind: &str) -> String {
    format!("{kind}_dev_{}", Uuid::new_v4().simple())
}

/// 244 random bits.
fn new_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
