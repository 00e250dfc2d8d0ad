//! A connected stream socket, TCP or unix.
//!
//! Reads and writes never block unless their name says so, in any mode of the
//! descriptor: the flag is passed with each call, so one socket serves both the
//! waiting and the polling parts of a session.

use nix::sys::socket::{setsockopt, sockopt::TcpMaxSeg};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketAddrUnix, sockopt};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a dial waits for a daemon whose queue of connections is full.
const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// Largest segment that a peer may send, that of Ethernet. A sender whose segments are
/// larger than half of a small window waits for its timer before each (RFC 9293,
/// section 3.8.6.2.1): over the loopback device, whose segments are 64 KiB, 40 KB/s.
const SEGMENT_BYTES: u32 = 1460;

/// A connected stream socket. Closed when dropped.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Socket {
    /// Connects to a unix socket; fresh each time, so that a socket that was
    /// replaced is found again.
    ///
    /// # Errors
    /// The system's. `WouldBlock` if the daemon accepts no connection for five
    /// seconds.
    pub fn dial(path: &Path) -> io::Result<Self> {
        Self::dial_within(path, DIAL_LIMIT)
    }

    /// [`Self::dial`] with another limit.
    ///
    /// # Errors
    /// The system's. `WouldBlock` if the daemon accepts no connection for that
    /// long.
    pub fn dial_within(path: &Path, limit: Duration) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path)?;
        let kind = rustix::net::SocketType::STREAM;
        let flags = rustix::net::SocketFlags::CLOEXEC | rustix::net::SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(rustix::net::AddressFamily::UNIX, kind, flags, None)?;
        let socket = Self(fd);
        match rustix::net::connect(&socket.0, &address) {
            Err(Errno::AGAIN | Errno::INTR) => socket.queue_up(&address, limit)?,
            result => result?,
        }
        Ok(socket)
    }

    /// Waits for a place in a full queue. The kernel wakes a connect that blocks,
    /// in order, and applies the limit on sends to it (`unix_stream_connect`);
    /// there is nothing to poll for (connect(2), EAGAIN).
    fn queue_up(&self, address: &SocketAddrUnix, limit: Duration) -> io::Result<()> {
        let deadline = Instant::now() + limit;
        self.set_nonblocking(false)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Send, Some(left))?;
            match rustix::net::connect(&self.0, address) {
                Err(Errno::INTR) if Instant::now() < deadline => {}
                Err(Errno::INTR) => return Err(io::ErrorKind::WouldBlock.into()),
                result => {
                    result?;
                    return self.set_nonblocking(true);
                }
            }
        }
    }

    /// The address at which a TCP connection reached this program, without a port;
    /// IPv4-mapped ones unmapped. `None` for other sockets.
    #[must_use]
    pub fn local_address(&self) -> Option<std::net::IpAddr> {
        let address = rustix::net::getsockname(&self.0).ok()?;
        let address = std::net::SocketAddr::try_from(address).ok()?;
        Some(address.ip().to_canonical())
    }

    /// Reads the available bytes. `Ok(0)` is the peer's end of data.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; otherwise the system's.
    pub fn receive(&self, space: &mut [u8]) -> io::Result<usize> {
        retry(|| rustix::net::recv(&self.0, &mut *space, RecvFlags::DONTWAIT).map(|got| got.0))
    }

    /// Whether all that the peer sent was read, and it has ended its direction.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        retry(|| rustix::net::recv(&self.0, &mut [0], flags)).is_ok_and(|(_, count)| count == 0)
    }

    /// Reads, and waits as long as [`Self::set_receive_timeout`] says.
    ///
    /// # Errors
    /// `WouldBlock` when the time is over; otherwise the system's.
    pub fn receive_waiting(&self, space: &mut [u8]) -> io::Result<usize> {
        retry(|| rustix::net::recv(&self.0, &mut *space, RecvFlags::empty()).map(|got| got.0))
    }

    /// Sets the time limit of [`Self::receive_waiting`]; `None` waits for ever.
    ///
    /// # Errors
    /// The system's.
    pub fn set_receive_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        let limit = limit.map(|limit| limit.max(Duration::from_millis(1)));
        Ok(sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Recv, limit)?)
    }

    /// Limits the kernel's receive buffer. The kernel doubles the size for its own
    /// overhead, and clamps a size outside its range.
    pub fn limit_received(&self, bytes: usize) {
        let _ = sockopt::set_socket_recv_buffer_size(&self.0, bytes);
    }

    /// Limits the segments that the peers of a TCP listener send, from its next
    /// connection on, to those of Ethernet.
    pub fn limit_segments(&self) {
        let _ = setsockopt(&self.0, TcpMaxSeg, &SEGMENT_BYTES);
    }

    /// How many bytes wait in the kernel to be received.
    pub(super) fn waiting_bytes(&self) -> usize {
        let waiting = rustix::io::ioctl_fionread(&self.0).unwrap_or(0);
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    /// Limits the kernel's send buffer.
    pub fn limit_sent(&self, bytes: usize) {
        let _ = sockopt::set_socket_send_buffer_size(&self.0, bytes);
    }

    /// Sets the mode of the descriptor, for calls that have no flag of their own.
    ///
    /// # Errors
    /// The system's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(&self.0, nonblocking)?)
    }

    /// Writes as much as fits at once of `parts`, in order.
    ///
    /// # Errors
    /// `WouldBlock` if nothing fits; otherwise the system's.
    pub fn send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_with(parts, SendFlags::empty())
    }

    /// Like [`Self::send`], but makes the kernel observe the limit of the send buffer.
    /// The kernel appends to the last queued packet, up to 64 KiB, without checking the
    /// limit; the end of a record makes it begin another (`tcp_sendmsg_locked`). The
    /// peer sees no difference.
    ///
    /// # Errors
    /// As of [`Self::send`].
    pub fn send_apart(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_with(parts, SendFlags::EOR)
    }

    fn send_with(&self, parts: &[IoSlice<'_>], more: SendFlags) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL | more;
        match parts {
            [part] => retry(|| rustix::net::send(&self.0, part, flags)),
            _ => retry(|| {
                rustix::net::sendmsg(&self.0, parts, &mut SendAncillaryBuffer::default(), flags)
            }),
        }
    }

    /// Writes all of `bytes`, waiting for room until `deadline`.
    ///
    /// # Errors
    /// `TimedOut`, or the system's.
    pub fn send_all(&self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.send(&[IoSlice::new(bytes)]) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT, deadline)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until one of `events`, an error or a hang-up is there.
    ///
    /// # Errors
    /// `TimedOut` at the deadline; otherwise the system's.
    pub fn wait(&self, events: PollFlags, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&self.0, events)];
        match poll(&mut fds, Some(left))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Ends one or both directions; a peer that is gone already is no error.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = rustix::net::shutdown(&self.0, how);
    }

    /// Makes the coming close a reset, where a plain close could pass for a
    /// proper end of data.
    pub fn reset_on_close(&self) {
        let _ = sockopt::set_socket_linger(&self.0, Some(Duration::ZERO));
    }

    /// Closes so that the peer can still read the data sent to it: shuts down our
    /// direction, then discards arriving bytes until the peer closes or the time is
    /// over (RFC 9112 §9.6). Not inlined: its buffer would be on the stack of every
    /// session, for as long as that lasts.
    #[inline(never)]
    pub fn close_lingering(&self, limit: Duration) {
        self.shutdown(Shutdown::Write);
        let deadline = Instant::now() + limit;
        let mut discarded = [0; 1024];
        while self.wait(PollFlags::IN, deadline).is_ok() {
            loop {
                match self.receive(&mut discarded) {
                    Ok(0) => return,
                    Ok(_) if Instant::now() < deadline => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Ok(_) | Err(_) => return,
                }
            }
        }
    }
}

