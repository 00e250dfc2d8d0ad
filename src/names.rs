//! Resolves the host names of address lists.
//!
//! One thread looks names up, all at the same time; sessions wait for it. It runs
//! only if some list has a name. musl's own resolver is not suitable: it gives up
//! on a name if the query for the other address family fails, keeps 48 addresses,
//! and resolves one name after the other.
//!
//! **Invariant:** an answer is used for one second. A longer time would be unsafe:
//! the Engine gives the address of a container that has ended to the next one.
//! Failed look-ups are cached as long, so strangers cause few.
//! **Invariant:** one look-up of a name and a family at a time; all waiting
//! sessions share its answer.
//! **Invariant:** a session waits for five seconds at most, and not at all for
//! other names once one has the address.
//!
//! Read: `message`, `exchange`, `lookup`, `settings`, `hosts`, `resolver`.

mod exchange;
mod failure;
mod hosts;
mod lookup;
mod message;
mod resolver;
mod settings;
mod watched;

use failure::Failure;
use resolver::Resolver;
use rustix::event::{EventfdFlags, eventfd};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an answer, a failed one too, is used.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// How long a session waits for its names.
const DECISION_MAX: Duration = Duration::from_secs(5);

const STACK_BYTES: usize = 128 * 1024;

/// The host names of a configuration, with a resolver for them and no others.
#[derive(Debug)]
pub struct Names(Option<Arc<Table>>);

/// The state that sessions and the resolver's thread share.
#[derive(Debug)]
struct Table {
    entries: Mutex<Entries>,
    answered: Condvar,
    /// Wakes the resolver's thread.
    wake: OwnedFd,
}

#[derive(Debug)]
struct Entries {
    by_name: HashMap<Arc<str>, [Entry; 2]>,
    /// Questions that the resolver has not taken yet.
    wanted: VecDeque<Question>,
    is_closed: bool,
}

/// The state of one name in one address family.
#[derive(Debug, Default)]
enum Entry {
    #[default]
    Unknown,
    /// The resolver is at it.
    Asked,
    Known(Answer),
}

#[derive(Debug)]
struct Answer {
    /// Empty after a failed look-up.
    addresses: Vec<IpAddr>,
    stale_at: Instant,
}

/// A name and the family of the requested addresses. Only the client's family is
/// resolved: nothing depends on the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    name: Arc<str>,
    family: Family,
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// The result of looking up one address and some names in the table.
enum Finding {
    Has,
    HasNot,
    /// Look-ups are not finished.
    Open,
}

impl Names {
    /// A resolver for these names. Without names, nothing is started.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn start(names: impl IntoIterator<Item = String>) -> io::Result<Self> {
        let by_name: HashMap<Arc<str>, [Entry; 2]> =
            names.into_iter().map(|name| (Arc::from(name), Default::default())).collect();
        if by_name.is_empty() {
            return Ok(Self(None));
        }
        let entries = Entries { by_name, wanted: VecDeque::new(), is_closed: false };
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (entries, answered) = (Mutex::new(entries), Condvar::new());
        let table = Arc::new(Table { entries, answered, wake });
        let shared = Arc::clone(&table);
        thread::Builder::new()
            .name("names".into())
            .stack_size(STACK_BYTES)
            .spawn(move || shared.serve())?;
        Ok(Self(Some(table)))
    }

    /// Whether one of `names` has that address now. Waits for the resolver, but
    /// for no further name once one has it.
    #[must_use]
    pub fn any_has(&self, names: &[String], address: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|table| table.any_has(names, address.to_canonical()))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        if let Some(table) = &self.0 {
            table.lock().is_closed = true;
            table.wake();
        }
    }
}

