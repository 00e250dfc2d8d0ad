//! The filter: decides which client may send which request to the daemon.
//!
//! **Invariant:** pure: no I/O, no clock, no threads. Addresses of host names
//! come from the caller.
//! **Invariant:** only [`judge`] makes a [`Permit`], and only a permit can be
//! printed for the daemon; it prints the judged request.
//!
//! Rules are judged in the order address, method, path, body, targets; the first
//! failure denies. Read: `rules`, `go_regexp`, `client_allowlist`, `bodies`, `permit`, `targets`,
//! `denial`.

#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::unwrap_used)]

pub mod bodies;
pub mod client_allowlist;
mod denial;
pub mod go_regexp;
mod learning;
mod permit;
pub mod rules;
pub mod targets;

pub use bodies::{
    AllowedImages, BindMounts, BodyRules, Exceptions, ImagesDraft, Maxima, Maximum, SafeCreate,
};
pub use client_allowlist::ClientAllowlist;
pub use denial::{Additions, Denial, NearMiss, Source};
pub use learning::{Learning, Scope};
pub use permit::Permit;
pub use rules::Rules;
pub use targets::TargetRules;

use crate::api::split_version;
use crate::http1::{Method, Request, RequestBody, Target};
use bodies::Inspection;
use rules::{Rule, RuleVerdict};
use targets::{Plan, Question, Search, Step};

/// The allowlists that apply to one client. The default allows nothing.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    source: Source,
    peers: ClientAllowlist,
    rules: Rules,
    bodies: BodyRules,
    targets: TargetRules,
}

impl Policy {
    /// The only constructor of a policy that allows anything.
    #[must_use]
    pub fn new(
        source: Source,
        peers: ClientAllowlist,
        rules: Rules,
        bodies: BodyRules,
        targets: TargetRules,
    ) -> Self {
        Self { source, peers, rules, bodies, targets }
    }

    /// The places where the allowlists were written, for the advice in a denial.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The addresses of clients that may send requests at all.
    #[must_use]
    pub fn peers(&self) -> &ClientAllowlist {
        &self.peers
    }

    /// The methods and paths of requests that they may send.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The restrictions on the bodies of their requests.
    #[must_use]
    pub fn bodies(&self) -> &BodyRules {
        &self.bodies
    }

    /// The containers, networks and volumes to which they are limited.
    #[must_use]
    pub fn targets(&self) -> &TargetRules {
        &self.targets
    }
}

/// Whether a client may send requests at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its address is on the list, or it came by a socket file that it may open.
    Admitted,
    /// Its address is not on the list.
    Foreign,
}

/// The filter's answer to a head.
#[derive(Debug)]
#[must_use]
pub enum Verdict<'a> {
    /// It may be sent.
    Allowed(Permit<'a>),
    /// The body must be judged too.
    BodyNeeded(PendingBody<'a>),
    /// The daemon must first be asked about the targets of the request.
    SearchNeeded(Search<'a>, Vec<Question>),
    /// It must not be sent.
    Denied(Denial),
    /// It would be allowed, but its path has doubled slashes: the client is
    /// redirected to the target in normal form, as by the Engine.
    Moved,
}

/// A request whose body has yet to be judged.
#[derive(Debug)]
#[must_use]
pub struct PendingBody<'a> {
    request: &'a Request<'a>,
    rule: &'a Rule,
    bodies: &'a BodyRules,
    inspection: Option<Inspection>,
    plan: Option<Plan<'a>>,
}

/// The rules that apply to a request.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'a> {
    /// The allowlists of the client.
    pub policy: &'a Policy,
    /// Those of the listener, whose denials bind every client.
    pub listener: &'a Policy,
    /// Set while the proxy learns.
    pub learning: Option<&'a Learning>,
}

/// Judges a request by its head.
pub fn judge<'a>(
    in_force: InForce<'a>,
    request: &'a Request<'a>,
    standing: Standing,
) -> Verdict<'a> {
    if standing == Standing::Foreign {
        return Verdict::Denied(Denial::Address);
    }
    match in_force.judge(request) {
        Ok(verdict) => verdict,
        Err(denial) => Verdict::Denied(denial),
    }
}

