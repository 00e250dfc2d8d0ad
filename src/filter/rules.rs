//! Rules: for each method, patterns that must match the whole decoded path.
//!
//! **Invariant:** a pattern is parsed alone, so that it cannot reach beyond its
//! own group; then all patterns of a method become one set, whose decision
//! costs nearly the same for a thousand patterns as for one.
//!
//! A set builds its automaton while it judges. What it has built is kept in
//! caches, one for each thread that judges at the same time; `Lanes` bounds
//! their number.

use super::go_regexp::{NEST_MAX, PatternError, Translated, translate, translate_ungrouped};
use crate::http1::Method;
use regex::{RegexSet, RegexSetBuilder};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// What all patterns of a listener may weigh together, in bytes. A hundred
/// ordinary patterns weigh less than one MiB.
pub const WEIGHT_MAX: u64 = 16 << 20;

/// Room beyond the weight of its patterns that a set may take when compiled.
const SET_BYTES: usize = 1 << 20;

/// The same for each pattern: its anchors, and its place in the set.
const PATTERN_BYTES: usize = 512;

/// What one cache of a set may grow to. A thousand patterns need some 1 MiB; a
/// set that would need more judges without a cache, hundreds of times slower.
const CACHE_BYTES_MAX: usize = 2 << 20;

/// The patterns of all methods. The default matches nothing.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    methods: Arc<[MethodRules]>,
}

/// The patterns of one method.
#[derive(Debug)]
struct MethodRules {
    method: Method,
    patterns: Vec<Pattern>,
    whole_path: RegexSet,
    /// The patterns with a `|` outside of groups, as the Go original anchors
    /// them; without such a `|` that makes no difference.
    ungrouped: Option<RegexSet>,
    lanes: Lanes,
}

#[derive(Debug)]
struct Pattern {
    written: String,
    top_level_alternation: bool,
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
    /// Compiles patterns in Go's dialect, [`WEIGHT_MAX`] in all at most.
    ///
    /// # Errors
    /// The first pattern that Go would refuse or that is too large.
    pub fn compile(
        patterns: impl IntoIterator<Item = (Method, String)>,
    ) -> Result<Self, PatternError> {
        let mut draft = Draft::new(WEIGHT_MAX);
        patterns.into_iter().try_for_each(|(method, written)| draft.add(method, written))?;
        draft.compile()
    }

    /// Checks one pattern without compiling it.
    ///
    /// # Errors
    /// If Go would refuse it, or if it is too large.
    pub fn check(method: Method, written: &str) -> Result<(), PatternError> {
        Draft::new(WEIGHT_MAX).add(method, written.to_owned())
    }

    /// Judges a method and a decoded path. Does not allocate once it is warm.
    pub fn judge(&self, method: Method, path: &str) -> RuleVerdict {
        match self.of(method) {
            None => RuleVerdict::MethodNotAllowed,
            Some(rules) if rules.match_whole(path) => RuleVerdict::Allowed,
            Some(rules) => {
                RuleVerdict::PathNotAllowed { ungrouped_matches: rules.match_ungrouped(path) }
            }
        }
    }

    /// The first pattern, as written, that matches; for logs, may allocate.
    #[must_use]
    pub fn matching_pattern(&self, method: Method, path: &str) -> Option<&str> {
        let rules = self.of(method)?;
        let _lane = rules.lanes.enter();
        let index = rules.whole_path.matches(path).iter().next()?;
        rules.patterns.get(index).map(|pattern| pattern.written.as_str())
    }

    /// The methods that have a pattern, in the order of [`Method::ALL`].
    pub fn methods(&self) -> impl Iterator<Item = Method> + '_ {
        self.methods.iter().map(|rules| rules.method)
    }

    /// The patterns as the operator wrote them.
    pub fn patterns(&self) -> impl Iterator<Item = (Method, &str)> + '_ {
        self.all().map(|(method, pattern)| (method, pattern.written.as_str()))
    }

    /// Patterns with a `|` outside of every group, for a warning at start.
    pub fn top_level_alternations(&self) -> impl Iterator<Item = (Method, &str)> + '_ {
        self.all()
            .filter(|(_, pattern)| pattern.top_level_alternation)
            .map(|(method, pattern)| (method, pattern.written.as_str()))
    }

    fn all(&self) -> impl Iterator<Item = (Method, &Pattern)> {
        self.methods
            .iter()
            .flat_map(|rules| rules.patterns.iter().map(|pattern| (rules.method, pattern)))
    }

    fn of(&self, method: Method) -> Option<&MethodRules> {
        self.methods.iter().find(|rules| rules.method == method)
    }
}

impl MethodRules {
    fn match_whole(&self, path: &str) -> bool {
        let _lane = self.lanes.enter();
        self.whole_path.is_match(path)
    }

    /// Whether a pattern matches as the Go original anchors it.
    fn match_ungrouped(&self, path: &str) -> bool {
        let Some(set) = &self.ungrouped else { return false };
        let _lane = self.lanes.enter();
        set.is_match(path)
    }
}

