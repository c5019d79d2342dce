//! What one request may cost. Knows the bounds, not who enforces them.

use std::{num::NonZeroU32, time::Duration};

use super::{
    reading::Reading,
    variables::{
        BODY_TIMEOUT, EXECUTION_TIMEOUT, GRAPHQL_INTROSPECTION, HEADER_TIMEOUT, IDLE_TIMEOUT,
        MAX_ALIASES, MAX_BODY_BYTES, MAX_COMPLEXITY, MAX_CONNECTIONS, MAX_DEPTH, MAX_DIRECTIVES,
        MAX_IN_FLIGHT_BYTES, MAX_NESTING, MAX_OPERATIONS, MAX_QUERY_BYTES, MAX_RESPONSE_BYTES,
        MAX_SELECTIONS, RATE_LIMIT_UNAUTHENTICATED, RATE_LIMIT_USER, WRITE_TIMEOUT,
    },
};
use crate::graphql::{Bounds, Limits};

/// What may be sent and how long it may take, whatever it is. Limits are inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestLimits {
    /// `MAX_BODY_BYTES`: bytes of a request body.
    pub(crate) body_bytes: usize,
    /// `HEADER_TIMEOUT`: time to receive the headers.
    pub(crate) header_timeout: Duration,
    /// `BODY_TIMEOUT`: time to receive the whole body.
    pub(crate) body_timeout: Duration,
    /// `EXECUTION_TIMEOUT`: time to answer.
    pub(crate) execution_timeout: Duration,
    /// `IDLE_TIMEOUT`: how long a kept connection may be silent between two requests.
    pub(crate) idle_timeout: Duration,
    /// `WRITE_TIMEOUT`: how long a client may take nothing of its answer.
    pub(crate) write_timeout: Duration,
    /// `MAX_CONNECTIONS`: open connections.
    pub(crate) connections: usize,
    /// `MAX_RESPONSE_BYTES`: bytes of one answer.
    pub(crate) response_bytes: usize,
    /// `MAX_IN_FLIGHT_BYTES`: bytes of all request bodies and undelivered answers together.
    pub(crate) in_flight_bytes: usize,
    /// `RATE_LIMIT_UNAUTHENTICATED`: refused tokens from one address in a minute.
    pub(crate) refused_per_minute: Option<NonZeroU32>,
    /// `RATE_LIMIT_USER`: mutations of one user in a minute.
    pub(crate) writes_per_minute: Option<NonZeroU32>,
}

impl RequestLimits {
    pub(super) fn read(reading: &mut Reading<'_>) -> Self {
        let limits = Self {
            body_bytes: reading.value_or_empty(&MAX_BODY_BYTES),
            header_timeout: reading.value_or_empty(&HEADER_TIMEOUT),
            body_timeout: reading.value_or_empty(&BODY_TIMEOUT),
            execution_timeout: reading.value_or_empty(&EXECUTION_TIMEOUT),
            idle_timeout: reading.value_or_empty(&IDLE_TIMEOUT),
            write_timeout: reading.value_or_empty(&WRITE_TIMEOUT),
            connections: reading.value_or_empty(&MAX_CONNECTIONS),
            response_bytes: reading.value_or_empty(&MAX_RESPONSE_BYTES),
            in_flight_bytes: reading.value_or_empty(&MAX_IN_FLIGHT_BYTES),
            refused_per_minute: reading.value_or_empty(&RATE_LIMIT_UNAUTHENTICATED),
            writes_per_minute: reading.value_or_empty(&RATE_LIMIT_USER),
        };
        let largest = limits.body_bytes.max(limits.response_bytes);
        // Zero stands in the place of a value that was refused.
        if (1..largest).contains(&limits.in_flight_bytes) {
            reading.refuse(
                &MAX_IN_FLIGHT_BYTES.variable,
                "is less than one body (MAX_BODY_BYTES) or one answer (MAX_RESPONSE_BYTES) may have",
                format!("write at least {largest}"),
            );
        }
        limits
    }
}

