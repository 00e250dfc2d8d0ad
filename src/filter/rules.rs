//! Rules: which methods and paths are allowed, by pattern and by name.
//!
//! A pattern must match the whole decoded path; a name covers one operation of
//! the daemons' API. Both add up, and a denial wins over them.
//!
//! **Invariant:** a pattern is parsed alone, so that it cannot reach beyond its
//! own group; then all patterns of a method become one set, whose decision
//! costs nearly the same for a thousand patterns as for one.
//! **Invariant:** one search both decides and finds the deciding rule, which knows
//! where it was written.

mod named;
pub(in crate::filter) mod set;

use super::go_regexp::{PatternError, translate, translate_ungrouped};
use crate::api::Operation;
use crate::http1::Method;
use named::Named;
use regex_automata::Anchored;
use regex_automata::meta::BuildError;
use set::{Set, SetDraft};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The maximum weight of all patterns of a listener, in bytes. A hundred
/// ordinary patterns weigh less than one MiB.
pub const WEIGHT_MAX: u64 = 16 << 20;

/// The rules for all methods. The default allows nothing.
#[derive(Debug, Clone, Default)]
pub struct Rules(Arc<Compiled>);

#[derive(Debug, Default)]
struct Compiled {
    methods: Vec<MethodRules>,
    allowed: Named,
    denied: Named,
}

/// The patterns of one method.
#[derive(Debug)]
struct MethodRules {
    method: Method,
    patterns: Vec<Pattern>,
    whole_path: Set,
    /// The patterns with a `|` outside of groups, as the Go original anchors
    /// them; without such a `|` that makes no difference.
    ungrouped: Option<Set>,
}

#[derive(Debug)]
struct Pattern {
    rule: Rule,
    top_level_alternation: bool,
}

/// A rule as the operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The pattern, or the item of a list of names.
    pub written: String,
    /// The flag, variable or label that has it: `-allowGET`, `SP_ALLOW_GET_2`.
    pub origin: String,
}

