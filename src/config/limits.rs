//! What one request may cost. Knows the bounds, not who enforces them.

use std::time::Duration;

use super::fault::Refusal;
use super::reading::Reading;

/// The limits of a request. Counts are inclusive: the limit itself is still accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_BODY_BYTES`: bytes of a request body.
    pub body_bytes: usize,
    /// `MAX_QUERY_BYTES`: bytes of a query text.
    pub query_bytes: usize,
    /// `MAX_NESTING`: nesting of all brackets in a query text.
    pub nesting: usize,
    /// `MAX_SELECTIONS`: selections after fragments are expanded.
    pub selections: usize,
    /// `MAX_ALIASES`: aliases after fragments are expanded.
    pub aliases: usize,
    /// `MAX_DEPTH`: nesting of fields.
    pub depth: usize,
    /// `MAX_COMPLEXITY`: complexity, where a list counts its page size.
    pub complexity: usize,
    /// `MAX_DIRECTIVES`: directives on one field.
    pub directives: usize,
    /// `MAX_OPERATIONS`: operations in one document.
    pub operations: usize,
    /// `HEADER_TIMEOUT`: time to receive the headers.
    pub header_timeout: Duration,
    /// `BODY_TIMEOUT`: time to receive the whole body.
    pub body_timeout: Duration,
    /// `EXECUTION_TIMEOUT`: time to answer.
    pub execution_timeout: Duration,
    /// `IDLE_TIMEOUT`: how long a kept connection may be silent between two requests.
    pub idle_timeout: Duration,
    /// `WRITE_TIMEOUT`: how long a client may take nothing of its answer.
    pub write_timeout: Duration,
    /// `MAX_CONNECTIONS`: open connections.
    pub connections: usize,
    /// `MAX_RESPONSE_BYTES`: bytes of one answer.
    pub response_bytes: usize,
    /// `MAX_IN_FLIGHT_BYTES`: bytes of all request bodies and undelivered answers together.
    pub in_flight_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            query_bytes: 16 * 1024,
            nesting: 40,
            selections: 500,
            aliases: 50,
            depth: 16,
            complexity: 5000,
            directives: 5,
            operations: 10,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            execution_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(10),
            connections: 10_000,
            response_bytes: 2 << 20,
            in_flight_bytes: 128 << 20,
        }
    }
}

impl Limits {
    /// Upper bounds keep a setting from switching the protection off: a list literal nested 2,000
    /// deep overflows the stack of the GraphQL parser, which takes 65 levels of selections at most,
    /// and a body is held in memory.
    pub(super) fn read(reading: &mut Reading<'_>) -> Self {
        let default = Self::default();
        let time = Duration::from_millis(10)..=Duration::from_hours(1);
        let limits = Self {
            body_bytes: reading.whole("MAX_BODY_BYTES", default.body_bytes, 1024..=64 << 20),
            query_bytes: reading.whole("MAX_QUERY_BYTES", default.query_bytes, 64..=1 << 20),
            nesting: reading.whole("MAX_NESTING", default.nesting, 1..=64),
            selections: reading.whole("MAX_SELECTIONS", default.selections, 1..=100_000),
            aliases: reading.whole("MAX_ALIASES", default.aliases, 0..=100_000),
            depth: reading.whole("MAX_DEPTH", default.depth, 1..=200),
            complexity: reading.whole("MAX_COMPLEXITY", default.complexity, 1..=10_000_000),
            directives: reading.whole("MAX_DIRECTIVES", default.directives, 0..=100),
            operations: reading.whole("MAX_OPERATIONS", default.operations, 1..=1000),
            header_timeout: reading.seconds("HEADER_TIMEOUT", default.header_timeout, time.clone()),
            body_timeout: reading.seconds("BODY_TIMEOUT", default.body_timeout, time.clone()),
            execution_timeout: reading.seconds(
                "EXECUTION_TIMEOUT",
                default.execution_timeout,
                time.clone(),
            ),
            idle_timeout: reading.seconds("IDLE_TIMEOUT", default.idle_timeout, time.clone()),
            write_timeout: reading.seconds("WRITE_TIMEOUT", default.write_timeout, time),
            connections: reading.whole("MAX_CONNECTIONS", default.connections, 1..=1_000_000),
            response_bytes: reading.whole(
                "MAX_RESPONSE_BYTES",
                default.response_bytes,
                64 << 10..=64 << 20,
            ),
            in_flight_bytes: reading.whole(
                "MAX_IN_FLIGHT_BYTES",
                default.in_flight_bytes,
                1 << 20..=1 << 40,
            ),
        };
        let largest = limits.body_bytes.max(limits.response_bytes);
        if limits.in_flight_bytes < largest {
            reading.refuse(
                "MAX_IN_FLIGHT_BYTES",
                Refusal::new(
                    "is less than one body (MAX_BODY_BYTES) or one answer (MAX_RESPONSE_BYTES) may have",
                    format!("write at least {largest}"),
                ),
            );
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::super::lookup::Environment;
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Limits, Vec<String>> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let mut reading = Reading::new(&environment);
        let limits = Limits::read(&mut reading);
        reading
            .finish(Some(limits))
            .map(|(limits, _)| limits)
            .map_err(|faults| faults.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn unset_is_the_default() {
        assert_eq!(read(&[]), Ok(Limits::default()));
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
            ("HEADER_TIMEOUT", "0.5"),
            ("BODY_TIMEOUT", "20s"),
            ("EXECUTION_TIMEOUT", "0.025"),
            ("IDLE_TIMEOUT", "61"),
            ("WRITE_TIMEOUT", "3"),
            ("MAX_CONNECTIONS", "7"),
            ("MAX_RESPONSE_BYTES", "65536"),
            ("MAX_IN_FLIGHT_BYTES", "1048576"),
        ]);
        let expected = Limits {
            body_bytes: 2048,
            query_bytes: 1001,
            nesting: 2,
            selections: 3,
            aliases: 0,
            depth: 5,
            complexity: 6,
            directives: 7,
            operations: 8,
            header_timeout: Duration::from_millis(500),
            body_timeout: Duration::from_secs(20),
            execution_timeout: Duration::from_millis(25),
            idle_timeout: Duration::from_secs(61),
            write_timeout: Duration::from_secs(3),
            connections: 7,
            response_bytes: 65_536,
            in_flight_bytes: 1 << 20,
        };
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
            ("IDLE_TIMEOUT", "0", "3601"),
            ("WRITE_TIMEOUT", "0", "3601"),
            ("MAX_CONNECTIONS", "0", "1000001"),
            ("MAX_RESPONSE_BYTES", "65535", "67108865"),
            ("MAX_IN_FLIGHT_BYTES", "2097151", "1099511627777"),
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
