//! Changing the own profile: what a valid value is, and the one statement that stores it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use super::{
    AccountError, Accounts, SessionRefusal,
    caller::stored_still_in,
    mistake::{Mistake, MistakeKind},
};
use crate::{
    model::{User, is_blank},
    store::{
        contention,
        users::{self, ProfileChanges},
    },
};

/// Longest full name, in Unicode scalar values after trimming.
const MAX_NAME: usize = 200;
/// Longest short name and pronouns.
const MAX_SHORT_TEXT: usize = 100;
/// Longest notes and context.
const MAX_TEXT: usize = 10_000;

/// Changes as a client sends them: `None` keeps a field, `Some(None)` clears it.
#[derive(Clone, Default)]
pub(crate) struct ProfileInput {
    /// Full display name.
    pub(crate) name: Option<Option<String>>,
    /// Short name.
    pub(crate) preferred_name: Option<Option<String>>,
    /// Pronouns.
    pub(crate) pronouns: Option<Option<String>>,
    /// IANA time zone name, in any letter case.
    pub(crate) timezone: Option<Option<String>>,
    /// Notes for operators.
    pub(crate) notes: Option<Option<String>>,
    /// Background.
    pub(crate) context: Option<Option<String>>,
}

impl ProfileInput {
    /// The changes to store, or every mistake at once.
    pub(crate) fn validate(self) -> Result<ProfileChanges, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut validate = |field, value: Option<Option<String>>, rule| {
            value.map(|value| {
                value.and_then(|text| match rule {
                    TextRule::Line(longest) => line(field, &text, longest, &mut mistakes),
                    TextRule::Text(longest) => text_block(field, &text, longest, &mut mistakes),
                    TextRule::Timezone => timezone(field, &text, &mut mistakes),
                })
            })
        };
        let Self { name, preferred_name, pronouns, timezone, notes, context } = self;
        let changes = ProfileChanges {
            name: validate("name", name, TextRule::Line(MAX_NAME)),
            preferred_name: validate(
                "preferred_name",
                preferred_name,
                TextRule::Line(MAX_SHORT_TEXT),
            ),
            pronouns: validate("pronouns", pronouns, TextRule::Line(MAX_SHORT_TEXT)),
            timezone: validate("timezone", timezone, TextRule::Timezone),
            notes: validate("notes", notes, TextRule::Text(MAX_TEXT)),
            context: validate("context", context, TextRule::Text(MAX_TEXT)),
        };
        if mistakes.is_empty() { Ok(changes) } else { Err(mistakes) }
    }
}

/// What a field may hold, and how long it may be.
#[derive(Clone, Copy)]
enum TextRule {
    /// No control characters.
    Line(usize),
    /// No control characters but newline and tab.
    Text(usize),
    Timezone,
}

impl Accounts {
    /// Changes the profile of a user. Fields that are kept, and values that are stored already,
    /// change nothing.
    ///
    /// # Errors
    /// `AccountError::Refused` when the user is gone or being deleted.
    pub async fn update_profile(
        &self,
        user: &Arc<User>,
        changes: &ProfileChanges,
    ) -> Result<Arc<User>, AccountError> {
        if changes_nothing(user, changes) {
            return Ok(user.clone());
        }
        let _turn = self.turn_of(user).await;
        let stored = contention::retry(|| self.store_changes(user, changes)).await;
        self.counted(stored)
    }

    async fn store_changes(
        &self,
        user: &User,
        changes: &ProfileChanges,
    ) -> Result<Arc<User>, AccountError> {
        let mut tx = self.store().begin().await?;
        if !users::update_profile(tx.conn(), user.id, changes, self.clock.now()).await? {
            return Err(SessionRefusal::Vanished.into());
        }
        let updated = stored_still_in(&mut tx, user).await?;
        tx.commit().await?;
        Ok(updated)
    }
}

fn changes_nothing(user: &User, changes: &ProfileChanges) -> bool {
    let ProfileChanges { name, preferred_name, pronouns, timezone, notes, context } = changes;
    [
        (name, &user.name),
        (preferred_name, &user.preferred_name),
        (pronouns, &user.pronouns),
        (timezone, &user.timezone),
        (notes, &user.notes),
        (context, &user.context),
    ]
    .into_iter()
    .all(|(change, stored)| change.as_ref().is_none_or(|value| value == stored))
}

