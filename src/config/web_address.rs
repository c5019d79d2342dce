//! The web addresses among the settings: Clerk's API, issuers, browser origins and the receiver of traces. Pure functions
//! from text to the one spelling the rest of the program compares or appends to.

use url::Url;

use super::fault::{InvalidValue, invalid, invalid_text};
use crate::loopback;

/// The base of Clerk's Backend API in its one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiBase {
    /// Its path ends in `/v1`, without a trailing slash.
    pub(super) url: Url,
    /// Plain `http` to another machine: the secret key would cross the network readable.
    pub(super) exposed: bool,
}

/// Reads a base URL in any form operators write it: trailing slashes, with or without `/v1`.
/// Anything that could change where the secret key is sent (credentials, query, fragment, another
/// scheme) is refused.
pub(super) fn api_base(text: &str) -> Result<ApiBase, InvalidValue> {
    let mut url = web_url(text, "https://api.clerk.com")?;
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).trim_end_matches('/').to_owned();
    url.set_path(&format!("{path}/v1"));
    let exposed = is_exposed(&url);
    Ok(ApiBase { url, exposed })
}

/// An issuer, compared with the claim `iss` byte by byte, so only the form in which Clerk writes
/// it is accepted: `https` (plain `http` to loopback for stand-ins), no trailing slash.
pub(super) fn issuer(text: &str) -> Result<String, InvalidValue> {
    let url = web_url(text, "https://clerk.example.com")?;
    let exact =
        format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'));
    if url.scheme() == "http" && !is_loopback(&url) {
        let secure = exact.replacen("http://", "https://", 1);
        return invalid_text(text, "is plain http", format!("write {secure}"));
    }
    if text != exact {
        let reason = if text.ends_with('/') {
            "ends in a slash; issuers have none and are compared exactly"
        } else {
            "is not written the way Clerk writes an issuer, and issuers are compared exactly"
        };
        return invalid_text(text, reason, format!("write {exact}"));
    }
    Ok(exact)
}

/// A browser origin exactly as browsers send it (RFC 6454, section 6.2, ASCII serialisation):
/// `scheme://host[:port]`, lower case, no default port, no path, no trailing slash.
pub(super) fn origin(text: &str) -> Result<String, InvalidValue> {
    if text.contains('*') {
        let fix = "list every origin, such as https://app.example.com";
        return invalid_text(text, "is a pattern; origins are matched exactly", fix);
    }
    if text.eq_ignore_ascii_case("null") {
        let fix = "list the origin of the page, such as https://app.example.com";
        return invalid("null stands for any page without an origin", fix);
    }
    match text.split_once("://") {
        None => missing_scheme(text, "https://app.example.com"),
        Some((scheme, _)) if is_web_scheme(scheme) => web_origin(text),
        Some((scheme, host)) => application_origin(text, scheme, host),
    }
}

fn web_origin(text: &str) -> Result<String, InvalidValue> {
    let url = parsed(text, "https://app.example.com")?;
    let exact = url.origin().ascii_serialization();
    if text == exact {
        return Ok(exact);
    }
    let reason = if url.query().is_some() || url.fragment().is_some() {
        "carries a query or a fragment; an origin is scheme://host[:port]"
    } else if url.path() != "/" {
        "carries a path; an origin is scheme://host[:port]"
    } else if text.ends_with('/') {
        "ends in a slash; an origin is scheme://host[:port]"
    } else {
        "is not spelled the way browsers send it"
    };
    invalid_text(text, reason, format!("write {exact}"))
}

/// Origins of browser extensions and application shells, such as `chrome-extension://…`. The URL
/// standard gives them no origin, so they are checked by shape.
fn application_origin(text: &str, scheme: &str, host: &str) -> Result<String, InvalidValue> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| letters(byte) || matches!(byte, b'+' | b'-' | b'.'));
    let host_fits = !host.is_empty()
        && host.bytes().all(|byte| letters(byte) || matches!(byte, b'-' | b'.' | b':'));
    // Pages from files have the origin `null`.
    if scheme_fits && host_fits && scheme != "file" {
        return Ok(text.to_owned());
    }
    let fix = "write scheme://host[:port] in lower case, such as https://app.example.com";
    invalid_text(text, "is not an origin that browsers send", fix)
}

