//! Everything there is at Clerk, page by page ("List all users", "List organizations", "List
//! organization members" of the Backend API). There is no hurry: when Clerk wants a pause it gets one.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{
    api::{ClerkApi, ClerkApiError, jitter, refusal},
    event::{ClerkMembership, ClerkOrganization, ClerkUser},
    http::Allowance,
};

/// Entries of a page. Clerk gives up to 500, but a user with metadata may be 24 kB long.
pub(crate) const PAGE: usize = 100;
/// How often a page is asked for.
const MAX_TRIES: u32 = 10;
/// The pause after a failure for which Clerk names none, doubled with each one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest of these.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that Clerk can ask for.
const LONGEST_WISH: Duration = Duration::from_mins(5);
/// What one page may take.
const ALLOWANCE: Allowance = Allowance { time: Duration::from_secs(30), bytes: 16 << 20 };

/// A part of a list.
pub(crate) struct Page<T> {
    /// What could be read of it.
    pub(crate) entries: Vec<T>,
    /// How many entries Clerk sent, readable or not.
    pub(crate) length: usize,
}

impl ClerkApi {
    /// Users, the earliest first.
    ///
    /// # Errors
    /// [`ClerkApiError`] when the page could not be had in many tries.
    pub(crate) async fn list_users(&self, offset: usize) -> Result<Page<ClerkUser>, ClerkApiError> {
        let answer = self.page(&["users"], offset, &[("order_by", "+created_at")]).await?;
        page(&answer, ClerkUser::from_object)
    }

    /// Those of at most a hundred users that there are.
    ///
    /// # Errors
    /// [`ClerkApiError`] when the page could not be had in many tries.
    pub(crate) async fn list_these_users(
        &self,
        clerk_user_ids: &[&str],
    ) -> Result<Page<ClerkUser>, ClerkApiError> {
        let ids: Vec<_> = clerk_user_ids.iter().map(|id| ("user_id", *id)).collect();
        page(&self.page(&["users"], 0, &ids).await?, ClerkUser::from_object)
    }

    /// How many users there are.
    ///
    /// # Errors
    /// [`ClerkApiError`] when the number could not be had in many tries.
    pub(crate) async fn count_users(&self) -> Result<Option<u64>, ClerkApiError> {
        let answer = self.patiently(&["users", "count"], &[]).await?;
        Ok(answer.get("total_count").and_then(Value::as_u64))
    }

    /// Organizations, the earliest first.
    ///
    /// # Errors
    /// [`ClerkApiError`] when the page could not be had in many tries.
    pub(crate) async fn list_organizations(
        &self,
        offset: usize,
    ) -> Result<Page<ClerkOrganization>, ClerkApiError> {
        let answer = self.page(&["organizations"], offset, &[("order_by", "+created_at")]).await?;
        page(&answer, ClerkOrganization::from_object)
    }

    /// Members of an organization, the earliest first. `NotFound` when there is no such organization.
    ///
    /// # Errors
    /// [`ClerkApiError`] when the page could not be had in many tries.
    pub(crate) async fn list_memberships(
        &self,
        clerk_organization_id: &str,
        offset: usize,
    ) -> Result<Page<ClerkMembership>, ClerkApiError> {
        let path = ["organizations", clerk_organization_id, "memberships"];
        let answer = self.page(&path, offset, &[("order_by", "+created_at")]).await?;
        page(&answer, ClerkMembership::from_object)
    }

    /// Whether there is such a user.
    ///
    /// # Errors
    /// [`ClerkApiError`] when Clerk does not say.
    pub(crate) async fn has_user(&self, clerk_user_id: &str) -> Result<bool, ClerkApiError> {
        self.has(&["users", clerk_user_id]).await
    }

    /// Whether there is such an organization.
    ///
    /// # Errors
    /// [`ClerkApiError`] when Clerk does not say.
    pub(crate) async fn has_organization(&self, clerk_id: &str) -> Result<bool, ClerkApiError> {
        self.has(&["organizations", clerk_id]).await
    }

    async fn has(&self, path: &[&str]) -> Result<bool, ClerkApiError> {
        match self.patiently(path, &[]).await {
            Ok(object) if object.get("id").and_then(Value::as_str) == path.last().copied() => {
                Ok(true)
            }
            Ok(_) => Err(ClerkApiError::Unknown("the answer is not what was asked for".to_owned())),
            Err(ClerkApiError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn page(
        &self,
        path: &[&str],
        offset: usize,
        filter: &[(&str, &str)],
    ) -> Result<Value, ClerkApiError> {
        let (limit, offset) = (PAGE.to_string(), offset.to_string());
        let window = [("limit", limit.as_str()), ("offset", offset.as_str())];
        self.patiently(path, &[&window, filter].concat()).await
    }

    /// Asks until there is an answer, for minutes if need be.
    async fn patiently(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, ClerkApiError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..MAX_TRIES {
            let (error, wish) = match self.once(path, query).await {
                // What is wrong with the question stays wrong.
                Err(error @ ClerkApiError::Refused { is_passing: false, .. }) => return Err(error),
                Err(error @ ClerkApiError::Refused { retry_after, .. }) => (error, retry_after),
                Err(error @ ClerkApiError::Unknown(_)) => (error, None),
                outcome => return outcome,
            };
            let wait = wish.map_or(pause, |wish| wish.min(LONGEST_WISH)) + jitter();
            tracing::info!(%error, wait_ms = wait.as_millis(), "Clerk is asked again after a pause");
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.once(path, query).await
    }

    async fn once(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, ClerkApiError> {
        let reply = self.http().exchange(Method::GET, path, query, ALLOWANCE).await?;
        if reply.status != StatusCode::OK {
            return Err(refusal(&reply));
        }
        serde_json::from_slice(&reply.body)
            .map_err(|error| ClerkApiError::Unknown(format!("the answer is not JSON: {error}")))
    }
}

/// A list as such or, as most of them come, under `data`.
fn page<T, E>(
    answer: &Value,
    read: impl Fn(&Value) -> Result<T, E>,
) -> Result<Page<T>, ClerkApiError> {
    let list = answer.as_array().or_else(|| answer.get("data")?.as_array());
    let list = list.ok_or_else(|| ClerkApiError::Unknown("the answer is not a list".to_owned()))?;
    let entries = list.iter().filter_map(|entry| read(entry).ok()).collect();
    Ok(Page { entries, length: list.len() })
}
