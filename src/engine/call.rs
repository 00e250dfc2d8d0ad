//! A connection for one request of our own: sends it, and receives the response's
//! head.
//!
//! **Invariant:** every wait has a timeout; a response that trickles in has one for
//! the whole, where its [`Limit`] says so.
//!
//! This deliberately does not read bodies ([`super::incoming`]).

use super::EngineError;
use crate::http1::{self, Asked, HeadScan, Method, Takeover};
use crate::relay::buffer::Buffer;
use crate::relay::socket::Socket;
use rustix::event::PollFlags;
use std::io;
use std::time::{Duration, Instant};

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// That long for each piece of it.
    Piece(Duration),
    /// Until then for the whole.
    Whole(Instant),
}

impl Limit {
    fn deadline(self) -> Instant {
        match self {
            Self::Piece(limit) => Instant::now() + limit,
            Self::Whole(deadline) => deadline,
        }
    }
}

/// The head of a request without a body.
#[derive(Debug, Clone, Copy)]
pub struct OwnRequest<'a> {
    /// GET or HEAD.
    pub method: Method,
    /// Path and query, encoded.
    pub target: &'a str,
    /// The server's name.
    pub host: &'a str,
}

impl OwnRequest<'_> {
    fn print(self) -> String {
        let Self { method, target, host } = self;
        format!(
            "{} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: socket-proxy\r\n\
             Connection: close\r\n\r\n",
            method.as_str()
        )
    }

    /// The property of the request that the response's framing depends on.
    #[must_use]
    pub fn asked(self) -> Asked {
        Asked { head: self.method == Method::Head, takeover: Takeover::Never }
    }
}

/// A connection with the bytes received on it.
#[derive(Debug)]
pub struct Call {
    socket: Socket,
    pub(super) buffer: Buffer,
    limit: Limit,
}

impl Call {
    /// Sends a question on a connected socket.
    ///
    /// # Errors
    /// `TimedOut`, or the system's.
    pub fn ask(socket: Socket, request: OwnRequest<'_>, limit: Limit) -> io::Result<Self> {
        socket.send_all(request.print().as_bytes(), limit.deadline())?;
        Ok(Self { socket, buffer: Buffer::default(), limit })
    }

    /// Receives one head, and returns its length. It stays received.
    ///
    /// # Errors
    /// If there is no head, not in time, or a longer one.
    pub fn receive_head(&mut self, bytes_max: usize) -> Result<usize, EngineError> {
        let mut scan = HeadScan::default();
        self.receive_until(bytes_max, |received| scan.find_end(received))
    }

    /// Receives until `look` finds something in the bytes received so far.
    pub(super) fn receive_until<T>(
        &mut self,
        bytes_max: usize,
        mut look: impl FnMut(&[u8]) -> Result<Option<T>, http1::Error>,
    ) -> Result<T, EngineError> {
        loop {
            match look(self.buffer.filled())? {
                Some(found) => return Ok(found),
                None if self.buffer.filled().len() >= bytes_max => {
                    return Err(http1::Error::HeadTooLarge.into());
                }
                None => self.receive_some(bytes_max)?,
            }
        }
    }

    /// The first of the received bytes.
    #[must_use]
    pub fn received(&self, bytes: usize) -> &[u8] {
        self.buffer.filled().get(..bytes).unwrap_or_default()
    }

    /// Whether nothing was received.
    pub(super) fn is_untouched(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The socket, to wait for more.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Receives the available bytes; 0 at the peer's end of data.
    pub(super) fn receive(&mut self, bytes_max: usize) -> io::Result<usize> {
        let socket = &self.socket;
        Ok(self.buffer.fill(bytes_max, |space| socket.receive(space))?.bytes)
    }

    /// Receives something, or fails in time.
    pub(super) fn receive_some(&mut self, bytes_max: usize) -> Result<(), EngineError> {
        let deadline = self.limit.deadline();
        if Instant::now() >= deadline {
            return Err(EngineError::Io(io::ErrorKind::TimedOut.into()));
        }
        loop {
            match self.receive(bytes_max) {
                Ok(0) => return Err(EngineError::Ended),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.wait(PollFlags::IN, deadline)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::HEAD_BYTES_MAX;
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    const HEALTH: OwnRequest<'_> =
        OwnRequest { method: Method::Head, target: "/health", host: "localhost" };

    #[test]
    fn an_answer_in_drops_is_cut_off_by_one_deadline() {
        let (client, mut server) = UnixStream::pair().unwrap();
        let dropper = std::thread::spawn(move || {
            // Each drop comes well within the limit; a limit for each piece
            // would never pass. The writes fail once the client is gone.
            while server.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let limit = Limit::Whole(Instant::now() + Duration::from_millis(100));
        let mut call = Call::ask(Socket::from(OwnedFd::from(client)), HEALTH, limit).unwrap();
        let error = call.receive_head(HEAD_BYTES_MAX).unwrap_err();
        assert!(matches!(error, EngineError::Io(error) if error.kind() == io::ErrorKind::TimedOut));
        drop(call);
        dropper.join().unwrap();
    }
}