/// Polls; an interrupted wait begins again with the same limit.
///
/// # Errors
/// The system's.
pub fn poll(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> io::Result<usize> {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    retry(|| rustix::event::poll(fds, limit.as_ref()))
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result.map_err(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A listener on a socket of its own, with a queue of one connection.
    fn narrow(name: &str) -> (std::path::PathBuf, UnixListener) {
        let file = format!("socket-proxy-{name}-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(file);
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        (path, listener)
    }

    #[test]
    fn a_dial_of_a_full_queue_gets_the_next_place() {
        let (path, listener) = narrow("dial-next");
        let _first = Socket::dial(&path).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Socket::dial(&path));
            assert!(Socket::dial_within(&path, Duration::from_millis(50)).is_err());
            let _accepted = (listener.accept().unwrap(), listener.accept().unwrap());
            let socket = second.join().unwrap().unwrap();
            let mode = rustix::fs::fcntl_getfl(&socket).unwrap();
            assert!(mode.contains(rustix::fs::OFlags::NONBLOCK), "splices would wait");
        });
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_dial_of_a_queue_that_stays_full_ends_in_time() {
        let (path, _listener) = narrow("dial-late");
        let _first = Socket::dial(&path).unwrap();
        let begun = Instant::now();
        let error = Socket::dial_within(&path, Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= Duration::from_millis(100));
        std::fs::remove_file(path).unwrap();
    }
}
