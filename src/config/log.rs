//! What is logged and in which form. Installs nothing.

use tracing_subscriber::EnvFilter;

use super::fault::{Refusal, quoted};
use super::reading::Reading;

/// The settings of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Directives for `tracing_subscriber::EnvFilter`, already checked to parse. `RUST_LOG` wins
    /// over `LOG_LEVEL`; default `info`.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// Text when the output is a terminal, JSON otherwise.
    Auto,
}

impl LogSettings {
    pub(super) fn read(reading: &mut Reading<'_>) -> Self {
        let level = reading.one("LOG_LEVEL", level);
        let directives = reading.one("RUST_LOG", directives);
        Self {
            filter: directives.given().or(level.given()).unwrap_or_else(|| "info".to_owned()),
            format: reading.one("LOG_FORMAT", format).unwrap_or(LogFormat::Auto),
        }
    }
}

/// A level, also in the spellings of Python's logging.
fn level(text: &str) -> Result<String, Refusal> {
    let level = match text.to_ascii_lowercase().as_str() {
        "off" => "off",
        "error" | "critical" => "error",
        "warn" | "warning" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" => "trace",
        _ => {
            return Err(Refusal::new(
                format!("{} is not a level", quoted(text)),
                "write error, warn, info, debug or trace (filters by module go into RUST_LOG)",
            ));
        }
    };
    Ok(level.to_owned())
}

fn directives(text: &str) -> Result<String, Refusal> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Refusal::new(
            format!("{} is not a log filter", quoted(text)),
            "write a level or a list such as info,mission_control=debug",
        )),
    }
}

fn format(text: &str) -> Result<LogFormat, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        "auto" => Ok(LogFormat::Auto),
        _ => Err(Refusal::new(
            format!("{} is not a log format", quoted(text)),
            "write text, json or auto",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lookup::Environment;
    use super::*;

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
            let settings = LogSettings::read(&mut reading);
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
            LogSettings::read(&mut reading);
            let faults = reading.finish(Some(())).err().map(|faults| faults.0.len());
            assert_eq!(faults, Some(1), "{name}={value}");
        }
    }
}
