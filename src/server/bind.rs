//! Opens listeners, and makes room for the descriptors that they will need.

mod unix;

use crate::activation::{PassedListener, PassedSocket};
use crate::config::{Config, Limits, ListenAddress, Listener};
use crate::relay::socket::Socket;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, getegid, geteuid, getrlimit, setrlimit};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Those of a TCP listener. They have the window of the first to come, see `room`;
/// clients without room retransmit after a second. A unix socket would refuse them.
const TCP_BACKLOG: i32 = 128;

/// A client that vanished silently is detected within a minute and a half.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(45);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 3;

/// Descriptors of an exchange: client, daemon and a pipe.
const DESCRIPTORS_PER_CONNECTION: u64 = 4;
/// Descriptors for everything else: strangers, clients that are being looked up,
/// refusals, health checks, standard streams, listeners.
const DESCRIPTORS_FOR_THE_REST: u64 = 512;

/// A listener that accepts. A unix socket's file is removed when it is dropped.
#[derive(Debug)]
pub struct Bound {
    pub(super) socket: Arc<Socket>,
    pub(super) is_tcp: bool,
    _file: Option<unix::SocketFile>,
}

/// A listener that cannot be bound, in a readable sentence.
#[derive(Debug)]
pub enum BindError {
    /// A TCP address, or a socket that was passed and fits no listener.
    Address(String),
    /// A unix socket.
    Socket(String),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Address(text) | Self::Socket(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for BindError {}

/// Opens all listeners of `config`, or takes the `passed` ones of the service
/// manager: by name, and the first without a listener's name is the default one.
///
/// # Errors
/// The first that cannot be bound.
pub fn bind_all(config: &Config, passed: Vec<PassedListener>) -> Result<Vec<Bound>, BindError> {
    let mut passed = Passed { named: passed, listeners: &config.listeners };
    let mut bound = Vec::new();
    for listener in &config.listeners {
        bound.push(match passed.take(&listener.name) {
            Some(socket) => take(socket),
            None => bind(&listener.endpoint)
                .map_err(|error| cannot_listen(&listener.endpoint, &error))?,
        });
    }
    match passed.named.first() {
        None => Ok(bound),
        Some(extra) => Err(BindError::Address(fits_no_listener(&extra.name))),
    }
}

fn fits_no_listener(name: &str) -> String {
    match name {
        "" => "a passed socket without a name fits no listener: name it after its listener \
               (FileDescriptorName= of systemd, --fdname= of systemd-socket-activate)"
            .to_owned(),
        _ => format!("passed socket {name:?} fits no listener"),
    }
}

/// The error, with a hint for frequent mistakes.
fn cannot_listen(endpoint: &ListenAddress, error: &io::Error) -> BindError {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, NotFound, PermissionDenied};
    let hint = match (endpoint, error.kind()) {
        (ListenAddress::Tcp(_), AddrInUse) => "; another program listens there".to_owned(),
        (ListenAddress::Tcp(_), AddrNotAvailable) => {
            "; this host does not have the address".to_owned()
        }
        (ListenAddress::Tcp(_), PermissionDenied) => "; choose a port from 1024 on".to_owned(),
        (ListenAddress::Unix { .. }, NotFound) => "; its directory does not exist".to_owned(),
        (ListenAddress::Unix { path, .. }, PermissionDenied) => closed_directory(path),
        _ => String::new(),
    };
    let text = format!("cannot listen on {endpoint}: {error}{hint}");
    match endpoint {
        ListenAddress::Tcp(_) => BindError::Address(text),
        ListenAddress::Unix { .. } => BindError::Socket(text),
    }
}

fn closed_directory(path: &Path) -> String {
    let Some(directory) = path.parent() else { return String::new() };
    let Ok(found) = std::fs::metadata(directory) else { return String::new() };
    format!(
        "; the directory belongs to {owner}:{group} with mode {mode:04o}, and this process runs \
         as {uid}:{gid}",
        owner = found.uid(),
        group = found.gid(),
        mode = found.mode() & 0o7777,
        uid = geteuid().as_raw(),
        gid = getegid().as_raw(),
    )
}

/// The listeners that were passed and not yet taken.
struct Passed<'a> {
    named: Vec<PassedListener>,
    listeners: &'a [Listener],
}

