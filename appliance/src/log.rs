//! The log: lines on standard error. Under systemd the journal adds the time; elsewhere we do.

use std::env;
use std::io::IsTerminal;
use std::panic;

use tracing::level_filters::LevelFilter;

use crate::config::LogLevel;

/// Starts the log of this process. A second call changes nothing.
pub(crate) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    let started = if env::var_os("JOURNAL_STREAM").is_some() {
        lines.with_ansi(false).without_time().try_init()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    if started.is_ok() {
        // Where, and not what: the text of a panic may hold what somebody typed.
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a panic");
        }));
    }
}
