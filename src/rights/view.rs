//! The knowledge of the following thread, for the sessions to read and to wait for.
//!
//! **Invariant:** the epoch grows with every change, also when nothing is known
//! any more. A session that has seen the present epoch has nothing to look up.

use super::table::Table;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// The state that sessions and the following thread share.
#[derive(Debug, Default)]
pub(super) struct View {
    epoch: AtomicU64,
    own_id: OnceLock<String>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while the thread cannot follow changes.
    table: Option<Arc<Table>>,
    /// Why there is no table.
    cause: String,
    is_look_wanted: bool,
}

/// The view at one moment.
#[derive(Debug)]
pub(super) struct Glance {
    pub(super) epoch: u64,
    /// The table, or why there is none.
    pub(super) table: Result<Arc<Table>, String>,
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
        }
    }

    /// Requests a look at all containers; returns whether the thread must be woken.
    pub(super) fn want_look(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_look_wanted, true)
    }

    /// Waits for any news since `glance`, at most until `deadline`.
    pub(super) fn wait(&self, glance: &Glance, deadline: Instant) {
        let mut state = self.lock();
        while self.epoch() == glance.epoch {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Notes that a connection reached the proxy at an address of that container:
    /// it is the proxy's own, even if names of containers change later.
    pub(super) fn prove_own(&self, id: &str) {
        self.own_id.get_or_init(|| id.to_owned());
    }

    /// The id of the proxy's own container, once it is proven.
    pub(super) fn own_id(&self) -> Option<&str> {
        self.own_id.get().map(String::as_str)
    }

    /// Whether a look is wanted.
    pub(super) fn is_look_wanted(&self) -> bool {
        self.lock().is_look_wanted
    }

    /// Notes that a look at all containers begins.
    pub(super) fn begin_look(&self) {
        self.lock().is_look_wanted = false;
    }

    /// Shows another table.
    pub(super) fn publish(&self, table: Table) {
        self.change(|state| state.table = Some(Arc::new(table)));
    }

    /// From now on nothing is known; `cause` is for messages.
    pub(super) fn invalidate(&self, cause: String) {
        self.change(|state| {
            state.table = None;
            state.cause = cause;
            // A session that still wants a look is woken, and requests it again.
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
