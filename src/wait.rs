//! Connects to the daemon once before anything listens, as the Go program does,
//! and waits for it where `-waitforsocket` says so.
//!
//! A socket that is missing, refuses or may not be opened ends the start: each of
//! them is a mistake that would otherwise show as a 502 much later. All three are
//! waited for, since the daemon may yet create its socket, listen on it, or set its
//! permissions.

use crate::relay::socket::Socket;
use crate::relay::unreachable::{self, DOCKER_MADE_IT};
use crate::stop::StopReason;
use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until `socket` takes a connection; false if a stop is requested meanwhile.
///
/// # Errors
/// Why the socket cannot be used, if it still cannot after `limit`.
pub fn for_socket(
    socket: &Path,
    limit: Duration,
    stops: &Receiver<StopReason>,
) -> Result<bool, Unusable> {
    let deadline = Instant::now() + limit;
    let mut announced = false;
    while let Err(cause) = try_out(socket) {
        if Instant::now() >= deadline {
            return Err(cause);
        }
        if !announced {
            log::info!(
                socketpath:% = socket.display(), seconds = limit.as_secs(), cause:% = cause;
                "waiting for the socket to appear"
            );
            announced = true;
        }
        match stops.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
    }
    Ok(true)
}

fn try_out(socket: &Path) -> Result<(), Unusable> {
    let unusable = |cause| Unusable { socket: socket.to_owned(), cause };
    look_at(socket).map_err(unusable)?;
    match Socket::dial(socket) {
        Ok(_) => Ok(()),
        // Its queue is full: it listens, and its health is for the watchdog.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(unusable(UnusableCause::NoConnection(error))),
    }
}

/// Finds mistakes that a mere connection would not distinguish.
fn look_at(socket: &Path) -> Result<(), UnusableCause> {
    match std::fs::metadata(socket) {
        Ok(found) if found.file_type().is_socket() => Ok(()),
        Ok(found) if found.is_dir() => Err(UnusableCause::Directory),
        Ok(_) => Err(UnusableCause::NoSocket),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(UnusableCause::Closed(error))
        }
        Err(_) => Err(UnusableCause::Missing),
    }
}

/// Why the daemon's socket cannot be used.
#[derive(Debug)]
pub struct Unusable {
    socket: PathBuf,
    cause: UnusableCause,
}

#[derive(Debug)]
enum UnusableCause {
    Directory,
    NoSocket,
    /// It is in a directory that this user may not search.
    Closed(io::Error),
    Missing,
    NoConnection(io::Error),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.socket.display();
        match &self.cause {
            UnusableCause::Directory => {
                write!(f, "{name} is a directory and not the daemon's socket: {DOCKER_MADE_IT}")
            }
            UnusableCause::NoSocket => {
                write!(f, "{name} is not a socket: set -socketpath (SP_SOCKETPATH)")
            }
            UnusableCause::Closed(error) => write!(
                f,
                "the daemon's socket {name} is in a directory closed to this user: {error}"
            ),
            UnusableCause::Missing => write!(
                f,
                "the daemon's socket {name} does not exist: mount it into the container, set \
                 -socketpath (SP_SOCKETPATH), or wait for it with -waitforsocket=SECONDS"
            ),
            UnusableCause::NoConnection(error) => {
                f.write_str(&unreachable::explain(&self.socket, error))
            }
        }
    }
}

impl std::error::Error for Unusable {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_socket_that_is_there_is_not_waited_for() {
        let (_stop, stops) = channel();
        let path = std::env::temp_dir().join(format!("wait-{}.sock", std::process::id()));
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(for_socket(&path, Duration::ZERO, &stops), Ok(true)));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_no_socket_does_not_pass_for_one() {
        let (_stop, stops) = channel();
        let error =
            for_socket(&std::env::temp_dir(), Duration::ZERO, &stops).unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        let program = std::env::current_exe().unwrap();
        let error = for_socket(&program, Duration::ZERO, &stops).unwrap_err().to_string();
        assert!(error.contains("is not a socket"), "{error}");
    }

    #[test]
    fn a_missing_socket_is_named_with_the_flags_that_help() {
        let (_stop, stops) = channel();
        let error = for_socket(Path::new("/none"), Duration::ZERO, &stops).unwrap_err().to_string();
        assert!(error.contains("/none") && error.contains("-waitforsocket"), "{error}");
    }

    #[test]
    fn a_socket_that_refuses_is_missing_too_until_somebody_listens() {
        let (stop, stops) = channel();
        let path = std::env::temp_dir().join(format!("refuses-{}.sock", std::process::id()));
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let error = for_socket(&path, Duration::ZERO, &stops).unwrap_err().to_string();
        assert!(error.ends_with("; the daemon is not listening"), "{error}");
        // It is waited for: the end comes only with the stop.
        stop.send(StopReason::Signal(15)).unwrap();
        assert!(matches!(for_socket(&path, Duration::from_secs(60), &stops), Ok(false)));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_stop_ends_the_waiting() {
        let (stop, stops) = channel();
        stop.send(StopReason::Signal(15)).unwrap();
        assert!(matches!(
            for_socket(Path::new("/none"), Duration::from_secs(60), &stops),
            Ok(false)
        ));
    }
}
