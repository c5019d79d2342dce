//! Where traces are sent, and which. Sends nothing.

use std::time::Duration;

use super::{
    reading::Reading,
    variables::{
        OTEL_EXPORTER_OTLP_COMPRESSION, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS,
        OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TIMEOUT,
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
        OTEL_EXPORTER_OTLP_TRACES_HEADERS, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED,
        OTEL_SERVICE_NAME, OTEL_TRACES_EXPORTER, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG,
        Setting,
    },
    web_address::is_exposed,
};
use crate::telemetry::traces::{Sampling, TraceSettings};

/// `None` without a receiver, or when traces are switched off; then nothing else is looked at, because these
/// variables are often set for everything on a machine.
pub(super) fn read(reading: &mut Reading<'_>) -> Option<TraceSettings> {
    let is_on = !reading.value_or_empty(&OTEL_SDK_DISABLED)
        && (is_set(reading, &OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
            || is_set(reading, &OTEL_EXPORTER_OTLP_ENDPOINT))
        && reading.value_or_empty(&OTEL_TRACES_EXPORTER);
    if !is_on {
        return None;
    }
    // A gRPC receiver makes two settings wrong; both are said.
    either(reading, &OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, &OTEL_EXPORTER_OTLP_PROTOCOL);
    let endpoint =
        either(reading, &OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, &OTEL_EXPORTER_OTLP_ENDPOINT);
    let headers = either(reading, &OTEL_EXPORTER_OTLP_TRACES_HEADERS, &OTEL_EXPORTER_OTLP_HEADERS);
    let timeout = either(reading, &OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, &OTEL_EXPORTER_OTLP_TIMEOUT);
    let compression =
        either(reading, &OTEL_EXPORTER_OTLP_TRACES_COMPRESSION, &OTEL_EXPORTER_OTLP_COMPRESSION);
    let ratio = reading.value_or_empty(&OTEL_TRACES_SAMPLER_ARG);
    let sampler = reading.value(&OTEL_TRACES_SAMPLER);
    let service_name = reading.value(&OTEL_SERVICE_NAME);
    let resource = reading.value_or_empty(&OTEL_RESOURCE_ATTRIBUTES);
    let (endpoint, sampler) = (endpoint?, sampler?);
    let headers = headers.unwrap_or_default();
    if is_exposed(&endpoint) && !headers.is_empty() {
        reading.warn(
            "OTEL_EXPORTER_OTLP_HEADERS: the headers cross the network readable, because the endpoint is plain http",
        );
    }
    Some(TraceSettings {
        endpoint,
        headers,
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
        is_compressed: compression.is_some_and(|compression| compression.is_gzip),
        service_name,
        resource,
        sampling: Sampling {
            follows_caller: sampler.follows_caller,
            ratio: sampler.ratio.unwrap_or(ratio),
        },
    })
}

fn is_set<T>(reading: &Reading<'_>, setting: &Setting<T>) -> bool {
    reading.is_set(&setting.variable)
}

/// The setting for traces alone, or the one for everything that OpenTelemetry sends.
fn either<T>(reading: &mut Reading<'_>, of_traces: &Setting<T>, of_all: &Setting<T>) -> Option<T> {
    let setting = if is_set(reading, of_traces) { of_traces } else { of_all };
    reading.value(setting)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::Environment;

    fn try_read(
        pairs: &[(&str, &str)],
    ) -> Result<(Option<TraceSettings>, Vec<String>), Vec<String>> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let mut reading = Reading::new(&environment);
        let settings = read(&mut reading);
        reading
            .finish(Some(settings))
            .map(|(settings, warnings)| {
                (settings, warnings.iter().map(ToString::to_string).collect())
            })
            .map_err(|faults| faults.0.iter().map(ToString::to_string).collect())
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");

    #[test]
    fn nothing_is_sent_without_a_receiver_or_when_it_is_switched_off() {
        for pairs in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_SERVICE_NAME", "x")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "nonsense")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_HEADERS", "x")],
        ] {
            assert!(try_read(pairs).is_ok_and(|(settings, _)| settings.is_none()), "{pairs:?}");
        }
    }

    #[test]
    fn defaults() {
        let settings = try_read(&[ENDPOINT]).unwrap().0.unwrap();
        assert_eq!(settings.endpoint.as_str(), "http://localhost:4318/v1/traces");
        assert!(settings.headers.is_empty() && settings.resource.is_empty());
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.service_name, None);
        assert_eq!(settings.sampling, Sampling { follows_caller: true, ratio: 1.0 });
    }

    #[test]
    fn what_is_set_for_traces_wins() {
        let (settings, warnings) = try_read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces.internal:4318/in"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=all"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=hidden"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
            ("OTEL_SERVICE_NAME", "accounts"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b, c=d"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ])
        .unwrap();
        let settings = settings.unwrap();
        assert_eq!(settings.endpoint.as_str(), "http://traces.internal:4318/in");
        let headers: Vec<_> = settings
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        assert_eq!(headers, [("api-key", "hidden")]);
        assert_eq!(settings.timeout, Duration::from_millis(2500));
        assert!(settings.is_compressed);
        assert_eq!(settings.service_name.as_deref(), Some("accounts"));
        assert_eq!(settings.resource.len(), 2);
        assert_eq!(settings.sampling, Sampling { follows_caller: false, ratio: 0.25 });
        assert!(!format!("{settings:?}").contains("hidden"));
        assert_eq!(warnings.len(), 1, "a key crosses the network: {warnings:?}");
        assert!(!warnings[0].contains("hidden"));
    }

    #[test]
    fn faults() {
        for (name, value, expected) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "has no scheme"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317", "4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "write http/protobuf"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "write http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hidden", "name=value"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "whole number"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "none or gzip"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a", "name=value"),
            ("OTEL_TRACES_SAMPLER", "xray", "write always_on"),
            ("OTEL_TRACES_SAMPLER_ARG", "2", "from 0 to 1"),
            ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
            ("OTEL_SDK_DISABLED", "maybe", "true or false"),
        ] {
            let mut pairs = vec![(name, value)];
            if name != ENDPOINT.0 {
                pairs.push(ENDPOINT);
            }
            let faults = try_read(&pairs).err().unwrap_or_default();
            assert!(
                matches!(faults.as_slice(), [fault] if fault.starts_with(name)
                    && fault.contains(expected) && !fault.contains("hidden")),
                "{name}={value}: {faults:?}"
            );
        }
    }
}