/// Patterns that are translated and weighed, and not compiled yet.
#[derive(Debug)]
pub struct Draft {
    methods: BTreeMap<Method, MethodDraft>,
    weight: u64,
    weight_max: u64,
}

/// The patterns of one method before they become a set.
#[derive(Debug, Default)]
struct MethodDraft {
    patterns: Vec<Pattern>,
    whole_path: SetDraft,
    ungrouped: SetDraft,
}

#[derive(Debug, Default)]
struct SetDraft {
    regexes: Vec<String>,
    weight: u64,
}

impl Draft {
    /// A draft without patterns, for as much as `weight_max`.
    #[must_use]
    pub fn new(weight_max: u64) -> Self {
        Self { methods: BTreeMap::new(), weight: 0, weight_max }
    }

    /// An upper bound of the bytes that the patterns take when compiled.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Adds a pattern in Go's dialect.
    ///
    /// # Errors
    /// If Go would refuse it, or if it makes all of them too heavy.
    pub fn add(&mut self, method: Method, written: String) -> Result<(), PatternError> {
        let whole_path = translate(&written)?;
        let top_level_alternation = whole_path.top_level_alternation;
        let ungrouped = match top_level_alternation {
            true => Some(translate_ungrouped(&written)?),
            false => None,
        };
        let weight = whole_path.weight + ungrouped.as_ref().map_or(0, |it| it.weight);
        self.weight = self.weight.saturating_add(weight);
        if self.weight > self.weight_max {
            return Err(self.too_heavy(written, weight));
        }
        let draft = self.methods.entry(method).or_default();
        draft.whole_path.add(|regex| format!(r"\A(?:{regex})\z"), whole_path);
        if let Some(translated) = ungrouped {
            draft.ungrouped.add(|regex| regex, translated);
        }
        draft.patterns.push(Pattern { written, top_level_alternation });
        Ok(())
    }

    fn too_heavy(&self, pattern: String, weight: u64) -> PatternError {
        let others = if weight > self.weight_max { "" } else { "with the patterns before it, " };
        let mebibytes = self.weight_max >> 20;
        let reason = format!("{others}it would take more than {mebibytes} MiB when compiled");
        PatternError { pattern, reason }
    }

    /// Compiles all patterns.
    ///
    /// # Errors
    /// None for patterns that [`Self::add`] took; the crate could have others.
    pub fn compile(self) -> Result<Rules, PatternError> {
        let methods = self.methods.into_iter().map(|(method, draft)| draft.compile(method));
        Ok(Rules { methods: methods.collect::<Result<_, _>>()? })
    }
}

impl MethodDraft {
    fn compile(self, method: Method) -> Result<MethodRules, PatternError> {
        let Self { patterns, whole_path, ungrouped } = self;
        let explain = |error: regex::Error| PatternError {
            pattern: format!("all patterns for {method}"),
            reason: error.to_string(),
        };
        let whole_path = whole_path.compile().map_err(explain)?;
        let ungrouped = match ungrouped.regexes.is_empty() {
            true => None,
            false => Some(ungrouped.compile().map_err(explain)?),
        };
        Ok(MethodRules { method, patterns, whole_path, ungrouped, lanes: Lanes::default() })
    }
}

impl SetDraft {
    fn add(&mut self, anchor: impl FnOnce(String) -> String, translated: Translated) {
        self.weight = self.weight.saturating_add(translated.weight);
        self.regexes.push(anchor(translated.regex));
    }

    fn compile(self) -> Result<RegexSet, regex::Error> {
        let weight = usize::try_from(self.weight).unwrap_or(usize::MAX);
        let each = self.regexes.len().saturating_mul(PATTERN_BYTES);
        RegexSetBuilder::new(self.regexes)
            .size_limit(weight.saturating_add(each).saturating_add(SET_BYTES))
            .dfa_size_limit(CACHE_BYTES_MAX)
            .nest_limit(NEST_MAX)
            .build()
    }
}

/// How many threads may judge by one set at the same time. Judging takes well
/// below a microsecond, so that hardly any thread ever waits; and without a
/// bound each of a thousand threads could leave a cache behind.
const LANES: usize = 4;

/// The places from which a set may be used.
#[derive(Debug, Default)]
struct Lanes {
    lanes: [Mutex<()>; LANES],
    next: AtomicUsize,
}

impl Lanes {
    /// Takes a free lane, or waits for one of them.
    fn enter(&self) -> MutexGuard<'_, ()> {
        for lane in &self.lanes {
            match lane.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(error)) => return error.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let [first, ..] = &self.lanes;
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % LANES;
        let lane = self.lanes.get(turn).unwrap_or(first);
        lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(patterns: &[&str]) -> Rules {
        Rules::compile(patterns.iter().map(|pattern| (Method::Get, (*pattern).to_owned()))).unwrap()
    }

