//! Targets: a client sees and touches only containers, networks and volumes with
//! certain labels.
//!
//! The daemon filters lists, events and prunes by label. Every other reference to a
//! container, network or volume, in path, query or body, is looked up first and
//! replaced by the id, so that a name cannot change hands in between. Created things
//! get the labels.
//!
//! **Invariant:** pure. [`Search`] says which [`Question`]s the daemon must answer,
//! and makes a permit of the answers.
//! **Invariant:** a foreign, a missing and an ambiguous target are answered alike.
//! **Invariant:** an operation that is not in the table, or that the table does not
//! know how to limit, is refused.
//!
//! Deliberately not done here: asking the daemon; limiting images, which belong to nobody.
//!
//! Read: `labels`, `search`, `query`, `body`, `answer`, `hide`, `denial`.

mod answer;
mod body;
mod denial;
mod hide;
mod labels;
mod query;
mod search;
#[cfg(test)]
mod tests;

pub use answer::{AnswerError, Treated, Treatment};
pub use denial::TargetDenial;
pub use labels::{LabelError, TargetLabel};
pub use search::{Fact, Facts, Found, Question, Search, Step, TargetKind};

pub(super) use search::Plan;

use crate::api::{Operation, Targeting, exact, split_version};
use crate::http1::{Method, Request};
use labels::origin;

/// The targets that a client is limited to. The default is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetRules {
    /// The labels that all targets carry; none for no limit.
    pub labels: Vec<TargetLabel>,
    /// The flag or label that hides environments, if one does.
    pub hides_env: Option<String>,
}

/// The rules that apply to one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) labels: &'a [TargetLabel],
    pub(super) hides_env: Option<&'a str>,
}

impl TargetRules {
    /// Whether there is no limit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.hides_env.is_none()
    }

    /// A label whose key another one has with another value: nothing can carry both.
    #[must_use]
    pub fn contradiction(&self) -> Option<&TargetLabel> {
        self.labels.iter().enumerate().find_map(|(index, label)| {
            let mut before = self.labels.iter().take(index);
            before
                .any(|other| other.key == label.key && other.value != label.value)
                .then_some(label)
        })
    }

    /// Whether a request that a rule allows is limited to targets, by its head alone.
    ///
    /// # Errors
    /// If it is refused regardless of its target.
    pub fn check(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<bool, TargetDenial> {
        let is_limited = !self.labels.is_empty();
        self.or(&Self::default()).plan_of(method, path, query).map(|_| is_limited)
    }

    /// These rules, or where they set no limit those of the listener. A container with
    /// labels has targets of its own; it does not get rid of its listener's by
    /// having none.
    pub(super) fn or<'a>(&'a self, listener: &'a Self) -> Limits<'a> {
        let own = !self.labels.is_empty();
        let labels = if own { &self.labels } else { &listener.labels };
        let hides_env = self.hides_env.as_deref().or(listener.hides_env.as_deref());
        Limits { labels, hides_env }
    }
}

impl<'a> Limits<'a> {
    /// How a request that a rule allows is limited; `None` if it is not.
    ///
    /// # Errors
    /// If it is refused by its head.
    pub(super) fn plan(self, request: &Request<'_>) -> Result<Option<Plan<'a>>, TargetDenial> {
        let target = request.target();
        let plan = self.plan_of(request.method(), target.path(), target.query())?;
        if !self.labels.is_empty() {
            check_content_type(request)?;
        }
        Ok(plan)
    }

    fn plan_of(
        self,
        method: Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<Option<Plan<'a>>, TargetDenial> {
        if self.labels.is_empty() && self.hides_env.is_none() {
            return Ok(None);
        }
        let operation = exact(method, path);
        let places = match self.hides_env {
            Some(flag) => hide::places(operation, query, flag)?,
            None => &[],
        };
        if self.labels.is_empty() {
            return Ok(Plan::hiding(places));
        }
        let operation = operation.filter(|_| has_plain_version(path));
        let operation =
            operation.ok_or_else(|| TargetDenial::Unknown { label: origin(self.labels) })?;
        if operation.facts().targeting == Targeting::Never {
            return Err(TargetDenial::unlimited(operation, self.labels));
        }
        check_version(operation, path)?;
        Ok(Some(Plan::limiting(operation, self.labels, places)))
    }
}

/// Whether the version is two numbers or none, so that all daemons compare it alike.
fn has_plain_version(path: &str) -> bool {
    let Some(version) = split_version(path).0.as_str() else { return true };
    numbers(version).is_some()
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    };
    Some((number(major)?, number(minor)?))
}

/// Below 1.28 the list of networks has the containers of each.
fn check_version(operation: Operation, path: &str) -> Result<(), TargetDenial> {
    let version = split_version(path).0.as_str().and_then(numbers);
    match (operation, version) {
        (Operation::NetworkList, Some(version)) if version < (1, 28) => {
            Err(TargetDenial::OldVersion { operation, needed: "1.28" })
        }
        _ => Ok(()),
    }
}

/// A form in the body would override the query. Go trims more than white space of
/// ASCII from a type, so that only plain types pass.
fn check_content_type(request: &Request<'_>) -> Result<(), TargetDenial> {
    let Some(given) = super::content_type(request) else { return Ok(()) };
    let essence = super::bodies::essence(given);
    let is_token = |part: &[u8]| {
        !part.is_empty()
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(byte))
    };
    let mut parts = essence.split(|byte| *byte == b'/');
    let is_plain = match (parts.next(), parts.next(), parts.next()) {
        (Some(kind), Some(name), None) => is_token(kind) && is_token(name),
        _ => false,
    };
    let is_form = super::bodies::FORMS.iter().any(|form| essence.eq_ignore_ascii_case(form));
    if is_plain && !is_form { Ok(()) } else { Err(TargetDenial::ContentType) }
}
