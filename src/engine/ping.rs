//! The ping: checks that something answers HTTP on the daemon's socket.
//!
//! Invariant: the time limit covers the whole ping, connecting included. A daemon
//! that no longer accepts has a full queue, and connecting to a full queue blocks.
//!
//! This deliberately does not judge the response. A daemon that answers 500 is
//! alive; its health is not for its proxy to judge.

use super::EngineError;
use super::call::{Call, Limit, OwnRequest};
use crate::http1::{DAEMON_HOST, HeadScan, Method, read_status};
use crate::relay::socket::Socket;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Answered by the Engine and by Podman without any work.
const PING: OwnRequest<'_> =
    OwnRequest { method: Method::Head, target: "/_ping", host: DAEMON_HOST };

/// Enough for the status line of any answer.
const STATUS_LINE_BYTES_MAX: usize = 2048;

/// Asks the daemon for a sign of life, within `limit` in all.
///
/// # Errors
/// The step that failed, in readable form.
pub fn ping(socket: &Path, limit: Duration) -> Result<(), PingError> {
    ask(socket, limit).map_err(|cause| PingError { socket: socket.to_owned(), limit, cause })
}

fn ask(path: &Path, limit: Duration) -> Result<(), PingCause> {
    let deadline = Limit::Whole(Instant::now() + limit);
    let socket = Socket::dial_within(path, limit).map_err(PingCause::of_connect)?;
    first_status(socket, deadline)
}

fn first_status(socket: Socket, limit: Limit) -> Result<(), PingCause> {
    let mut call = Call::ask(socket, PING, limit).map_err(PingCause::of_exchange)?;
    let mut scan = HeadScan::default();
    let status = call.receive_until(STATUS_LINE_BYTES_MAX, |received| {
        let status = read_status(received)?;
        // Noise without a line's end is refused at once.
        if status.is_none() {
            scan.find_end(received)?;
        }
        Ok(status)
    });
    match status {
        Ok(_) => Ok(()),
        Err(EngineError::Io(error)) => Err(PingCause::of_exchange(error)),
        Err(EngineError::Ended) if call.is_untouched() => Err(PingCause::Closed),
        Err(_) => Err(PingCause::NotHttp),
    }
}

/// Why a ping failed.
#[derive(Debug)]
pub struct PingError {
    socket: PathBuf,
    limit: Duration,
    cause: PingCause,
}

#[derive(Debug)]
enum PingCause {
    Connect(io::Error),
    QueueFull,
    Exchange(io::Error),
    Silent,
    Closed,
    NotHttp,
}

impl PingCause {
    fn of_connect(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::QueueFull,
            _ => Self::Connect(error),
        }
    }

    fn of_exchange(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Exchange(error),
        }
    }
}

impl fmt::Display for PingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.socket.display();
        let seconds = self.limit.as_secs_f64();
        match &self.cause {
            PingCause::Connect(error) => write!(f, "cannot connect to {socket}: {error}"),
            PingCause::QueueFull => write!(f, "{socket} accepted no connection for {seconds} s"),
            PingCause::Exchange(error) => write!(f, "cannot communicate with {socket}: {error}"),
            PingCause::Silent => {
                write!(f, "{socket} sent no response to HEAD /_ping for {seconds} s")
            }
            PingCause::Closed => write!(f, "{socket} closed the connection without a response"),
            PingCause::NotHttp => write!(f, "the response from {socket} is not HTTP"),
        }
    }
}

impl std::error::Error for PingError {}

#[cfg(test)]
mod tests {
    use super::super::fake_daemon::{self, Directory};
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    /// Long enough for an answer from this machine, short enough to wait out.
    const SHORT: Duration = Duration::from_millis(200);

    fn check(directory: &Directory, expected: Result<(), &str>) {
        let begun = Instant::now();
        let outcome = ping(&directory.socket(), SHORT).map_err(|error| error.to_string());
        let text = outcome.as_ref().map_err(|error| error.contains(expected.unwrap_err()));
        assert_eq!(text.copied(), expected.map_err(|_| true), "{outcome:?}, not {expected:?}");
        assert!(begun.elapsed() < fake_daemon::PATIENCE, "took {:?}", begun.elapsed());
    }

    #[test]
    fn any_http_answer_counts() {
        for answer in [
            fake_daemon::PONG,
            "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 500 Internal Server Error\r\n\r\n",
            "HTTP/1.1 400 \r\n",
            "HTTP/1.1 200 OK\r\nA: \u{1}\r\n\r\n",
        ] {
            let directory = Directory::new();
            fake_daemon::answering(&directory.socket(), answer);
            check(&directory, Ok(()));
        }
    }

    #[test]
    fn what_does_not_speak_http_is_not_the_daemon() {
        for answer in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
            let directory = Directory::new();
            fake_daemon::answering(&directory.socket(), answer);
            check(&directory, Err("is not HTTP"));
        }
        let directory = Directory::new();
        fake_daemon::answering(&directory.socket(), "");
        check(&directory, Err("closed the connection without a response"));
    }

    #[test]
    fn noise_is_not_waited_out() {
        let (client, mut server) = std::os::unix::net::UnixStream::pair().unwrap();
        std::io::Write::write_all(&mut server, b"\x15\x03\x03").unwrap();
        let limit = Limit::Whole(Instant::now() + fake_daemon::PATIENCE);
        let socket = Socket::from(std::os::fd::OwnedFd::from(client));
        assert!(matches!(first_status(socket, limit), Err(PingCause::NotHttp)));
    }

    #[test]
    fn a_daemon_that_accepts_and_says_nothing_is_dead() {
        let directory = Directory::new();
        let _listener = UnixListener::bind(directory.socket()).unwrap();
        check(&directory, Err("sent no response to HEAD /_ping for 0.2 s"));
    }

    #[test]
    fn a_daemon_that_no_longer_accepts_is_dead() {
        let directory = Directory::new();
        let _queue = fake_daemon::full_queue(&directory.socket());
        check(&directory, Err("accepted no connection for 0.2 s"));
    }

    #[test]
    fn a_socket_that_was_replaced_is_found_again() {
        let directory = Directory::new();
        check(&directory, Err("No such file"));
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        check(&directory, Ok(()));
        directory.remove_socket();
        check(&directory, Err("No such file"));
        drop(UnixListener::bind(directory.socket()).unwrap());
        check(&directory, Err("Connection refused"));
        directory.remove_socket();
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        check(&directory, Ok(()));
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_an_error_not_a_panic() {
        let error = ping(Path::new(&"x".repeat(200)), SHORT).unwrap_err().to_string();
        assert!(error.contains("cannot connect"), "{error}");
    }
}