    fn is_allowed(patterns: &[&str], path: &str) -> bool {
        rules(patterns).judge(Method::Get, path) == RuleVerdict::Allowed
    }

    #[test]
    fn a_pattern_must_match_the_whole_path() {
        let rows = [
            ("/version", "/version", true),
            ("/version", "/version/x", false),
            ("/version", "/x/version", false),
            ("/a|/b", "/b/evil", false),
            ("/a|/b", "/b", true),
            ("(?m)/a$", "/evil\n/a", false),
            ("^/a$", "/a", true),
            (r"/v1\..{1,2}/(version|containers/.*|events.*)", "/v1.41/containers/json", true),
            (r"/v1\..{1,2}/(version|containers/.*|events.*)", "/v1.41/images/json", false),
        ];
        for (pattern, path, allowed) in rows {
            assert_eq!(is_allowed(&[pattern], path), allowed, "{pattern} {path}");
        }
        assert!(is_allowed(&["/a", "/b"], "/b"));
    }

    #[test]
    fn a_denial_tells_if_the_originals_anchoring_would_have_allowed() {
        let denied = |ungrouped_matches| RuleVerdict::PathNotAllowed { ungrouped_matches };
        assert_eq!(rules(&["/a|/b"]).judge(Method::Get, "/a/x"), denied(true));
        assert_eq!(rules(&["/a|/b"]).judge(Method::Get, "/c"), denied(false));
        assert_eq!(rules(&["(/a|/b)"]).judge(Method::Get, "/a/x"), denied(false));
        assert_eq!(rules(&["/a"]).judge(Method::Post, "/a"), RuleVerdict::MethodNotAllowed);
    }

    #[test]
    fn the_matching_pattern_is_told_as_it_was_written() {
        assert_eq!(rules(&["/x", "/a.*"]).matching_pattern(Method::Get, "/ab"), Some("/a.*"));
    }

    #[test]
    fn methods_and_patterns_come_in_the_order_of_the_documentation() {
        let given = [(Method::Post, "/b|/c"), (Method::Get, "/x"), (Method::Post, "/a")];
        let rules = Rules::compile(given.map(|(method, path)| (method, path.to_owned()))).unwrap();
        assert_eq!(rules.methods().collect::<Vec<_>>(), [Method::Get, Method::Post]);
        let sorted = [(Method::Get, "/x"), (Method::Post, "/b|/c"), (Method::Post, "/a")];
        assert_eq!(rules.patterns().collect::<Vec<_>>(), sorted);
        let open: Vec<_> = rules.top_level_alternations().collect();
        assert_eq!(open, [(Method::Post, "/b|/c")]);
        assert_eq!(Rules::default().judge(Method::Get, "/"), RuleVerdict::MethodNotAllowed);
    }

    #[test]
    fn an_error_names_the_pattern() {
        let error = |patterns: &[&str]| {
            let of_get = patterns.iter().map(|pattern| (Method::Get, (*pattern).to_owned()));
            Rules::compile(of_get).unwrap_err().to_string()
        };
        assert_eq!(error(&["/a", "/b)", "/c"]), "pattern `/b)`: a `)` has no opening `(`");
        assert_eq!(error(&["a)(b"]), "pattern `a)(b`: a `)` has no opening `(`");
        assert_eq!(
            error(&[r"/\pL{100}", r"/\pN{100}", r"/\pS{100}"]),
            "pattern `/\\pS{100}`: with the patterns before it, it would take more than 16 MiB \
             when compiled"
        );
        assert_eq!(
            error(&[r"/\pL{1000}"]),
            "pattern `/\\pL{1000}`: it would take more than 16 MiB when compiled"
        );
    }

    #[test]
    fn threads_that_judge_at_the_same_time_judge_alike() {
        let rules = rules(&[r"/containers/[a-z0-9]+/(json|logs)", "/a|/b"]);
        std::thread::scope(|scope| {
            for thread in 0..4 * LANES {
                let rules = &rules;
                scope.spawn(move || {
                    for id in 0..200 {
                        let path = format!("/containers/{thread}x{id}/json");
                        assert_eq!(rules.judge(Method::Get, &path), RuleVerdict::Allowed);
                        let denied = RuleVerdict::PathNotAllowed { ungrouped_matches: false };
                        assert_eq!(rules.judge(Method::Get, &path[1..]), denied);
                    }
                });
            }
        });
    }

    #[test]
    fn all_patterns_of_real_compose_files_start() {
        let mut count = 0;
        for line in include_str!("../../tests/cases/allow_patterns.tsv").lines() {
            let (method, pattern) = line.split_once('\t').unwrap();
            let method = Method::from_name(method).unwrap();
            let compiled = Rules::compile([(method, pattern.to_owned())]);
            assert!(compiled.is_ok(), "{pattern}: {compiled:?}");
            count += 1;
        }
        assert!(count > 100);
    }
}