/// One line of text: trimmed, blank is nothing.
pub(super) fn line(
    field: &'static str,
    text: &str,
    longest: usize,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        mistakes.push(Mistake {
            field: field.into(),
            kind: MistakeKind::Invalid,
            message: "Remove the control characters (line breaks and tabs among them).".to_owned(),
        });
        return None;
    }
    bounded(field, text, longest, mistakes)
}

/// Several lines of text: the same, but newlines and tabs are kept and CRLF becomes LF.
fn text_block(
    field: &'static str,
    text: &str,
    longest: usize,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        mistakes.push(Mistake {
            field: field.into(),
            kind: MistakeKind::Invalid,
            message: "Remove the control characters; only line breaks and tabs are allowed."
                .to_owned(),
        });
        return None;
    }
    bounded(field, text, longest, mistakes)
}

fn bounded(
    field: &'static str,
    text: &str,
    longest: usize,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let length = text.chars().count();
    if length > longest {
        mistakes.push(Mistake {
            field: field.into(),
            kind: MistakeKind::TooLong,
            message: format!("Use at most {longest} characters; this has {length}."),
        });
        return None;
    }
    (!is_blank(text)).then(|| text.to_owned())
}

/// An IANA name in its own spelling.
fn timezone(field: &'static str, text: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
    static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| (zone.name().to_lowercase(), zone.name()))
            .collect()
    });
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let known = NAMES.get(&text.to_lowercase());
    if known.is_none() {
        mistakes.push(Mistake {
            field: field.into(),
            kind: MistakeKind::UnknownTimezone,
            message: "Use a name from the IANA time zone database, for example `Europe/Berlin`."
                .to_owned(),
        });
    }
    known.map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "the shape of an input field")]
    fn set(text: &str) -> Option<Option<String>> {
        Some(Some(text.to_owned()))
    }

    #[test]
    fn values_are_trimmed_and_blank_ones_cleared() {
        let input = ProfileInput {
            name: set(" Ada  Lovelace "),
            preferred_name: set("\u{200b}\u{2060}"),
            pronouns: set(" \u{a0} "),
            timezone: set("america/los_angeles"),
            notes: set("one\r\ntwo\tthree\n"),
            context: Some(None),
        };
        let changes = input.validate().unwrap();
        assert_eq!(changes.name, set("Ada  Lovelace"));
        assert_eq!(changes.preferred_name, Some(None), "invisible characters alone are blank");
        assert_eq!(changes.pronouns, Some(None));
        assert_eq!(changes.timezone, set("America/Los_Angeles"));
        assert_eq!(changes.notes, set("one\ntwo\tthree"));
        assert_eq!(changes.context, Some(None));
    }

    #[test]
    fn lengths_are_counted_in_scalar_values_after_trimming() {
        let ok =
            ProfileInput { name: set(&format!(" {} ", "🦀".repeat(200))), ..Default::default() };
        assert!(ok.validate().is_ok());
        let long = ProfileInput { name: set(&"a".repeat(201)), ..Default::default() };
        let mistakes = long.validate().err().unwrap();
        assert_eq!(mistakes[0].kind, MistakeKind::TooLong);
        assert!(mistakes[0].message.contains("200") && mistakes[0].message.contains("201"));
    }

    #[test]
    fn every_mistake_is_reported() {
        let input = ProfileInput {
            name: set("a\u{0}b"),
            preferred_name: set("a\nb"),
            pronouns: set(&"p".repeat(101)),
            timezone: set("Mars/Olympus"),
            notes: set("bell\u{7}"),
            context: set(&"c".repeat(10_001)),
        };
        let mistakes = input.validate().err().unwrap();
        let kinds: Vec<_> = mistakes.iter().map(|m| (m.field.as_ref(), m.kind)).collect();
        assert_eq!(
            kinds,
            [
                ("name", MistakeKind::Invalid),
                ("preferred_name", MistakeKind::Invalid),
                ("pronouns", MistakeKind::TooLong),
                ("timezone", MistakeKind::UnknownTimezone),
                ("notes", MistakeKind::Invalid),
                ("context", MistakeKind::TooLong),
            ]
        );
    }
}
