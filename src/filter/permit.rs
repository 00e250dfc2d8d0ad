//! Leave to send one request, with the conditions under which it may be sent.
//!
//! **Invariant:** what is printed for the daemon is the client's request but for the
//! conditions, and nobody outside of the filter makes or changes them.

use super::rules::Rule;
use crate::http1::{Printed, Request, RequestBody};
use std::num::NonZeroU64;

/// Leave to send one request.
#[derive(Debug)]
#[must_use]
pub struct Permit<'a> {
    request: &'a Request<'a>,
    rule: &'a Rule,
    conditions: Conditions,
}

/// How the request that is sent differs from the one that came.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// The body to send; `None` for the client's own, as it comes.
    pub(super) body: Option<Vec<u8>>,
}

impl<'a> Permit<'a> {
    /// Leave to send the request as it came.
    pub(super) fn new(request: &'a Request<'a>, rule: &'a Rule) -> Self {
        Self { request, rule, conditions: Conditions::default() }
    }

    /// The same with another body.
    pub(super) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.conditions.body = Some(body);
        self
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

    /// Appends what is sent first: the head, and the body where it was judged.
    pub fn print(&self, out: &mut Vec<u8>) {
        let printed = Printed { target: None, body: self.printed_body(), without: &[] };
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