/// What one GraphQL document may ask for.
pub(super) fn read_graphql(reading: &mut Reading<'_>) -> Limits {
    Limits {
        bounds: Bounds {
            nesting: reading.value_or_empty(&MAX_NESTING),
            selections: reading.value_or_empty(&MAX_SELECTIONS),
            aliases: reading.value_or_empty(&MAX_ALIASES),
            depth: reading.value_or_empty(&MAX_DEPTH),
            directives: reading.value_or_empty(&MAX_DIRECTIVES),
            operations: reading.value_or_empty(&MAX_OPERATIONS),
            introspection: reading.value_or_empty(&GRAPHQL_INTROSPECTION),
        },
        query_bytes: reading.value_or_empty(&MAX_QUERY_BYTES),
        complexity: reading.value_or_empty(&MAX_COMPLEXITY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn read(pairs: &[(&str, &str)]) -> Result<(RequestLimits, Limits), Vec<String>> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let mut reading = Reading::new(&environment);
        let limits = (RequestLimits::read(&mut reading), read_graphql(&mut reading));
        reading
            .finish(Some(limits))
            .map(|(limits, _)| limits)
            .map_err(|faults| faults.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults() {
        let expected = (
            RequestLimits {
                body_bytes: 256 * 1024,
                header_timeout: Duration::from_secs(5),
                body_timeout: Duration::from_secs(10),
                execution_timeout: Duration::from_secs(10),
                idle_timeout: Duration::from_secs(75),
                write_timeout: Duration::from_secs(10),
                connections: 10_000,
                response_bytes: 2 << 20,
                in_flight_bytes: 128 << 20,
                refused_per_minute: None,
                writes_per_minute: None,
            },
            Limits { bounds: Bounds::default(), query_bytes: 16 * 1024, complexity: 5000 },
        );
        assert_eq!(read(&[]), Ok(expected));
    }

    #[test]
    fn each_variable_sets_its_own_field() {
        let read = read(&[
            ("MAX_BODY_BYTES", "2048"),
            ("MAX_QUERY_BYTES", "1001"),
            ("MAX_NESTING", "2"),
            ("MAX_SELECTIONS", "3"),
            ("MAX_ALIASES", "0"),
            ("MAX_DEPTH", "5"),
            ("MAX_COMPLEXITY", "6"),
            ("MAX_DIRECTIVES", "7"),
            ("MAX_OPERATIONS", "8"),
            ("GRAPHQL_INTROSPECTION", "false"),
            ("HEADER_TIMEOUT", "0.5"),
            ("BODY_TIMEOUT", "20s"),
            ("EXECUTION_TIMEOUT", "0.025"),
            ("IDLE_TIMEOUT", "61"),
            ("WRITE_TIMEOUT", "3"),
            ("MAX_CONNECTIONS", "7"),
            ("MAX_RESPONSE_BYTES", "65536"),
            ("MAX_IN_FLIGHT_BYTES", "1048576"),
            ("RATE_LIMIT_UNAUTHENTICATED", "60"),
            ("RATE_LIMIT_USER", "120"),
        ]);
        let expected = (
            RequestLimits {
                body_bytes: 2048,
                header_timeout: Duration::from_millis(500),
                body_timeout: Duration::from_secs(20),
                execution_timeout: Duration::from_millis(25),
                idle_timeout: Duration::from_secs(61),
                write_timeout: Duration::from_secs(3),
                connections: 7,
                response_bytes: 65_536,
                in_flight_bytes: 1 << 20,
                refused_per_minute: NonZeroU32::new(60),
                writes_per_minute: NonZeroU32::new(120),
            },
            Limits {
                bounds: Bounds {
                    nesting: 2,
                    selections: 3,
                    aliases: 0,
                    depth: 5,
                    directives: 7,
                    operations: 8,
                    introspection: false,
                },
                query_bytes: 1001,
                complexity: 6,
            },
        );
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn each_variable_is_bounded() {
        for (name, low, high) in [
            ("MAX_BODY_BYTES", "1023", "67108865"),
            ("MAX_QUERY_BYTES", "63", "1048577"),
            ("MAX_NESTING", "0", "65"),
            ("MAX_SELECTIONS", "0", "100001"),
            ("MAX_ALIASES", "-1", "100001"),
            ("MAX_DEPTH", "0", "201"),
            ("MAX_COMPLEXITY", "0", "10000001"),
            ("MAX_DIRECTIVES", "-1", "101"),
            ("MAX_OPERATIONS", "0", "1001"),
            ("HEADER_TIMEOUT", "0", "3600.001"),
            ("BODY_TIMEOUT", "0.009", "3601"),
            ("EXECUTION_TIMEOUT", "0", "inf"),
            ("GRAPHQL_INTROSPECTION", "maybe", "2"),
            ("IDLE_TIMEOUT", "0", "3601"),
            ("WRITE_TIMEOUT", "0", "3601"),
            ("MAX_CONNECTIONS", "0", "1000001"),
            ("MAX_RESPONSE_BYTES", "65535", "67108865"),
            ("MAX_IN_FLIGHT_BYTES", "2097151", "1099511627777"),
            ("RATE_LIMIT_UNAUTHENTICATED", "0", "1000001"),
            ("RATE_LIMIT_USER", "0", "unlimited"),
        ] {
            for value in [low, high] {
                let faults = read(&[(name, value)]).err().unwrap_or_default();
                assert!(
                    matches!(faults.as_slice(), [fault] if fault.starts_with(name)),
                    "{name}={value}: {faults:?}"
                );
            }
        }
    }
}
