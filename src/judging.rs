//! Policies in use: shared by all sessions, judged by few of them at a time.
//!
//! The filter is pure. Its automata are built while they judge, and keep a cache for
//! each thread that judges at the same time; here their number is bounded.
//!
//! **Invariant:** a request is judged, with its body, by one of [`LANES`] threads of
//! a policy. Nothing waits for a socket meanwhile.

use crate::filter::Policy;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Threads that may judge by one policy at the same time. Judging takes a few
/// microseconds, so hardly any thread ever waits; and without a bound each of a
/// thousand threads could leave a cache behind.
pub const LANES: usize = 4;

/// A policy that many sessions judge by.
#[derive(Debug)]
pub struct SharedPolicy {
    policy: Policy,
    lanes: Arc<Lanes>,
}

/// The places from which rules may be used. Policies with the same rules share them.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: [Mutex<()>; LANES],
    next: AtomicUsize,
}

impl SharedPolicy {
    /// A policy whose rules no other policy has.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with_lanes(policy, Arc::default())
    }

    /// A policy whose rules are those of all policies with the same lanes.
    #[must_use]
    pub fn with_lanes(policy: Policy, lanes: Arc<Lanes>) -> Self {
        Self { policy, lanes }
    }

    /// Judges by this policy's rules, once one of its lanes is free. `judge` must not
    /// wait for a socket.
    pub fn in_lane<T>(&self, judge: impl FnOnce() -> T) -> T {
        let _lane = self.lanes.enter();
        judge()
    }
}

impl Deref for SharedPolicy {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

impl Lanes {
    /// Takes a free lane, or waits for one of them.
    fn enter(&self) -> MutexGuard<'_, ()> {
        for lane in &self.lanes {
            match lane.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(error)) => return error.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let [first, ..] = &self.lanes;
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % LANES;
        let lane = self.lanes.get(turn).unwrap_or(first);
        lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
