//! Where the server listens and what it offers to browsers. Opens nothing.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;

use super::{
    reading::Reading,
    variables::{
        CORS_ORIGINS, DRAIN_DELAY, GRAPHQL_PLAYGROUND, HOST, METRICS_ADDR, PORT, SHUTDOWN_TIMEOUT,
        TRUSTED_PROXIES,
    },
};

/// The settings of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on.
    pub(crate) host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub(crate) port: u16,
    /// Browser origins that may call, exactly as browsers send them; empty allows none.
    pub(crate) cors_origins: Vec<String>,
    /// Networks of proxies whose word on a client's address counts.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Whether GraphiQL is served.
    pub(crate) playground: bool,
    /// The separate listener of `/metrics`, if there is to be one.
    pub(crate) metrics_addr: Option<SocketAddr>,
    /// How long requests in flight may take after SIGTERM. Zero closes everything at once.
    pub(crate) shutdown_timeout: Duration,
    /// How long after SIGTERM requests are still taken while `/readyz` says 503.
    pub(crate) drain_delay: Duration,
}

impl ServerSettings {
    pub(super) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let host = reading.value(&HOST);
        let port = reading.value(&PORT);
        let cors_origins = reading.value_or_empty(&CORS_ORIGINS);
        let trusted_proxies = reading.value_or_empty(&TRUSTED_PROXIES);
        let playground = reading.value_or_empty(&GRAPHQL_PLAYGROUND);
        let metrics_addr = reading.value_or_empty(&METRICS_ADDR);
        let shutdown_timeout = reading.value_or_empty(&SHUTDOWN_TIMEOUT);
        let drain_delay = reading.value_or_empty(&DRAIN_DELAY);
        let (host, port) = (host?, port?);
        if metrics_addr.is_some_and(|metrics| collide(metrics, SocketAddr::new(host, port))) {
            reading.refuse(
                &METRICS_ADDR.variable,
                "is the address of the API itself",
                "choose another port, such as 127.0.0.1:9000",
            );
        }
        Some(Self {
            host,
            port,
            cors_origins,
            trusted_proxies,
            playground,
            metrics_addr,
            shutdown_timeout,
            drain_delay,
        })
    }

    /// Host and port in one.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

fn collide(left: SocketAddr, right: SocketAddr) -> bool {
    let everywhere = left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() == right.port() && left.port() != 0 && (everywhere || left.ip() == right.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn read(pairs: &[(&str, &str)]) -> Result<ServerSettings, Vec<String>> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let mut reading = Reading::new(&environment);
        let settings = ServerSettings::read(&mut reading);
        reading
            .finish(settings)
            .map(|(settings, _)| settings)
            .map_err(|faults| faults.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults() {
        let expected = ServerSettings {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8000,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
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
            trusted_proxies: ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
                .map(|network| network.parse().unwrap())
                .into(),
            playground: false,
            metrics_addr: Some(SocketAddr::from(([127, 0, 0, 1], 9000))),
            shutdown_timeout: Duration::ZERO,
            drain_delay: Duration::from_millis(1500),
        };
        let settings = read(&[
            ("HOST", "[::1]"),
            ("PORT", "0"),
            ("CORS_ORIGINS", "https://app.example.com, http://localhost:3000,"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1, 2001:db8::/32"),
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
            ("TRUSTED_PROXIES", "10.0.0.0/33", "is not a network"),
            ("TRUSTED_PROXIES", "10.1.2.3/8", "fix: write 10.0.0.0/8"),
            ("TRUSTED_PROXIES", "*", "such as 10.0.0.0/8"),
            ("TRUSTED_PROXIES", "nginx", "such as 10.0.0.0/8"),
            ("TRUSTED_PROXIES", "0.0.0.0/0", "trusts everybody"),
            ("TRUSTED_PROXIES", "::/0", "trusts everybody"),
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
