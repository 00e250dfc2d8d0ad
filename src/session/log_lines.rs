//! The log lines about requests. Their messages and keys are an interface:
//! people alert on them.
//!
//! Whatever comes from a client passes through the escaping of the logger.

use super::{After, Client};
use super::{inspect, shown};
use crate::api::{Operation, exact};
use crate::filter::{Denial, Permit, Source};
use crate::http1::Request;
use crate::text;
use log::Level;
use std::borrow::Cow;
use std::time::Instant;

/// How much of a malformed head is shown.
const SHOWN_BYTES_MAX: usize = 200;

/// Longest text about a body or from the daemon.
const TEXT_BYTES_MAX: usize = 1024;

fn cut(text: &str) -> Cow<'_, str> {
    text::cut(text, TEXT_BYTES_MAX)
}

/// The name of the operation that a request is for.
fn operation(request: &Request<'_>) -> Option<&'static str> {
    exact(request.method(), request.target().path()).map(Operation::name)
}

/// A request that goes to the daemon.
pub(super) fn allowed(client: Client, request: &Request<'_>) {
    log::debug!(
        method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = client;
        "allowed request"
    );
}

/// A request that the filter denies; `source` has the rules that decided.
pub(super) fn blocked(
    client: Client,
    source: &Source,
    request: &Request<'_>,
    denial: &Denial,
    status: u16,
) {
    // Most applications swallow the answer, so the log has its advice, too.
    let advice = matches!(denial, Denial::Method { .. } | Denial::Path { .. })
        .then(|| source.allow(request.method(), request.target().path()));
    let container = source.container();
    let hint = match denial {
        Denial::Path { ungrouped_matches: true, .. } => {
            Some("a pattern with a top-level | matches here only if its anchors are left out")
        }
        _ => None,
    };
    log::warn!(
        reason:% = cut(&denial.reason()), method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = client, container, response = status,
        allow = advice, hint;
        "blocked request"
    );
}

/// A request that the filter allows, but for doubled slashes in its path.
pub(super) fn redirected(client: Client, request: &Request<'_>) {
    log::debug!(
        method:% = request.method(), URL = shown::url(request), client:% = client, response = 301;
        "redirected request"
    );
}

/// A request of a client whose container is not known.
pub(super) fn unidentified(client: Client, request: &Request<'_>, cause: &str, status: u16) {
    log::warn!(
        reason = "unknown rights", cause:% = cut(cause), method:% = request.method(),
        URL = shown::url(request), client:% = client, response = status;
        "blocked request"
    );
}

/// A request of a client for whom there is no place, or no memory.
pub(super) fn without_room(client: Client, request: &Request<'_>, reason: &str, status: u16) {
    log::warn!(
        reason, method:% = request.method(), URL = shown::url(request), client:% = client,
        response = status;
        "turned away"
    );
}

/// A request whose body could not be read to be judged.
pub(super) fn unread_body(client: Client, request: &Request<'_>, failure: &inspect::Failure) {
    log::warn!(
        reason:% = failure.explain(), method:% = request.method(), URL = shown::url(request),
        client:% = client, response = failure.status();
        "blocked request"
    );
}

/// Bytes that are no request that could be judged.
pub(super) fn malformed(client: Client, received: &[u8], reason: &str, status: u16) {
    if !log::log_enabled!(Level::Warn) {
        return;
    }
    let line = received.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let shown = line.get(..SHOWN_BYTES_MAX).unwrap_or(line);
    let text = String::from_utf8_lossy(shown);
    let (method, url) = text.split_once(' ').unwrap_or(("", &text));
    let url = url.rsplit_once(' ').map_or(url, |(url, _)| url);
    log::warn!(
        reason, method:% = method, URL = shown::raw_url(url), client:% = client, response = status;
        "blocked request"
    );
}

/// A daemon that cannot be reached, or that answers what is no answer.
pub(super) fn daemon_fault(client: Client, request: &Request<'_>, cause: &str) {
    log::error!(
        cause:% = cut(cause), method:% = request.method(), URL = shown::url(request),
        client:% = client, response = 502;
        "daemon did not answer"
    );
}

/// What is known of an exchange at its end.
pub(super) struct Finished {
    pub(super) client: Client,
    pub(super) status: Option<u16>,
    pub(super) bytes_up: u64,
    pub(super) bytes_down: u64,
    pub(super) started: Instant,
    pub(super) ending: After,
}

/// An exchange that ended, in whatever way.
pub(super) fn finished(exchange: &Finished, permit: &Permit<'_>) {
    if !log::log_enabled!(Level::Debug) {
        return;
    }
    let (request, rule) = (permit.request(), permit.rule());
    let closed = match exchange.ending {
        After::Reuse => None,
        After::Close(reason) | After::Cut(reason) => Some(reason.explain()),
    };
    log::debug!(
        method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = exchange.client,
        status = exchange.status, bytes_up = exchange.bytes_up, bytes_down = exchange.bytes_down,
        duration_ms = u64::try_from(exchange.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        rule = rule.written, closed;
        "finished request"
    );
}
