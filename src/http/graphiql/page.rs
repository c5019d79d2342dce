//! The page as text, with what the mode puts into it, and the policy that bounds what it may do. Both
//! are made once, when the server starts.

use std::fmt::Write;

use axum::{body::Bytes, http::HeaderValue};
use serde_json::{Value, json};

use super::files::{BASE, Kind, PAGE_SCRIPT, PAGE_STYLE, PUBLISHED};
use crate::config::AuthSettings;

/// The page, with a place for each of the things that vary.
const TEMPLATE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/page.html"));

/// Clerk's browser library, at the version that this page was written for; every instance serves it
/// from its own Frontend API.
const CLERK_SCRIPT: &str = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js";

/// The GraphiQL page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The document, one for all answers.
    pub(crate) html: Bytes,
    /// Its Content Security Policy (level 3).
    pub(crate) policy: HeaderValue,
}

impl Page {
    /// The page of a server that authenticates like this.
    ///
    /// # Errors
    /// When the address in a publishable key cannot stand in a header.
    pub(crate) fn new(auth: &AuthSettings) -> anyhow::Result<Self> {
        let frontend = match auth {
            AuthSettings::Clerk(clerk) => clerk.frontend.as_ref(),
            AuthSettings::Development(_) | AuthSettings::Local(_) => None,
        };
        let mode = match auth {
            AuthSettings::Clerk(_) => "clerk",
            AuthSettings::Development(_) => "development",
            AuthSettings::Local(_) => "local",
        };
        let configuration = json!({
            "mode": mode,
            "version": env!("CARGO_PKG_VERSION"),
            "files": PUBLISHED.iter().map(|file| json!({
                "kind": if file.kind == Kind::Style { "style" } else { "script" },
                "url": format!("{BASE}{}", file.path),
                "integrity": file.integrity,
            })).collect::<Vec<_>>(),
            "clerk": frontend.map(|frontend| json!({
                "publishableKey": frontend.publishable_key,
                "script": format!("{}{CLERK_SCRIPT}", frontend.url),
            })),
        });
        let html = TEMPLATE
            .replace("{{mode}}", mode)
            .replace("{{style}}", &format!("ui/{}?v={}", PAGE_STYLE.name, PAGE_STYLE.hash()))
            .replace("{{script}}", &format!("ui/{}?v={}", PAGE_SCRIPT.name, PAGE_SCRIPT.hash()))
            // Last, so that nothing inside it is taken for a place.
            .replace("{{configuration}}", &inside_html(&configuration));
        let policy = HeaderValue::try_from(policy(frontend.map(|frontend| frontend.url.as_str())))?;
        Ok(Self { html: html.into(), policy })
    }
}

/// What the page may do: talk to this server, and to as little else as the build and the mode need.
fn policy(clerk: Option<&str>) -> String {
    let mut scripts = "'self'".to_owned();
    let mut styles = "'self' 'unsafe-inline'".to_owned();
    let mut images = "'self' data:".to_owned();
    let mut connections = "'self'".to_owned();
    if BASE.starts_with("https:") {
        // File by file: the host serves every package there is.
        for file in PUBLISHED {
            let list = if file.kind == Kind::Style { &mut styles } else { &mut scripts };
            // Writing to a string cannot fail.
            let _ = write!(list, " {BASE}{}", file.path);
        }
    }
    if let Some(clerk) = clerk {
        let _ = write!(scripts, " {clerk}");
        let _ = write!(connections, " {clerk}");
        images.push_str(" https://img.clerk.com");
    }
    format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; img-src {images}; \
         font-src 'self' data:; connect-src {connections}; worker-src 'self' blob:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// JSON that cannot end the element it stands in, nor begin another one.
fn inside_html(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Only strings hold these, and there an escape means the same.
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Settings};

    fn page(pairs: &[(&str, &str)]) -> Page {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let (settings, _) = Settings::read(&environment).unwrap();
        Page::new(&settings.auth).unwrap()
    }

    fn text(page: &Page) -> &str {
        std::str::from_utf8(&page.html).unwrap()
    }

    fn configuration(page: &Page) -> Value {
        let (_, rest) = text(page)
            .split_once(r#"<script type="application/json" id="configuration">"#)
            .expect("the page holds its configuration");
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn json_cannot_leave_its_element() {
        let value =
            json!({ "key": "</script><script>alert(1)</script><!-- & \u{2028}\u{2029} \"" });
        let text = inside_html(&value);
        for forbidden in ['<', '>', '&', '\u{2028}', '\u{2029}'] {
            assert!(!text.contains(forbidden), "{text}");
        }
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn no_place_is_left_in_the_page() {
        let (settings, _) =
            Settings::development(&Environment::from_pairs(Vec::<(&str, &str)>::new())).unwrap();
        let page = Page::new(&settings.auth).unwrap();
        assert!(!text(&page).contains("{{"), "{}", text(&page));
        assert_eq!(configuration(&page)["mode"], "development");
        assert!(configuration(&page)["clerk"].is_null(), "no real Clerk in development");
    }

    #[test]
    fn each_mode_has_its_own_way_to_sign_in() {
        let token = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let local = page(&[("AUTH_MODE", "local"), ("LOCAL_AUTH_TOKEN", token)]);
        assert_eq!(configuration(&local)["mode"], "local");
        assert!(!text(&local).contains(token));

        let clerk = [("AUTH_MODE", "clerk"), ("CLERK_SECRET_KEY", "sk_test_0123456789abcdefghij")];
        let without_key = page(&clerk);
        assert_eq!(configuration(&without_key)["mode"], "clerk");
        assert!(configuration(&without_key)["clerk"].is_null());
        assert!(!text(&without_key).contains("sk_test_"));

        // clerk.example.com$
        let key = "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k";
        let issuer = ("CLERK_ISSUER", "https://tokens.example.org");
        let with_key = page(&[clerk[0], clerk[1], ("CLERK_PUBLISHABLE_KEY", key), issuer]);
        assert_eq!(
            configuration(&with_key)["clerk"],
            json!({
                "publishableKey": key,
                "script": "https://clerk.example.com/npm/@clerk/clerk-js@6/dist/clerk.browser.js",
            }),
            "the address is the key's, whatever issuer is accepted"
        );
    }

    #[test]
    fn the_policy_allows_the_host_of_clerk_only_where_it_is_needed() {
        let without = policy(None);
        assert!(!without.contains("clerk"), "{without}");
        let with = policy(Some("https://clerk.example.com"));
        let directives: Vec<&str> = with.split("; ").collect();
        let allowed = |name: &str| {
            directives.iter().find_map(|directive| directive.strip_prefix(name)).unwrap().trim()
        };
        assert!(allowed("script-src").ends_with(" https://clerk.example.com"), "{with}");
        assert_eq!(allowed("connect-src"), "'self' https://clerk.example.com");
        assert_eq!(allowed("img-src"), "'self' data: https://img.clerk.com");
        assert_eq!(allowed("worker-src"), "'self' blob:");
        assert_eq!(with.matches("clerk.example.com").count(), 2, "{with}");
    }
}
