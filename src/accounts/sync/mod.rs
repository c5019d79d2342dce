//! Bringing the rows in step with everything there is at Clerk, through the functions that events use:
//! for the first start beside an existing application, and after events were lost.
//!
//! A few objects at a time are applied in one transaction, so a server may run meanwhile. Whether a row
//! differed is told by comparing it before and after; a dry run leaves out the commit. What Clerk does
//! not list is looked up by its id before it counts as gone, and again before it is deleted.

mod options;
mod report;
mod rows;

use std::collections::HashSet;

use super::Accounts;
use crate::{
    auth::LOCAL_CLERK_USER_ID,
    clerk::{
        api::{ClerkApi, ClerkApiError},
        event::{ClerkMembership, ClerkUser, Event},
        listing::{PAGE, Page},
    },
    store::{
        mirrored::{self, Mirrored},
        sync_positions::{self, SyncPosition},
    },
};

use self::{options::SyncError, rows::Rows};
pub use options::{SyncOptions, SyncScope};
pub(crate) use report::{Difference, Kind, Report};

const USERS: &str = "users";
const ORGANIZATIONS: &str = "organizations";
/// What Clerk answers where an application has no organizations.
const NOT_ENABLED: &str = "organization_not_enabled";
/// Pages overlap by so much: a deletion at Clerk moves what is behind it forward.
const OVERLAP: usize = 10;
/// Objects that are applied in one transaction: a fraction of the writes to the disk, and no request waits
/// long for its turn.
const AT_ONCE: usize = 25;
/// Rows that are read at once.
const ROWS: i64 = 100;

impl Accounts {
    /// Reads everything from Clerk and brings the rows in step. `watch` is shown the report after each page,
    /// and how many users there are at Clerk, as far as that is known.
    ///
    /// # Errors
    /// `SyncError`; the position is stored, to be gone on from.
    pub async fn sync(
        &self,
        options: SyncOptions,
        watch: impl Fn(&Report, Option<u64>),
    ) -> Result<Report, SyncError> {
        let clerk = self.clerk.clone().ok_or(SyncError::NoKey)?;
        let total = if options.scope.has_users() {
            clerk.count_users().await.unwrap_or_default()
        } else {
            None
        };
        let mut run = Run {
            accounts: self,
            rows: Rows { accounts: self, is_dry_run: options.is_dry_run },
            clerk,
            options,
            report: Report::default(),
            seen: HashSet::new(),
            watch: &|report| watch(report, total),
        };
        run.everything().await?;
        Ok(run.report)
    }
}

struct Run<'a> {
    accounts: &'a Accounts,
    rows: Rows<'a>,
    clerk: ClerkApi,
    options: SyncOptions,
    report: Report,
    /// Clerk's ids of users and organizations that were listed in this run.
    seen: HashSet<String>,
    watch: &'a dyn Fn(&Report),
}

