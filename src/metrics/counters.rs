//! The counters of one listener.

use super::histogram::Histogram;
use super::load;
use crate::api::{Operation, exact};
use crate::filter::{Denial, Permit};
use crate::http1::Request;
use crate::outcome::{Outcome, Received, Refusal};
use std::sync::atomic::{AtomicU64, Ordering};

/// Operations, and one place for requests that are for none.
const OPERATIONS: usize = Operation::ALL.len() + 1;

/// The verdict on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A rule allows it, and it went to the daemon.
    Allowed,
    /// No rule allows it, but learning let it through.
    Learned,
    /// The client was sent to the path without doubled slashes.
    Redirected,
    /// The client's address is on no list.
    DeniedAddress,
    /// No rule allows it, or one denies it.
    DeniedRule,
    /// A rule on bodies and queries refuses it.
    DeniedBody,
    /// A rule on targets refuses it, or the object that it names is missing.
    DeniedTarget,
    /// The client's container is not known.
    Unidentified,
    /// It is malformed, too large or too slow.
    Invalid,
    /// There was no place or memory for it.
    Overload,
}

impl Judgement {
    const ALL: [Self; 10] = [
        Self::Allowed,
        Self::Learned,
        Self::Redirected,
        Self::DeniedAddress,
        Self::DeniedRule,
        Self::DeniedBody,
        Self::DeniedTarget,
        Self::Unidentified,
        Self::Invalid,
        Self::Overload,
    ];

    /// The label's value.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Learned => "learned",
            Self::Redirected => "redirected",
            Self::DeniedAddress => "denied_address",
            Self::DeniedRule => "denied_rule",
            Self::DeniedBody => "denied_body",
            Self::DeniedTarget => "denied_target",
            Self::Unidentified => "unidentified",
            Self::Invalid => "invalid",
            Self::Overload => "overload",
        }
    }
}

impl From<&Refusal> for Judgement {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Denied(Denial::Address) | Refusal::UnknownMethod(Denial::Address) => {
                Self::DeniedAddress
            }
            Refusal::Denied(Denial::Body(_)) => Self::DeniedBody,
            Refusal::Denied(Denial::Target(_)) | Refusal::OtherDaemon => Self::DeniedTarget,
            Refusal::Denied(_) | Refusal::UnknownMethod(_) => Self::DeniedRule,
            Refusal::Moved => Self::Redirected,
            Refusal::Unidentified(_) => Self::Unidentified,
            Refusal::Malformed(_)
            | Refusal::SlowHead
            | Refusal::BodyFraming(_)
            | Refusal::Body(_) => Self::Invalid,
            Refusal::NoPlace(_) | Refusal::NoMemory | Refusal::Stalled => Self::Overload,
            Refusal::Daemon(_) | Refusal::Answer(_) => Self::Allowed,
        }
    }
}

/// The sender of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerer {
    /// The daemon.
    Daemon,
    /// The proxy itself.
    Proxy,
}

impl Answerer {
    pub(super) const ALL: [Self; 2] = [Self::Daemon, Self::Proxy];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Proxy => "proxy",
        }
    }
}

/// Classes of status codes, by their first digit.
pub(super) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// How bytes flow, by `Flow as usize`; the last is for unknown operations.
pub(super) const FLOWS: [&str; 7] =
    ["plain", "stream", "tunnel", "upload", "download", "progress", "unknown"];

/// The counters of one listener.
#[derive(Debug)]
pub struct Counters {
    listener: String,
    /// By operation, and within it by judgement.
    requests: Box<[[AtomicU64; Judgement::ALL.len()]]>,
    answers: [[AtomicU64; CLASSES.len()]; Answerer::ALL.len()],
    pub(super) durations: [Histogram; FLOWS.len()],
    pub(super) bytes_up: AtomicU64,
    pub(super) bytes_down: AtomicU64,
    pub(super) in_progress: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) connections_total: AtomicU64,
}

/// A thing that is counted while it lasts.
#[derive(Debug)]
#[must_use]
pub struct Lasting<'a>(&'a AtomicU64);

