//! About this server.

use async_graphql::Object;

use super::AuthMode;

/// What anybody may know about the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerInfo {
    /// How requests are authenticated.
    pub auth_mode: AuthMode,
}

/// About this server.
#[Object]
impl ServerInfo {
    /// Product name.
    async fn name(&self) -> &'static str {
        "Mission Control"
    }

    /// Version of the running server, semantic versioning.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// How this server authenticates requests.
    async fn auth_mode(&self) -> AuthMode {
        self.auth_mode
    }
}
