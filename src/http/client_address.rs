//! The address a request comes from: that of the connection, or what trusted proxies say of it.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
};
use ipnet::IpNet;

use crate::serving::Peer;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What one client is told apart by: an IPv4 address, or the /64 network of an IPv6 address, of which one
/// client has as many as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The client of a request. `trusted` are the proxies (`TRUSTED_PROXIES`) whose word counts.
    pub(crate) fn of(request: &Request, trusted: &[IpNet]) -> Self {
        let peer =
            request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        Self::new(address(peer, request.headers(), trusted))
    }

    fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            four @ IpAddr::V4(_) => four,
        })
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The rightmost address that is not a trusted proxy: everything to the left of it is the word of somebody
/// unknown.
fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        let address = address.to_canonical();
        trusted.iter().any(|network| network.contains(&address))
    };
    if !is_trusted(peer) {
        return peer;
    }
    let by_x_forwarded_for = headers.contains_key(&X_FORWARDED_FOR).then(|| {
        let entries = values(headers, &X_FORWARDED_FOR);
        rightmost_untrusted(peer, entries.map(node), is_trusted)
    });
    let by_forwarded = headers.contains_key(header::FORWARDED).then(|| {
        let entries = values(headers, &header::FORWARDED);
        rightmost_untrusted(peer, entries.map(forwarded_for), is_trusted)
    });
    match (by_x_forwarded_for, by_forwarded) {
        (Some(one), Some(other)) if one != other => {
            // The proxy keeps one of the two up to date, and the client wrote the other.
            peer
        }
        (Some(address), _) | (None, Some(address)) => address,
        (None, None) => peer,
    }
}

/// The entries of a list header, the last one first.
fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    lines.into_iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','))
}

/// Goes from proxy to proxy, as long as they are trusted. An entry that is no address ends the way at the
/// proxy that wrote it.
fn rightmost_untrusted(
    peer: IpAddr,
    entries: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut last = peer;
    for entry in entries {
        let Some(address) = entry else { return last };
        last = address;
        if !is_trusted(address) {
            return last;
        }
    }
    last
}

/// An address, perhaps with a port, an IPv6 address perhaps in brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical())
}

/// The `for` parameter of an entry of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(entry: &str) -> Option<IpAddr> {
    let pairs = entry.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn of(peer: &str, headers: &[(&str, &str)]) -> String {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"].map(|net| net.parse().unwrap()).into();
        let map = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        address(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, expected) in [
            ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
            (PROXY, "203.0.113.9", "203.0.113.9"),
            (PROXY, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            (PROXY, "1.1.1.1, 203.0.113.9, 10.2.3.4", "203.0.113.9"),
            (PROXY, "1.1.1.1,203.0.113.9,192.0.2.7,10.2.3.4", "203.0.113.9"),
            (PROXY, "10.9.9.9, 10.2.3.4", "10.9.9.9"),
            (PROXY, "203.0.113.9:4711", "203.0.113.9"),
            (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
            (PROXY, "[2001:db8::1]", "2001:db8::1"),
            (PROXY, "2001:db8::1", "2001:db8::1"),
            (PROXY, "::ffff:203.0.113.9", "203.0.113.9"),
            ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("fd00::1", "203.0.113.9", "203.0.113.9"),
            (PROXY, "", PROXY),
            (PROXY, "unknown", PROXY),
            (PROXY, "1.1.1.1, unknown, 10.2.3.4", "10.2.3.4"),
            (PROXY, "1.1.1.1, ", PROXY),
        ] {
            assert_eq!(
                of(peer, &[("x-forwarded-for", forwarded)]),
                expected,
                "{peer}: {forwarded}"
            );
        }
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9, 10.2.3.4")];
        assert_eq!(of(PROXY, &lines), "203.0.113.9", "several lines are one list");
        assert_eq!(of(PROXY, &[]), PROXY);
    }

    #[test]
    fn forwarded_is_read_too() {
        for (forwarded, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"203.0.113.9:80\";proto=https", "203.0.113.9"),
            ("proto=http; for=1.1.1.1, for=203.0.113.9;by=10.0.0.1, for=10.2.3.4", "203.0.113.9"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=_hidden", PROXY),
            ("by=203.0.113.9", PROXY),
        ] {
            assert_eq!(of(PROXY, &[("forwarded", forwarded)]), expected, "{forwarded}");
        }
        let agreed = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(of(PROXY, &agreed), "203.0.113.9");
        let forged = [("forwarded", "for=8.8.8.8"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(of(PROXY, &forged), PROXY, "which of them the client wrote cannot be told");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let client = |text: &str| ClientAddress::new(text.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1:2:3"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }
}
