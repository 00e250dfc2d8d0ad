//! The outcome of a request: one value, and the log lines and answers made from it.
//!
//! A request ends in a [`Refusal`], to which the proxy itself answers, or in an
//! exchange with the daemon, which an [`Outcome`] describes. Every log line about a
//! request, every answer of our own and every status of one is made here.
//!
//! **Invariant:** a refusal is logged and answered from the same value: the two
//! cannot differ.
//! **Invariant:** the log's messages and keys are an interface: people alert on
//! them. Text of a client passes through the logger's escaping.

mod shown;

use crate::api::{Operation, exact};
use crate::filter::targets::AnswerError;
use crate::filter::{Denial, Permit, Source};
use crate::http1::{self, Reply, Request};
use crate::text;
use log::Level;
use std::borrow::Cow;
use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

/// How much of a malformed head is shown.
const SHOWN_BYTES_MAX: usize = 200;

/// Longest text about a body or from the daemon.
const TEXT_BYTES_MAX: usize = 1024;

/// Why a request has no memory.
const MEMORY_USED_UP: &str = "too many large requests at the same time";

/// Why the proxy itself answers a request.
#[derive(Debug)]
pub enum Refusal {
    /// The filter denies it.
    Denied(Denial),
    /// Its method is outside of the nine, so it was not parsed to its end.
    UnknownMethod(Denial),
    /// The filter allows it, but for doubled slashes in its path.
    Moved,
    /// The client's container is not known; the cause.
    Unidentified(String),
    /// Its head is not one.
    Malformed(http1::Error),
    /// Its head did not come in time.
    SlowHead,
    /// Its body, which must be judged, could not be read.
    Body(BodyFailure),
    /// There is no place for its client; the reason.
    NoPlace(&'static str),
    /// There is no memory for it.
    NoMemory,
    /// Too much waits for receivers that do not read.
    Stalled,
    /// The framing of its body is wrong, which showed while it was forwarded.
    BodyFraming(http1::Error),
    /// The daemon did not answer it; the cause.
    Daemon(String),
    /// It is limited to targets, and the daemon is not one that can be trusted with it.
    OtherDaemon,
    /// The answer of the daemon had to be read, and could not be.
    Answer(AnswerError),
}

/// Why a body could not be read whole.
#[derive(Debug)]
pub enum BodyFailure {
    /// It is larger than can be inspected.
    TooLarge,
    /// It did not come in time.
    Slow,
    /// Its client ended before it did.
    Gone,
    /// Its framing is wrong.
    Malformed(http1::Error),
    /// The budget for memory is used up.
    UsedUp,
}

/// The request that a refusal is about, as far as it could be read.
#[derive(Debug, Clone, Copy)]
pub enum Received<'r> {
    /// A well-formed one.
    Request(&'r Request<'r>),
    /// The bytes that came.
    Bytes(&'r [u8]),
}

/// The sender of a request, and the rules that apply to it.
#[derive(Clone, Copy)]
pub struct Sender<'r> {
    /// The client as the log shows it.
    pub client: &'r dyn Display,
    /// Its address, if it has one.
    pub address: Option<IpAddr>,
    /// Where the rules are written that decide.
    pub source: &'r Source,
}

