//! Where the server listens and what it offers to browsers. Opens nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::address;
use super::fault::{Refusal, quoted};
use super::number;
use super::reading::Reading;

/// The settings of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Browser origins that may call, exactly as browsers send them; empty allows none.
    pub cors_origins: Vec<String>,
    /// Whether the schema can be queried.
    pub introspection: bool,
    /// Whether GraphiQL is served.
    pub playground: bool,
    /// The separate listener of `/metrics`, if there is to be one.
    pub metrics_addr: Option<SocketAddr>,
    /// How long requests in flight may take after SIGTERM. Zero closes everything at once.
    pub shutdown_timeout: Duration,
    /// How long after SIGTERM requests are still taken while `/readyz` says 503.
    pub drain_delay: Duration,
}

impl ServerSettings {
    pub(super) fn read(reading: &mut Reading<'_>) -> Self {
        let settings = Self {
            host: reading.one("HOST", host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: reading.one("PORT", port).unwrap_or(8000),
            cors_origins: reading.list("CORS_ORIGINS", address::origin).entries(),
            introspection: reading.switch("GRAPHQL_INTROSPECTION", true),
            playground: reading.switch("GRAPHQL_PLAYGROUND", true),
            metrics_addr: reading.one("METRICS_ADDR", socket_address).given().flatten(),
            shutdown_timeout: reading.seconds(
                "SHUTDOWN_TIMEOUT",
                Duration::from_secs(10),
                Duration::ZERO..=Duration::from_hours(1),
            ),
            drain_delay: reading.seconds(
                "DRAIN_DELAY",
                Duration::from_secs(5),
                Duration::ZERO..=Duration::from_hours(1),
            ),
        };
        if settings.metrics_addr.is_some_and(|metrics| collide(metrics, settings.address())) {
            reading.refuse(
                "METRICS_ADDR",
                Refusal::new(
                    "is the address of the API itself",
                    "choose another port, such as 127.0.0.1:9000",
                ),
            );
        }
        settings
    }

    /// Host and port in one.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

fn collide(left: SocketAddr, right: SocketAddr) -> bool {
    let everywhere = left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() == right.port() && left.port() != 0 && (everywhere || left.ip() == right.ip())
}

/// An IP address, `localhost`, or an IPv6 address in brackets.
fn host(text: &str) -> Result<IpAddr, Refusal> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| {
        Refusal::new(
            format!("{} is not an IP address", quoted(text)),
            "write 127.0.0.1 for this machine alone or 0.0.0.0 for every interface; the port goes \
             into PORT",
        )
    })
}

fn port(text: &str) -> Result<u16, Refusal> {
    let port = number::whole(text, 0..=usize::from(u16::MAX))?;
    Ok(u16::try_from(port).unwrap_or_default()) // within the range that was just checked
}

/// `address:port`; the switch words for "off" mean none.
fn socket_address(text: &str) -> Result<Option<SocketAddr>, Refusal> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let localhost = text.strip_prefix("localhost:");
    let parsed = match localhost {
        Some(port) => format!("127.0.0.1:{port}").parse(),
        None => text.parse(),
    };
    parsed.map(Some).map_err(|_| {
        Refusal::new(
            format!("{} is not address:port", quoted(text)),
            "write an IP address and a port, such as 127.0.0.1:9000 or [::1]:9000",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::lookup::Environment;
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<ServerSettings, Vec<String>> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let mut reading = Reading::new(&environment);
        let settings = ServerSettings::read(&mut reading);
        reading
            .finish(Some(settings))
            .map(|(settings, _)| settings)
            .map_err(|faults| faults.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults() {
        let expected = ServerSettings {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8000,
            cors_origins: Vec::new(),
            introspection: true,
            playground: true,
            metrics_addr: None,
            shutdown_timeout: Duration::from_secs(10),
            drain_delay: Duration::from_secs(5),
        };
        assert_eq!(read(&[]), Ok(expected));
    }

    #[test]
    fn every_variable_is_honoured() {
        let expected = ServerSettings {
            host: IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
            port: 0,
            cors_origins: vec![
                "https://app.example.com".to_owned(),
                "http://localhost:3000".to_owned(),
            ],
            introspection: false,
            playground: false,
            metrics_addr: Some(SocketAddr::from(([127, 0, 0, 1], 9000))),
            shutdown_timeout: Duration::ZERO,
            drain_delay: Duration::from_millis(1500),
        };
        let settings = read(&[
            ("HOST", "[::1]"),
            ("PORT", "0"),
            ("CORS_ORIGINS", "https://app.example.com, http://localhost:3000,"),
            ("GRAPHQL_INTROSPECTION", "off"),
            ("GRAPHQL_PLAYGROUND", "0"),
            ("METRICS_ADDR", "localhost:9000"),
            ("SHUTDOWN_TIMEOUT", "0"),
            ("DRAIN_DELAY", "1.5"),
        ]);
        assert_eq!(
            settings.as_ref().map(ServerSettings::address),
            Ok("[::1]:0".parse().unwrap_or_else(|_| expected.address()))
        );
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn faults() {
        for (name, value, expected) in [
            ("HOST", "example.com", "HOST: \"example.com\" is not an IP address"),
            ("HOST", "*", "HOST: \"*\" is not an IP address"),
            ("HOST", "127.0.0.1:80", "the port goes into PORT"),
            ("PORT", "65536", "write a whole number from 0 to 65535"),
            ("PORT", "http", "is not a whole number"),
            ("CORS_ORIGINS", "https://a.com/", "fix: write https://a.com"),
            ("CORS_ORIGINS", "*", "list every origin"),
            ("GRAPHQL_INTROSPECTION", "maybe", "write true or false"),
            ("GRAPHQL_PLAYGROUND", "maybe", "write true or false"),
            ("METRICS_ADDR", "9000", "such as 127.0.0.1:9000"),
            ("METRICS_ADDR", ":9000", "such as 127.0.0.1:9000"),
            ("METRICS_ADDR", "127.0.0.1:8000", "is the address of the API itself"),
            ("METRICS_ADDR", "0.0.0.0:8000", "is the address of the API itself"),
            ("SHUTDOWN_TIMEOUT", "3601", "out of range"),
            ("DRAIN_DELAY", "3601", "out of range"),
        ] {
            let faults = read(&[(name, value)]).err().unwrap_or_default();
            assert!(
                matches!(faults.as_slice(), [fault] if fault.starts_with(name) && fault.contains(expected)),
                "{name}={value}: {faults:?}"
            );
        }
        // Two listeners that each take a free port do not collide.
        assert!(read(&[("PORT", "0"), ("METRICS_ADDR", "127.0.0.1:0")]).is_ok());
        let two = read(&[("CORS_ORIGINS", "a.com,https://b.com,https://c.com/x")]);
        assert_eq!(two.err().map(|faults| faults.len()), Some(2));
        assert!(
            read(&[("METRICS_ADDR", "off")]).is_ok_and(|settings| settings.metrics_addr.is_none())
        );
    }
}
