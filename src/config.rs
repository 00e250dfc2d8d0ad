//! Flags and environment become one validated, compiled [`Config`].
//!
//! Nothing is parsed again later.

use crate::filter::Policy;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that the operator said, checked and compiled.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; the first is the default listener. Never empty.
    pub listeners: Vec<Listener>,
    /// The daemon's unix socket.
    pub socket_path: PathBuf,
    /// How much and in what form to log.
    pub log: LogConfig,
    /// Limits on connections and on the client's slowness.
    pub limits: Limits,
    /// How long exchanges may go on after a stop signal.
    pub shutdown_grace: Duration,
    /// How often to probe the daemon; `None` means never.
    pub watchdog_interval: Option<Duration>,
    /// Whether a failed probe ends the program with exit code 10.
    pub stop_on_watchdog: bool,
    /// Whether to serve `HEAD /health` on 127.0.0.1:55555.
    pub serve_health: bool,
    /// How long to wait at start for the daemon's socket to appear.
    pub wait_for_socket: Duration,
    /// Rights by labels of containers; `None` means off.
    pub container_rights: Option<ContainerRights>,
    /// Advice about the configuration, to be logged once as warnings.
    pub warnings: Vec<String>,
}

/// One place to listen, with the allowlists of whoever connects there.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The listener's name; empty for the default one.
    pub name: String,
    /// The address.
    pub endpoint: Endpoint,
    /// The allowlists.
    pub policy: Policy,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
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

/// How much and in what form to log.
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
}