/// The outcome of a request that went to the daemon.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The status of the response, if one came.
    pub status: Option<u16>,
    /// Bytes of the request's body, or towards the daemon in a tunnel.
    pub bytes_up: u64,
    /// Bytes of the response's body, or towards the client in a tunnel.
    pub bytes_down: u64,
    /// From the head to the end.
    pub duration: Duration,
    /// Why the connection closes, if it does.
    pub closed: Option<&'static str>,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Denied(denial) | Self::UnknownMethod(denial) => denial.status(),
            Self::Moved => 301,
            Self::Malformed(error) | Self::BodyFraming(error) => error.status(),
            Self::SlowHead => 408,
            Self::Body(failure) => failure.status(),
            Self::Unidentified(_)
            | Self::NoPlace(_)
            | Self::NoMemory
            | Self::Stalled
            | Self::OtherDaemon => 503,
            Self::Daemon(_) | Self::Answer(_) => 502,
        }
    }

    /// Whether a client is connected to read an answer.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        !matches!(self, Self::Body(BodyFailure::Gone))
    }

    /// The log's reason.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        match self {
            Self::Denied(denial) | Self::UnknownMethod(denial) => denial.reason(),
            Self::Moved => "doubled slashes".into(),
            Self::Unidentified(_) => "unknown rights".into(),
            Self::Malformed(error) | Self::BodyFraming(error) => error.explain().into(),
            Self::SlowHead => "the request's head took too long".into(),
            Self::Body(failure) => failure.explain().into(),
            Self::NoPlace(reason) => (*reason).into(),
            Self::NoMemory => MEMORY_USED_UP.into(),
            Self::Stalled => "too many stalled transfers".into(),
            Self::Daemon(cause) => cause.as_str().into(),
            Self::OtherDaemon => "targets can be limited only with Docker's Engine".into(),
            Self::Answer(error) => error.to_string().into(),
        }
    }

    /// The answer; `None` if no client is connected to read one.
    #[must_use]
    pub fn reply(&self, asked: Received<'_>, sender: &Sender<'_>) -> Option<Reply> {
        if !self.is_answered() {
            return None;
        }
        let text: Cow<'_, str> = match (self, asked) {
            (Self::Moved, Received::Request(request)) => {
                return Some(Reply::moved(request.target()));
            }
            (Self::Denied(denial), Received::Request(request)) => {
                let message = denial.message(sender.source, request, &sender.who());
                return Some(self.reply_with(message));
            }
            (Self::Malformed(error) | Self::BodyFraming(error), _) => error.explain().into(),
            (Self::Unidentified(cause), _) => {
                format!("the rights of this client are currently unknown: {cause}").into()
            }
            (refusal, _) => refusal.reason(),
        };
        Some(self.reply_with(format!("socket-proxy: {text}")))
    }

    /// The answer to a connection that gets no place, before anything is read.
    #[must_use]
    pub fn no_place(reason: &'static str) -> Reply {
        Self::NoPlace(reason).reply_with(format!("socket-proxy: {reason}"))
    }

    fn reply_with(&self, message: String) -> Reply {
        let mut reply = Reply::new(self.status(), message);
        reply.retry_after_seconds = (reply.status == 503).then_some(1);
        if let Self::Denied(Denial::Method { allowed })
        | Self::UnknownMethod(Denial::Method { allowed }) = self
        {
            reply.allow.clone_from(allowed);
        }
        reply
    }
}

impl BodyFailure {
    fn explain(&self) -> &'static str {
        match self {
            Self::TooLarge => {
                "the body is larger than 1 MiB, or has more values than can be inspected"
            }
            Self::Slow => "the body took too long",
            Self::Gone => "the client closed the connection before the end of the body",
            Self::Malformed(error) => error.explain(),
            Self::UsedUp => MEMORY_USED_UP,
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::Slow => 408,
            Self::Gone => 400,
            Self::Malformed(error) => error.status(),
            Self::UsedUp => 503,
        }
    }
}

impl Sender<'_> {
    /// The client as an answer names it.
    fn who(&self) -> String {
        self.address.map_or_else(|| self.client.to_string(), |address| address.to_string())
    }
}

/// Logs that a request goes to the daemon.
pub fn log_allowed(request: &Request<'_>, client: &dyn Display) {
    log::debug!(
        method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = client;
        "allowed request"
    );
}

impl Outcome {
    /// Logs an exchange that ended, regularly or not.
    pub fn log(&self, permit: &Permit<'_>, client: &dyn Display) {
        if !log::log_enabled!(Level::Debug) {
            return;
        }
        let request = permit.request();
        log::debug!(
            method:% = request.method(), URL = shown::url(request), operation = operation(request),
            client:% = client, status = self.status, bytes_up = self.bytes_up,
            bytes_down = self.bytes_down,
            duration_ms = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
            rule = permit.rule().written, closed = self.closed;
            "finished request"
        );
    }
}

impl Refusal {
    /// Logs it.
    pub fn log(&self, asked: Received<'_>, sender: &Sender<'_>) {
        match (asked, self) {
            (Received::Bytes(received), _) => self.log_unread(received, sender),
            (Received::Request(request), Self::Denied(denial)) => {
                log_denied(denial, request, sender);
            }
            (Received::Request(request), _) => self.log_request(request, sender),
        }
    }

    /// A well-formed request that the proxy answers itself.
    fn log_request(&self, request: &Request<'_>, sender: &Sender<'_>) {
        let (method, url, client) = (request.method(), shown::url(request), sender.client);
        let (status, reason) = (self.status(), self.reason());
        match self {
            Self::Moved => log::debug!(
                method:% = method, URL = url, client:% = client, response = status;
                "redirected request"
            ),
            Self::Unidentified(cause) => log::warn!(
                reason:% = reason, cause:% = cut(cause), method:% = method, URL = url,
                client:% = client, response = status;
                "blocked request"
            ),
            Self::NoPlace(_) => log::warn!(
                reason:% = reason, method:% = method, URL = url, client:% = client,
                response = status;
                "turned away"
            ),
            Self::Stalled => log::warn!(
                reason:% = reason, method:% = method, URL = url, client:% = client;
                "connection cut"
            ),
            Self::Daemon(cause) => log::error!(
                cause:% = cut(cause), method:% = method, URL = url, client:% = client,
                response = status;
                "daemon did not answer"
            ),
            _ => log::warn!(
                reason:% = cut(&reason), method:% = method, URL = url, client:% = client,
                response = status;
                "blocked request"
            ),
        }
    }

