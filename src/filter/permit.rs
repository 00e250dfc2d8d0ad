//! Permission to send one request, with the conditions under which it may be sent.
//!
//! **Invariant:** a permit prints the client's request for the daemon but for the
//! conditions, and only the filter makes or changes these.

use super::rules::Rule;
use super::targets::Treatment;
use crate::http1::{Printed, Request, RequestBody, Target};
use std::num::NonZeroU64;

/// Permission to send one request.
#[derive(Debug)]
#[must_use]
pub struct Permit<'a> {
    request: &'a Request<'a>,
    rule: &'a Rule,
    conditions: Conditions,
}

/// The changes to the request and to its answer.
#[derive(Debug, Default)]
struct Conditions {
    /// The body to send; `None` for the client's own, as it comes.
    body: Option<Vec<u8>>,
    /// The target to send; `None` for the client's own.
    target: Option<Target<'static>>,
    /// Names of fields that are left out.
    without: &'static [&'static str],
    /// The treatment of the answer.
    treatment: Treatment,
}

/// A change to the request that is sent. A part that it does not set stays.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) body: Option<Vec<u8>>,
    pub(super) target: Option<Target<'static>>,
    pub(super) without: &'static [&'static str],
    pub(super) treatment: Treatment,
}

impl<'a> Permit<'a> {
    /// Permission to send the request unchanged.
    pub(super) fn new(request: &'a Request<'a>, rule: &'a Rule) -> Self {
        Self { request, rule, conditions: Conditions::default() }
    }

    /// The same with another body.
    pub(super) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.conditions.body = Some(body);
        self
    }

    /// The same with a further change.
    pub(super) fn changed(mut self, change: Change) -> Self {
        let conditions = &mut self.conditions;
        conditions.body = change.body.or(conditions.body.take());
        conditions.target = change.target.or(conditions.target.take());
        conditions.without = change.without;
        conditions.treatment = change.treatment;
        self
    }

    /// The body that is sent, as far as it is known.
    pub(super) fn body(&self) -> &[u8] {
        self.conditions.body.as_deref().unwrap_or_default()
    }

    /// Whether it is limited to targets.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.conditions.target.is_some()
    }

    /// The treatment of the answer.
    #[must_use]
    pub fn treatment(&self) -> &Treatment {
        &self.conditions.treatment
    }

    /// The request that may be sent.
    #[must_use]
    pub fn request(&self) -> &'a Request<'a> {
        self.request
    }

    /// The rule that allows it.
    #[must_use]
    pub fn rule(&self) -> &'a Rule {
        self.rule
    }

    /// Appends the bytes to send first: the head, and the body where it was judged.
    pub fn print(&self, out: &mut Vec<u8>) {
        let Conditions { target, without, .. } = &self.conditions;
        let printed = Printed { target: target.as_ref(), body: self.printed_body(), without };
        self.request.print(&printed, out);
        out.extend_from_slice(self.conditions.body.as_deref().unwrap_or_default());
    }

    /// The part of the body that is still to come from the client.
    #[must_use]
    pub fn body_to_relay(&self) -> RequestBody {
        if self.conditions.body.is_some() { RequestBody::Empty } else { self.request.body() }
    }

    fn printed_body(&self) -> RequestBody {
        match &self.conditions.body {
            None => self.request.body(),
            Some(body) => match NonZeroU64::new(body.len() as u64) {
                None => RequestBody::Empty,
                Some(length) => RequestBody::Length(length),
            },
        }
    }
}
