//! The thread that looks names up: one poll over the sockets of all look-ups.
//!
//! **Invariant:** at most [`LOOKUPS_MAX`] look-ups at a time; others queue.
//! **Invariant:** a name that cannot be resolved is logged once a minute at most.

use super::failure::{Cause, Failure};
use super::hosts::{Hosts, plain};
use super::lookup::Lookup;
use super::settings::Settings;
use super::watched::Watched;
use super::{Family, Question, Table};
use crate::journal::{REPEAT_AFTER, Throttle};
use crate::relay::socket::poll;
use rustix::event::{PollFd, PollFlags};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const LOOKUPS_MAX: usize = 256;

/// How far look-ups are counted; a multiple of every number of servers.
const TURNS: usize = 6;

/// Room for any UDP message.
const SPACE_BYTES: usize = 65_535;

/// Pause after a poll that failed for want of memory.
const POLL_PAUSE: Duration = Duration::from_millis(20);

/// The state that only the thread uses.
pub(super) struct Resolver {
    hosts: Watched<Hosts>,
    settings: Watched<Settings>,
    lookups: Vec<Lookup>,
    /// How many were begun, to take turns among servers.
    begun: usize,
    warnings: HashMap<Arc<str>, Throttle>,
}

impl Resolver {
    pub(super) fn new(names: &[Arc<str>]) -> Self {
        let wanted: HashSet<String> = names.iter().map(|name| plain(name)).collect();
        Self {
            hosts: Watched::new("/etc/hosts", move |content| Hosts::parse(content, &wanted)),
            settings: Watched::new("/etc/resolv.conf", Settings::parse),
            lookups: Vec::new(),
            begun: 0,
            warnings: HashMap::new(),
        }
    }

    /// Serves the table until it is closed.
    pub(super) fn run(mut self, table: &Table) {
        let mut space = vec![0; SPACE_BYTES];
        while let Some(questions) = self.take_questions(table) {
            if !questions.is_empty() {
                self.begin(questions, table);
            }
            self.advance(&mut space, table);
            self.wait(table);
        }
    }

    /// The next questions; `None` once the table is closed.
    fn take_questions(&self, table: &Table) -> Option<Vec<Question>> {
        let mut entries = table.lock();
        let room = LOOKUPS_MAX.saturating_sub(self.lookups.len()).min(entries.wanted.len());
        (!entries.is_closed).then(|| entries.wanted.drain(..room).collect())
    }

    fn begin(&mut self, questions: Vec<Question>, table: &Table) {
        let (hosts, settings) = (self.hosts.value(), self.settings.value());
        for question in questions {
            if let Some(found) = hosts.addresses(&question.name) {
                self.finish(&question, of_family(found, question.family), table);
                continue;
            }
            let first_server = if settings.rotates { self.begun } else { 0 };
            self.begun = (self.begun + 1) % TURNS;
            let settings = Arc::clone(&settings);
            self.lookups.push(Lookup::new(question, settings, first_server, Instant::now()));
        }
    }

    fn advance(&mut self, space: &mut [u8], table: &Table) {
        let now = Instant::now();
        for mut lookup in std::mem::take(&mut self.lookups) {
            match lookup.advance(now, space) {
                None => self.lookups.push(lookup),
                Some(outcome) => self.finish(&lookup.question, outcome, table),
            }
        }
    }

    fn finish(
        &mut self,
        question: &Question,
        outcome: Result<Vec<IpAddr>, Failure>,
        table: &Table,
    ) {
        match &outcome {
            Ok(found) => log::debug!(
                hostname:% = question.name, addresses = found.len(); "host name resolved"
            ),
            Err(failure) => self.warn(question, failure),
        }
        table.record(question, outcome);
    }

    fn warn(&mut self, question: &Question, failure: &Failure) {
        let throttle = self.warnings.entry(Arc::clone(&question.name)).or_default();
        if throttle.pass(REPEAT_AFTER, Instant::now()).is_none() {
            return;
        }
        log::warn!(
            hostname:% = question.name, error:% = failure;
            "error looking up allowed client hostname"
        );
    }

    /// Waits for an answer, for a look-up's time, or for further questions.
    fn wait(&self, table: &Table) {
        let has_room = self.lookups.len() < LOOKUPS_MAX;
        let woken_by = if has_room { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = vec![PollFd::new(&table.wake, woken_by)];
        for exchange in self.lookups.iter().flat_map(Lookup::exchanges) {
            let (fd, flags) = exchange.interest();
            fds.push(PollFd::from_borrowed_fd(fd, flags));
        }
        let due = self.lookups.iter().map(Lookup::due).min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        if poll(&mut fds, left).is_err() {
            thread::sleep(POLL_PAUSE);
        }
        if has_room {
            // The counter is drained before the questions are taken.
            let _ = rustix::io::read(&table.wake, &mut [0_u8; 8]);
        }
    }
}

/// The addresses of a family in the hosts file.
fn of_family(mut found: Vec<IpAddr>, family: Family) -> Result<Vec<IpAddr>, Failure> {
    found.retain(|&address| Family::of(address) == family);
    if found.is_empty() {
        return Err(Failure { cause: Cause::NoAddress(family), server: None });
    }
    Ok(found)
}
