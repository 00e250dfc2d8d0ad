//! The connections that are being served, so that stopping can end them.

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
    by_id: HashMap<u64, Arc<Connection>>,
}

/// Membership; ends when dropped.
pub(super) struct Entry<'a> {
    registry: &'a Registry,
    id: u64,
}

impl Registry {
    pub(super) fn enter(&self, connection: Arc<Connection>) -> Entry<'_> {
        let mut connections = self.lock();
        let id = connections.next_id;
        connections.next_id += 1;
        connections.by_id.insert(id, connection);
        Entry { registry: self, id }
    }

    /// Ends the connections that wait for a request. One that becomes idle
    /// later sees by itself that the program is stopping.
    pub(super) fn end_idle(&self) {
        for connection in self.lock().by_id.values() {
            if connection.idle.load(Ordering::SeqCst) {
                connection.socket.shutdown(Shutdown::Read);
            }
        }
    }

    /// Cuts all connections; tells how many.
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
        while !connections.by_id.is_empty() {
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

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut connections = self.registry.lock();
        connections.by_id.remove(&self.id);
        if connections.by_id.is_empty() {
            self.registry.left.notify_all();
        }
    }
}
