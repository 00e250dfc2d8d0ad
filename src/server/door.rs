//! The door: classifies a connection by its address alone, as a client's, a
//! stranger's, or undecided until more is known.
//!
//! **Invariant:** a stranger never holds a client's place. It has one of
//! [`STRANGERS_MAX`], for some seconds, in which it gets its refusal.
//! **Invariant:** the acceptor waits for nobody: host names are looked up by the
//! thread of the connection, which has one of [`UNPROVEN_MAX`] places meanwhile, or
//! one of [`FORMER_MAX`] if its address was a client's lately.
//!
//! The door decides about places, not about rights: each request is judged by the
//! session. A stranger that turns out to be a client, say a container with labels
//! that has just started, is given a client's place.

use super::admission::{Admission, NoPlace, Place};
use super::recent::{Found, Recent, Remembered};
use crate::filter::Policy;
use crate::judging::SharedPolicy;
use crate::metrics;
use crate::rights::{Guess, Rights};
use crate::session::{Client, Owner, Seat};
use std::cell::RefCell;
use std::sync::Arc;

/// Connections of strangers at the same time.
pub(super) const STRANGERS_MAX: usize = 16;

/// Connections whose standing takes more than a look at their address, in all and
/// from one address.
pub(super) const UNPROVEN_MAX: usize = 192;
pub(super) const UNPROVEN_PER_ADDRESS_MAX: usize = 64;

/// The same for addresses that were a client's within the last hour: strangers, whose
/// look-ups may take long, leave these to them.
pub(super) const FORMER_MAX: usize = 64;
pub(super) const FORMER_PER_ADDRESS_MAX: usize = 16;

/// The sender of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Its address is on the list, it has labels, or it came by a socket file.
    Client,
    /// Its address may be that of a host name on the list.
    PerhapsNamed {
        /// Or it may be a container with labels that is not known yet.
        or_labelled: bool,
        /// It was one within the last hour.
        was_client: bool,
    },
    /// It may be a container with labels that is not known yet.
    PerhapsLabelled,
    /// Its address is on no list.
    Stranger,
}

/// One listener's door.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) policy: Arc<SharedPolicy>,
    /// Recent results of host names; empty if the list has none.
    recent: Recent,
}

impl Door {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(SharedPolicy::new(policy)), recent: Recent::default() }
    }

    /// The identity of a connection's client, as far as it is known without
    /// waiting.
    pub(super) fn look(&self, rights: Option<&Rights>, client: &Client) -> Caller {
        let Some(address) = client.address() else { return Caller::Client };
        if self.policy.peers().admits(address, |_, _| false) {
            return Caller::Client;
        }
        let guess = rights.map_or(Guess::Unlabelled, |rights| rights.guess(address));
        let has_names = self.policy.peers().names().next().is_some();
        let or_labelled = guess == Guess::Unknown;
        match (guess, has_names.then(|| self.recent.of(address))) {
            (Guess::Labelled, _) | (_, Some(Remembered::Fresh(Found::Client))) => Caller::Client,
            (_, Some(Remembered::ClientOnce)) => {
                Caller::PerhapsNamed { or_labelled, was_client: true }
            }
            (_, Some(Remembered::Nothing)) => {
                Caller::PerhapsNamed { or_labelled, was_client: false }
            }
            (Guess::Unknown, _) => Caller::PerhapsLabelled,
            (Guess::Unlabelled, _) => Caller::Stranger,
        }
    }

    /// Records the result of the host names for a client.
    pub(super) fn remember(&self, client: &Client, found: Found) {
        if let Some(address) = client.address() {
            self.recent.remember(address, found);
        }
    }
}

/// The places at the door.
#[derive(Debug)]
pub(super) struct Places {
    clients: Admission,
    unproven: Admission,
    former: Admission,
    strangers: Admission,
}