/// The verdict of the rules on a method and a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RuleVerdict<'r> {
    /// This rule allows it, and none denies it.
    Allowed(&'r Rule),
    /// This rule denies it, even if others allow it.
    Denied(&'r Rule),
    /// No rule is about the method.
    MethodNotAllowed,
    /// No rule allows the path.
    PathNotAllowed {
        /// Whether a pattern as the Go original anchors it (`^a|b$`, without
        /// a group) would have matched.
        ungrouped_matches: bool,
    },
}

impl RuleVerdict<'_> {
    /// Whether a rule allows it.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

impl Rules {
    /// Compiles patterns in Go's dialect, [`WEIGHT_MAX`] in all at most, each
    /// under the flag of its method.
    ///
    /// # Errors
    /// The first pattern that Go would refuse or that is too large.
    pub fn compile(
        patterns: impl IntoIterator<Item = (Method, String)>,
    ) -> Result<Self, PatternError> {
        let mut draft = Draft::new(WEIGHT_MAX);
        for (method, written) in patterns {
            draft.add(method, Rule { written, origin: format!("-allow{method}") })?;
        }
        draft.compile()
    }

    /// Checks one pattern without compiling it.
    ///
    /// # Errors
    /// If Go would refuse it, or if it is too large.
    pub fn check(method: Method, written: &str) -> Result<(), PatternError> {
        let rule = Rule { written: written.to_owned(), origin: String::new() };
        Draft::new(WEIGHT_MAX).add(method, rule)
    }

    /// Judges a method and a decoded path. Does not allocate once it is warm.
    pub fn judge(&self, method: Method, path: &str) -> RuleVerdict<'_> {
        if let Some(rule) = self.denial(method, path) {
            return RuleVerdict::Denied(rule);
        }
        let allowed = &self.0.allowed;
        if let Some(rule) = allowed.naming(method, path) {
            return RuleVerdict::Allowed(rule);
        }
        match self.of(method) {
            Some(rules) => rules.judge(path),
            None if allowed.has_method(method) => {
                RuleVerdict::PathNotAllowed { ungrouped_matches: false }
            }
            None => RuleVerdict::MethodNotAllowed,
        }
    }

    /// The rule that denies a request, even if others allow it.
    #[must_use]
    pub fn denial(&self, method: Method, path: &str) -> Option<&Rule> {
        self.0.denied.touching(method, path)
    }

    /// The first pattern that matches a text.
    #[must_use]
    pub fn matching(&self, method: Method, text: &str) -> Option<&Rule> {
        match self.of(method)?.judge(text) {
            RuleVerdict::Allowed(rule) => Some(rule),
            _ => None,
        }
    }

    /// Whether nothing is allowed at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.methods.is_empty() && self.0.allowed.is_empty()
    }

    /// The methods that something is allowed with, in the order of [`Method::ALL`].
    pub fn methods(&self) -> impl Iterator<Item = Method> + '_ {
        let is_open =
            |method: &Method| self.of(*method).is_some() || self.0.allowed.has_method(*method);
        Method::ALL.into_iter().filter(is_open)
    }

    /// The patterns with their methods, in the order of [`Method::ALL`].
    pub fn patterns(&self) -> impl Iterator<Item = (Method, &Rule)> + '_ {
        self.all().map(|(method, pattern)| (method, &pattern.rule))
    }

    /// The operations that are allowed by name and not denied, each with its rule.
    pub fn named(&self) -> impl Iterator<Item = (Operation, &Rule)> + '_ {
        let Compiled { allowed, denied, .. } = &*self.0;
        allowed.operations().filter(|(operation, _)| denied.rule_of(*operation).is_none())
    }

    /// The items that allow operations by name, each with all that it names.
    pub fn allowed_items(&self) -> impl Iterator<Item = (&Rule, &[Operation])> {
        self.0.allowed.items()
    }

    /// The items that deny operations by name, each with all that it names.
    pub fn denied_items(&self) -> impl Iterator<Item = (&Rule, &[Operation])> {
        self.0.denied.items()
    }

    /// The operations that are denied, each with its rule.
    pub fn denied(&self) -> impl Iterator<Item = (Operation, &Rule)> + '_ {
        self.0.denied.operations()
    }

    /// Patterns with a `|` outside of every group, for a warning at start.
    pub fn top_level_alternations(&self) -> impl Iterator<Item = &Rule> + '_ {
        self.all().map(|(_, pattern)| pattern).filter(|p| p.top_level_alternation).map(|p| &p.rule)
    }

    fn all(&self) -> impl Iterator<Item = (Method, &Pattern)> {
        let methods = self.0.methods.iter();
        methods.flat_map(|rules| rules.patterns.iter().map(|pattern| (rules.method, pattern)))
    }

    fn of(&self, method: Method) -> Option<&MethodRules> {
        self.0.methods.iter().find(|rules| rules.method == method)
    }
}

impl MethodRules {
    fn judge(&self, path: &str) -> RuleVerdict<'_> {
        let pattern = self.whole_path.first_match(path).and_then(|at| self.patterns.get(at));
        match pattern {
            Some(pattern) => RuleVerdict::Allowed(&pattern.rule),
            None => RuleVerdict::PathNotAllowed { ungrouped_matches: self.match_ungrouped(path) },
        }
    }

    /// Whether a pattern matches as the Go original anchors it.
    fn match_ungrouped(&self, path: &str) -> bool {
        self.ungrouped.as_ref().is_some_and(|set| set.first_match(path).is_some())
    }
}

/// Rules that are checked and weighed, and not compiled yet.
#[derive(Debug)]
pub struct Draft {
    methods: BTreeMap<Method, MethodDraft>,
    allowed: Named,
    denied: Named,
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

impl Draft {
    /// A draft without rules, for patterns that weigh `weight_max` at most.
    #[must_use]
    pub fn new(weight_max: u64) -> Self {
        let (allowed, denied) = (Named::default(), Named::default());
        Self { methods: BTreeMap::new(), allowed, denied, weight: 0, weight_max }
    }

    /// An upper bound of the bytes that the patterns take when compiled.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_unnamed = |named: &Named| named.items().next().is_none();
        self.methods.is_empty() && is_unnamed(&self.allowed) && is_unnamed(&self.denied)
    }

