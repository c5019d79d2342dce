//! The addresses a server listens on, and those of its proxies, as operators write them. Pure functions from text to value.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::{
    fault::{InvalidValue, invalid_text},
    number,
};

/// An IP address, `localhost`, or an IPv6 address in brackets.
pub(super) fn host(text: &str) -> Result<IpAddr, InvalidValue> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let fix = "write 127.0.0.1 for this machine alone or 0.0.0.0 for every interface; the port goes \
               into PORT";
    bare.parse().or_else(|_| invalid_text(text, "is not an IP address", fix))
}

pub(super) fn port(text: &str) -> Result<u16, InvalidValue> {
    let port = number::whole(text, 0..=usize::from(u16::MAX))?;
    Ok(u16::try_from(port).unwrap_or_default()) // within the range that was just checked
}

/// A network in CIDR notation, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, InvalidValue> {
    let fix = "list the networks of your proxies, such as 10.0.0.0/8 or 2001:db8::/32";
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => return invalid_text(text, "is not a network", fix),
        },
    };
    if network.prefix_len() == 0 {
        return invalid_text(text, "trusts everybody: each client could name its own address", fix);
    }
    let exact = network.trunc();
    if exact != network {
        return invalid_text(text, "has digits beyond its prefix", format!("write {exact}"));
    }
    Ok(network)
}

/// `address:port`, or `off` for none.
pub(super) fn socket_address(text: &str) -> Result<Option<SocketAddr>, InvalidValue> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let parsed = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse(),
        None => text.parse(),
    };
    let fix = "write an IP address and a port, such as 127.0.0.1:9000 or [::1]:9000";
    parsed.map(Some).or_else(|_| invalid_text(text, "is not address:port", fix))
}
