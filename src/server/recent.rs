//! The addresses that were recently found to be a named client's, or nobody's.
//!
//! **Invariant:** this decides about places only, never about rights: a client may
//! open many connections at once without a look-up for each, and a stranger causes
//! few.
//! **Invariant:** strangers push no client out, however many addresses they have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an address counts as a client's. The next holder of the address gains a
/// place.
const CLIENT_FOR: Duration = Duration::from_secs(10);

/// How long it is remembered that an address was a client's.
const CLIENT_ONCE_FOR: Duration = Duration::from_secs(3600);

/// How long an address counts as a stranger's; that a name has one takes a moment
/// to get about.
const STRANGER_FOR: Duration = Duration::from_secs(1);

/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 4096;

/// The result of a listener's host names for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Client,
    Stranger,
}

/// The remembered result for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remembered {
    /// It was found to be that a moment ago.
    Fresh(Found),
    /// It was a client's within the last hour.
    ClientOnce,
    Nothing,
}

/// The memory of one listener.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<HashMap<IpAddr, (Found, Instant)>>);

impl Recent {
    /// The result for an address, by its age.
    pub(super) fn of(&self, address: IpAddr) -> Remembered {
        match self.lock().get(&address) {
            Some((Found::Client, at)) if at.elapsed() < CLIENT_FOR => {
                Remembered::Fresh(Found::Client)
            }
            Some((Found::Client, at)) if at.elapsed() < CLIENT_ONCE_FOR => Remembered::ClientOnce,
            Some((Found::Stranger, at)) if at.elapsed() < STRANGER_FOR => {
                Remembered::Fresh(Found::Stranger)
            }
            _ => Remembered::Nothing,
        }
    }

    pub(super) fn remember(&self, address: IpAddr, found: Found) {
        self.remember_since(address, found, Instant::now());
    }

    /// Remembers a result found at some time.
    pub(super) fn remember_since(&self, address: IpAddr, found: Found, at: Instant) {
        let mut known = self.lock();
        if known.len() >= ADDRESSES_MAX {
            let now = Instant::now();
            known.retain(|_, (found, at)| now.duration_since(*at) < kept_for(*found));
        }
        if known.len() >= ADDRESSES_MAX && found == Found::Client {
            known.retain(|_, (found, _)| *found == Found::Client);
        }
        if known.len() < ADDRESSES_MAX || known.contains_key(&address) {
            known.insert(address, (found, at));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, (Found, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept_for(found: Found) -> Duration {
    match found {
        Found::Client => CLIENT_ONCE_FOR,
        Found::Stranger => STRANGER_FOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_finding_counts_and_the_memory_is_bounded() {
        let recent = Recent::default();
        let address = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(recent.of(address), Remembered::Nothing);
        recent.remember(address, Found::Stranger);
        assert_eq!(recent.of(address), Remembered::Fresh(Found::Stranger));
        recent.remember(address, Found::Client);
        assert_eq!(recent.of(address), Remembered::Fresh(Found::Client));
        let crowd = |found| {
            for number in 0..2 * u32::try_from(ADDRESSES_MAX).unwrap() {
                recent.remember(IpAddr::from((number + 1).to_be_bytes()), found);
            }
        };
        crowd(Found::Stranger);
        assert!(recent.lock().len() <= ADDRESSES_MAX);
        let late = IpAddr::from([10, 0, 0, 2]);
        recent.remember(late, Found::Client);
        assert_eq!(recent.of(late), Remembered::Fresh(Found::Client));
        crowd(Found::Client);
        assert_eq!(recent.lock().len(), ADDRESSES_MAX);
        assert_eq!(recent.of(address), Remembered::Fresh(Found::Client));
    }

    #[test]
    fn that_an_address_was_a_clients_is_remembered_for_long() {
        let recent = Recent::default();
        let address = IpAddr::from([10, 0, 0, 1]);
        let age = |time| {
            let at = Instant::now().checked_sub(time).unwrap();
            recent.remember_since(address, Found::Client, at);
            recent.of(address)
        };
        assert_eq!(age(CLIENT_FOR / 2), Remembered::Fresh(Found::Client));
        assert_eq!(age(CLIENT_FOR), Remembered::ClientOnce);
        assert_eq!(age(CLIENT_ONCE_FOR), Remembered::Nothing);
    }
}
