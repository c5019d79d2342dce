//! The shape of Clerk's ids (`user_…`, `sess_…`, `org_…`). Ids are compared as they are, never trimmed
//! or folded.

/// Longest id that Clerk is believed to issue, in bytes. Real ones are about 32.
const MAX_CLERK_ID: usize = 255;

/// Whether a text can be an id of Clerk's: 1 to 255 visible ASCII characters.
pub(crate) fn is_clerk_id(text: &str) -> bool {
    (1..=MAX_CLERK_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
