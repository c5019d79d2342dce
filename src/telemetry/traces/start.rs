//! The start and the end of tracing.

use std::time::Duration;

use anyhow::Context;
use opentelemetry::{InstrumentationScope, KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{Compression, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use secrecy::ExposeSecret;

use super::{TRACER, delivery::Delivery, settings::TraceSettings};

/// The `service.name` when none is set.
const SERVICE_NAME: &str = "mission-control";
/// How long the last spans may take to be delivered when the program ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Tracing under way, or none.
#[must_use = "what was recorded last is delivered by `stop`"]
pub(crate) struct Traces(Option<SdkTracerProvider>);

/// Starts tracing for as long as the program runs, if there is somewhere to send traces. Must be called on the
/// runtime. Opens no connection: a receiver that is away is no reason not to serve.
pub(crate) fn start_traces(settings: Option<&TraceSettings>) -> anyhow::Result<Traces> {
    let Some(settings) = settings else { return Ok(Traces(None)) };
    let provider = provider(settings).context("traces cannot be sent")?;
    let scope =
        InstrumentationScope::builder(SERVICE_NAME).with_version(env!("CARGO_PKG_VERSION")).build();
    let _ = TRACER.set(provider.tracer_with_scope(scope));
    let receiver = settings.endpoint.origin().ascii_serialization();
    tracing::info!(receiver, "traces are sent");
    Ok(Traces(Some(provider)))
}

fn provider(settings: &TraceSettings) -> anyhow::Result<SdkTracerProvider> {
    let headers = settings
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Delivery::new(&settings.endpoint, settings.timeout)?)
        .with_endpoint(settings.endpoint.as_str())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(settings.timeout)
        .with_headers(headers.collect());
    if settings.is_compressed {
        exporter = exporter.with_compression(Compression::Gzip);
    }
    let exporter = exporter.build()?;
    let mut attributes = vec![
        KeyValue::new("service.name", SERVICE_NAME),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    // What is set comes later and wins.
    let set = |(name, value): &(String, String)| KeyValue::new(name.clone(), value.clone());
    attributes.extend(settings.resource.iter().map(set));
    attributes
        .extend(settings.service_name.clone().map(|name| KeyValue::new("service.name", name)));
    let resource = Resource::builder().with_attributes(attributes).build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(settings.sampling.sampler())
        .with_batch_exporter(exporter)
        .build())
}

impl Traces {
    /// Delivers what was recorded last, for two seconds at most.
    pub(crate) async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It waits for the exporter's thread, which needs the runtime.
        let stopped =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FAREWELL)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be delivered");
        }
    }
}
