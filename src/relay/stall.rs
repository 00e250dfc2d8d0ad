//! A budget for bytes whose receivers do not take them.
//!
//! **Invariant:** the narrow connections of the whole process hold at most
//! [`BYTES_MAX`] in flows that wait for room at their receivers; one more is cut.
//! A receiver that is merely slower than its sender waits for a moment only.

use std::sync::atomic::{AtomicUsize, Ordering};

/// For all narrow connections.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The budget.
#[derive(Debug, Default)]
pub struct Stalls(AtomicUsize);

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(super) struct Stall<'a> {
    stalls: &'a Stalls,
    bytes: usize,
}

impl Stalls {
    /// A budget without room.
    #[cfg(test)]
    pub(crate) fn used_up() -> Self {
        Self(AtomicUsize::new(BYTES_MAX))
    }

    /// Room for so many bytes; `None` if there is none.
    pub(super) fn hold(&self, bytes: usize) -> Option<Stall<'_>> {
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= BYTES_MAX);
        let held = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        // Dropping a `Stall` subtracts its bytes, so only held ones make one.
        held.is_ok().then(|| Stall { stalls: self, bytes })
    }
}

impl Stall<'_> {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Stall<'_> {
    fn drop(&mut self) {
        self.stalls.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stalls_is_bounded_and_given_back() {
        let stalls = Stalls::default();
        let most = stalls.hold(BYTES_MAX - 10).unwrap();
        assert!(stalls.hold(11).is_none());
        let rest = stalls.hold(10).unwrap();
        drop(most);
        assert!(stalls.hold(BYTES_MAX - 10).is_some());
        drop(rest);
        assert_eq!(stalls.0.load(Ordering::Relaxed), 0);
    }
}
