//! Host names of the address list, looked up when a client asks, and remembered
//! for a moment.
//!
//! **Invariant:** one look-up of a name at a time; all who wait share its answer.
//! Names that do not resolve are remembered too: a container that is being created
//! appears within a second or two. Longer would be unsafe: the Engine gives the
//! address of a container that has ended to the next one.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// The names of a configuration with their answers.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, Mutex<Option<Answer>>>);

#[derive(Debug)]
struct Answer {
    addresses: Vec<IpAddr>,
    stale_at: Instant,
}

impl Names {
    /// A resolver for these names and no others.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| (name, Mutex::new(None))).collect())
    }

    /// Whether `name` has that address now. Waits for the system's resolver.
    pub fn has(&self, name: &str, address: IpAddr) -> bool {
        let Some(entry) = self.0.get(name) else { return false };
        let mut entry = entry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        if entry.as_ref().is_none_or(|answer| answer.stale_at <= now) {
            *entry = Some(look_up(name));
        }
        entry.as_ref().is_some_and(|answer| answer.addresses.contains(&address))
    }
}

fn look_up(name: &str) -> Answer {
    let addresses: Vec<IpAddr> = match (name, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip().to_canonical()).collect(),
        Err(error) => {
            log::debug!(name:% = name, error:% = error; "host name not found");
            Vec::new()
        }
    };
    Answer { addresses, stale_at: Instant::now() + REMEMBERED_FOR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_addresses_and_others_are_not() {
        let names = Names::new(["localhost".to_owned()]);
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert!(names.has("localhost", loopback));
        assert!(!names.has("localhost", IpAddr::from([10, 0, 0, 1])));
        assert!(!names.has("other", loopback));
    }
}