impl Table {
    fn any_has(&self, names: &[String], address: IpAddr) -> bool {
        let deadline = Instant::now() + DECISION_MAX;
        let mut entries = self.lock();
        if entries.ask(names, Family::of(address)) {
            self.wake();
        }
        loop {
            match entries.finding(names, address) {
                Finding::Has => return true,
                Finding::HasNot => return false,
                Finding::Open => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.answered.wait_timeout(entries, left);
            entries = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Looks names up until the table is closed. A panic costs the look-ups that
    /// are under way.
    fn serve(&self) {
        let names: Vec<Arc<str>> = self.lock().by_name.keys().cloned().collect();
        while catch_unwind(AssertUnwindSafe(|| Resolver::new(&names).run(self))).is_err() {
            log::error!("internal error while host names were looked up; starting over");
            self.lock().forget_asked();
            self.answered.notify_all();
        }
    }

    /// Records the outcome of a look-up for all sessions that wait for it.
    fn record(&self, question: &Question, outcome: Result<Vec<IpAddr>, Failure>) {
        let addresses = outcome.unwrap_or_default();
        let answer = Answer { addresses, stale_at: Instant::now() + REMEMBERED_FOR };
        if let Some(entry) = self.lock().entry(&question.name, question.family) {
            *entry = Entry::Known(answer);
        }
        self.answered.notify_all();
    }

    /// A full counter of wake-ups wakes as well.
    fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Requests a look-up of every name without a fresh result, unless one has been
    /// found or is being looked up; returns whether there is something to do.
    fn ask(&mut self, names: &[String], family: Family) -> bool {
        let (now, before) = (Instant::now(), self.wanted.len());
        for name in names {
            let Some((name, families)) = self.by_name.get_key_value(name.as_str()) else {
                continue;
            };
            if families.get(family.index()).is_some_and(|entry| entry.has_to_be_asked(now)) {
                self.wanted.push_back(Question { name: Arc::clone(name), family });
            }
        }
        for question in self.wanted.iter().skip(before) {
            let entry = self.by_name.get_mut(&question.name);
            if let Some(entry) = entry.and_then(|families| families.get_mut(family.index())) {
                *entry = Entry::Asked;
            }
        }
        self.wanted.len() > before
    }

    /// Has no question wait for an answer any more.
    fn forget_asked(&mut self) {
        self.wanted.clear();
        for entry in self.by_name.values_mut().flatten() {
            if matches!(entry, Entry::Asked) {
                *entry = Entry::Unknown;
            }
        }
    }

    fn finding(&self, names: &[String], address: IpAddr) -> Finding {
        let family = Family::of(address).index();
        let mut finding = Finding::HasNot;
        for name in names {
            match self.by_name.get(name.as_str()).and_then(|families| families.get(family)) {
                Some(Entry::Known(answer)) if answer.addresses.contains(&address) => {
                    return Finding::Has;
                }
                Some(Entry::Asked) => finding = Finding::Open,
                Some(Entry::Known(_) | Entry::Unknown) | None => {}
            }
        }
        finding
    }

    fn entry(&mut self, name: &str, family: Family) -> Option<&mut Entry> {
        self.by_name.get_mut(name)?.get_mut(family.index())
    }
}

impl Entry {
    fn has_to_be_asked(&self, now: Instant) -> bool {
        match self {
            Self::Unknown => true,
            Self::Asked => false,
            Self::Known(answer) => answer.stale_at <= now,
        }
    }
}

impl Family {
    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn index(self) -> usize {
        match self {
            Self::V4 => 0,
            Self::V6 => 1,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_addresses_and_others_are_not() {
        let names = Names::start(["localhost".to_owned()]).unwrap();
        let (known, other) = (["localhost".to_owned()], ["other".to_owned()]);
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert!(names.any_has(&known, loopback));
        assert!(names.any_has(&known, "::ffff:127.0.0.1".parse().unwrap()));
        assert!(!names.any_has(&known, IpAddr::from([10, 0, 0, 1])));
        assert!(!names.any_has(&other, loopback));
    }

    #[test]
    fn without_names_there_is_no_thread() {
        let names = Names::start([]).unwrap();
        assert!(names.0.is_none());
        assert!(!names.any_has(&["localhost".to_owned()], IpAddr::from([127, 0, 0, 1])));
    }

    #[test]
    fn a_question_is_asked_once_until_its_answer_is_stale() {
        let by_name = [(Arc::from("a"), Default::default()), (Arc::from("b"), Default::default())];
        let wanted = VecDeque::new();
        let mut entries = Entries { by_name: by_name.into(), wanted, is_closed: false };
        let names = ["a".to_owned(), "b".to_owned(), "unknown".to_owned()];
        assert!(entries.ask(&names, Family::V4));
        assert!(!entries.ask(&names, Family::V4));
        assert!(entries.ask(&names, Family::V6));
        assert_eq!(entries.wanted.len(), 4);
        let stale_at = Instant::now();
        *entries.entry("a", Family::V4).unwrap() =
            Entry::Known(Answer { addresses: Vec::new(), stale_at });
        assert!(entries.ask(&names, Family::V4));
        assert_eq!(entries.wanted.len(), 5);
    }

    #[test]
    fn after_an_internal_error_nobody_waits_for_an_answer_that_never_comes() {
        let by_name = [(Arc::from("a"), Default::default())];
        let wanted = VecDeque::new();
        let mut entries = Entries { by_name: by_name.into(), wanted, is_closed: false };
        let (names, address) = (["a".to_owned()], IpAddr::from([10, 0, 0, 1]));
        assert!(entries.ask(&names, Family::V4));
        assert!(matches!(entries.finding(&names, address), Finding::Open));
        entries.forget_asked();
        assert!(matches!(entries.finding(&names, address), Finding::HasNot));
        assert!(entries.ask(&names, Family::V4));
        assert_eq!(entries.wanted.len(), 1);
    }
}
