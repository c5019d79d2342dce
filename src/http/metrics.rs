//! `GET /metrics`, on a listener of its own: the counters are nobody's business but the operator's.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};
use tower::ServiceExt;

use crate::{
    serving::{self, Handler, Limits, Stage, Stopping},
    telemetry::Metrics,
};

/// The media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of Prometheus's own text format.
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Collectors are few. Their connections have bounds of their own, so that they take no place of the API's.
const LIMITS: Limits = Limits {
    connections: 64,
    header_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_mins(2),
    write_timeout: Duration::from_secs(10),
    headers: 100,
    header_bytes: 16 << 10,
    unwanted_bytes: 0,
};

/// Serves the counters until it is dropped.
pub async fn serve_metrics(listener: TcpListener, metrics: Arc<Metrics>) {
    let answer = move |headers: HeaderMap| async move {
        // Prometheus asks for this format first; other collectors, and people, read the older one.
        if accepts_open_metrics(&headers) {
            ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.render()).into_response()
        } else {
            ([(header::CONTENT_TYPE, CLASSIC)], metrics.render_classic()).into_response()
        }
    };
    let handler = MetricsService(Router::new().route("/metrics", get(answer)));
    // Nobody asks for the end: it comes with that of the API.
    let (_stage, reached) = watch::channel(Stage::Serving);
    let stopping = Stopping { drain_delay: Duration::ZERO, timeout: Duration::ZERO };
    serving::serve(listener, handler, LIMITS, reached, stopping, || {}).await;
}

fn accepts_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let name = kind.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("application/openmetrics-text")
    })
}

#[derive(Clone)]
struct MetricsService(Router);

impl Handler for MetricsService {
    async fn answer(self, request: Request) -> Response {
        self.0.oneshot(request).await.into_response()
    }
}
