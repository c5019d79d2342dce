//! Which hosts are this machine. One rule for everything that asks: whether plain `http` stays on this
//! machine, whether a proxy is bypassed, and who may talk to development mode.

use url::Host;

/// Whether a host is this machine: a loopback address, `localhost`, or a name below it, which never leave
/// the machine (RFC 6761, section 6.3). Names are compared as [`Host`] holds them, in lower case.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Host::Domain(name) => {
            let name = name.as_ref();
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_no_other() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("localhost.", true),
            ("clerk.localhost", true),
            ("a.b.localhost", true),
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("localhost.example.com", false),
            ("notlocalhost", false),
            ("127.0.0.1.example.com", false),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("[::]", false),
        ] {
            let host = Host::parse(host).unwrap_or_else(|error| panic!("{host}: {error}"));
            assert_eq!(is_loopback(&host), expected, "{host}");
        }
    }
}
