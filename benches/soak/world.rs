//! The state that all clients share: the time, the faults, and the observations.
//!
//! A wrong response is never excused. An incomplete one is, if the daemon was at fault
//! between the request and the end of the response.

use super::clients::Habit;
use super::support::address::Address;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Failures that are kept; more are only counted.
const FAILURES_KEPT: usize = 20;
/// How long clients have to come to rest.
const REST_MAX: Duration = Duration::from_secs(60);

/// Why something failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Differs from the bytes that the daemon sent.
    Wrong(String),
    /// Not whole.
    Cut(String),
}

impl Failure {
    pub(super) fn cut(error: impl Display) -> Self {
        Self::Cut(error.to_string())
    }
}

/// The state that all clients share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) address: Address,
    numbers: AtomicU64,
    /// Odd while the daemon is at fault.
    faults: AtomicU64,
    at_work: Mutex<BTreeMap<String, usize>>,
    resting: AtomicBool,
    over: AtomicBool,
    seen: Mutex<Seen>,
}

/// The observations of all clients.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) done: BTreeMap<String, u64>,
    pub(super) excused: u64,
    pub(super) failed: u64,
    pub(super) failures: Vec<String>,
}

impl World {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            numbers: AtomicU64::new(1),
            faults: AtomicU64::new(0),
            at_work: Mutex::default(),
            resting: AtomicBool::new(false),
            over: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// A unique number.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits while all rest; whether there is more to do.
    pub(super) fn go_on(&self) -> bool {
        while self.resting.load(Ordering::SeqCst) && !self.over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
        !self.over.load(Ordering::SeqCst)
    }

    /// Whether clients go on with their exchanges.
    pub(super) fn is_working(&self) -> bool {
        !self.resting.load(Ordering::SeqCst) && !self.over.load(Ordering::SeqCst)
    }

    /// Runs an exchange and records its result.
    pub(super) fn attempt(&self, habit: Habit, act: impl FnOnce() -> Result<(), Failure>) {
        let faults = self.faults.load(Ordering::SeqCst);
        *lock(&self.at_work).entry(format!("{habit:?}")).or_default() += 1;
        let done = act();
        *lock(&self.at_work).entry(format!("{habit:?}")).or_default() -= 1;
        let excused = faults % 2 == 1 || self.faults.load(Ordering::SeqCst) != faults;
        let mut seen = lock(&self.seen);
        let failure = match done {
            Ok(()) => return *seen.done.entry(format!("{habit:?}")).or_default() += 1,
            Err(Failure::Cut(_)) if excused => return seen.excused += 1,
            Err(Failure::Cut(text) | Failure::Wrong(text)) => format!("{habit:?}: {text}"),
        };
        seen.failed += 1;
        if seen.failures.len() < FAILURES_KEPT {
            seen.failures.push(failure);
        }
    }

    /// The daemon is at fault while this runs.
    pub(super) fn fault<T>(&self, act: impl FnOnce() -> T) -> T {
        self.faults.fetch_add(1, Ordering::SeqCst);
        let done = act();
        self.faults.fetch_add(1, Ordering::SeqCst);
        done
    }

    /// Lets all clients close their connections, looks, and lets them go on.
    pub(super) fn rest<T>(&self, look: impl FnOnce() -> T) -> Result<T, String> {
        self.resting.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while let Some((habit, count)) = self.first_at_work() {
            if begun.elapsed() > REST_MAX {
                return Err(format!("{habit}: {count} clients wait for ever"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        let seen = look();
        self.resting.store(false, Ordering::SeqCst);
        Ok(seen)
    }

    fn first_at_work(&self) -> Option<(String, usize)> {
        lock(&self.at_work).clone().into_iter().find(|(_, count)| *count > 0)
    }

    /// Sends all clients home.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Takes the observations so far.
    pub(super) fn seen(&self) -> Seen {
        std::mem::take(&mut *lock(&self.seen))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
