//! The watchdog: asks the daemon now and then whether it still answers.
//!
//! A wedged Engine still accepts connections, so connecting is not enough:
//! [`ping`] asks `HEAD /_ping` and any HTTP answer within `PROBE_LIMIT`
//! counts. The same probe serves the [`health`] listener and feeds the service
//! manager ([`notify`]).
//!
//! Invariants: nothing here takes a place in the proxy's pool or waits for it;
//! every probe connects anew, and so finds a socket that was replaced; every wait
//! has an end.
//!
//! This deliberately does not end the program: it sends a [`StopReason`], and
//! leaves the grace period and the exit code to the receiver.

pub mod exporter;
#[cfg(test)]
mod fake;
pub mod health;
pub mod healthcheck;
mod listener;
pub mod notify;

pub use healthcheck::healthcheck;
pub use notify::Notifier;

use crate::engine::{PingError, ping};
use crate::journal::Journal;
use crate::stop::StopReason;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the daemon may take. A busy Engine answers a ping in milliseconds.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// A probe needs little: one small request, one log line.
const STACK_BYTES: usize = 128 * 1024;

/// The watchdog thread's daemon, pace and receivers.
#[derive(Debug)]
pub struct Watchdog {
    /// The daemon's unix socket.
    pub socket: PathBuf,
    /// `-watchdoginterval`; `None` leaves the pace to the service manager.
    pub interval: Option<Duration>,
    /// Receives a reason to stop when a probe fails (`-stoponwatchdog`); with
    /// `None` the watchdog goes on and logs the recovery.
    pub stop: Option<Sender<StopReason>>,
    /// The service manager; it is fed only while the probe succeeds.
    pub notifier: Notifier,
}

impl Watchdog {
    /// The time between two probes: the operator's or the service manager's, if
    /// that is shorter. `None` if neither is set.
    fn pace(&self) -> Option<Duration> {
        match (self.interval, self.notifier.watchdog_pace()) {
            (Some(own), Some(manager)) => Some(own.min(manager)),
            (own, manager) => own.or(manager),
        }
    }

    /// Starts the thread, which lives as long as the program, if the operator or
    /// the service manager wants a watchdog. The operator's setting is in the log
    /// already.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(self) -> io::Result<Option<JoinHandle<()>>> {
        let Some(pace) = self.pace() else { return Ok(None) };
        if self.notifier.watchdog_pace().is_some() {
            log::info!(interval = pace.as_secs_f64(); "feeding the service manager's watchdog");
        }
        let thread = thread::Builder::new().name("watchdog".into()).stack_size(STACK_BYTES);
        thread.spawn(move || self.run(pace)).map(Some)
    }

    /// Probes at a steady pace: a slow probe must not delay the next one, or
    /// the service manager would be fed late. Between two meals lie at most
    /// the pace and `PROBE_LIMIT`, so `WatchdogSec=` should exceed twice the
    /// latter.
    fn run(self, pace: Duration) {
        let mut journal = Journal::default();
        let mut next = Instant::now();
        loop {
            next = (next + pace).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
            let outcome = ping(&self.socket, PROBE_LIMIT);
            self.tell(&outcome, &mut journal);
            if outcome.is_err() && self.ask_for_the_end() {
                return;
            }
        }
    }

    fn tell(&self, outcome: &Result<(), PingError>, journal: &mut Journal) {
        match outcome {
            Err(error) if journal.is_news(&error.to_string(), Instant::now()) => {
                log::error!(origin = "watchdog", error:% = error; "socket is unavailable");
                self.notifier.status(&format!("the daemon does not answer: {error}"));
            }
            Ok(()) if journal.is_recovery() => {
                log::info!(origin = "watchdog", socketpath:% = self.socket.display();
                    "socket is available again");
                self.notifier.status("the daemon answers");
            }
            _ => {}
        }
        if outcome.is_ok() {
            self.notifier.alive();
        }
    }

    /// Requests the program's end, if that is configured; then nothing is left to
    /// watch.
    fn ask_for_the_end(&self) -> bool {
        let Some(stop) = &self.stop else { return false };
        log::warn!(origin = "watchdog"; "stopping socket-proxy because of unavailable socket");
        // A receiver that is gone has stopped already.
        let _ = stop.send(StopReason::Watchdog);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::fake;
    use super::*;
    use crate::engine::fake_daemon::{self, Directory};
    use std::sync::mpsc;

    const FAST: Duration = Duration::from_millis(5);

    /// Starts a watchdog on a directory's socket, and returns a fake service
    /// manager that receives its messages.
    fn watch(directory: &Directory, stop: Option<Sender<StopReason>>) -> fake::Manager {
        let manager = fake::Manager::new(directory);
        let notifier = manager.notifier(2 * FAST);
        let watchdog =
            Watchdog { socket: directory.socket(), interval: Some(FAST), stop, notifier };
        assert!(watchdog.start().unwrap().is_some());
        manager
    }

    #[test]
    fn the_manager_is_fed_only_while_the_daemon_answers() {
        let directory = Directory::new();
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        let manager = watch(&directory, None);
        assert_eq!(manager.next(), "WATCHDOG=1");

        directory.remove_socket();
        let failure = manager.next_other_than("WATCHDOG=1");
        assert!(failure.starts_with("STATUS=the daemon does not answer: cannot connect"));

        // Any number of probes may have failed in between: none of them fed.
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        assert_eq!(manager.next(), "STATUS=the daemon answers");
        assert_eq!(manager.next(), "WATCHDOG=1");
    }

    #[test]
    fn a_failed_probe_asks_for_the_end_if_the_operator_wants_it() {
        let directory = Directory::new();
        let (sender, receiver) = mpsc::channel();
        let _manager = watch(&directory, Some(sender));
        assert_eq!(receiver.recv_timeout(fake_daemon::PATIENCE), Ok(StopReason::Watchdog));
        // It asks once, and its thread has ended: the sender is gone.
        assert_eq!(
            receiver.recv_timeout(fake_daemon::PATIENCE),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn the_shorter_of_the_two_paces_counts() {
        let directory = Directory::new();
        let manager = fake::Manager::new(&directory);
        let seconds = Duration::from_secs;
        let check = |interval, limit: Option<Duration>, expected| {
            let notifier = limit.map(|limit| manager.notifier(limit)).unwrap_or_default();
            let watchdog = Watchdog { socket: directory.socket(), interval, stop: None, notifier };
            assert_eq!(watchdog.pace(), expected, "{interval:?} {limit:?}");
        };
        check(None, None, None);
        check(Some(seconds(7)), None, Some(seconds(7)));
        check(None, Some(seconds(30)), Some(seconds(15)));
        check(Some(seconds(60)), Some(seconds(30)), Some(seconds(15)));
        check(Some(seconds(5)), Some(seconds(30)), Some(seconds(5)));
    }
}
