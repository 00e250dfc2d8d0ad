//! The connections that are being served, so that stopping can end them.
//!
//! **Invariant:** a connection is a member from its acceptance until its end, and
//! acceptors are expected until they have ended. So an empty registry means that
//! no client waits for an answer.

use crate::session::Connection;
use rustix::net::Shutdown;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The connections in service.
#[derive(Debug, Default)]
pub(super) struct Registry {
    connections: Mutex<Connections>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    next_id: u64,
    acceptors: usize,
    by_id: HashMap<u64, Arc<Connection>>,
}

/// Membership; ends when dropped.
#[derive(Debug)]
pub(super) struct Entry {
    registry: Arc<Registry>,
    id: u64,
}

/// An acceptor, from which connections may come; ends when dropped.
#[derive(Debug)]
pub(super) struct Expected(Arc<Registry>);

impl Registry {
    pub(super) fn enter(this: &Arc<Self>, connection: Arc<Connection>) -> Entry {
        let mut connections = this.lock();
        let id = connections.next_id;
        connections.next_id += 1;
        connections.by_id.insert(id, connection);
        drop(connections);
        Entry { registry: Arc::clone(this), id }
    }

    pub(super) fn expect(this: &Arc<Self>) -> Expected {
        this.lock().acceptors += 1;
        Expected(Arc::clone(this))
    }

    /// Ends the connections that wait for a further request. One that becomes
    /// idle later sees by itself that the program is stopping.
    pub(super) fn end_idle(&self) {
        for connection in self.lock().by_id.values() {
            let is_fresh = connection.fresh.load(Ordering::SeqCst);
            if !is_fresh && connection.idle.load(Ordering::SeqCst) {
                connection.socket.shutdown(Shutdown::Read);
            }
        }
    }

    /// Ends connections that still wait for their first one.
    pub(super) fn end_fresh(&self) {
        for connection in self.lock().by_id.values() {
            connection.fresh.store(false, Ordering::SeqCst);
        }
        self.end_idle();
    }

    /// Cuts all connections; returns how many.
    pub(super) fn cut_all(&self) -> usize {
        let connections = self.lock();
        for connection in connections.by_id.values() {
            connection.socket.shutdown(Shutdown::Both);
        }
        connections.by_id.len()
    }

    /// Waits until no connection is left; false at the deadline.
    pub(super) fn wait_until_empty(&self, deadline: Instant) -> bool {
        let mut connections = self.lock();
        while !connections.are_over() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.left.wait_timeout(connections, left);
            connections = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    fn are_over(&self) -> bool {
        self.by_id.is_empty() && self.acceptors == 0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut connections = self.registry.lock();
        connections.by_id.remove(&self.id);
        if connections.are_over() {
            self.registry.left.notify_all();
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut connections = self.0.lock();
        connections.acceptors -= 1;
        if connections.are_over() {
            self.0.left.notify_all();
        }
    }
}
