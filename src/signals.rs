//! SIGTERM and SIGINT: the first asks for an orderly end, the second forces it.
//!
//! As PID 1 of a container a process gets no default action for signals, so
//! that both are handled explicitly.

use crate::stop::StopReason;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::Sender;
use std::thread;

/// What a shell reports for a process that a signal ended: 128 and its number.
const EXIT_SIGNAL_BASE: i32 = 128;

const STACK_BYTES: usize = 64 * 1024;

/// Starts the thread that turns signals into requests to stop.
///
/// # Errors
/// If the handlers or the thread cannot be set up.
pub fn spawn(stop: Sender<StopReason>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let builder = thread::Builder::new().name("signals".into()).stack_size(STACK_BYTES);
    builder.spawn(move || {
        let mut is_first = true;
        for signal in signals.forever() {
            if !is_first || stop.send(StopReason::Signal(signal)).is_err() {
                // Without a word: a log that nobody reads could hold it up.
                std::process::exit(EXIT_SIGNAL_BASE + signal);
            }
            is_first = false;
        }
    })?;
    Ok(())
}
