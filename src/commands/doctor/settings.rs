//! Whether the settings are right, and whether those that depend on each other fit.

use super::finding::Check;
use crate::config::{AuthSettings, Environment, ServerSettings, Settings};

/// The check of each variable that is wrong or doubtful, and of those that belong together.
pub(super) fn check(environment: &Environment) -> Vec<Check> {
    let mut checks = match Settings::read(environment) {
        Ok((settings, warnings)) => {
            let mode = settings.auth.mode_name();
            let mut checks = vec![Check::pass("settings", format!("AUTH_MODE={mode}, no fault"))];
            checks.extend(warnings.iter().map(|warning| {
                let text = warning.to_string();
                // A warning ends with what to do, if there is something.
                let (what, fix) = text
                    .rsplit_once("; ")
                    .unwrap_or((&text, "nothing, if it is meant so (docs/settings.md)"));
                Check::warn("settings", what, fix)
            }));
            checks
        }
        Err(faults) => faults
            .0
            .into_iter()
            .map(|fault| {
                Check::fail("settings", format!("{}: {}", fault.variable, fault.reason), fault.fix)
            })
            .collect(),
    };
    if let (Ok((auth, _)), Ok((server, _))) =
        (Settings::read_auth(environment), Settings::read_server(environment))
    {
        checks.extend(check_webhooks(&auth));
        checks.extend(check_origins(&auth, &server));
    }
    checks
}

fn check_webhooks(auth: &AuthSettings) -> Option<Check> {
    let clerk = auth.clerk()?;
    Some(if clerk.webhook_secrets.is_some() {
        Check::pass("webhooks", "CLERK_WEBHOOK_SIGNING_SECRET has the right shape")
    } else {
        Check::warn(
            "webhooks",
            "CLERK_WEBHOOK_SIGNING_SECRET is not set, so sign-outs, bans and deletions at Clerk count only \
             when tokens expire, and organizations are not mirrored",
            "add an endpoint to /api/v1/webhooks/clerk in the Clerk dashboard and set its signing secret",
        )
    })
}

/// A front end on an origin of its own needs to be in both lists: its tokens are accepted by one, and its
/// browser may ask by the other.
fn check_origins(auth: &AuthSettings, server: &ServerSettings) -> Vec<Check> {
    let Some(clerk) = auth.clerk() else { return Vec::new() };
    let parties = &clerk.expectations.authorized_parties;
    if parties.is_empty() {
        return Vec::new();
    }
    let missing = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|origin| !those.contains(origin)).cloned().collect()
    };
    let mut checks = Vec::new();
    let silent = missing(parties, &server.cors_origins);
    if !silent.is_empty() {
        checks.push(Check::warn(
            "origins",
            format!(
                "CORS_ORIGINS misses {}, which CLERK_AUTHORIZED_PARTIES has",
                silent.join(", ")
            ),
            "add them to CORS_ORIGINS, unless the API is on that very origin",
        ));
    }
    let refused = missing(&server.cors_origins, parties);
    if !refused.is_empty() {
        checks.push(Check::fail(
            "origins",
            format!(
                "CLERK_AUTHORIZED_PARTIES misses {}, which CORS_ORIGINS has: tokens obtained there are refused",
                refused.join(", ")
            ),
            "add them to CLERK_AUTHORIZED_PARTIES, or take them out of CORS_ORIGINS",
        ));
    }
    if checks.is_empty() {
        checks
            .push(Check::pass("origins", "the same in CORS_ORIGINS and CLERK_AUTHORIZED_PARTIES"));
    }
    checks
}
