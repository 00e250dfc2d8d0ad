//! What the following thread knows, for the sessions to read and to wait for.
//!
//! **Invariant:** the epoch grows with every change, also when nothing is known
//! any more. A session that has seen the present epoch has nothing to look up.

use super::table::Table;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an address that no container has is taken for that of a stranger (a
/// machine on a macvlan's network, a container on another node of a swarm)
/// without another look. A container that is seen there counts at once.
const STRANGER_FOR: Duration = Duration::from_secs(10);

/// More strangers than this are not remembered.
const STRANGERS_MAX: usize = 4096;

/// The state that sessions and the following thread share.
#[derive(Debug, Default)]
pub(super) struct View {
    epoch: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while the thread does not know what changes.
    table: Option<Arc<Table>>,
    /// Why there is no table.
    cause: String,
    /// Looks at all containers: how many have begun, and the last that succeeded.
    looks_begun: u64,
    look_succeeded: u64,
    is_look_wanted: bool,
    strangers: HashMap<IpAddr, Instant>,
}

/// The view at one moment.
#[derive(Debug)]
pub(super) struct Glance {
    pub(super) epoch: u64,
    /// The table, or why there is none.
    pub(super) table: Result<Arc<Table>, String>,
    looks_begun: u64,
    look_succeeded: u64,
}

impl Glance {
    /// Whether all containers were looked at, from a moment after `earlier` on.
    pub(super) fn has_looked_since(&self, earlier: &Self) -> bool {
        self.look_succeeded > earlier.looks_begun
    }
}

impl View {
    /// The number of the present state.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) fn glance(&self) -> Glance {
        let state = self.lock();
        Glance {
            epoch: self.epoch(),
            table: state.table.clone().ok_or_else(|| state.cause.clone()),
            looks_begun: state.looks_begun,
            look_succeeded: state.look_succeeded,
        }
    }

    /// Asks for a look at all containers; tells whether the thread must be woken.
    pub(super) fn want_look(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_look_wanted, true)
    }

    /// Waits for any news since `glance`, at most until `deadline`.
    pub(super) fn wait(&self, glance: &Glance, deadline: Instant) {
        let mut state = self.lock();
        while self.epoch() == glance.epoch && state.look_succeeded == glance.look_succeeded {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether an address was found to be no container's a moment ago.
    pub(super) fn is_stranger(&self, address: IpAddr) -> bool {
        let until = self.lock().strangers.get(&address).copied();
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn remember_stranger(&self, address: IpAddr) {
        let mut state = self.lock();
        let now = Instant::now();
        if state.strangers.len() >= STRANGERS_MAX {
            state.strangers.retain(|_, until| now < *until);
        }
        if state.strangers.len() < STRANGERS_MAX {
            state.strangers.insert(address, now + STRANGER_FOR);
        }
    }

    /// Whether a look is wanted.
    pub(super) fn is_look_wanted(&self) -> bool {
        self.lock().is_look_wanted
    }

    /// Notes that a look at all containers begins.
    pub(super) fn begin_look(&self) {
        let mut state = self.lock();
        state.looks_begun += 1;
        state.is_look_wanted = false;
    }

    /// Shows the result of the look that has begun.
    pub(super) fn end_look(&self, table: Table) {
        self.change(|state| {
            state.look_succeeded = state.looks_begun;
            state.table = Some(Arc::new(table));
        });
    }

    /// Shows another table.
    pub(super) fn publish(&self, table: Table) {
        self.change(|state| state.table = Some(Arc::new(table)));
    }

    /// From now on nothing is known; `cause` is for people.
    pub(super) fn invalidate(&self, cause: String) {
        self.change(|state| {
            state.table = None;
            state.cause = cause;
            // Whoever still wants a look is woken, and says so again.
            state.is_look_wanted = false;
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        self.epoch.fetch_add(1, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