/// The base of a receiver of everything that OpenTelemetry sends (OTLP exporter, "Endpoint URLs for OTLP/HTTP"),
/// completed to where it takes traces.
pub(super) fn otlp_base(text: &str) -> Result<Url, InvalidValue> {
    let mut url = otlp_endpoint(text)?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{path}/v1/traces"));
    Ok(url)
}

/// Where a receiver takes traces, to the end of the path.
pub(super) fn otlp_endpoint(text: &str) -> Result<Url, InvalidValue> {
    let url = web_url(text, "http://localhost:4318")?;
    match url.port() {
        // Nothing that is sent there over HTTP/1.1 arrives.
        Some(4317) => {
            let fix = "write the port of OTLP over HTTP, which is 4318";
            invalid_text(text, "has the port of OTLP over gRPC", fix)
        }
        _ => Ok(url),
    }
}

/// Whether what is sent there crosses a network readable.
pub(super) fn is_exposed(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| loopback::is_loopback(&host))
}

/// An `http` or `https` URL of scheme, host, port and path alone.
fn web_url(text: &str, example: &str) -> Result<Url, InvalidValue> {
    match text.split_once("://") {
        None => return missing_scheme(text, example),
        Some((scheme, _)) if !is_web_scheme(scheme) => {
            let fix = format!("write an https URL such as {example}");
            return invalid_text(text, "has a scheme other than https", fix);
        }
        Some(_) => {}
    }
    let url = parsed(text, example)?;
    if url.query().is_some() || url.fragment().is_some() {
        let fix = format!("end it after the path, such as {example}");
        return invalid("carries a query or a fragment", fix);
    }
    Ok(url)
}

/// A parsed URL without credentials, blanks or control characters. The value is not repeated in a
/// message while it may carry a password.
fn parsed(text: &str, example: &str) -> Result<Url, InvalidValue> {
    let is_odd = text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
    let Some(url) = Url::parse(text).ok().filter(|_| !is_odd) else {
        let fix = format!("write a URL such as {example}");
        return invalid_text(text, "is not a well-formed URL", fix);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let fix = format!("leave out everything up to the @, such as {example}");
        return invalid("carries a user name or password", fix);
    }
    Ok(url)
}

fn missing_scheme<T>(text: &str, example: &str) -> Result<T, InvalidValue> {
    let guess = ["https://", "http://"].into_iter().find_map(|scheme| {
        let url = parsed(&format!("{scheme}{text}"), example).ok()?;
        // A server on this machine rarely speaks TLS.
        (scheme == "http://" || !is_loopback(&url)).then(|| url.origin().ascii_serialization())
    });
    invalid_text(text, "has no scheme", format!("write {}", guess.as_deref().unwrap_or(example)))
}