impl<'a> Lasting<'a> {
    fn begin(number: &'a AtomicU64) -> Self {
        number.fetch_add(1, Ordering::Relaxed);
        Self(number)
    }
}

impl Drop for Lasting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    /// Counters of a listener; the default one's name is empty.
    #[must_use]
    pub fn new(listener: &str) -> Self {
        let listener = if listener.is_empty() { "default" } else { listener };
        Self {
            listener: listener.to_owned(),
            requests: (0..OPERATIONS).map(|_| Default::default()).collect(),
            answers: Default::default(),
            durations: Default::default(),
            bytes_up: AtomicU64::default(),
            bytes_down: AtomicU64::default(),
            in_progress: AtomicU64::default(),
            connections: AtomicU64::default(),
            connections_total: AtomicU64::default(),
        }
    }

    /// Counts a connection, until the returned value is dropped.
    pub fn connection(&self) -> Lasting<'_> {
        self.connections_total.fetch_add(1, Ordering::Relaxed);
        Lasting::begin(&self.connections)
    }

    /// Counts a request that is with the daemon, until the returned value is
    /// dropped.
    pub fn exchange(&self) -> Lasting<'_> {
        Lasting::begin(&self.in_progress)
    }

    /// Counts a request that went to the daemon.
    pub fn count_exchange(
        &self,
        permit: &Permit<'_>,
        judgement: Judgement,
        outcome: &Outcome,
        by: Answerer,
    ) {
        let operation = operation(permit.request());
        self.count(operation, judgement, outcome.status, by);
        let flow = operation.map_or(FLOWS.len() - 1, |operation| operation.facts().flow as usize);
        if let Some(histogram) = self.durations.get(flow) {
            histogram.count(outcome.duration);
        }
        self.bytes_up.fetch_add(outcome.bytes_up, Ordering::Relaxed);
        self.bytes_down.fetch_add(outcome.bytes_down, Ordering::Relaxed);
    }

    /// Counts a request that the proxy answered, or should have.
    pub fn count_refusal(&self, refusal: &Refusal, judgement: Judgement, asked: Received<'_>) {
        let operation = match asked {
            Received::Request(request) => operation(request),
            Received::Bytes(_) => None,
        };
        let status = refusal.is_answered().then(|| refusal.status());
        self.count(operation, judgement, status, Answerer::Proxy);
    }

    fn count(
        &self,
        operation: Option<Operation>,
        judgement: Judgement,
        status: Option<u16>,
        by: Answerer,
    ) {
        let operation = operation.map_or(OPERATIONS - 1, |operation| operation as usize);
        let requests = self.requests.get(operation);
        let answers = self.answers.get(by as usize);
        let class = usize::from(status.unwrap_or_default() / 100);
        let request = requests.and_then(|requests| requests.get(judgement as usize));
        let answer = answers.and_then(|answers| answers.get(class).or(answers.last()));
        for number in request.into_iter().chain(answer) {
            number.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn count_for(&self, operation: Operation) {
        self.count(Some(operation), Judgement::Allowed, Some(200), Answerer::Daemon);
    }

    /// The listener's name, as a label has it.
    pub(super) fn listener(&self) -> &str {
        &self.listener
    }

    /// All counts of requests that are not 0.
    pub(super) fn requests(&self, mut each: impl FnMut(Option<Operation>, Judgement, u64)) {
        let operations = Operation::ALL.iter().copied().map(Some).chain([None]);
        for (operation, numbers) in operations.zip(&self.requests) {
            for (judgement, number) in Judgement::ALL.into_iter().zip(numbers) {
                let count = load(number);
                if count > 0 {
                    each(operation, judgement, count);
                }
            }
        }
    }

    /// The number of answers of a class from one sender.
    pub(super) fn answers(&self, by: Answerer, class: usize) -> u64 {
        let answers = self.answers.get(by as usize).and_then(|answers| answers.get(class));
        answers.map_or(0, load)
    }
}

fn operation(request: &Request<'_>) -> Option<Operation> {
    exact(request.method(), request.target().path())
}
