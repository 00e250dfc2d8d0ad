//! Flags and environment become one validated, compiled [`Config`].
//!
//! The way of a value: `go_flags` and `environment` sort the given flags and
//! variables into the slots of the table in `options`; `settings` reads every
//! slot through `read` and `values`, and `listeners` builds the filter's
//! policies; `additions` finds where a further right can be written; `advice` and
//! `never` name values that are valid and yet hardly meant.
//!
//! **Invariant:** nothing is parsed again later, and nothing is skipped: a value
//! that can't be used ends the program with a message that names it. All of them
//! are named at once.
//!
//! The process's arguments and environment are never read here; they are passed
//! in. Files and sockets are not touched.

mod additions;
mod advice;
mod commands;
mod compat;
mod created;
mod environment;
mod error;
mod go_flags;
mod help;
mod listeners;
mod migration;
mod never;
mod options;
mod read;
mod settings;
mod suggest;
mod targets;
mod values;

pub use commands::{Asked, Command, Input, bare_command};
pub use compat::{Effect, Honoured};
pub use error::ConfigError;

use crate::about;
use crate::filter::bodies::LabelGuard;
use crate::filter::{Learning, Policy};
use crate::large_stack;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Where health is served: the Go program's address. It is fixed and local, so a
/// client that can connect shares the network namespace with the proxy.
pub const HEALTH_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 55555);

/// The task that the program was called for.
#[derive(Debug, Clone)]
pub enum Invocation {
    /// To run the proxy.
    Run(Box<Config>),
    /// To print this help.
    Help(String),
    /// To print this version.
    Version(String),
    /// To ask a running proxy for its health.
    Healthcheck,
    /// To answer a question about rights.
    Command(Command),
}

/// The whole configuration, checked and compiled.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; the default listener, if there is one, is the first.
    /// Never empty.
    pub listeners: Vec<Listener>,
    /// The daemon's unix socket.
    pub socket_path: PathBuf,
    /// The level and the format of the log.
    pub log: LogConfig,
    /// Limits on connections and on the client's slowness.
    pub limits: Limits,
    /// How long exchanges may go on after a stop signal.
    pub shutdown_grace: Duration,
    /// How often to probe the daemon; `None` means never.
    pub watchdog_interval: Option<Duration>,
    /// Whether a failed probe ends the program with exit code 10.
    pub stop_on_watchdog: bool,
    /// Whether to serve `HEAD /health` on [`HEALTH_ADDRESS`].
    pub serve_health: bool,
    /// Where to serve `GET /metrics`; `None` means nowhere.
    pub metrics: Option<SocketAddr>,
    /// How long to wait at start for the daemon's socket to appear.
    pub wait_for_socket: Duration,
    /// How far to let requests through while learning; `None` means off.
    pub learning: Option<Learning>,
    /// Rights by labels of containers; `None` means off.
    pub container_rights: Option<ContainerRights>,
    /// Variables of another proxy, and their effects.
    pub honoured: Vec<Honoured>,
    /// Advice about the configuration, to be logged once as warnings.
    pub warnings: Vec<String>,
}

/// One address or socket to listen on, with the allowlists of its clients.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The listener's name; empty for the default one.
    pub name: String,
    /// The address.
    pub endpoint: ListenAddress,
    /// The allowlists.
    pub policy: Policy,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// TCP.
    Tcp(SocketAddr),
    /// A unix socket with its file mode.
    Unix {
        /// The socket's path.
        path: PathBuf,
        /// Permission bits of the socket file.
        mode: u32,
    },
}

/// The level and the format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// The least severe level that is logged.
    pub level: log::LevelFilter,
    /// JSON lines instead of logfmt.
    pub json: bool,
}

/// Limits on connections and on the client's slowness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time, in all.
    pub connections_max: usize,
    /// Connections at the same time from one client address.
    pub connections_per_client_max: usize,
    /// Time for a request's head.
    pub header_timeout: Duration,
    /// Time that a connection may stay open between two requests.
    pub idle_timeout: Duration,
}

/// Rights by labels of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRights {
    /// The name of the container in which the proxy runs.
    pub proxy_container_name: String,
    /// The prefix of the labels.
    pub label_prefix: String,
    /// The rule that keeps clients from creating containers with such labels;
    /// `None` if they may.
    pub label_guard: Option<LabelGuard>,
}

impl Config {
    /// Reads the command line (without the program's name) and the environment.
    ///
    /// Calls for help, the version or a health check are answered before any
    /// value is looked at, so that they work beside a wrong configuration.
    ///
    /// # Errors
    /// All errors in them, and the exit code.
    pub fn from_args_and_env(
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Invocation, ConfigError> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let environment: Vec<(OsString, OsString)> = environment.into_iter().collect();
        large_stack::run(|| Self::read(arguments, environment))
            .unwrap_or_else(|error| Err(ConfigError::no_thread(&error)))
    }

    fn read(
        arguments: Vec<OsString>,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Invocation, ConfigError> {
        let Some(lines) = go_flags::normalise(arguments)? else {
            return Ok(Invocation::Help(help::text()));
        };
        let environment = environment::Environment::read(environment);
        let settings = settings::Settings::merge(lines, environment)?;
        if settings.is_command(&settings.default.version)? {
            return Ok(Invocation::Version(about::line()));
        }
        if settings.is_command(&settings.default.healthcheck)? {
            return Ok(Invocation::Healthcheck);
        }
        if let Some(command) = commands::without_config(&settings)? {
            return Ok(Invocation::Command(command));
        }
        let asked = commands::asked(&settings)?;
        let config = Box::new(settings.into_config()?);
        Ok(match asked {
            None => Invocation::Run(config),
            Some(asked) => Invocation::Command(asked.about(config)?),
        })
    }
}

impl Listener {
    /// The listener as a person would call it.
    #[must_use]
    pub fn title(&self) -> String {
        if self.name.is_empty() {
            "the default listener".to_owned()
        } else {
            format!("the listener {}", self.name)
        }
    }
}

impl fmt::Display for ListenAddress {
    /// `127.0.0.1:2375`, `[::1]:2375` or the socket's path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
