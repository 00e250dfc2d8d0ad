//! Admission: places are limited in all and for each client, so that one client
//! cannot take all of them.
//!
//! **Invariant:** every connection has an owner: its address, or the user whose
//! process opened the socket file.

use crate::session::Owner;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places for connections.
#[derive(Debug)]
pub(super) struct Admission {
    places_max: usize,
    places_per_client_max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_owner: HashMap<Owner, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NoPlace {
    /// All places are taken.
    Full,
    /// The client has as many as one client may have.
    ClientFull,
    /// The system gives no further thread.
    NoThread,
    /// Strangers have all the places that strangers may have.
    Stranger,
    /// The places of clients that are not known yet are taken.
    Unproven,
}

impl NoPlace {
    pub(super) const ALL: [Self; 5] =
        [Self::Full, Self::ClientFull, Self::NoThread, Self::Stranger, Self::Unproven];

    /// The reason as a label of metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ClientFull => "client_full",
            Self::NoThread => "no_thread",
            Self::Stranger => "stranger",
            Self::Unproven => "unproven",
        }
    }

    /// The reason in words.
    pub(super) fn explain(self) -> &'static str {
        match self {
            Self::Full => "too many connections (-maxconnections)",
            Self::ClientFull => "too many connections from this client (-maxconnectionsperclient)",
            Self::NoThread => "no thread for another connection",
            Self::Stranger => "too many connections from addresses that are not allowed",
            Self::Unproven => "too many connections whose addresses are still being looked up",
        }
    }
}

/// A place; freed when dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    owner: Owner,
}

impl Admission {
    pub(super) fn new(places_max: usize, places_per_client_max: usize) -> Self {
        Self { places_max, places_per_client_max, taken: Arc::default() }
    }

    /// How many places there are.
    pub(super) fn places_max(&self) -> usize {
        self.places_max
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        lock(&self.taken).total
    }

    /// A place for one owner's connection.
    ///
    /// # Errors
    /// Which of the limits is reached.
    pub(super) fn admit(&self, owner: Owner) -> Result<Place, NoPlace> {
        let mut taken = lock(&self.taken);
        if taken.total >= self.places_max {
            return Err(NoPlace::Full);
        }
        let count = taken.by_owner.entry(owner).or_default();
        if *count >= self.places_per_client_max {
            return Err(NoPlace::ClientFull);
        }
        *count += 1;
        taken.total += 1;
        Ok(Place { taken: Arc::clone(&self.taken), owner })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.total -= 1;
        if let Some(count) = taken.by_owner.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                taken.by_owner.remove(&self.owner);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Client;

    #[test]
    fn places_are_bounded_in_all_and_for_each_client() {
        let a = Owner::from(&Client::tcp(([10, 0, 0, 1], 1000).into()));
        let b = Owner::from(&Client::Unix { pid: 1, uid: 0, gid: 0 });
        let c = Owner::from(&Client::Unix { pid: 1, uid: 1, gid: 0 });
        let admission = Admission::new(4, 2);
        let first = admission.admit(a).unwrap();
        let _second = admission.admit(a).unwrap();
        assert_eq!(admission.admit(a).unwrap_err(), NoPlace::ClientFull);
        let _third = admission.admit(b).unwrap();
        let fourth = admission.admit(b).unwrap();
        assert_eq!(admission.admit(c).unwrap_err(), NoPlace::Full);
        drop(first);
        assert_eq!(admission.admit(b).unwrap_err(), NoPlace::ClientFull);
        let _fifth = admission.admit(c).unwrap();
        drop(fourth);
        assert!(admission.admit(a).is_ok());
        assert_eq!(lock(&admission.taken).by_owner.len(), 3);
    }
}
