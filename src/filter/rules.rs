//! Rules: for each method, patterns that must match the whole decoded path.
//!
//! **Invariant:** a pattern is translated and compiled alone first, so that no
//! pattern can reach beyond its own group; then all patterns of a method become
//! one set, whose decision costs the same for one pattern as for many.

use super::go_regexp::{COMPILED_BYTES_MAX, PatternError, translate};
use crate::http1::Method;
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Nesting that Go accepts, with room for the groups that are added.
const NEST_MAX: u32 = 2200;

/// The patterns of all methods. The default matches nothing.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    methods: Vec<MethodRules>,
}

/// The patterns of one method.
#[derive(Debug, Clone)]
struct MethodRules {
    method: Method,
    set: RegexSet,
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    written: String,
    translated: String,
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
    /// Compiles patterns in Go's dialect.
    ///
    /// # Errors
    /// The first pattern that Go would refuse or that is too large.
    pub fn compile(
        patterns: impl IntoIterator<Item = (Method, String)>,
    ) -> Result<Self, PatternError> {
        let mut by_method: Vec<(Method, Vec<Pattern>)> = Vec::new();
        for (method, written) in patterns {
            let pattern = Pattern::compile(written)?;
            match by_method.iter_mut().find(|(known, _)| *known == method) {
                Some((_, list)) => list.push(pattern),
                None => by_method.push((method, vec![pattern])),
            }
        }
        by_method.sort_by_key(|(method, _)| *method);
        let methods = by_method.into_iter().map(|(method, list)| MethodRules::new(method, list));
        Ok(Self { methods: methods.collect::<Result<_, _>>()? })
    }

    /// Judges a method and a decoded path. Does not allocate once it is warm.
    pub fn judge(&self, method: Method, path: &str) -> RuleVerdict {
        match self.of(method) {
            None => RuleVerdict::MethodNotAllowed,
            Some(rules) if rules.set.is_match(path) => RuleVerdict::Allowed,
            Some(rules) => {
                RuleVerdict::PathNotAllowed { ungrouped_matches: rules.matches_ungrouped(path) }
            }
        }
    }

    /// The first pattern, as written, that matches; for logs, may allocate.
    #[must_use]
    pub fn matching_pattern(&self, method: Method, path: &str) -> Option<&str> {
        let rules = self.of(method)?;
        let index = rules.set.matches(path).iter().next()?;
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

impl Pattern {
    fn compile(written: String) -> Result<Self, PatternError> {
        let translated = translate(&written)?;
        let pattern = Self {
            written,
            translated: translated.regex,
            top_level_alternation: translated.top_level_alternation,
        };
        match build(&pattern.translated) {
            Ok(_) => Ok(pattern),
            Err(error) => Err(too_large(&pattern.written, &error)),
        }
    }

    fn whole_path(&self) -> String {
        format!(r"\A(?:{})\z", self.translated)
    }
}

impl MethodRules {
    fn new(method: Method, patterns: Vec<Pattern>) -> Result<Self, PatternError> {
        let set = RegexSetBuilder::new(patterns.iter().map(Pattern::whole_path))
            .size_limit(COMPILED_BYTES_MAX)
            .nest_limit(NEST_MAX)
            .build()
            .map_err(|error| too_large("all patterns of one method together", &error))?;
        Ok(Self { method, set, patterns })
    }

    /// Only for the hint in a denial, so that it may be slow.
    fn matches_ungrouped(&self, path: &str) -> bool {
        self.patterns
            .iter()
            .filter(|pattern| pattern.top_level_alternation)
            .filter_map(|pattern| build(&format!("^{}$", pattern.translated)).ok())
            .any(|regex| regex.is_match(path))
    }
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).nest_limit(NEST_MAX).build()
}

fn too_large(pattern: &str, error: &regex::Error) -> PatternError {
    let reason = match error {
        regex::Error::CompiledTooBig(_) => "it is too large once compiled".to_owned(),
        _ => "it cannot be compiled".to_owned(),
    };
    PatternError { pattern: pattern.to_owned(), reason }
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
