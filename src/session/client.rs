//! The identity of a client: an address, or the process at the other end of a
//! socket file.

use crate::relay::socket::Socket;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A client's identity, for judging and for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Over TCP. IPv4-mapped addresses are unmapped.
    Tcp(SocketAddr),
    /// Over a unix socket: the kernel's credentials of the process that connected.
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
    ///
    /// By nix: rustix takes the process for non-zero, which one of another PID
    /// namespace is not.
    #[must_use]
    pub fn unix(socket: &Socket) -> Self {
        match getsockopt(socket, PeerCredentials) {
            Ok(peer) => Self::Unix { pid: peer.pid(), uid: peer.uid(), gid: peer.gid() },
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

/// Whose places and memory are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A client's address, over TCP.
    Address(IpAddr),
    /// A user, by number, over all socket files.
    User(u32),
}

impl From<&Client> for Owner {
    fn from(client: &Client) -> Self {
        match client {
            Client::Tcp(address) => Self::Address(address.ip()),
            Client::Unix { uid, .. } => Self::User(*uid),
        }
    }
}

/// A client's readable name, without the parts that differ between its connections.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::User(uid) => write!(f, "uid {uid}"),
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
