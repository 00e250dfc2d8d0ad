//! The watchdog: asks the daemon now and then whether it still answers.
//!
//! A wedged Engine still accepts connections, so connecting is not enough:
//! [`probe()`] asks `HEAD /_ping` and any HTTP answer within [`PROBE_LIMIT`]
//! counts. The same probe serves the [`health`] listener and feeds the service
//! manager ([`notify`]).
//!
//! Invariants: nothing here takes a place in the proxy's pool or waits for it;
//! every probe dials afresh, so that a socket that was replaced is found
//! again; every wait has an end.
//!
//! What this deliberately does not do: end the program. It sends a
//! [`StopReason`], and leaves grace and exit code to whoever receives it.

mod ask;
#[cfg(test)]
mod fake;
pub mod health;
pub mod healthcheck;
pub mod notify;
pub mod probe;

pub use healthcheck::healthcheck;
pub use notify::Notifier;
pub use probe::{PROBE_LIMIT, ProbeError, probe};

use crate::stop::StopReason;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// While the daemon stays away for one and the same cause, this often a line
/// is logged; a probe every second must not fill a disk.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// A probe needs little: one small request, one log line.
const STACK_BYTES: usize = 128 * 1024;

/// What the watchdog thread watches, and whom it tells.
#[derive(Debug)]
pub struct Watchdog {
    /// The daemon's unix socket.
    pub socket: PathBuf,
    /// `-watchdoginterval`; `None` leaves the pace to the service manager.
    pub interval: Option<Duration>,
    /// Where to ask for the program's end when a probe fails
    /// (`-stoponwatchdog`); `None` goes on and logs the recovery.
    pub stop: Option<Sender<StopReason>>,
    /// The service manager; it is fed only while the probe succeeds.
    pub notifier: Notifier,
}

impl Watchdog {
    /// The time between two probes: the operator's, or what the service
    /// manager needs if that is shorter. `None` means that nobody asked.
    #[must_use]
    pub fn pace(&self) -> Option<Duration> {
        match (self.interval, self.notifier.watchdog_pace()) {
            (Some(own), Some(manager)) => Some(own.min(manager)),
            (own, manager) => own.or(manager),
        }
    }

    /// Starts the thread, which lives as long as the program, if anyone asked
    /// for a watchdog. What the operator asked for is in the log already.
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
    /// the pace and [`PROBE_LIMIT`], so `WatchdogSec=` should exceed twice the
    /// latter.
    fn run(self, pace: Duration) {
        let mut journal = Journal::default();
        let mut next = Instant::now();
        loop {
            next = (next + pace).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
            let outcome = probe(&self.socket, PROBE_LIMIT);
            self.tell(&outcome, journal.note(&outcome, Instant::now()));
            if outcome.is_err() && self.ask_for_the_end() {
                return;
            }
        }
    }

    fn tell(&self, outcome: &Result<(), ProbeError>, entry: Entry) {
        match (entry, outcome) {
            (Entry::Failure, Err(error)) => {
                log::error!(origin = "watchdog", error:% = error; "socket is unavailable");
                self.notifier.status(&format!("the daemon does not answer: {error}"));
            }
            (Entry::Recovery, _) => {
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

    /// Whether the end was asked for, so that there is nothing left to watch.
    fn ask_for_the_end(&self) -> bool {
        let Some(stop) = &self.stop else { return false };
        log::warn!(origin = "watchdog"; "stopping socket-proxy because of unavailable socket");
        // A receiver that is gone has stopped already.
        let _ = stop.send(StopReason::Watchdog);
        true
    }
}

/// Decides which outcomes deserve a line in the log.
#[derive(Debug, Default)]
struct Journal {
    /// The failure that was logged last, and when; `None` while all is well.
    logged: Option<(String, Instant)>,
}

/// What a probe's outcome means for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Nothing,
    Failure,
    Recovery,
}

impl Journal {
    /// A failure is worth a line when it is new, when its cause is another
    /// one, and every [`REPEAT_AFTER`]; the first success after it as well.
    fn note(&mut self, outcome: &Result<(), ProbeError>, now: Instant) -> Entry {
        let Err(error) = outcome else {
            return if self.logged.take().is_some() { Entry::Recovery } else { Entry::Nothing };
        };
        let cause = error.to_string();
        let known = |(last, at): &(String, Instant)| *last == cause && now - *at < REPEAT_AFTER;
        if self.logged.as_ref().is_some_and(known) {
            return Entry::Nothing;
        }
        self.logged = Some((cause, now));
        Entry::Failure
    }
}

#[cfg(test)]
mod tests {
    use super::fake::{self, Directory};
    use super::*;
    use std::sync::mpsc;

    const FAST: Duration = Duration::from_millis(5);

    /// Starts a watchdog on a directory's socket, and returns what a service
    /// manager would receive from it.
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
        fake::answering(&directory.socket(), fake::PONG);
        let manager = watch(&directory, None);
        assert_eq!(manager.next(), "WATCHDOG=1");

        directory.remove_socket();
        let failure = manager.next_other_than("WATCHDOG=1");
        assert!(failure.starts_with("STATUS=the daemon does not answer: cannot connect"));

        // Whatever number of probes failed in between: none of them fed.
        fake::answering(&directory.socket(), fake::PONG);
        assert_eq!(manager.next(), "STATUS=the daemon answers");
        assert_eq!(manager.next(), "WATCHDOG=1");
    }

    #[test]
    fn a_failed_probe_asks_for_the_end_if_the_operator_wants_it() {
        let directory = Directory::new();
        let (sender, receiver) = mpsc::channel();
        let _manager = watch(&directory, Some(sender));
        assert_eq!(receiver.recv_timeout(fake::PATIENCE), Ok(StopReason::Watchdog));
        // It asks once, and its thread has ended: the sender is gone.
        assert_eq!(
            receiver.recv_timeout(fake::PATIENCE),
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

    #[test]
    fn one_line_for_a_failure_one_a_minute_and_one_for_the_recovery() {
        let directory = Directory::new();
        let absent = || probe(&directory.socket(), FAST);
        let not_a_socket = || probe(std::path::Path::new("/dev/null"), FAST);
        let start = Instant::now();
        let mut journal = Journal::default();
        let mut check = |outcome: Result<(), ProbeError>, second, expected| {
            let now = start + Duration::from_secs(second);
            assert_eq!(journal.note(&outcome, now), expected, "at second {second}");
        };
        check(Ok(()), 0, Entry::Nothing);
        check(absent(), 1, Entry::Failure);
        check(absent(), 2, Entry::Nothing);
        check(not_a_socket(), 3, Entry::Failure);
        check(not_a_socket(), 62, Entry::Nothing);
        check(not_a_socket(), 63, Entry::Failure);
        check(Ok(()), 64, Entry::Recovery);
        check(Ok(()), 65, Entry::Nothing);
        check(not_a_socket(), 66, Entry::Failure);
    }
}
