//! Settings that are one word of a few. Pure functions from text to value.

use tracing_subscriber::EnvFilter;

use super::fault::{InvalidValue, invalid_text};
use crate::telemetry::LogFormat;

/// What `AUTH_MODE` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Clerk,
    Local,
}

/// What to write for `AUTH_MODE`.
pub(super) const MODE_FIX: &str = "set AUTH_MODE=clerk (users sign in with Clerk; needs CLERK_SECRET_KEY) or \
     AUTH_MODE=local (one shared token; needs LOCAL_AUTH_TOKEN); to try the \
     server without any settings run `mission-control dev`";

pub(super) fn mode(text: &str) -> Result<Mode, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "clerk" => Ok(Mode::Clerk),
        "local" => Ok(Mode::Local),
        _ => invalid_text(text, "is neither clerk nor local", MODE_FIX),
    }
}

/// `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off`, in any letter case.
pub(super) fn switch(text: &str) -> Result<bool, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => invalid_text(text, "is neither true nor false", "write true or false"),
    }
}

/// A level, also in the spellings of Python's logging.
pub(super) fn log_level(text: &str) -> Result<String, InvalidValue> {
    let level = match text.to_ascii_lowercase().as_str() {
        "off" => "off",
        "error" | "critical" => "error",
        "warn" | "warning" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" => "trace",
        _ => {
            let fix =
                "write error, warn, info, debug or trace (filters by module go into RUST_LOG)";
            return invalid_text(text, "is not a level", fix);
        }
    };
    Ok(level.to_owned())
}

/// Directives of `tracing_subscriber::EnvFilter`.
pub(super) fn log_filter(text: &str) -> Result<String, InvalidValue> {
    let fix = "write a level or a list such as info,mission_control=debug";
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => invalid_text(text, "is not a log filter", fix),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        "auto" => Ok(LogFormat::Auto),
        _ => invalid_text(text, "is not a log format", "write text, json or auto"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches() {
        for text in ["true", "TRUE", "1", "yes", "On"] {
            assert_eq!(switch(text), Ok(true));
        }
        for text in ["false", "False", "0", "NO", "off"] {
            assert_eq!(switch(text), Ok(false));
        }
        for text in ["2", "enabled", "t", "y"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }
}
