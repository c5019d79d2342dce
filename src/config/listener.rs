//! The addresses a server listens on, as operators write them. Pure functions from text to value.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
