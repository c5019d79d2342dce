//! What traces need to know before they can be sent.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::sampling::Sampling;

/// Where traces go, in whose name, and how many.
#[derive(Clone, Debug)]
pub(crate) struct TraceSettings {
    /// The address that takes them, to the end of its path.
    pub(crate) endpoint: Url,
    /// Sent with them: names of headers, and their values as in the setting, percent-encoded.
    pub(crate) headers: Vec<(String, SecretString)>,
    /// How long one delivery may take.
    pub(crate) timeout: Duration,
    /// Whether they are compressed (gzip).
    pub(crate) is_compressed: bool,
    /// The `service.name` they carry.
    pub(crate) service_name: Option<String>,
    /// Further attributes of their origin.
    pub(crate) resource: Vec<(String, String)>,
    /// Which requests are recorded.
    pub(crate) sampling: Sampling,
}
