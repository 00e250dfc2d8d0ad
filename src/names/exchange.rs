//! One query to one server, over UDP or TCP, and the response.
//!
//! **Invariant:** nothing here blocks. Sockets are connected to the server, so the
//! kernel drops packets from other hosts; ports and ids are random (RFC 5452).

use super::failure::Cause;
use super::message::{self, Asked, Reading};
use rustix::event::PollFlags;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

/// A message over TCP is led by its length (RFC 1035 §4.2.2).
const LENGTH_BYTES: usize = 2;

/// A query that was sent, or its response.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The index of the queried one of the look-up's full names.
    pub(super) candidate: usize,
    pub(super) server: SocketAddr,
    pub(super) asked: Asked,
    /// When it is given up.
    pub(super) expires_at: Instant,
    link: Link,
}

/// How a question is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

#[derive(Debug)]
enum Link {
    Datagrams(UdpSocket),
    Stream { socket: TcpStream, unsent: Vec<u8>, received: Vec<u8> },
}

impl Exchange {
    /// Asks with a new id.
    ///
    /// # Errors
    /// The system's; `InvalidInput` for a name without a wire format.
    pub(super) fn begin(
        transport: Transport,
        candidate: usize,
        server: SocketAddr,
        asked: Asked,
        expires_at: Instant,
    ) -> io::Result<Self> {
        let (asked, query) = with_new_id(asked)?;
        let link = match transport {
            Transport::Udp => Link::datagrams(server, &query)?,
            Transport::Tcp => Link::stream(server, &query)?,
        };
        Ok(Self { candidate, server, asked, expires_at, link })
    }

    /// By which transport it asks.
    pub(super) fn transport(&self) -> Transport {
        match self.link {
            Link::Datagrams(_) => Transport::Udp,
            Link::Stream { .. } => Transport::Tcp,
        }
    }

    /// The descriptor and the events to poll for.
    pub(super) fn interest(&self) -> (BorrowedFd<'_>, PollFlags) {
        match &self.link {
            Link::Datagrams(socket) => (socket.as_fd(), PollFlags::IN),
            Link::Stream { socket, unsent, .. } if unsent.is_empty() => {
                (socket.as_fd(), PollFlags::IN)
            }
            Link::Stream { socket, .. } => (socket.as_fd(), PollFlags::OUT),
        }
    }

    /// Sends and receives as much as is possible now; `None` if there is no
    /// response yet.
    pub(super) fn advance(&mut self, space: &mut [u8]) -> Option<Reading> {
        let received = match &mut self.link {
            Link::Datagrams(socket) => receive_datagram(socket, &self.asked, space),
            Link::Stream { socket, unsent, received } => {
                receive_stream(socket, unsent, received, &self.asked, space)
            }
        };
        match received {
            Ok(reading) => Some(reading),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Reading::Failed(Cause::Unreachable(error))),
        }
    }
}

impl Link {
    fn datagrams(server: SocketAddr, query: &[u8]) -> io::Result<Self> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(server)?;
        socket.send(query)?;
        Ok(Self::Datagrams(socket))
    }

    fn stream(server: SocketAddr, query: &[u8]) -> io::Result<Self> {
        let length = u16::try_from(query.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let family = match server {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &server) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let unsent = [length.to_be_bytes().as_slice(), query].concat();
        Ok(Self::Stream { socket: socket.into(), unsent, received: Vec::new() })
    }
}

fn with_new_id(asked: Asked) -> io::Result<(Asked, Vec<u8>)> {
    let mut id = [0; 2];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
    let asked = Asked { id: u16::from_ne_bytes(id), ..asked };
    let query = message::query(&asked).ok_or(io::ErrorKind::InvalidInput)?;
    Ok((asked, query))
}

/// Foreign datagrams may be forgeries: the true answer is still waited for.
fn receive_datagram(socket: &UdpSocket, asked: &Asked, space: &mut [u8]) -> io::Result<Reading> {
    loop {
        let received = match socket.recv(space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            received => received?,
        };
        match message::read(space.get(..received).unwrap_or_default(), asked) {
            Reading::Foreign => {}
            reading => return Ok(reading),
        }
    }
}

fn receive_stream(
    socket: &mut TcpStream,
    unsent: &mut Vec<u8>,
    received: &mut Vec<u8>,
    asked: &Asked,
    space: &mut [u8],
) -> io::Result<Reading> {
    while !unsent.is_empty() {
        let sent = socket.write(unsent)?;
        unsent.drain(..sent);
    }
    loop {
        if let Some(message) = whole_message(received) {
            return Ok(match message::read(message, asked) {
                Reading::Foreign => Reading::Failed(Cause::Malformed),
                // Nothing longer can be received.
                Reading::Truncated(found) if !found.is_empty() => Reading::Addresses(found),
                Reading::Truncated(_) => Reading::Failed(Cause::Malformed),
                reading => reading,
            });
        }
        match socket.read(space)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received.extend_from_slice(space.get(..count).unwrap_or_default()),
        }
    }
}

fn whole_message(received: &[u8]) -> Option<&[u8]> {
    let (length, rest) = received.split_first_chunk::<LENGTH_BYTES>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}
