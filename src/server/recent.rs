//! Which addresses were found to be a named client's, or nobody's, a moment ago.
//!
//! **Invariant:** this decides about places only, never about rights: a client may
//! open many connections at once without a look-up for each, and a stranger causes
//! few.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an address counts as a client's. Whoever gets it next gains a place.
const CLIENT_FOR: Duration = Duration::from_secs(10);

/// How long an address counts as a stranger's; that a name has one takes a moment
/// to get about.
const STRANGER_FOR: Duration = Duration::from_secs(1);

/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 4096;

/// What the host names of a listener said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Client,
    Stranger,
}

/// The memory of one listener.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<HashMap<IpAddr, (Found, Instant)>>);

impl Recent {
    /// What was found of an address, if that was a moment ago.
    pub(super) fn of(&self, address: IpAddr) -> Option<Found> {
        let (found, until) = self.lock().get(&address).copied()?;
        (Instant::now() < until).then_some(found)
    }

    pub(super) fn remember(&self, address: IpAddr, found: Found) {
        let now = Instant::now();
        let time = if found == Found::Client { CLIENT_FOR } else { STRANGER_FOR };
        let mut known = self.lock();
        if known.len() >= ADDRESSES_MAX {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() < ADDRESSES_MAX || known.contains_key(&address) {
            known.insert(address, (found, now + time));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, (Found, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_finding_counts_and_the_memory_is_bounded() {
        let recent = Recent::default();
        let address = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(recent.of(address), None);
        recent.remember(address, Found::Stranger);
        assert_eq!(recent.of(address), Some(Found::Stranger));
        recent.remember(address, Found::Client);
        assert_eq!(recent.of(address), Some(Found::Client));
        for number in 0..2 * u32::try_from(ADDRESSES_MAX).unwrap() {
            recent.remember(IpAddr::from(number.to_be_bytes()), Found::Client);
        }
        assert_eq!(recent.lock().len(), ADDRESSES_MAX);
        assert_eq!(recent.of(address), Some(Found::Client));
    }
}
