//! `GET /metrics`, on a listener of its own: the counters are nobody's business but the operator's.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::header,
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
    let answer = move || {
        let text = metrics.render();
        async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response() }
    };
    let handler = MetricsService(Router::new().route("/metrics", get(answer)));
    // Nobody asks for the end: it comes with that of the API.
    let (_stage, reached) = watch::channel(Stage::Serving);
    let stopping = Stopping { drain_delay: Duration::ZERO, timeout: Duration::ZERO };
    serving::serve(listener, handler, LIMITS, reached, stopping, || {}).await;
}

#[derive(Clone)]
struct MetricsService(Router);

impl Handler for MetricsService {
    async fn answer(self, request: Request) -> Response {
        self.0.oneshot(request).await.into_response()
    }
}