impl Run<'_> {
    async fn everything(&mut self) -> Result<(), SyncError> {
        let (phase, position) = self.start().await?;
        if self.options.scope.has_users() && phase == USERS {
            self.list_users(position).await?;
        }
        if self.options.scope.has_users() {
            self.look_for_lost_users().await?;
        }
        if self.options.scope.has_organizations() {
            let position = if phase == ORGANIZATIONS { position } else { 0 };
            if self.list_organizations(position).await? {
                self.look_for_lost_organizations().await?;
            }
        }
        self.delete_what_is_gone().await?;
        if !self.options.is_dry_run {
            let mut tx = self.accounts.store.begin().await?;
            sync_positions::clear_position(tx.conn()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Where to begin.
    async fn start(&mut self) -> Result<(String, usize), SyncError> {
        if self.options.resume {
            let mut reader = self.accounts.store.read().await?;
            if let Some(found) = sync_positions::find_position(reader.conn()).await?
                && let Ok(report) = serde_json::from_str(&found.report)
            {
                self.report = report;
                return Ok((found.phase, usize::try_from(found.position).unwrap_or_default()));
            }
        }
        Ok((USERS.to_owned(), 0))
    }

    async fn list_users(&mut self, mut position: usize) -> Result<(), SyncError> {
        loop {
            let page = self.clerk.list_users(position).await?;
            self.apply_users(&page).await?;
            let Some(next) = next(position, page.length) else { break };
            position = next;
            self.reach(USERS, position).await?;
        }
        self.reach(ORGANIZATIONS, 0).await
    }

    async fn apply_users(&mut self, page: &Page<ClerkUser>) -> Result<(), SyncError> {
        self.report.users.unreadable += (page.length - page.entries.len()) as u64;
        let unseen = page.entries.iter().filter(|user| self.seen.insert(user.clerk_id.clone()));
        let object =
            |user: &ClerkUser| (user.clerk_id.clone(), Event::User(Box::new(user.clone())));
        let objects: Vec<_> = unseen.map(object).collect();
        self.apply(Kind::User, &objects).await
    }

    /// Asks about every row whose user was not listed: in a page that an interrupted run has read, or not
    /// at all.
    async fn look_for_lost_users(&mut self) -> Result<(), SyncError> {
        let mut after = String::new();
        loop {
            let mut reader = self.accounts.store.read().await?;
            let rows = mirrored::list_users(reader.conn(), &after, ROWS).await?;
            drop(reader);
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(last);
            let unseen: Vec<_> = rows
                .iter()
                .map(String::as_str)
                .filter(|id| !self.seen.contains(*id) && *id != LOCAL_CLERK_USER_ID)
                .collect();
            if unseen.is_empty() {
                continue;
            }
            let page = self.clerk.list_these_users(&unseen).await?;
            self.apply_users(&page).await?;
            for id in unseen {
                if !self.seen.contains(id) && !self.clerk.has_user(id).await? {
                    self.report.note_gone(Kind::User, id.to_owned());
                }
            }
            (self.watch)(&self.report);
        }
    }

    /// `false` when the application has no organizations.
    async fn list_organizations(&mut self, mut position: usize) -> Result<bool, SyncError> {
        loop {
            let page = match self.clerk.list_organizations(position).await {
                Err(ClerkApiError::Refused { reason, .. }) if reason.contains(NOT_ENABLED) => {
                    return Ok(false);
                }
                page => page?,
            };
            self.report.organizations.unreadable += (page.length - page.entries.len()) as u64;
            for organization in page.entries {
                if self.seen.insert(organization.clerk_id.clone()) {
                    let id = organization.clerk_id.clone();
                    let event = Event::Organization(organization);
                    self.apply(Kind::Organization, &[(id.clone(), event)]).await?;
                    self.list_memberships(&id).await?;
                }
            }
            let Some(next) = next(position, page.length) else { return Ok(true) };
            position = next;
            self.reach(ORGANIZATIONS, position).await?;
        }
    }

    /// Members of one organization. One that is not listed is looked for a second time: the list may have
    /// moved while it was read.
    async fn list_memberships(&mut self, organization: &str) -> Result<(), SyncError> {
        let mut listed = HashSet::new();
        let mut is_second = false;
        loop {
            let mut position = 0;
            loop {
                let page = match self.clerk.list_memberships(organization, position).await {
                    // Deleted meanwhile; it is looked for later.
                    Err(ClerkApiError::NotFound) => return Ok(()),
                    page => page?,
                };
                if !is_second {
                    self.report.memberships.unreadable += (page.length - page.entries.len()) as u64;
                }
                self.apply_memberships(&page, &mut listed).await?;
                let Some(next) = next(position, page.length) else { break };
                position = next;
            }
            let mut reader = self.accounts.store.read().await?;
            let rows = mirrored::list_memberships(reader.conn(), organization).await?;
            drop(reader);
            let lost: Vec<_> = rows.into_iter().filter(|id| !listed.contains(id)).collect();
            if lost.is_empty() {
                return Ok(());
            }
            if is_second {
                for id in lost {
                    self.report.note_gone(Kind::Membership, id);
                }
                return Ok(());
            }
            is_second = true;
        }
    }

    async fn apply_memberships(
        &mut self,
        page: &Page<ClerkMembership>,
        listed: &mut HashSet<String>,
    ) -> Result<(), SyncError> {
        let new = page.entries.iter().filter(|member| listed.insert(member.clerk_id.clone()));
        let object = |member: &ClerkMembership| {
            (member.clerk_id.clone(), Event::Membership(Box::new(member.clone())))
        };
        let objects: Vec<_> = new.map(object).collect();
        self.apply(Kind::Membership, &objects).await
    }

    async fn look_for_lost_organizations(&mut self) -> Result<(), SyncError> {
        let mut after = String::new();
        loop {
            let mut reader = self.accounts.store.read().await?;
            let rows = mirrored::list_organizations(reader.conn(), &after, ROWS).await?;
            drop(reader);
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(last);
            for id in rows {
                if !self.seen.contains(&id) && !self.clerk.has_organization(&id).await? {
                    self.report.note_gone(Kind::Organization, id);
                }
            }
        }
    }

    /// Deletes the rows of what is gone, if they are not more than is allowed.
    async fn delete_what_is_gone(&mut self) -> Result<(), SyncError> {
        if self.options.is_dry_run || self.report.left_over() > self.options.max_deletions {
            return Ok(());
        }
        let mut gone = std::mem::take(&mut self.report.gone);
        for row in gone.iter_mut().filter(|row| !row.is_deleted) {
            let clerk_id = row.id.clone();
            let (is_back, event) = match row.kind {
                Kind::User => {
                    (self.clerk.has_user(&row.id).await?, Event::UserDeleted { clerk_id })
                }
                Kind::Organization => (
                    self.clerk.has_organization(&row.id).await?,
                    Event::OrganizationDeleted { clerk_id },
                ),
                // Its id is never used again.
                Kind::Membership => {
                    (false, Event::MembershipDeleted { clerk_id, membership: None })
                }
            };
            if !is_back {
                self.rows.delete(&event).await?;
                row.is_deleted = true;
            }
        }
        self.report.gone = gone;
        Ok(())
    }

    /// Applies objects as events would be, and notes whose rows differed.
    async fn apply(&mut self, kind: Kind, objects: &[(String, Event)]) -> Result<(), SyncError> {
        for some in objects.chunks(AT_ONCE) {
            let outcomes = self.rows.apply(kind, some).await?;
            for ((id, _), (before, after)) in some.iter().zip(outcomes) {
                self.note(kind, id, before, after);
            }
        }
        Ok(())
    }

    fn note(&mut self, kind: Kind, id: &str, before: Option<Mirrored>, after: Option<Mirrored>) {
        let numbers = self.report.numbers_mut(kind);
        numbers.seen += 1;
        match (before, after) {
            (None, None) => numbers.deleted_here += 1,
            (None, Some(_)) => self.report.note(kind, id, Difference::Created),
            (Some(before), Some(after)) if before.values != after.values => {
                let pairs = before.values.iter().zip(&after.values);
                let differing = pairs.filter(|(before, after)| before != after);
                let values = differing.map(|((name, _), _)| (*name).to_owned()).collect();
                self.report.note(kind, id, Difference::Changed { values });
            }
            (Some(_), _) => {}
        }
    }

    /// Stores how far it has come.
    async fn reach(&self, phase: &str, position: usize) -> Result<(), SyncError> {
        (self.watch)(&self.report);
        if self.options.is_dry_run {
            return Ok(());
        }
        let position = SyncPosition {
            phase: phase.to_owned(),
            position: i64::try_from(position).unwrap_or(i64::MAX),
            report: serde_json::to_string(&self.report).unwrap_or_default(),
        };
        let mut tx = self.accounts.store.begin().await?;
        sync_positions::save_position(tx.conn(), &position, self.accounts.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Where the next page begins; `None` behind the last one.
const fn next(position: usize, length: usize) -> Option<usize> {
    if length < PAGE { None } else { Some(position + length - OVERLAP) }
}
