//! Why a configuration can't be used, for the operator.

use std::fmt;

/// The errors in the command line or the environment.
///
/// Its text has one line for each mistake; all mistakes in values are reported
/// at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    messages: Vec<String>,
    exit_code: u8,
}

/// The Go program ends with 1 for a value that it can't use…
const EXIT_VALUE: u8 = 1;
/// …and Go's `flag` package with 2 for a flag that it doesn't know.
const EXIT_USAGE: u8 = 2;

impl ConfigError {
    /// A command line that can't be read.
    pub(super) fn usage(message: String) -> Self {
        let usage = "usage: socket-proxy [-flag=value]...   (socket-proxy -h lists all flags)";
        Self { messages: vec![message, usage.to_owned()], exit_code: EXIT_USAGE }
    }

    /// Values that can't be used.
    pub(super) fn values(messages: Vec<String>) -> Self {
        Self { messages, exit_code: EXIT_VALUE }
    }

    /// Whether values are wrong, not the command line itself. The Go program
    /// logs the former; its `flag` package prints the latter.
    #[must_use]
    pub fn is_about_values(&self) -> bool {
        self.exit_code == EXIT_VALUE
    }

    /// A thread on which to compile patterns that could not be started.
    pub(super) fn no_thread(error: &std::io::Error) -> Self {
        Self { messages: vec![format!("cannot start a thread: {error}")], exit_code: EXIT_USAGE }
    }

    /// The exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The messages, one line each.
    pub fn messages(&self) -> impl Iterator<Item = &str> + '_ {
        self.messages.iter().map(String::as_str)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("\n"))
    }
}

impl std::error::Error for ConfigError {}
