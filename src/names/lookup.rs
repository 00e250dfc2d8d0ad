//! The look-up of one name, from the first query to its outcome.
//!
//! The full names that resolv.conf makes of the name are candidates, queried one
//! after the other until one has addresses. For each, the servers are queried in
//! order: the next one when one fails, and when one is silent for [`SILENT_AFTER`];
//! `attempts` rounds in all. NXDOMAIN from a server ends the queries for its
//! candidate. A candidate that takes more than its share of the time makes room for
//! the next one. In both cases servers that are still silent may answer later, and
//! the first addresses count.
//!
//! **Invariant:** a look-up ends at its deadline, with at most [`EXCHANGES_MAX`]
//! sockets until then.

use super::Question;
use super::exchange::{Exchange, Transport};
use super::failure::{Cause, Failure};
use super::message::{Asked, Reading};
use super::settings::Settings;
use simple_dns::RCODE;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Ends a little before the waiting sessions give up.
const LOOKUP_MAX: Duration = Duration::from_millis(4500);

/// How long a server may be silent before the next one is asked too.
const SILENT_AFTER: Duration = Duration::from_millis(500);

const EXCHANGES_MAX: usize = 6;

/// A look-up under way.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) question: Question,
    settings: Arc<Settings>,
    candidates: Vec<String>,
    /// The candidate that is being queried; behind the last one at the end.
    current: usize,
    /// How many questions were sent for it.
    sent: usize,
    /// Whether a server has decided that there is nothing of that name.
    is_settled: bool,
    /// Which server is asked first.
    first_server: usize,
    exchanges: Vec<Exchange>,
    /// When the next server is asked, if there is no answer before.
    next_due: Instant,
    /// When the current candidate's share of the time is over.
    share_ends: Instant,
    deadline: Instant,
    /// Addresses of a truncated answer, for want of a whole one.
    partial: Vec<IpAddr>,
    failure: Option<Failure>,
}

impl Lookup {
    pub(super) fn new(
        question: Question,
        settings: Arc<Settings>,
        first_server: usize,
        now: Instant,
    ) -> Self {
        let candidates = settings.candidates(&question.name);
        let mut lookup = Self {
            question,
            settings,
            candidates,
            current: 0,
            sent: 0,
            is_settled: false,
            first_server,
            exchanges: Vec::new(),
            next_due: now,
            share_ends: now,
            deadline: now + LOOKUP_MAX,
            partial: Vec::new(),
            failure: None,
        };
        lookup.begin_candidate(0, now);
        lookup
    }