impl<'a> InForce<'a> {
    fn judge(self, request: &'a Request<'a>) -> Result<Verdict<'a>, Denial> {
        let rule = self.rule(request)?;
        let (method, target) = (request.method(), request.target());
        let bodies = &self.policy.bodies;
        if request.body() != RequestBody::Empty {
            let types = request.field_values("content-type");
            bodies.check_form(method, target.path(), types).map_err(Denial::Body)?;
        }
        let inspection = bodies.inspection(method, target.path(), target.query());
        let inspection = inspection.map_err(Denial::Body)?;
        let limits = self.policy.targets.or(&self.listener.targets);
        let plan = limits.plan(request).map_err(Denial::Target)?;
        if target.had_doubled_slashes() {
            return Ok(Verdict::Moved);
        }
        if inspection.is_some() || plan.is_some_and(|plan| plan.needs_body()) {
            return Ok(Verdict::BodyNeeded(PendingBody {
                request,
                rule,
                bodies,
                inspection,
                plan,
            }));
        }
        let permit = Permit::new(request, rule);
        Ok(match plan {
            None => Verdict::Allowed(permit),
            Some(plan) => plan.begin(permit).into(),
        })
    }

    /// The rule that allows a request, or the reason why none does.
    fn rule(self, request: &Request<'_>) -> Result<&'a Rule, Denial> {
        let (method, path) = (request.method(), request.target().path());
        if let Some(rule) = self.listener.rules.denial(method, path) {
            return Err(Denial::Named(rule.clone()));
        }
        let rules = &self.policy.rules;
        let denial = match rules.judge(method, path) {
            RuleVerdict::Allowed(rule) => return Ok(rule),
            RuleVerdict::Denied(rule) => return Err(Denial::Named(rule.clone())),
            RuleVerdict::MethodNotAllowed => Denial::Method { allowed: rules.methods().collect() },
            RuleVerdict::PathNotAllowed { ungrouped_matches } => Denial::Path {
                ungrouped_matches,
                near_miss: near_miss(rules, method, request.target()),
            },
        };
        self.learning.and_then(|learning| learning.admit(method, path)).ok_or(denial)
    }
}

/// The pattern that was probably meant to allow the request.
#[must_use]
pub fn near_miss(rules: &Rules, method: Method, target: &Target<'_>) -> Option<NearMiss> {
    let (version, rest) = split_version(target.path());
    if version.as_str().is_some()
        && let Some(rule) = rules.matching(method, rest)
    {
        return Some(NearMiss::Version(rule.clone()));
    }
    let with_query = format!("{}?{}", target.path(), target.query()?);
    rules.matching(method, &with_query).cloned().map(NearMiss::Query)
}

impl<'a> PendingBody<'a> {
    /// Judges the whole body.
    pub fn judge_body(self, body: Vec<u8>) -> Verdict<'a> {
        let Self { request, rule, bodies, inspection, plan } = self;
        let body = match inspection {
            None => body,
            Some(inspection) => match bodies.judge(inspection, content_type(request), &body) {
                Ok(judged) => judged,
                Err(denial) => return Verdict::Denied(Denial::Body(denial)),
            },
        };
        let permit = Permit::new(request, rule).with_body(body);
        match plan {
            None => Verdict::Allowed(permit),
            Some(plan) => plan.begin(permit).into(),
        }
    }
}

/// The only content type. If there are two, it is unknown which one the Engine reads.
fn content_type<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let mut declared = request.field_values("content-type");
    match (declared.next(), declared.next()) {
        (first, None) => first,
        (_, Some(_)) => Some([].as_slice()),
    }
}

impl<'a> From<Step<'a>> for Verdict<'a> {
    fn from(step: Step<'a>) -> Self {
        match step {
            Step::Allowed(permit) => Self::Allowed(permit),
            Step::Ask(search, questions) => Self::SearchNeeded(search, questions),
            Step::Denied(denial) => Self::Denied(Denial::Target(denial)),
            Step::BadBody(denial) => Self::Denied(Denial::Body(denial)),
        }
    }
}
