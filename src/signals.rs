//! Signals: an orderly end, a forced end, and ignored ones.
//!
//! | signal | effect |
//! |---|---|
//! | SIGTERM, SIGINT, SIGQUIT | stop; the second one ends the program at once |
//! | SIGHUP | stop; a terminal that closes often sends it twice, so it never forces |
//! | SIGUSR1 | prints the learned list, with `-learn`; else ignored |
//! | SIGUSR2 | ignored, reserved |
//!
//! As PID 1 of a container a process gets no default action for signals, and
//! elsewhere the default action would end it without grace; so all of them are
//! handled explicitly. A SIGHUP that is ignored from the start (nohup) stays
//! ignored.

use crate::stop::StopReason;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::Sender;
use std::thread;

/// A shell's exit status for a process that a signal ended is 128 plus its number.
const EXIT_SIGNAL_BASE: i32 = 128;

const STACK_BYTES: usize = 64 * 1024;

/// Starts the thread that turns signals into requests to stop, and to report.
///
/// # Errors
/// If the handlers or the thread cannot be set up.
pub fn spawn(stop: Sender<StopReason>, report: Option<Sender<()>>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2])?;
    if !is_hangup_ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        signals.add_signal(SIGHUP)?;
    }
    let builder = thread::Builder::new().name("signals".into()).stack_size(STACK_BYTES);
    builder.spawn(move || {
        let mut is_stopping = false;
        for signal in signals.forever() {
            match effect(signal, is_stopping) {
                Effect::Nothing => {}
                // No thread receives any more while the program stops.
                Effect::Report => drop(report.as_ref().map(|report| report.send(()))),
                Effect::Stop if stop.send(StopReason::Signal(signal)).is_ok() => is_stopping = true,
                // Without a log line: an unread log could block it.
                Effect::Stop | Effect::End => std::process::exit(EXIT_SIGNAL_BASE + signal),
            }
        }
    })?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Nothing,
    Report,
    Stop,
    End,
}

fn effect(signal: i32, is_stopping: bool) -> Effect {
    match (signal, is_stopping) {
        (SIGUSR2, _) | (SIGHUP, true) => Effect::Nothing,
        (SIGUSR1, _) => Effect::Report,
        (_, false) => Effect::Stop,
        (_, true) => Effect::End,
    }
}

/// The mask has a bit for each ignored signal, the lowest for number 1 (proc(5)).
fn is_hangup_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_stops_and_the_second_forces_the_end() {
        for signal in [SIGTERM, SIGINT, SIGQUIT] {
            assert_eq!(effect(signal, false), Effect::Stop);
            assert_eq!(effect(signal, true), Effect::End);
        }
        assert_eq!(effect(SIGHUP, false), Effect::Stop);
        assert_eq!(effect(SIGHUP, true), Effect::Nothing);
        for is_stopping in [false, true] {
            assert_eq!(effect(SIGUSR1, is_stopping), Effect::Report);
            assert_eq!(effect(SIGUSR2, is_stopping), Effect::Nothing);
        }
    }

    #[test]
    fn a_hangup_that_is_ignored_from_the_start_is_known() {
        assert!(is_hangup_ignored("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!is_hangup_ignored("SigIgn:\t0000000000001000\n"));
        assert!(!is_hangup_ignored("SigIgn:\tnonsense\n"));
        assert!(!is_hangup_ignored(""));
    }
}
