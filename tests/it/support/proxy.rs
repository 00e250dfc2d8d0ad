//! The real program, as a child process of a test.
//!
//! `SOCKET_PROXY_BINARY=/path` runs the tests against another build of it, for
//! example the static one, and against the health check beside it.

use super::PATIENCE;
use super::live::Live;
use super::scratch::Scratch;
use rustix::process::Signal;
use std::env;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// The log message of the program once clients can connect.
pub(crate) const LISTENING: &str = "socket-proxy running and listening...";

/// One pattern for every method: nothing is refused.
pub(crate) const ALLOW_ALL: &[&str] = &[
    "-allowGET=.*",
    "-allowHEAD=.*",
    "-allowPOST=.*",
    "-allowPUT=.*",
    "-allowPATCH=.*",
    "-allowDELETE=.*",
    "-allowOPTIONS=.*",
];

/// Where the proxy listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// A free port of 127.0.0.1.
    Tcp,
    /// A unix socket in a directory of its own.
    Unix,
}

/// A running proxy; dropping it kills it.
pub(crate) struct Proxy {
    live: Live,
    host: String,
    _scratch: Scratch,
}

impl Proxy {
    /// Starts the proxy in front of `daemon` and waits until it listens.
    #[track_caller]
    pub(crate) fn start(listen: Listen, daemon: &Path, flags: &[&str]) -> Proxy {
        Proxy::start_with(listen, daemon, flags, &[])
    }

    /// The same with these environment variables.
    #[track_caller]
    pub(crate) fn start_with(
        listen: Listen,
        daemon: &Path,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Proxy {
        // A port found free may be in use when the proxy binds it.
        const ATTEMPTS: usize = 5;
        let mut logs = String::new();
        for _ in 0..ATTEMPTS {
            let proxy = Proxy::launch(listen, daemon, flags, variables);
            if proxy.live.says(LISTENING, PATIENCE) {
                return proxy;
            }
            logs = proxy.log();
            if listen == Listen::Unix {
                break;
            }
        }
        panic!("the proxy does not listen: {logs}");
    }

    /// The value for `DOCKER_HOST`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// All that the proxy wrote, standard output and error together.
    pub(crate) fn log(&self) -> String {
        self.live.text()
    }

    /// Waits for a piece of text in the log.
    #[track_caller]
    pub(crate) fn await_log(&self, text: &str) {
        self.live.await_text(text);
    }

    /// Sends SIGTERM, waits for the end and gives the exit code.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.live.signal(Signal::TERM);
        self.live.exit_code()
    }

    fn launch(listen: Listen, daemon: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Proxy {
        let scratch = Scratch::new();
        let (host, endpoint) = match listen {
            Listen::Tcp => {
                let port = free_port();
                (format!("tcp://127.0.0.1:{port}"), format!("-proxyport={port}"))
            }
            Listen::Unix => {
                let path = scratch.path().join("proxy.sock").display().to_string();
                (format!("unix://{path}"), format!("-proxysocketendpoint={path}"))
            }
        };
        let mut command = command();
        command.arg(format!("-socketpath={}", daemon.display())).arg(endpoint).args(flags);
        command.envs(variables.iter().copied());
        Proxy { live: Live::start(&mut command), host, _scratch: scratch }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("log of the proxy at {}:\n{}", self.host, self.log());
        }
    }
}

/// The program without the caller's own configuration of it, and with the default
/// effect of a hangup, which tests under `nohup` inherit as ignored.
pub(crate) fn command() -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(binary());
    for (name, _) in env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    command
}

fn is_ours(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("SP_")
}

/// The program's file.
pub(crate) fn binary() -> PathBuf {
    let built = env!("CARGO_BIN_EXE_socket-proxy").into();
    env::var_os("SOCKET_PROXY_BINARY").map_or(built, Into::into)
}

/// The file of the health check, which is beside the program.
pub(crate) fn health_check() -> PathBuf {
    binary().with_file_name("healthcheck")
}

/// A port of 127.0.0.1 that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let address = listener.and_then(|listener| listener.local_addr());
    address.expect("the kernel has a free port").port()
}
