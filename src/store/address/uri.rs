//! Takes an address of PostgreSQL apart as libpq does ("Connection URIs" in PostgreSQL's manual), which is
//! not how a URL is taken apart: a password may hold `?` and `#`, a host may be empty or a directory.

use super::{fault::AddressFault, parameters::Given};

const FORM: &str = "write postgres://user:password@host:5432/database, with characters such as @ : / \
                    % in the password percent-encoded";

/// The parts of what follows `postgres:`, decoded.
pub(super) fn split(rest: &str) -> Result<Given, AddressFault> {
    let malformed = |reason: &str| AddressFault::new(reason, FORM);
    let mut given = Given::default();
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(malformed("lacks the // after its scheme"));
    };
    // The first @ before the first / ends the credentials.
    let end = rest.find(['@', '/']).unwrap_or(rest.len());
    let (credentials, rest) = match rest.split_at(end) {
        (credentials, after) if after.starts_with('@') => (credentials, after.split_at(1).1),
        _ => ("", rest),
    };
    if !credentials.is_empty() {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        given.set("user", decode(user)?);
        given.set("password", decode(password)?);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, rest) = rest.split_at(end);
    if place.contains(',') {
        return Err(AddressFault::new(
            "names several hosts, and one is supported",
            "name one: the primary, or an address that leads to it after a fail-over (a name, a \
             virtual IP or a pooler)",
        ));
    }
    if place.contains('@') {
        return Err(malformed("has more than one @"));
    }
    let (host, port) = host_and_port(place).ok_or_else(|| malformed("has no well-formed host"))?;
    let host = decode(host)?;
    if host.contains(char::is_whitespace) {
        return Err(malformed("has a blank in its host"));
    }
    given.set("host", host);
    given.set("port", decode(port)?);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if let Some(database) = path.strip_prefix('/') {
        // Most likely the end of a password with a slash, so it must not be shown as a name.
        if database.contains(['@', '/']) {
            return Err(malformed("has an @ or a / in the name of its database"));
        }
        given.set("dbname", decode(database)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let may_name = pair.contains('=') && !query.contains('@');
        given.add(&decode(name)?, decode(value)?, may_name)?;
    }
    Ok(given)
}

/// `host[:port]`, an IPv6 address in brackets. The brackets are left off.
fn host_and_port(place: &str) -> Option<(&str, &str)> {
    let (host, after) = match place.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            // With the zone of a link-local address, perhaps.
            let (bare, _) = address.split_once('%').unwrap_or((address, ""));
            bare.parse::<std::net::Ipv6Addr>().ok()?;
            (address, after)
        }
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    match after {
        "" => Some((host, "")),
        _ => after.strip_prefix(':').filter(|port| !port.contains(':')).map(|port| (host, port)),
    }
}

/// Replaces `%XX`. Strict, as libpq: a percent sign that begins no such thing is a fault, and so is `%00`.
fn decode(text: &str) -> Result<String, AddressFault> {
    let malformed = || {
        AddressFault::new(
            "has a % that is not followed by two hexadecimal digits of a character",
            "write %25 for a percent sign",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, after) = part.split_at_checked(2).ok_or_else(malformed)?;
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|byte| is_hexadecimal && *byte != 0);
        bytes.push(byte.ok_or_else(malformed)?);
        bytes.extend_from_slice(after.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}
