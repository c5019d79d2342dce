//! Numbers that are read when somebody asks for the metrics.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder},
    metrics::{MetricType, exemplar::Exemplar},
};

/// Labels and the number under them.
pub(crate) type Reading = (Vec<(&'static str, String)>, f64);

/// What is read.
pub(crate) struct Watched {
    /// The name, without prefix and without the `_total` of a counter.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) help: &'static str,
    /// Whether it only grows.
    pub(crate) is_counter: bool,
    /// Reads it. None: there is nothing to be said now.
    pub(crate) read: Box<dyn Fn() -> Vec<Reading> + Send + Sync>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let readings = (self.read)();
        if readings.is_empty() {
            return Ok(());
        }
        let kind = if self.is_counter { MetricType::Counter } else { MetricType::Gauge };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for (labels, value) in readings {
            if labels.is_empty() {
                encode_value(&mut metric, value, self.is_counter)?;
            } else {
                encode_value(&mut metric.encode_family(&labels)?, value, self.is_counter)?;
            }
        }
        Ok(())
    }
}

fn encode_value(metric: &mut MetricEncoder<'_>, value: f64, is_counter: bool) -> fmt::Result {
    if is_counter {
        metric.encode_counter(&value, None::<&Exemplar<Vec<(&str, String)>, f64>>)
    } else {
        metric.encode_gauge(&value)
    }
}
