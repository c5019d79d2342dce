//! Why an address is refused.

/// Why a text is not a database address, and what to write instead. Neither repeats the text, which may
/// hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressFault {
    /// Why the address is refused.
    pub(crate) reason: String,
    /// What to write instead.
    pub(crate) fix: String,
}

impl AddressFault {
    pub(super) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: reason.into(), fix: fix.into() }
    }
}
