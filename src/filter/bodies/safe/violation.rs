//! The parts of a body that are not allowed, with the item that would allow each.

use super::exceptions::Item;
use crate::filter::bodies::refusal::Refusal;
use crate::json::Tree;
use crate::text::bounded;
use std::collections::HashSet;
use std::fmt::{self, Display};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// How many violations one answer names.
pub const SHOWN_MAX: usize = 5;

/// One thing that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Containers could get more than they should.
    Unsafe {
        /// Where it is, such as `HostConfig.Privileged`.
        place: String,
        /// Why it is refused.
        wrong: Wrong,
    },
    /// Another rule or the form of the body is violated.
    Refused(Refusal),
}

/// Why something is not safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The value is none that passes.
    Value {
        /// The value as it is shown.
        shown: String,
        /// The item that allows it, if any does.
        item: Option<Item>,
    },
    /// The field is not in the table.
    Unknown {
        /// The item that allows it.
        item: Item,
    },
    /// The whole operation is refused.
    Operation {
        /// The item that allows it.
        item: Item,
    },
    /// The operation cannot be judged.
    Unread,
}

/// All violations of a request; the first [`SHOWN_MAX`] are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    /// Hashes of the refusals that are counted only.
    counted: HashSet<u64>,
    count: usize,
}

/// Violations with the way to allow them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsafe {
    /// At least one.
    pub violations: Violations,
    /// How to allow an item, in words that end before it: `add -safecreateallow=`.
    pub how: String,
}

impl Wrong {
    pub(super) fn value(tree: &Tree<'_>, item: Option<Item>) -> Self {
        Self::Value { shown: bounded_json(tree), item }
    }
}

/// A value on one line: texts are quoted, long ones cut.
fn bounded_json(tree: &Tree<'_>) -> String {
    match tree {
        Tree::String(text) => crate::text::quoted(text),
        _ => bounded(&tree.to_string()).replace("\\\"", "\""),
    }
}

impl Violations {
    /// Counts a violation, and keeps it if there is room.
    pub(super) fn add(&mut self, violation: impl FnOnce() -> Violation) {
        self.count += 1;
        if self.kept.len() < SHOWN_MAX {
            self.kept.push(violation());
        }
    }

    /// Counts a refusal once: a field that two rules judge may be misspelled.
    pub(in crate::filter::bodies) fn add_refusal(&mut self, refusal: Refusal) {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&refusal);
        let violation = Violation::Refused(refusal);
        let is_kept = self.kept.contains(&violation);
        if !is_kept && (self.kept.len() < SHOWN_MAX || self.counted.insert(hash)) {
            self.add(|| violation);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Those that are shown.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.kept.iter()
    }
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations.kept.iter().enumerate() {
            if index > 0 {
                f.write_str(". ")?;
            }
            violation.write(&self.how, f)?;
        }
        match self.violations.count.saturating_sub(self.violations.kept.len()) {
            0 => Ok(()),
            1 => f.write_str(". 1 more fault of this request is not shown"),
            more => write!(f, ". {more} more faults of this request are not shown"),
        }
    }
}

impl Violation {
    fn write(&self, how: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, wrong) = match self {
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Unsafe { place, wrong } => (place, wrong),
        };
        match wrong {
            Wrong::Value { shown, item: Some(item) } => {
                write!(f, "{place}={shown} is not allowed; to allow it, {how}{item}")
            }
            Wrong::Value { shown, item: None } => {
                write!(f, "{place}={shown} is not allowed, and no option allows it")
            }
            Wrong::Unknown { item } => {
                write!(f, "{place} is not a known field; to allow it, {how}{item}")
            }
            Wrong::Operation { item } => {
                write!(f, "{place} is not allowed; to allow it, {how}{item}")
            }
            Wrong::Unread => {
                write!(f, "{place} cannot be judged yet, and no option allows it")
            }
        }
    }
}