impl Passed<'_> {
    /// The socket with the listener's name. One without any listener's name is the
    /// default listener's, or the only one's.
    fn take(&mut self, name: &str) -> Option<PassedSocket> {
        let takes_others = name.is_empty() || self.listeners.len() == 1;
        let is_meant = |passed: &PassedListener| {
            let is_named = |listener: &Listener| listener.name == passed.name;
            let is_a_listeners = !passed.name.is_empty() && self.listeners.iter().any(is_named);
            if is_a_listeners { passed.name == name } else { takes_others }
        };
        let index = self.named.iter().position(is_meant)?;
        Some(self.named.remove(index).socket)
    }
}

fn take(passed: PassedSocket) -> Bound {
    match passed {
        PassedSocket::Unix(listener) => {
            let socket = Arc::new(Socket::from(OwnedFd::from(listener)));
            Bound { socket, is_tcp: false, _file: None }
        }
        PassedSocket::Tcp(listener) => {
            if let Err(error) = prepare_tcp(&listener) {
                log::warn!(error:% = error; "cannot set options of a passed socket");
            }
            let socket = Arc::new(Socket::from(OwnedFd::from(listener)));
            Bound { socket, is_tcp: true, _file: None }
        }
    }
}

fn bind(endpoint: &ListenAddress) -> io::Result<Bound> {
    match endpoint {
        ListenAddress::Tcp(address) => {
            let socket = Arc::new(bind_tcp(*address)?);
            Ok(Bound { socket, is_tcp: true, _file: None })
        }
        ListenAddress::Unix { path, mode } => {
            let (socket, file) = unix::listen(path, *mode)?;
            Ok(Bound { socket: Arc::new(socket), is_tcp: false, _file: Some(file) })
        }
    }
}

/// Accepted sockets inherit the options of the listening socket, which saves each
/// connection four system calls (tcp(7)).
fn bind_tcp(address: SocketAddr) -> io::Result<Socket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    prepare_tcp(&fd)?;
    rustix::net::bind(&fd, &address)?;
    rustix::net::listen(&fd, TCP_BACKLOG)?;
    Ok(Socket::from(fd))
}

/// Small answers leave at once, and a dead client is found by the kernel.
fn prepare_tcp(fd: impl AsFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(&fd, true)?;
    sockopt::set_socket_keepalive(&fd, true)?;
    sockopt::set_tcp_keepidle(&fd, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&fd, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&fd, KEEPALIVE_PROBES)?;
    Ok(())
}

/// Raises the soft limit on open descriptors to the hard one, and warns if the
/// connections that are allowed do not fit into it.
pub fn raise_descriptor_limit(limits: &Limits) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        log::debug!(error:% = error; "cannot raise the limit on open files");
    }
    let Some(available) = getrlimit(Resource::Nofile).current else { return };
    let connections = u64::try_from(limits.connections_max).unwrap_or(u64::MAX);
    let needed = connections
        .saturating_mul(DESCRIPTORS_PER_CONNECTION)
        .saturating_add(DESCRIPTORS_FOR_THE_REST);
    if needed > available {
        log::warn!(
            available, needed, maxconnections = limits.connections_max;
            "the limit on open files is too low for -maxconnections: raise it (docker run --ulimit \
             nofile=…, LimitNOFILE= of systemd) or lower -maxconnections"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn explained(endpoint: &str, kind: io::ErrorKind) -> String {
        let endpoint = match endpoint.parse() {
            Ok(address) => ListenAddress::Tcp(address),
            Err(_) => ListenAddress::Unix { path: PathBuf::from(endpoint), mode: 0o600 },
        };
        cannot_listen(&endpoint, &kind.into()).to_string()
    }

    #[test]
    fn a_listener_that_cannot_be_had_comes_with_what_to_look_at() {
        use io::ErrorKind::{AddrInUse, NotFound, PermissionDenied};
        let rows = [
            ("127.0.0.1:2375", AddrInUse, "127.0.0.1:2375: address in use; another program"),
            ("127.0.0.1:80", PermissionDenied, "; choose a port from 1024 on"),
            ("/none/x.sock", NotFound, "/none/x.sock: entity not found; its directory does not"),
            ("/usr/x.sock", PermissionDenied, "; the directory belongs to "),
        ];
        for (endpoint, kind, expected) in rows {
            let text = explained(endpoint, kind);
            assert!(text.contains(expected), "{text}");
        }
    }
}