    /// Adds a pattern in Go's dialect.
    ///
    /// # Errors
    /// If Go would refuse it, or if it makes all of them too heavy.
    pub fn add(&mut self, method: Method, rule: Rule) -> Result<(), PatternError> {
        let whole_path = translate(&rule.written)?;
        let top_level_alternation = whole_path.top_level_alternation;
        let ungrouped = match top_level_alternation {
            true => Some(translate_ungrouped(&rule.written)?),
            false => None,
        };
        let weight = whole_path.weight + ungrouped.as_ref().map_or(0, |it| it.weight);
        self.weight = self.weight.saturating_add(weight);
        if self.weight > self.weight_max {
            return Err(self.too_heavy(rule.written, weight));
        }
        let draft = self.methods.entry(method).or_default();
        draft.whole_path.add_whole(&whole_path);
        if let Some(translated) = ungrouped {
            draft.ungrouped.add_as_is(translated);
        }
        draft.patterns.push(Pattern { rule, top_level_alternation });
        Ok(())
    }

    /// Allows operations by name.
    pub fn allow(&mut self, operations: impl IntoIterator<Item = Operation>, rule: Rule) {
        let bytes = self.allowed.add(rule, operations.into_iter().collect());
        self.weigh(bytes);
    }

    /// Denies operations by name, even if other rules allow them.
    pub fn deny(&mut self, operations: impl IntoIterator<Item = Operation>, rule: Rule) {
        let bytes = self.denied.add(rule, operations.into_iter().collect());
        self.weigh(bytes);
    }

    fn weigh(&mut self, bytes: usize) {
        self.weight = self.weight.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
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
        let Self { methods, allowed, denied, .. } = self;
        let methods = methods.into_iter().map(|(method, draft)| draft.compile(method));
        let methods = methods.collect::<Result<_, _>>()?;
        Ok(Rules(Arc::new(Compiled { methods, allowed, denied })))
    }
}

