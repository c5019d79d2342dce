//! What is logged and in which form. Installs nothing.

use super::{
    reading::Reading,
    variables::{LOG_FORMAT, LOG_LEVEL, RUST_LOG},
};
use crate::telemetry::LogSettings;

/// `RUST_LOG` wins over `LOG_LEVEL`.
pub(super) fn read(reading: &mut Reading<'_>) -> LogSettings {
    let level = reading.value_or_empty(&LOG_LEVEL);
    let filter = reading.value(&RUST_LOG).unwrap_or(level);
    LogSettings { filter, format: reading.value_or_empty(&LOG_FORMAT) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Environment, telemetry::LogFormat};

    #[test]
    fn filters_and_formats() {
        for (pairs, filter, format) in [
            (&[][..], "info", LogFormat::Auto),
            (&[("LOG_LEVEL", "WARNING")], "warn", LogFormat::Auto),
            (
                &[("LOG_LEVEL", "warn"), ("RUST_LOG", "info,sqlx=debug")],
                "info,sqlx=debug",
                LogFormat::Auto,
            ),
            (&[("LOG_FORMAT", "JSON")], "info", LogFormat::Json),
            (&[("LOG_FORMAT", "text")], "info", LogFormat::Text),
        ] {
            let environment = Environment::from_pairs(pairs.iter().copied());
            let mut reading = Reading::new(&environment);
            let settings = read(&mut reading);
            assert!(reading.finish(Some(())).is_ok());
            let filter = filter.to_owned();
            assert_eq!(settings, LogSettings { filter, format });
        }
    }

    #[test]
    fn faults() {
        for (name, value) in [
            ("LOG_LEVEL", "loud"),
            ("LOG_LEVEL", "info,sqlx=debug"),
            ("RUST_LOG", "sqlx=loud=x"),
            ("LOG_FORMAT", "pretty"),
        ] {
            let environment = Environment::from_pairs([(name, value)]);
            let mut reading = Reading::new(&environment);
            read(&mut reading);
            let faults = reading.finish(Some(())).err().map(|faults| faults.0.len());
            assert_eq!(faults, Some(1), "{name}={value}");
        }
    }
}
