//! Safe create: a container that a client creates gets no more of the host than an
//! ordinary container has.
//!
//! Deny lists of dangerous fields fail: the next version of a daemon has another one. So
//! the rule is an allowlist of fields *and of values*, one table for each body, which is
//! documentation as well (`docs/safe-create-fields.md`).
//!
//! - `exceptions`: the items of `-safecreateallow`, which open more;
//! - `table`: the language of the tables, `judge`: the walk through a body by one;
//! - `operations`: the governed operations, `query`: their parameters;
//! - `container`, `host_config`, `namespaces`, `mounts`, `network`, `service`, `libpod`:
//!   the tables, and the values that only a function can judge;
//! - `violation`: the findings, in words.
//!
//! **Invariant:** a field that is in no table is refused, or is empty and left out.
//! **Invariant:** host directories are not judged here. The rule for them is in force as
//! well, with an empty list where `-allowbindmountfrom` gives none.

mod container;
#[cfg(test)]
mod document;
mod exceptions;
mod host_config;
mod judge;
mod libpod;
mod mounts;
mod namespaces;
mod network;
mod operations;
mod query;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod violation;

pub use exceptions::{Exceptions, Item, ItemError, Kind};
pub use violation::{SHOWN_MAX, Unsafe, Violation, Violations, Wrong};

use super::directories::BindMounts;
use super::endpoints::Inspection;
use crate::api::{Operation, recognise};
use crate::http1::Method;
use crate::json::Tree;
use judge::{Judge, Place};

/// The limits on containers that clients create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeCreate {
    exceptions: Exceptions,
    /// How to add an exception, in words that end before it.
    how: String,
    /// No directory of the host, where no other list is in force.
    directories: BindMounts,
}

/// The rule with its exceptions.
impl std::fmt::Display for SafeCreate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let items: Vec<String> = self.exceptions.items().map(ToString::to_string).collect();
        match items.is_empty() {
            true => f.write_str("safe"),
            false => write!(f, "safe but for {}", items.join(", ")),
        }
    }
}

impl SafeCreate {
    /// The rule with these exceptions. `how` says how to add one, in words that end
    /// before it: `add -safecreateallow=`; `written_in` is the flag or label in which
    /// host directories would be listed.
    #[must_use]
    pub fn new(exceptions: Exceptions, how: String, written_in: String) -> Self {
        let directories = BindMounts::none().leaving_others().written_in(written_in);
        Self { exceptions, how, directories }
    }

    /// The same rule on a host whose control groups are of version 1, or not: there
    /// every container has the host's cgroup namespace.
    #[must_use]
    pub fn on_cgroup_version_1(self, is_version_1: bool) -> Self {
        let exceptions = self.exceptions.with_host_cgroups(is_version_1);
        Self { exceptions, ..self }
    }

    /// The items that open more.
    #[must_use]
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// Whether a whole operation is refused.
    #[must_use]
    pub fn refuses(&self, operation: Operation) -> bool {
        operations::opened_by(operation).is_some_and(|kind| !self.exceptions.has(kind, ""))
    }

    /// The list of host directories where there is no other: an empty one.
    pub(super) fn directories(&self) -> &BindMounts {
        &self.directories
    }

    /// Judges a request without its body: whether its operation is refused, and the
    /// parameters of its query.
    ///
    /// # Errors
    /// The violations.
    pub(super) fn check_head(&self, method: Method, path: &str, query: &str) -> Result<(), Unsafe> {
        let mut judge = Judge::new(&self.exceptions);
        let area = operations::area_opened_by(method, path);
        if method == Method::Post {
            for operation in recognise(method, path) {
                match operations::opened_by(operation) {
                    Some(kind) if area.is_none() => judge.operation(operation.name(), kind),
                    _ => {}
                }
                if let Some(table) = query::table(operation) {
                    query::check(&mut judge, table, query);
                }
            }
        }
        if let Some(kind) = area {
            judge.operation("the operation", kind);
        }
        self.verdict(judge.violations())
    }

    /// Judges a body, and removes unknown empty fields from it.
    pub(super) fn judge(&self, inspection: Inspection, body: &mut Tree<'_>) -> Violations {
        let mut judge = Judge::new(&self.exceptions);
        match operations::values(inspection) {
            Some(values) => judge.value(values, &Place::BODY, body),
            None => judge.unread(),
        }
        judge.violations()
    }

    /// An error of violations, if there are any.
    pub(super) fn verdict(&self, violations: Violations) -> Result<(), Unsafe> {
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Unsafe { violations, how: self.how.clone() }),
        }
    }
}
