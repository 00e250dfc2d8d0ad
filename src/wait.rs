//! Waits at start for the daemon's socket to appear (`-waitforsocket`).

use crate::stop::StopReason;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until `socket` exists; false if a stop is asked for meanwhile.
///
/// # Errors
/// A sentence for people, if it does not exist within `limit`.
pub fn for_socket(
    socket: &Path,
    limit: Duration,
    stops: &Receiver<StopReason>,
) -> Result<bool, String> {
    let deadline = Instant::now() + limit;
    let mut announced = false;
    while !socket.exists() {
        if Instant::now() >= deadline {
            return Err(missing(socket));
        }
        if !announced {
            log::info!(socketpath:% = socket.display(), seconds = limit.as_secs();
                "waiting for the socket to appear");
            announced = true;
        }
        match stops.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
    }
    Ok(true)
}

fn missing(socket: &Path) -> String {
    format!(
        "the daemon's socket {} does not exist: mount it into the container, set -socketpath \
         (SP_SOCKETPATH), or wait for it with -waitforsocket=SECONDS",
        socket.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_socket_that_is_there_is_not_waited_for() {
        let (_stop, stops) = channel();
        assert_eq!(for_socket(&std::env::temp_dir(), Duration::ZERO, &stops), Ok(true));
    }

    #[test]
    fn a_missing_socket_is_named_with_the_flags_that_help() {
        let (_stop, stops) = channel();
        let error = for_socket(Path::new("/none"), Duration::ZERO, &stops).unwrap_err();
        assert!(error.contains("/none") && error.contains("-waitforsocket"), "{error}");
    }

    #[test]
    fn a_stop_ends_the_waiting() {
        let (stop, stops) = channel();
        stop.send(StopReason::Signal(15)).unwrap();
        assert_eq!(for_socket(Path::new("/none"), Duration::from_secs(60), &stops), Ok(false));
    }
}
