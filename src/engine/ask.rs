//! One small request on a fresh connection, and its status line.
//!
//! The probe asks the daemon this way and the health check asks the proxy.
//! Invariant: an answer that comes in drops is cut off by one deadline for the
//! whole, not by one for each read.
//!
//! What this deliberately does not do: HTTP. It reads a status line and, for
//! the health check, one field; a body is never read.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Enough for the heads of our own health listener and of the daemon.
const HEAD_BYTES_MAX: usize = 2048;

/// `HTTP/1.1 200` and the octet after it (RFC 9112 §4).
const STATUS_LINE_BYTES_MIN: usize = 13;

/// A point in time after which nothing is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// What is left of it.
    ///
    /// # Errors
    /// `TimedOut` if nothing is left: sockets take zero for "no limit".
    pub(crate) fn remaining(self) -> io::Result<Duration> {
        match self.0.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

/// A socket whose reads and writes can be limited in time.
pub(crate) trait Timed: Read + Write {
    fn limit(&self, left: Duration) -> io::Result<()>;
}

impl Timed for UnixStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

impl Timed for TcpStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

/// How much of an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    StatusLine,
    Head,
}

/// Sends `request` and reads what came of the answer's head, which is empty
/// if the peer closes without an answer.
///
/// # Errors
/// `TimedOut` when the deadline passes; else the system's.
pub(crate) fn ask(
    stream: &mut impl Timed,
    request: &[u8],
    wanted: Wanted,
    deadline: Deadline,
) -> io::Result<Vec<u8>> {
    stream.limit(deadline.remaining()?)?;
    stream.write_all(request).map_err(time_out)?;
    read_until(stream, deadline, |head| match wanted {
        Wanted::StatusLine => head.len() >= STATUS_LINE_BYTES_MIN,
        Wanted::Head => has_blank_line(head),
    })
}

/// Reads until `enough` says so, the peer closes, or the buffer is full.
pub(crate) fn read_until(
    stream: &mut impl Timed,
    deadline: Deadline,
    enough: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 512];
    while !enough(&head) && head.len() < HEAD_BYTES_MAX {
        stream.limit(deadline.remaining()?)?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => head.extend(buffer.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(time_out(error)),
        }
    }
    Ok(head)
}

/// The status code, if the bytes begin with a status line of HTTP/1.
pub(crate) fn status(head: &[u8]) -> Option<u16> {
    let head = head.get(..STATUS_LINE_BYTES_MIN)?;
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', b' ', code @ .., b' ' | b'\r'] =
        head
    else {
        return None;
    };
    std::str::from_utf8(code).ok()?.parse().ok().filter(|code| (100..600).contains(code))
}

/// Whether a head is complete (RFC 9112 §2.1).
pub(crate) fn has_blank_line(head: &[u8]) -> bool {
    head.windows(4).any(|four| four == b"\r\n\r\n")
}

/// A limited read or write that ran out of time says `WouldBlock` on Linux.
fn time_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_has_a_version_and_three_digits() {
        let check = |head: &str, expected| assert_eq!(status(head.as_bytes()), expected, "{head}");
        check("HTTP/1.1 200 OK\r\n", Some(200));
        check("HTTP/1.0 503 \r\n", Some(503));
        check("HTTP/1.1 204\r\n", Some(204));
        check("HTTP/1.1 20", None);
        check("HTTP/1.1 2000 OK\r\n", None);
        check("HTTP/1.1 +20 OK\r\n", None);
        check("HTTP/2.0 200 OK\r\n", None);
        check("HTTP/1.1 099 OK\r\n", None);
        check("SSH-2.0-OpenSSH_9.2\r\n", None);
        check("", None);
    }

    #[test]
    fn an_answer_in_drops_is_cut_off_by_one_deadline() {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        let dropper = std::thread::spawn(move || {
            // Each drop comes well within the limit; a limit for each read
            // would never pass. The writes fail once the client is gone.
            while server.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let deadline = Deadline::after(Duration::from_millis(100));
        let error = read_until(&mut client, deadline, |_| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
        dropper.join().unwrap();
    }
}
