//! Who a client is: an address, or the process at the other end of a socket file.

use crate::relay::socket::Socket;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A client's identity, for judging and for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Over TCP. IPv4-mapped addresses are unmapped.
    Tcp(SocketAddr),
    /// Over a unix socket: what the kernel says of the process that connected.
    Unix {
        /// Process; 0 if it is in another PID namespace.
        pid: i32,
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
    },
}

impl Client {
    /// A client over TCP.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self::Tcp(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The client at the other end of a unix socket (`SO_PEERCRED`).
    #[must_use]
    pub fn unix(socket: &Socket) -> Self {
        match rustix::net::sockopt::socket_peercred(socket) {
            Ok(peer) => Self::Unix {
                pid: peer.pid.as_raw_nonzero().get(),
                uid: peer.uid.as_raw(),
                gid: peer.gid.as_raw(),
            },
            Err(_) => Self::Unix { pid: 0, uid: u32::MAX, gid: u32::MAX },
        }
    }

    /// The address; a client over a unix socket has none.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix { .. } => None,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { pid, uid, gid } => write!(f, "pid={pid},uid={uid},gid={gid}"),
        }
    }
}