    /// Bytes that are not a request that could be judged.
    fn log_unread(&self, received: &[u8], sender: &Sender<'_>) {
        if matches!(self, Self::SlowHead) || !log::log_enabled!(Level::Warn) {
            return;
        }
        let line = received.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let text = String::from_utf8_lossy(line.get(..SHOWN_BYTES_MAX).unwrap_or(line));
        let (method, url) = text.split_once(' ').unwrap_or(("", &text));
        let url = url.rsplit_once(' ').map_or(url, |(url, _)| url);
        // A field in place of a request may be one with credentials.
        let url = if method.contains(':') { "" } else { url };
        log::warn!(
            reason:% = self.reason(), method:% = method, URL = shown::raw_url(url),
            client:% = sender.client, response = self.status();
            "blocked request"
        );
    }
}

/// A request that the filter denies.
fn log_denied(denial: &Denial, request: &Request<'_>, sender: &Sender<'_>) {
    // The daemon itself would answer so.
    let is_missing = matches!(denial, Denial::Target(denial) if denial.is_plainly_missing());
    let level = if is_missing { Level::Debug } else { Level::Warn };
    if !log::log_enabled!(level) {
        return;
    }
    let reason = shown::reason(request, &denial.reason());
    let hint = match denial {
        Denial::Path { ungrouped_matches: true, .. } => {
            Some("a pattern with a top-level | matches here only if its anchors are left out")
        }
        _ => None,
    };
    log::log!(
        level,
        reason:% = cut(&reason), method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = sender.client,
        container = sender.source.container(), response = denial.status(),
        allow = denial.advice(sender.source, request), hint;
        "blocked request"
    );
}

/// The name of the operation that a request is for.
fn operation(request: &Request<'_>) -> Option<&'static str> {
    exact(request.method(), request.target().path()).map(Operation::name)
}

fn cut(text: &str) -> Cow<'_, str> {
    text::cut(text, TEXT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::FieldStorage;

    #[test]
    fn every_refusal_has_one_status_in_answer_and_table() {
        let mut storage = FieldStorage::new();
        let head = b"GET /v1.51/info HTTP/1.1\r\nHost: d\r\n\r\n";
        let request = Request::parse(head, &mut storage).unwrap();
        let source = Source::default();
        let sender = Sender { client: &"10.0.0.2:1", address: None, source: &source };
        let rows = [
            (Refusal::Denied(Denial::Address), 403, "10.0.0.2:1 are not allowed"),
            (Refusal::UnknownMethod(Denial::Method { allowed: vec![] }), 405, "method not allowed"),
            (Refusal::Moved, 301, ""),
            (Refusal::Unidentified("no table".into()), 503, "currently unknown: no table"),
            (Refusal::Malformed(http1::Error::Host), 400, ""),
            (Refusal::SlowHead, 408, "took too long"),
            (Refusal::Body(BodyFailure::TooLarge), 413, "1 MiB"),
            (Refusal::Body(BodyFailure::UsedUp), 503, "large requests"),
            (Refusal::NoPlace("too many connections"), 503, "too many connections"),
            (Refusal::NoMemory, 503, "large requests"),
            (Refusal::Stalled, 503, "stalled transfers"),
            (Refusal::BodyFraming(http1::Error::Chunk), 400, ""),
            (Refusal::Daemon("it is away".into()), 502, "it is away"),
            (Refusal::OtherDaemon, 503, "only with Docker's Engine"),
            (Refusal::Answer(AnswerError::Compressed), 502, "is compressed"),
            (Refusal::Answer(AnswerError::TooLarge), 502, "too large to rewrite"),
        ];
        for (refusal, status, part) in rows {
            let reply = refusal.reply(Received::Request(&request), &sender).unwrap();
            assert_eq!((reply.status, refusal.status()), (status, status), "{refusal:?}");
            assert!(reply.message.contains(part), "{refusal:?}: {}", reply.message);
            assert_eq!(reply.retry_after_seconds.is_some(), status == 503, "{refusal:?}");
        }
        let gone = Refusal::Body(BodyFailure::Gone);
        assert_eq!(gone.reply(Received::Request(&request), &sender), None);
    }
}
