//! Opens listeners, and makes room for the descriptors that they will need.

use crate::config::{Endpoint, Limits, Listener};
use crate::relay::socket::Socket;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A client that vanished without a word is found within a minute and a half.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(45);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 3;

/// Descriptors of an exchange: client, daemon and a pipe.
const DESCRIPTORS_PER_CONNECTION: u64 = 4;
/// Descriptors for everything else: standard streams, listeners, look-ups.
const DESCRIPTORS_FOR_THE_REST: u64 = 64;

/// A listener that accepts.
#[derive(Debug)]
pub struct Bound {
    /// The listening socket.
    pub socket: Socket,
    /// Whether its clients have addresses.
    pub is_tcp: bool,
}

/// Opens a listener.
///
/// # Errors
/// The system's; the caller names the listener.
pub fn bind(listener: &Listener) -> io::Result<Bound> {
    match &listener.endpoint {
        Endpoint::Tcp(address) => Ok(Bound { socket: bind_tcp(*address)?, is_tcp: true }),
        Endpoint::Unix { .. } => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Options that are set on a listening socket are inherited by what it accepts,
/// which saves each connection four system calls (tcp(7)).
fn bind_tcp(address: SocketAddr) -> io::Result<Socket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    prepare_tcp(&fd)?;
    rustix::net::bind(&fd, &address)?;
    rustix::net::listen(&fd, BACKLOG)?;
    Ok(Socket::from(fd))
}

/// Small answers leave at once, and a dead client is found by the kernel.
fn prepare_tcp(fd: &impl std::os::fd::AsFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(fd, true)?;
    sockopt::set_socket_keepalive(fd, true)?;
    sockopt::set_tcp_keepidle(fd, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(fd, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(fd, KEEPALIVE_PROBES)?;
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
            "the limit on open files does not fit -maxconnections: raise it (docker run --ulimit \
             nofile=…, LimitNOFILE= of systemd) or lower -maxconnections"
        );
    }
}
