//! The start of logging, for commands that run for long.

use crate::{
    config::{Settings, Warning},
    telemetry,
};

/// Starts logging and says what is questionable about the settings.
pub(crate) fn start_logging(settings: &Settings, warnings: &[Warning]) -> anyhow::Result<()> {
    telemetry::start_logging(&settings.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}