fn is_web_scheme(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("../../tests/vectors/claims.json");

    #[test]
    fn api_base_vectors() -> Result<(), serde_json::Error> {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS)?;
        let cases = vectors["api_base"].as_array().cloned().unwrap_or_default();
        assert!(cases.len() >= 13);
        for case in cases {
            // Trimming and the default for a blank text happen where every variable is read;
            // `clerk_tests.rs` runs the same vectors through the whole path.
            let raw = case["raw"].as_str().unwrap_or_default().trim();
            if !raw.is_empty() {
                let base = api_base(raw).ok().map(|api| api.url.to_string());
                assert_eq!(base.as_deref(), case["base"].as_str(), "{raw:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn api_base_further_forms() {
        for (text, expected) in [
            ("HTTPS://API.Clerk.com:443/V1", Some("https://api.clerk.com/V1/v1")),
            ("https://api.clerk.com/v1//", Some("https://api.clerk.com/v1")),
            ("http://[::1]:9/", Some("http://[::1]:9/v1")),
            ("https://api.clerk.com#x", None),
            ("https://:pw@api.clerk.com", None),
            ("https://api.clerk.com/a b", None),
            ("https://", None),
            ("localhost:9999", None),
            ("//api.clerk.com", None),
        ] {
            let base = api_base(text).ok().map(|api| api.url.to_string());
            assert_eq!(base.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_exposed_unless_it_stays_on_this_machine() {
        for (text, exposed) in [
            ("https://clerk.internal", false),
            ("http://clerk.internal", true),
            ("http://10.0.0.1:4000", true),
            ("http://localhost.example.com", true),
            ("http://localhost:4000", false),
            ("http://clerk.localhost", false),
            ("http://127.8.8.8", false),
            ("http://[::1]", false),
        ] {
            assert_eq!(api_base(text).map(|api| api.exposed), Ok(exposed), "{text}");
        }
    }

    #[test]
    fn receivers_of_traces() {
        for (text, base, whole) in [
            (
                "http://localhost:4318",
                Ok("http://localhost:4318/v1/traces"),
                Ok("http://localhost:4318/"),
            ),
            (
                "https://otlp.example.com/in/",
                Ok("https://otlp.example.com/in/v1/traces"),
                Ok("https://otlp.example.com/in/"),
            ),
            (
                "localhost:4318",
                Err("write http://localhost:4318"),
                Err("write http://localhost:4318"),
            ),
            ("grpc://localhost:4318", Err("such as http://localhost:4318"), Err("such as http")),
            ("http://collector:4317", Err("which is 4318"), Err("which is 4318")),
            ("http://u:hidden@c:4318", Err("up to the @"), Err("up to the @")),
            ("http://c:4318?x=hidden", Err("after the path"), Err("after the path")),
        ] {
            for (read, expected) in [(otlp_base(text), base), (otlp_endpoint(text), whole)] {
                match (read, expected) {
                    (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                    (Err(invalid), Err(fix)) => {
                        assert!(invalid.fix.contains(fix), "{text}: {invalid:?}");
                        assert!(!invalid.reason.contains("hidden"));
                    }
                    (read, _) => panic!("{text}: {read:?}"),
                }
            }
        }
    }

    #[test]
    fn issuers() {
        for (text, expected) in [
            ("https://clerk.example.com", Ok("https://clerk.example.com")),
            ("https://example.com/__clerk", Ok("https://example.com/__clerk")),
            ("http://127.0.0.1:8000/dev/clerk", Ok("http://127.0.0.1:8000/dev/clerk")),
            ("https://clerk.example.com/", Err("write https://clerk.example.com")),
            ("https://example.com/__clerk/", Err("write https://example.com/__clerk")),
            ("https://Clerk.Example.com", Err("write https://clerk.example.com")),
            ("http://clerk.example.com", Err("write https://clerk.example.com")),
            ("clerk.example.com", Err("write https://clerk.example.com")),
            (
                "https://clerk.example.com?x",
                Err("end it after the path, such as https://clerk.example.com"),
            ),
        ] {
            let read = issuer(text).map_err(|invalid| invalid.fix);
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn origins() {
        for text in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://127.0.0.1:5173",
            "http://[::1]:3000",
            "https://xn--bcher-kva.example",
            "chrome-extension://abcdefghijklmnop",
            "capacitor://localhost",
        ] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for (text, reason, fix) in [
            ("https://a.com/", "ends in a slash", "write https://a.com"),
            ("https://a.com/app", "carries a path", "write https://a.com"),
            ("https://a.com/?x", "query", "write https://a.com"),
            ("https://A.com", "the way browsers", "write https://a.com"),
            ("https://a.com:443", "the way browsers", "write https://a.com"),
            ("HTTP://a.com:80", "the way browsers", "write http://a.com"),
            ("https://bücher.example", "the way browsers", "write https://xn--bcher-kva.example"),
            ("a.com", "no scheme", "write https://a.com"),
            ("a.com:8443/x", "no scheme", "write https://a.com:8443"),
            ("localhost:3000", "no scheme", "write http://localhost:3000"),
            ("*", "pattern", "list every origin"),
            ("https://*.a.com", "pattern", "list every origin"),
            ("null", "null", "list the origin"),
            ("file://x", "not an origin", "scheme://host[:port]"),
            ("chrome-extension://abc/", "not an origin", "scheme://host[:port]"),
            ("https://a.com:99999", "well-formed", "such as https://app.example.com"),
            ("https://u:hidden@a.com", "user name or password", "up to the @"),
        ] {
            let invalid = origin(text).err();
            assert!(
                invalid.as_ref().is_some_and(|invalid| {
                    invalid.reason.contains(reason)
                        && invalid.fix.contains(fix)
                        && !invalid.reason.contains("hidden")
                }),
                "{text}: {invalid:?}"
            );
        }
    }
}
