//! The log lines about requests.

use super::shown;
use super::{Outcome, Refusal, Sender};
use crate::api::{Operation, exact};
use crate::filter::{Denial, Permit};
use crate::http1::Request;
use crate::text;
use log::Level;
use std::borrow::Cow;
use std::fmt::Display;

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
pub(super) fn allowed(request: &Request<'_>, client: &dyn Display) {
    log::debug!(
        method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = client;
        "allowed request"
    );
}

/// A well-formed request that the proxy answers itself.
pub(super) fn refused(refusal: &Refusal, request: &Request<'_>, sender: &Sender<'_>) {
    let (method, url, client) = (request.method(), shown::url(request), sender.client);
    let (status, reason) = (refusal.status(), refusal.reason());
    match refusal {
        Refusal::Denied(denial) => denied(denial, request, sender),
        Refusal::Moved => log::debug!(
            method:% = method, URL = url, client:% = client, response = status;
            "redirected request"
        ),
        Refusal::Unidentified(cause) => log::warn!(
            reason:% = reason, cause:% = cut(cause), method:% = method, URL = url,
            client:% = client, response = status;
            "blocked request"
        ),
        Refusal::NoPlace(_) => log::warn!(
            reason:% = reason, method:% = method, URL = url, client:% = client,
            response = status;
            "turned away"
        ),
        Refusal::Stalled => log::warn!(
            reason:% = reason, method:% = method, URL = url, client:% = client;
            "connection cut"
        ),
        Refusal::Daemon(cause) => log::error!(
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

/// A request that the filter denies.
fn denied(denial: &Denial, request: &Request<'_>, sender: &Sender<'_>) {
    let advice = denial.advice(sender.source, request);
    let hint = match denial {
        Denial::Path { ungrouped_matches: true, .. } => {
            Some("a pattern with a top-level | matches here only if its anchors are left out")
        }
        _ => None,
    };
    // The daemon itself would answer so.
    let is_missing = matches!(denial, Denial::Target(denial) if denial.is_plainly_missing());
    let level = if is_missing { Level::Debug } else { Level::Warn };
    log::log!(
        level,
        reason:% = cut(&shown::reason(request, &denial.reason())), method:% = request.method(), URL = shown::url(request),
        operation = operation(request), client:% = sender.client,
        container = sender.source.container(), response = denial.status(), allow = advice, hint;
        "blocked request"
    );
}

/// Bytes that are not a request that could be judged.
pub(super) fn unread(refusal: &Refusal, received: &[u8], sender: &Sender<'_>) {
    if matches!(refusal, Refusal::SlowHead) || !log::log_enabled!(Level::Warn) {
        return;
    }
    let line = received.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let text = String::from_utf8_lossy(line.get(..SHOWN_BYTES_MAX).unwrap_or(line));
    let (method, url) = text.split_once(' ').unwrap_or(("", &text));
    let url = url.rsplit_once(' ').map_or(url, |(url, _)| url);
    // A field in place of a request may be one with credentials.
    let url = if method.contains(':') { "" } else { url };
    log::warn!(
        reason:% = refusal.reason(), method:% = method, URL = shown::raw_url(url),
        client:% = sender.client, response = refusal.status();
        "blocked request"
    );
}

/// An exchange that ended, regularly or not.
pub(super) fn finished(outcome: &Outcome, permit: &Permit<'_>, client: &dyn Display) {
    if !log::log_enabled!(Level::Debug) {
        return;
    }
    let request = permit.request();
    log::debug!(
        method:% = request.method(), URL = shown::url(request), operation = operation(request),
        client:% = client, status = outcome.status, bytes_up = outcome.bytes_up,
        bytes_down = outcome.bytes_down,
        duration_ms = u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
        rule = permit.rule().written, closed = outcome.closed;
        "finished request"
    );
}