impl MethodDraft {
    fn compile(self, method: Method) -> Result<MethodRules, PatternError> {
        let Self { patterns, whole_path, ungrouped } = self;
        let explain = |error: Box<BuildError>| PatternError {
            pattern: format!("all patterns for {method}"),
            reason: error.to_string(),
        };
        let whole_path = whole_path.compile(Anchored::Yes).map_err(explain)?;
        let ungrouped = match ungrouped.is_empty() {
            true => None,
            false => Some(ungrouped.compile(Anchored::No).map_err(explain)?),
        };
        Ok(MethodRules { method, patterns, whole_path, ungrouped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(patterns: &[&str]) -> Rules {
        Rules::compile(patterns.iter().map(|pattern| (Method::Get, (*pattern).to_owned()))).unwrap()
    }

    fn is_allowed(patterns: &[&str], path: &str) -> bool {
        rules(patterns).judge(Method::Get, path).is_allowed()
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
        let rules = rules(&["/x", "/a.*", "/ab"]);
        let rule = Rule { written: "/a.*".into(), origin: "-allowGET".into() };
        assert_eq!(rules.judge(Method::Get, "/ab"), RuleVerdict::Allowed(&rule));
    }

    #[test]
    fn methods_and_patterns_come_in_the_order_of_the_documentation() {
        let given = [(Method::Post, "/b|/c"), (Method::Get, "/x"), (Method::Post, "/a")];
        let rules = Rules::compile(given.map(|(method, path)| (method, path.to_owned()))).unwrap();
        assert_eq!(rules.methods().collect::<Vec<_>>(), [Method::Get, Method::Post]);
        let sorted = [(Method::Get, "/x"), (Method::Post, "/b|/c"), (Method::Post, "/a")];
        let written = |(method, rule): (Method, &Rule)| (method, rule.written.clone());
        let sorted = sorted.map(|(method, path)| (method, path.to_owned()));
        assert_eq!(rules.patterns().map(written).collect::<Vec<_>>(), sorted);
        let open: Vec<_> = rules.top_level_alternations().map(|rule| &rule.written).collect();
        assert_eq!(open, ["/b|/c"]);
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

    /// Rules of items that allow and deny operations, with a pattern for all GETs.
    fn named(allow: &[Operation], deny: &[Operation], patterns: &[&str]) -> Rules {
        let rule = |origin: &str| Rule { written: "X".into(), origin: origin.into() };
        let mut draft = Draft::new(WEIGHT_MAX);
        draft.allow(allow.iter().copied(), rule("-allow"));
        draft.deny(deny.iter().copied(), rule("-deny"));
        for pattern in patterns {
            let rule = Rule { written: (*pattern).to_owned(), origin: "-allowGET".into() };
            draft.add(Method::Get, rule).unwrap();
        }
        draft.compile().unwrap()
    }

    fn origin(rules: &Rules, method: Method, path: &str) -> Option<String> {
        match rules.judge(method, path) {
            RuleVerdict::Allowed(rule) => Some(rule.origin.clone()),
            RuleVerdict::Denied(rule) => Some(format!("denied by {}", rule.origin)),
            RuleVerdict::MethodNotAllowed | RuleVerdict::PathNotAllowed { .. } => None,
        }
    }

    #[test]
    fn names_and_patterns_add_up_and_a_denial_wins() {
        use Operation::{ContainerInspect, ContainerLogs, SystemInfo};
        let rules = named(&[SystemInfo, ContainerLogs], &[ContainerLogs], &["/containers/.*"]);
        let rows = [
            (Method::Get, "/v1.51/info", Some("-allow")),
            (Method::Get, "/info", Some("-allow")),
            (Method::Get, "/infos", None),
            (Method::Get, "/containers/a/json", Some("-allowGET")),
            (Method::Get, "/containers/a/logs", Some("denied by -deny")),
            // Patterns match without a version here, a denial with any.
            (Method::Get, "/v1.51/containers/a/logs", Some("denied by -deny")),
            (Method::Get, "/x/containers/a/logs", Some("denied by -deny")),
            (Method::Get, "/containers/a/logs/", Some("denied by -deny")),
            (Method::Post, "/info", None),
        ];
        for (method, path, expected) in rows {
            assert_eq!(origin(&rules, method, path).as_deref(), expected, "{method} {path}");
        }
        assert_eq!(rules.named().map(|(operation, _)| operation).collect::<Vec<_>>(), [SystemInfo]);
        let none = named(&[ContainerInspect], Operation::ALL, &["/.*"]);
        assert_eq!(none.named().count(), 0);
        assert_eq!(origin(&none, Method::Get, "/info").as_deref(), Some("denied by -deny"));
        // No daemon has this path, so that no name could deny it.
        assert_eq!(origin(&none, Method::Get, "/unknown").as_deref(), Some("-allowGET"));
    }

    #[test]
    fn the_methods_of_names_are_methods_that_are_allowed() {
        let rules = named(&[Operation::ContainerDelete, Operation::SystemInfo], &[], &[]);
        assert_eq!(rules.methods().collect::<Vec<_>>(), [Method::Get, Method::Delete]);
        assert_eq!(rules.judge(Method::Post, "/build"), RuleVerdict::MethodNotAllowed);
        let denied = RuleVerdict::PathNotAllowed { ungrouped_matches: false };
        assert_eq!(rules.judge(Method::Get, "/version"), denied);
        assert!(!rules.is_empty() && Rules::default().is_empty());
    }

    #[test]
    fn heavy_patterns_judge_no_very_long_path() {
        let path = format!("/{}", "a".repeat(10_000));
        assert!(is_allowed(&["/a*"], &path));
        assert!(is_allowed(&["/a*", r"/\pL{20}"], &path[..5000]));
        assert!(!is_allowed(&["/a*", r"/\pL{50}"], &path), "time is bounded");
    }

    #[test]
    fn threads_that_judge_at_the_same_time_judge_alike() {
        let rules = rules(&[r"/containers/[a-z0-9]+/(json|logs)", "/a|/b"]);
        std::thread::scope(|scope| {
            for thread in 0..16 {
                let rules = &rules;
                scope.spawn(move || {
                    for id in 0..200 {
                        let path = format!("/containers/{thread}x{id}/json");
                        assert!(rules.judge(Method::Get, &path).is_allowed());
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
