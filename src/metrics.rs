//! Numbers for monitoring: the counters of sessions, and the page that shows them.
//!
//! [`Counters`] has the numbers of one listener; sessions add to it. [`Metrics`]
//! has those of all, and prints them with [`Gauges`] and the process's own numbers
//! in the text format of Prometheus.
//!
//! **Invariant:** counting a request takes neither locks nor memory: all numbers
//! are atomics in arrays of fixed length.
//! **Invariant:** label values come from closed sets: names of listeners,
//! operations, and the words in this room. None is a client's.
//!
//! A series begins with its first request: a page with every operation, most of
//! which nobody asks for, would have thousands of lines.

mod counters;
mod histogram;
mod page;
mod process;

pub use counters::{Answerer, Counters, Judgement};

use crate::api::Operation;
use counters::{CLASSES, FLOWS};
use page::{Kind, Page};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The program's version, for `socket_proxy_build_info`.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The version of the package.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub commit: &'static str,
    /// The target that it was compiled for.
    pub target: &'static str,
}

/// The numbers of all listeners.
#[derive(Debug)]
pub struct Metrics {
    build: Build,
    started: SystemTime,
    listeners: Vec<Arc<Counters>>,
}

/// Gauges, and counters of other modules.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// The places for connections.
    pub places: Vec<Places>,
    /// Connections that were turned away: the reason and how many.
    pub refused: Vec<(&'static str, u64)>,
    /// Operations that were learned; `None` if the proxy does not learn.
    pub learned: Option<u64>,
}

/// The places of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Whose they are.
    pub kind: &'static str,
    /// How many there are.
    pub max: usize,
    /// How many are taken.
    pub taken: usize,
}

impl Metrics {
    /// Metrics of listeners with these names; the default one's is empty.
    pub fn new<'n>(build: Build, listeners: impl IntoIterator<Item = &'n str>) -> Self {
        let listeners = listeners.into_iter().map(|name| Arc::new(Counters::new(name))).collect();
        Self { build, started: SystemTime::now(), listeners }
    }

    /// The counters of a listener, by its place in the list.
    #[must_use]
    pub fn listener(&self, index: usize) -> Option<Arc<Counters>> {
        self.listeners.get(index).cloned()
    }

    /// The page. `ping` is how long the daemon took to answer; `None` if it did not.
    #[must_use]
    pub fn page(&self, gauges: &Gauges, ping: Option<Duration>) -> String {
        let mut page = Page::default();
        self.print_build(&mut page);
        self.print_requests(&mut page);
        self.print_durations(&mut page);
        self.print_connections(&mut page);
        print_gauges(&mut page, gauges);
        print_daemon(&mut page, ping);
        process::print(&mut page, self.started);
        page.into_text()
    }

    fn print_build(&self, page: &mut Page) {
        let Build { version, commit, target } = self.build;
        page.family(
            "socket_proxy_build_info",
            Kind::Gauge,
            "Version, commit and target of the program; always 1.",
        );
        page.sample(&[("version", version), ("commit", commit), ("target", target)], 1);
    }

    fn print_requests(&self, page: &mut Page) {
        page.family(
            "socket_proxy_requests_total",
            Kind::Counter,
            "Requests, counted when they end, by operation of the API and verdict.",
        );
        for counters in &self.listeners {
            let listener = counters.listener();
            counters.requests(|operation, judgement, count| {
                let operation = operation.map_or("unknown", Operation::name);
                let labels = [
                    ("listener", listener),
                    ("operation", operation),
                    ("verdict", judgement.as_str()),
                ];
                page.sample(&labels, count);
            });
        }
        page.family(
            "socket_proxy_answers_total",
            Kind::Counter,
            "Responses by class of their status and by their sender; none: the client got no \
             response.",
        );
        for counters in &self.listeners {
            for by in Answerer::ALL {
                for (index, class) in CLASSES.into_iter().enumerate() {
                    let labels =
                        [("listener", counters.listener()), ("by", by.as_str()), ("class", class)];
                    page.sample(&labels, counters.answers(by, index));
                }
            }
        }
        page.family(
            "socket_proxy_body_bytes_total",
            Kind::Counter,
            "Bytes of bodies and tunnels, up to the daemon and down to clients, counted when a \
             request ends.",
        );
        self.each(page, |page, counters| {
            let listener = ("listener", counters.listener());
            page.sample(&[listener, ("direction", "up")], load(&counters.bytes_up));
            page.sample(&[listener, ("direction", "down")], load(&counters.bytes_down));
        });
    }

    fn print_durations(&self, page: &mut Page) {
        page.family(
            "socket_proxy_request_duration_seconds",
            Kind::Histogram,
            "Duration of forwarded requests, from the end of the head to the end of the exchange, \
             by flow of the operation.",
        );
        self.each(page, |page, counters| {
            for (flow, histogram) in FLOWS.iter().zip(&counters.durations) {
                histogram.print(page, &[("listener", counters.listener()), ("flow", flow)]);
            }
        });
    }

    fn print_connections(&self, page: &mut Page) {
        let by_listener = |page: &mut Page, of: fn(&Counters) -> &AtomicU64| {
            self.each(page, |page, counters| {
                page.sample(&[("listener", counters.listener())], load(of(counters)));
            });
        };
        page.family(
            "socket_proxy_requests_in_progress",
            Kind::Gauge,
            "Requests in progress at the daemon, with streams and tunnels.",
        );
        by_listener(page, |counters| &counters.in_progress);
        page.family("socket_proxy_connections_total", Kind::Counter, "Accepted connections.");
        by_listener(page, |counters| &counters.connections_total);
        page.family("socket_proxy_connections", Kind::Gauge, "Open connections.");
        by_listener(page, |counters| &counters.connections);
    }

    fn each(&self, page: &mut Page, print: impl Fn(&mut Page, &Counters)) {
        self.listeners.iter().for_each(|counters| print(page, counters));
    }
}

fn print_gauges(page: &mut Page, gauges: &Gauges) {
    page.family(
        "socket_proxy_connections_refused_total",
        Kind::Counter,
        "Connections that were rejected because no place was free.",
    );
    for (reason, count) in &gauges.refused {
        page.sample(&[("reason", reason)], *count);
    }
    page.family(
        "socket_proxy_places",
        Kind::Gauge,
        "Maximum of concurrent connections, by kind of client.",
    );
    for places in &gauges.places {
        page.sample(&[("kind", places.kind)], places.max as u64);
    }
    page.family("socket_proxy_places_taken", Kind::Gauge, "Places in use, by kind of client.");
    for places in &gauges.places {
        page.sample(&[("kind", places.kind)], places.taken as u64);
    }
    page.family("socket_proxy_learning", Kind::Gauge, "1 with -learn, else 0.");
    page.sample(&[], gauges.learned.is_some().into());
    page.family(
        "socket_proxy_learned_operations_total",
        Kind::Counter,
        "Learned operations, counted for each client.",
    );
    page.sample(&[], gauges.learned.unwrap_or_default());
}

fn print_daemon(page: &mut Page, ping: Option<Duration>) {
    page.family(
        "socket_proxy_daemon_up",
        Kind::Gauge,
        "1 if the daemon answered HEAD /_ping for this scrape, else 0.",
    );
    page.sample(&[], ping.is_some().into());
    page.family(
        "socket_proxy_daemon_ping_seconds",
        Kind::Gauge,
        "Duration of that HEAD /_ping in seconds.",
    );
    if let Some(took) = ping {
        page.sample_seconds(&[], took);
    }
}

fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