impl Places {
    pub(super) fn new(places_max: usize, places_per_client_max: usize) -> Self {
        Self {
            clients: Admission::new(places_max, places_per_client_max),
            unproven: Admission::new(UNPROVEN_MAX, UNPROVEN_PER_ADDRESS_MAX),
            former: Admission::new(FORMER_MAX, FORMER_PER_ADDRESS_MAX),
            strangers: Admission::new(STRANGERS_MAX, STRANGERS_MAX),
        }
    }

    /// A place for a caller.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn admit(&self, caller: Caller, client: &Client) -> Result<Place, NoPlace> {
        let owner = Owner::from(client);
        let unproven = || self.unproven.admit(owner).map_err(|_| NoPlace::Unproven);
        match caller {
            Caller::Client => self.clients.admit(owner),
            Caller::PerhapsNamed { was_client: true, .. } => {
                self.former.admit(owner).or_else(|_| unproven())
            }
            Caller::PerhapsNamed { .. } | Caller::PerhapsLabelled => unproven(),
            Caller::Stranger => self.strangers.admit(owner).map_err(|_| NoPlace::Stranger),
        }
    }
}

impl Places {
    /// How many there are and are taken.
    pub(super) fn gauges(&self) -> Vec<metrics::Places> {
        let Self { clients, unproven, former, strangers } = self;
        [("client", clients), ("unproven", unproven), ("former", former), ("stranger", strangers)]
            .map(|(kind, admission)| metrics::Places {
                kind,
                max: admission.places_max(),
                taken: admission.taken(),
            })
            .to_vec()
    }
}

/// The place of a connection in service, which can be changed for a better one.
#[derive(Debug)]
pub(super) struct CurrentPlace<'a> {
    places: &'a Places,
    owner: Owner,
    place: RefCell<Place>,
}

impl<'a> CurrentPlace<'a> {
    pub(super) fn new(places: &'a Places, client: &Client, place: Place) -> Self {
        Self { places, owner: Owner::from(client), place: RefCell::new(place) }
    }

    /// Takes a stranger's place instead.
    pub(super) fn become_stranger(&self) -> Result<(), NoPlace> {
        let place = self.places.strangers.admit(self.owner).map_err(|_| NoPlace::Stranger)?;
        self.place.replace(place);
        Ok(())
    }

    /// Takes a client's place instead.
    pub(super) fn become_client(&self) -> Result<(), NoPlace> {
        self.place.replace(self.places.clients.admit(self.owner)?);
        Ok(())
    }
}

impl Seat for CurrentPlace<'_> {
    fn become_client(&self) -> Result<(), &'static str> {
        CurrentPlace::become_client(self).map_err(NoPlace::explain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{BodyRules, ClientAllowlist, Rules, Source, TargetRules};
    use std::time::{Duration, Instant};

    fn client(number: u8) -> Client {
        Client::tcp(([10, 0, 0, number], 1000).into())
    }

    #[test]
    fn lookups_of_strangers_do_not_shut_out_who_was_a_client_lately() {
        let peers = ClientAllowlist::parse("web").unwrap();
        let policy = Policy::new(
            Source::default(),
            peers,
            Rules::default(),
            BodyRules::default(),
            TargetRules::default(),
        );
        let door = Door::new(policy);
        let places = Places::new(1024, 768);
        let lately = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let known = client(1);
        door.recent.remember_since(known.address().unwrap(), Found::Client, lately);
        let all_of = |client: Client| -> Vec<Place> {
            let come = || places.admit(door.look(None, &client), &client).ok();
            std::iter::from_fn(come).take(UNPROVEN_MAX).collect()
        };
        let mut crowd = all_of(client(2));
        assert_eq!(crowd.len(), UNPROVEN_PER_ADDRESS_MAX);
        for number in 3..200 {
            crowd.extend(all_of(client(number)));
        }
        assert_eq!(crowd.len(), UNPROVEN_MAX);
        assert_eq!(all_of(known).len(), FORMER_PER_ADDRESS_MAX);
        let unknown = client(201);
        let refused = places.admit(door.look(None, &unknown), &unknown).unwrap_err();
        assert_eq!(refused, NoPlace::Unproven);
    }
}
