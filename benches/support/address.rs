//! Where a peer listens, and connections to it.

use super::Result;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketType};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// A peer that neither sends nor takes anything for so long has failed.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Where a peer listens.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// A port of the loopback address that was free a moment ago. The peers
    /// can't be told to choose one and say which.
    pub(crate) fn unused() -> Result<SocketAddr> {
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
    }

    pub(crate) fn connect(&self) -> io::Result<Connection> {
        let connection = match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Connection::Tcp(stream)
            }
            Self::Unix(path) => Connection::Unix(UnixStream::connect(path)?),
        };
        connection.limit_silence()?;
        Ok(connection)
    }

    /// Connects from an address of the loopback network of the caller's choice.
    pub(crate) fn connect_from(&self, source: Ipv4Addr) -> Result<Connection> {
        let Self::Tcp(address) = self else { return Err("not a TCP peer".into()) };
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(source, 0))?;
        rustix::net::connect(&socket, address)?;
        let connection = Connection::Tcp(TcpStream::from(socket));
        connection.limit_silence()?;
        Ok(connection)
    }
}

/// A connection to a peer.
#[derive(Debug)]
pub(crate) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connection {
    fn limit_silence(&self) -> io::Result<()> {
        for direction in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(self, direction, Some(SILENCE_MAX))?;
        }
        Ok(())
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
