//! Pages of memberships and invitations: what a client may ask for, how a page is loaded, and how a cursor is spelled.

use std::sync::Arc;

use async_graphql::Context;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike};

use super::{context::ContextExt, loaders::SliceOf};
use crate::{
    error::ApiError,
    model::Position,
    store::{
        invitations::VisibleInvitation,
        memberships::{ListOf, Slice, VisibleMembership},
    },
};

/// The largest page.
pub(crate) const MAX_PAGE: i32 = 100;

/// One page of a list.
pub(crate) struct Page {
    list: ListOf,
    /// The page, and perhaps what follows it.
    rows: Arc<Vec<Arc<VisibleMembership>>>,
    request: PageRequest,
    known_total: Option<usize>,
}

impl Page {
    /// The memberships of the page.
    pub(crate) fn rows(&self) -> &[Arc<VisibleMembership>] {
        self.rows.get(..self.request.size).unwrap_or(&self.rows)
    }

    /// Whether the list goes on behind the page.
    pub(crate) fn has_next(&self) -> bool {
        self.rows.len() > self.request.size
    }

    /// Whether the list has something before the page.
    pub(crate) const fn has_previous(&self) -> bool {
        self.request.after.is_some()
    }

    /// How many memberships the whole list has; counted where the page does not tell.
    pub(crate) async fn total(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let total = match self.known_total {
            Some(total) => i64::try_from(total).unwrap_or(i64::MAX),
            None => ctx.viewer().loaders().await?.count(self.list).await?,
        };
        Ok(i32::try_from(total).unwrap_or(i32::MAX))
    }
}

/// One page of a list of invitations, which is so short that it is always loaded as a whole.
pub(crate) struct InvitationPage {
    /// The invitations of the page, newest first.
    pub(crate) rows: Vec<Arc<VisibleInvitation>>,
    /// Whether the list goes on behind the page.
    pub(crate) has_next: bool,
    /// Whether the list has something before the page.
    pub(crate) has_previous: bool,
    /// How many invitations the whole list has.
    pub(crate) total: usize,
}

/// A checked wish for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageRequest {
    size: usize,
    after: Option<Position>,
}

impl PageRequest {
    /// Checks the arguments of a list field.
    pub(crate) fn new(first: i32, after: Option<&str>) -> Result<Self, ApiError> {
        if !(1..=MAX_PAGE).contains(&first) {
            return Err(ApiError::bad_input(format!(
                "`first` must be between 1 and {MAX_PAGE}, not {first}."
            )));
        }
        let after = after
            .map(|cursor| {
                read_cursor(cursor).ok_or_else(|| {
                    ApiError::bad_input(
                        "`after` is not a cursor of this list. Pass an `endCursor` as it was received.",
                    )
                })
            })
            .transpose()?;
        Ok(Self { size: usize::try_from(first).unwrap_or(1), after })
    }

    /// Cuts the page out of the beginning of the list, if that is where it lies. `is_all` says that
    /// the beginning is the whole list.
    pub(crate) fn cut(
        self,
        list: ListOf,
        rows: &Arc<Vec<Arc<VisibleMembership>>>,
        is_all: bool,
    ) -> Option<Page> {
        let is_there = self.after.is_none() && (is_all || rows.len() > self.size);
        is_there.then(|| Page {
            list,
            rows: rows.clone(),
            request: self,
            known_total: is_all.then_some(rows.len()),
        })
    }

    /// Cuts the page out of a whole list of invitations, newest first.
    pub(crate) fn of_invitations(self, list: &[Arc<VisibleInvitation>]) -> InvitationPage {
        let is_behind = |row: &&Arc<VisibleInvitation>| {
            self.after.is_none_or(|after| row.invitation.position() < after)
        };
        let mut behind = list.iter().filter(is_behind).cloned();
        InvitationPage {
            rows: behind.by_ref().take(self.size).collect(),
            has_next: behind.next().is_some(),
            has_previous: self.after.is_some(),
            total: list.len(),
        }
    }

    /// Loads the page.
    pub(crate) async fn load(self, ctx: &Context<'_>, list: ListOf) -> Result<Page, ApiError> {
        // One more than the page tells whether there is another.
        let limit = i64::try_from(self.size).unwrap_or(i64::MAX - 1) + 1;
        let slice = match self.after {
            Some(position) => Slice::behind(position, limit),
            None => Slice::first(limit),
        };
        let rows = ctx.viewer().loaders().await?.slice(SliceOf { list, slice }).await?;
        let is_all = self.after.is_none() && rows.len() <= self.size;
        let known_total = is_all.then_some(rows.len());
        Ok(Page { list, rows, request: self, known_total })
    }
}

/// The cursor of a membership.
pub(crate) fn cursor(row: &VisibleMembership) -> String {
    write_cursor(row.membership.position())
}

/// The cursor of a place.
pub(crate) fn write_cursor(position: Position) -> String {
    let mut bytes = [0; 24];
    let (time, id) = bytes.split_at_mut(8);
    time.copy_from_slice(&position.created_at.timestamp_micros().to_be_bytes());
    id.copy_from_slice(position.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(cursor: &str) -> Option<Position> {
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
    let (time, id) = bytes.split_at(8);
    let created_at = DateTime::from_timestamp_micros(i64::from_be_bytes(time.try_into().ok()?))?;
    // Times outside these years are no membership's, and not every database can hold them.
    let is_possible = (1970..=9999).contains(&created_at.year());
    let id = uuid::Uuid::from_slice(id).ok()?;
    (is_possible && id.get_version_num() == 7).then_some(Position { created_at, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_trip_and_inventions_do_not() {
        let position = Position {
            created_at: DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(),
            id: uuid::Uuid::now_v7(),
        };
        assert_eq!(read_cursor(&write_cursor(position)), Some(position));
        for cursor in ["", "x", "MTA=", &"A".repeat(32), &URL_SAFE_NO_PAD.encode([0xff; 24])] {
            assert_eq!(read_cursor(cursor), None, "{cursor:?}");
        }
    }

    #[test]
    fn page_sizes_are_bounded() {
        for (first, is_fine) in [(0, false), (1, true), (100, true), (101, false), (-1, false)] {
            assert_eq!(PageRequest::new(first, None).is_ok(), is_fine, "{first}");
        }
    }
}