    /// The sockets that are open.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter()
    }

    /// When [`Self::advance`] is to be called again if no socket is ready before.
    pub(super) fn due(&self) -> Instant {
        let expiries = self.exchanges.iter().map(|exchange| exchange.expires_at);
        let is_asking = self.current < self.candidates.len();
        let share_ends = is_asking.then_some(self.share_ends);
        let next_due = (is_asking && !self.all_sent()).then_some(self.next_due);
        expiries.chain(share_ends).chain(next_due).fold(self.deadline, Instant::min)
    }

    /// Receives and sends as much as is possible now; the outcome, once there is
    /// one.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        space: &mut [u8],
    ) -> Option<Result<Vec<IpAddr>, Failure>> {
        if let Some(found) = self.receive(now, space) {
            return Some(Ok(found));
        }
        self.drop_expired(now);
        self.send_due(now);
        let nothing_comes = self.current >= self.candidates.len() && self.exchanges.is_empty();
        (nothing_comes || now >= self.deadline).then(|| self.conclude())
    }

    fn receive(&mut self, now: Instant, space: &mut [u8]) -> Option<Vec<IpAddr>> {
        for mut exchange in std::mem::take(&mut self.exchanges) {
            match exchange.advance(space) {
                None => self.exchanges.push(exchange),
                Some(Reading::Addresses(found)) => return Some(found),
                Some(reading) => self.take_in(&exchange, reading, now),
            }
        }
        None
    }

    /// Takes in an answer without addresses, or without all of them.
    fn take_in(&mut self, exchange: &Exchange, reading: Reading, now: Instant) {
        let Exchange { candidate, server, .. } = *exchange;
        let expires_at = now + self.settings.timeout;
        match reading {
            Reading::Truncated(found) => {
                self.partial = found;
                let asked = exchange.asked.clone();
                self.add(
                    server,
                    Exchange::begin(Transport::Tcp, candidate, server, asked, expires_at),
                );
            }
            Reading::Failed(Cause::Server(RCODE::FormatError | RCODE::NotImplemented))
                if exchange.asked.with_edns =>
            {
                let asked = Asked { with_edns: false, ..exchange.asked.clone() };
                let transport = exchange.transport();
                self.add(server, Exchange::begin(transport, candidate, server, asked, expires_at));
            }
            Reading::Failed(cause) => {
                if cause.is_of_the_name() {
                    self.exchanges
                        .retain(|other| (other.candidate, other.server) != (candidate, server));
                    self.is_settled |= candidate == self.current;
                }
                self.note(cause, Some(server));
            }
            Reading::Foreign | Reading::Addresses(_) => {}
        }
    }

    /// Gives up on questions that were not answered in time.
    fn drop_expired(&mut self, now: Instant) {
        for exchange in std::mem::take(&mut self.exchanges) {
            if exchange.expires_at <= now {
                self.note(Cause::Silent, Some(exchange.server));
            } else {
                self.exchanges.push(exchange);
            }
        }
    }

    /// Asks the servers whose turn it is.
    fn send_due(&mut self, now: Instant) {
        while self.current < self.candidates.len() && now < self.deadline {
            let is_waiting = self.exchanges.iter().any(|other| other.candidate == self.current);
            let has_failed = self.all_sent() && !is_waiting;
            if self.is_settled || has_failed || now >= self.share_ends {
                self.begin_candidate(self.current + 1, now);
            } else if !self.all_sent() && (!is_waiting || now >= self.next_due) {
                self.ask_next_server(now);
            } else {
                return;
            }
        }
    }

    fn all_sent(&self) -> bool {
        self.sent >= self.settings.servers.len() * self.settings.attempts
    }

    fn begin_candidate(&mut self, candidate: usize, now: Instant) {
        let left = self.deadline.saturating_duration_since(now);
        let candidates = self.candidates.len().saturating_sub(candidate).max(1);
        self.share_ends = now + left / u32::try_from(candidates).unwrap_or(u32::MAX);
        (self.current, self.sent, self.is_settled) = (candidate, 0, false);
    }

    fn ask_next_server(&mut self, now: Instant) {
        let servers = self.settings.servers.len();
        let place = (self.first_server + self.sent) % servers.max(1);
        let (Some(&server), Some(name)) =
            (self.settings.servers.get(place), self.candidates.get(self.current))
        else {
            return;
        };
        // From the second round on without EDNS: some networks drop it.
        let with_edns = self.sent < servers;
        let asked = Asked { id: 0, name: name.clone(), family: self.question.family, with_edns };
        let always_by_tcp = self.settings.always_by_tcp;
        let transport = if always_by_tcp { Transport::Tcp } else { Transport::Udp };
        let expires_at = now + self.settings.timeout;
        let exchange = Exchange::begin(transport, self.current, server, asked, expires_at);
        self.add(server, exchange);
        self.sent += 1;
        self.next_due = now + SILENT_AFTER;
    }

    fn add(&mut self, server: SocketAddr, exchange: io::Result<Exchange>) {
        match exchange {
            Ok(exchange) => {
                if self.exchanges.len() >= EXCHANGES_MAX {
                    self.exchanges.remove(0);
                }
                self.exchanges.push(exchange);
            }
            Err(error) => self.note(Cause::Unreachable(error), Some(server)),
        }
    }

    /// Keeps the cause to be logged. That one of the candidates does not exist is
    /// ordinary, and less telling than a server that fails.
    fn note(&mut self, cause: Cause, server: Option<SocketAddr>) {
        let known = self.failure.as_ref();
        if !cause.is_of_the_name() || known.is_none_or(|known| known.cause.is_of_the_name()) {
            self.failure = Some(Failure { cause, server });
        }
    }

    fn conclude(&mut self) -> Result<Vec<IpAddr>, Failure> {
        if !self.partial.is_empty() {
            return Ok(std::mem::take(&mut self.partial));
        }
        if let Some(silent) = self.exchanges.first() {
            return Err(Failure { cause: Cause::Silent, server: Some(silent.server) });
        }
        Err(self.failure.take().unwrap_or(Failure { cause: Cause::NoSuchHost, server: None }))
    }
}
