//! What a process holds when its last client has left.

use super::Result;
use super::process::Process;
use std::thread;
use std::time::{Duration, Instant};

/// The proxy keeps threads that wait for work for ten seconds.
const STILL: Duration = Duration::from_secs(11);
/// A process that moves for longer is looked at all the same.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What a process holds at rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtRest {
    pub(crate) bytes: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl AtRest {
    /// Waits until neither threads nor descriptors come or go.
    pub(crate) fn of(process: &Process) -> Result<Self> {
        let begun = Instant::now();
        let look = || -> Result<_> { Ok((process.descriptors()?, process.threads()?)) };
        let (mut last, mut since) = (look()?, Instant::now());
        while since.elapsed() < STILL && begun.elapsed() < SETTLED_WITHIN {
            thread::sleep(Duration::from_millis(100));
            let now = look()?;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        let (descriptors, threads) = last;
        Ok(Self { bytes: process.resident_bytes()?, descriptors, threads })
    }

    /// Whether a later rest holds more: so many bytes more, or anything else.
    pub(crate) fn has_grown(&self, later: &Self, bytes_max: u64) -> bool {
        later.bytes.saturating_sub(self.bytes) > bytes_max
            || later.descriptors > self.descriptors
            || later.threads > self.threads
    }
}
