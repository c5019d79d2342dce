//! `GET /metrics`, on a listener of its own: the counters are nobody's business but the operator's.

use std::sync::Arc;

use axum::{Router, http::header, response::IntoResponse, routing::get};

use crate::telemetry::Metrics;

/// The media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the metrics listener.
pub(crate) fn metrics_router(metrics: Arc<Metrics>) -> Router {
    let answer = move || {
        let text = metrics.render();
        async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response() }
    };
    Router::new().route("/metrics", get(answer))
}
