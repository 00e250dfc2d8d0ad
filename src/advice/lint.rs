//! Lint: every operation that the rules of a listener open, with these rules.
//!
//! Names are looked up; patterns are searched (see [`super::language`]), each
//! text once, with a path as witness that the same rules really allow. Denied
//! operations are left out.
//!
//! **Invariant:** an operation that is missing is not open, unless a pattern is
//! listed as not decided.

use super::language::{Extent, Opened, Table};
use crate::api::Operation;
use crate::filter::Rules;
use crate::filter::go_regexp::translate;
use crate::filter::rules::Rule;
use crate::http1::Method;
use std::collections::{BTreeMap, HashSet};

/// The most combined states that a search visits for one listener at start: a
/// few milliseconds.
const START_STATES_MAX: usize = 5_000;
/// The most patterns of a listener that are searched at start, the widest first.
const START_PATTERNS_MAX: usize = 12;

/// Operations with paths that look like another one's of the classes that are searched
/// at start, and that are routed to these.
const ROUTED_FIRST: [Operation; 2] = [Operation::ImageTagLibpod, Operation::ImageUntagLibpod];

/// Everything that rules open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lint {
    /// Each open operation with the rules that open it, the first one first.
    pub openings: BTreeMap<Operation, Vec<Opener>>,
    /// Patterns that may open more than was found.
    pub undecided: Vec<(Method, Rule)>,
}

/// A rule that opens an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// The rule.
    pub rule: Rule,
    /// For patterns, a request that it opens.
    pub witness: Option<Witness>,
}

/// A request that a pattern opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its method.
    pub method: Method,
    /// Its decoded path.
    pub path: String,
}

/// All operations that rules open.
#[must_use]
pub fn lint(rules: &Rules) -> Lint {
    let patterns = patterns(rules);
    search(rules, &patterns, |_| true, usize::MAX)
}

/// The operations of the classes files, runs and host that the patterns of a
/// listener open, as far as a proxy can find them while it starts.
#[must_use]
pub fn dangers_of_patterns(rules: &Rules) -> Lint {
    let is_wide =
        |(_, rule): &(Method, &Rule)| [".*", ".+"].iter().any(|wide| rule.written.contains(wide));
    let (mut patterns, narrow): (Vec<_>, Vec<_>) = patterns(rules).into_iter().partition(is_wide);
    patterns.extend(narrow);
    let rest = patterns.split_off(patterns.len().min(START_PATTERNS_MAX));
    let is_wanted = |of: Operation| of.class().gives_away() || ROUTED_FIRST.contains(&of);
    let mut lint = search(rules, &patterns, is_wanted, START_STATES_MAX);
    lint.undecided.extend(rest.into_iter().map(|(method, rule)| (method, rule.clone())));
    lint.openings.retain(|operation, openers| {
        openers.retain(|opener| opener.witness.is_some());
        operation.class().gives_away() && !openers.is_empty()
    });
    lint
}

/// The patterns of rules, each text once for a method.
fn patterns(rules: &Rules) -> Vec<(Method, &Rule)> {
    let mut seen = HashSet::new();
    rules.patterns().filter(|(method, rule)| seen.insert((*method, &rule.written))).collect()
}

/// Operations that are denied are searched too, since they close paths of others.
fn search(
    rules: &Rules,
    patterns: &[(Method, &Rule)],
    is_wanted: impl Fn(Operation) -> bool,
    mut states_left: usize,
) -> Lint {
    let mut lint = Lint::default();
    for (operation, rule) in rules.named() {
        let opener = Opener { rule: rule.clone(), witness: None };
        lint.openings.entry(operation).or_default().push(opener);
    }
    let denied: HashSet<Operation> = rules.denied().map(|(operation, _)| operation).collect();
    for method in Method::ALL {
        let mut of_method = patterns.iter().filter(|(of, _)| *of == method).peekable();
        if of_method.peek().is_none() {
            continue;
        }
        // The automata of one method are gone before those of the next are made.
        let is_searched = |of: Operation| is_wanted(of) || denied.contains(&of);
        let mut table = Table::of(method, is_searched).ok();
        for (_, rule) in of_method {
            let found = opened(table.as_mut(), rule, &denied, &mut states_left);
            lint.note(method, rule, found);
        }
    }
    lint
}

fn opened(
    table: Option<&mut Table>,
    rule: &Rule,
    denied: &HashSet<Operation>,
    states_left: &mut usize,
) -> Option<Opened> {
    let regex = translate(&rule.written).ok()?.regex;
    table?.opened_but(&regex, |operation| denied.contains(&operation), states_left).ok()
}

impl Lint {
    fn note(&mut self, method: Method, rule: &Rule, opened: Option<Opened>) {
        let is_decided = opened.as_ref().is_some_and(|opened| opened.extent == Extent::All);
        for finding in opened.into_iter().flat_map(|opened| opened.findings) {
            let witness = Some(Witness { method, path: finding.witness });
            let opener = Opener { rule: rule.clone(), witness };
            self.openings.entry(finding.operation).or_default().push(opener);
        }
        if !is_decided {
            self.undecided.push((method, rule.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::exact;
    use crate::filter::rules::{Draft, WEIGHT_MAX};
    use crate::http1::{Target, encode_path};

    fn rules(patterns: &[(Method, &str)], allow: &[Operation], deny: &[Operation]) -> Rules {
        let rule =
            |written: &str, origin: &str| Rule { written: written.into(), origin: origin.into() };
        let mut draft = Draft::new(WEIGHT_MAX);
        draft.allow(allow.iter().copied(), rule("list", "-allow"));
        draft.deny(deny.iter().copied(), rule("list", "-deny"));
        for (method, pattern) in patterns {
            draft.add(*method, rule(pattern, &format!("-allow{method}"))).unwrap();
        }
        draft.compile().unwrap()
    }

    /// The witness of each operation; empty where a name opens it.
    fn witnesses(lint: &Lint) -> Vec<(Operation, String)> {
        let shown = |opener: &Opener| match &opener.witness {
            Some(Witness { method, path }) => format!("{method} {path}"),
            None => String::new(),
        };
        lint.openings.iter().map(|(operation, openers)| (*operation, shown(&openers[0]))).collect()
    }

    #[test]
    fn names_and_patterns_open_operations_and_denials_close_them() {
        use Operation::{ContainerInspect, ContainerList, ContainerLogs, SystemInfo};
        let patterns = [(Method::Get, "/containers/.{1,4}/(json|logs)"), (Method::Get, "/info")];
        let found = lint(&rules(&patterns, &[SystemInfo, ContainerList], &[ContainerLogs]));
        let expected = [
            (ContainerList, String::new()),
            (ContainerInspect, "GET /containers/a/json".to_owned()),
            (SystemInfo, String::new()),
        ];
        assert_eq!(witnesses(&found), expected);
        assert_eq!(found.openings[&SystemInfo].len(), 2);
        assert_eq!(found.undecided, []);
        assert_eq!(lint(&Rules::default()), Lint::default());
    }

    #[test]
    fn a_witness_touches_no_denied_operation() {
        use Operation::{ContainerList, ImageDelete, NetworkInspect, NetworkListLibpod};
        // Podman serves both at one path, which the denial therefore closes.
        let pattern = [(Method::Get, "/v5.0.0/libpod/networks/json")];
        let found = lint(&rules(&pattern, &[], &[NetworkListLibpod]));
        assert_eq!(witnesses(&found), []);
        for denied in [ContainerList, ImageDelete, NetworkInspect] {
            let everything = rules(&[(Method::Get, ".*")], &[], &[denied]);
            assert!(!lint(&everything).openings.contains_key(&denied));
        }
    }

    #[test]
    fn equal_patterns_are_searched_once_and_the_first_is_named() {
        let found = lint(&rules(&[(Method::Get, "/info"), (Method::Get, "/info")], &[], &[]));
        assert_eq!(found.openings[&Operation::SystemInfo].len(), 1);
    }

    #[test]
    fn patterns_beyond_the_bounds_are_listed() {
        let patterns: Vec<String> =
            (0..START_PATTERNS_MAX + 2).map(|n| format!("/containers/{n}/archive")).collect();
        let many: Vec<_> = patterns.iter().map(|p| (Method::Get, p.as_str())).collect();
        let found = dangers_of_patterns(&rules(&many, &[], &[]));
        assert_eq!(found.undecided.len(), 2);
        assert_eq!(
            found.openings.keys().copied().collect::<Vec<_>>(),
            [Operation::ContainerArchive]
        );
        // A wide pattern comes first, wherever it is.
        let late: Vec<_> = many.into_iter().chain([(Method::Post, "/v1.41/.*")]).collect();
        let found = dangers_of_patterns(&rules(&late, &[], &[]));
        assert!(found.openings.contains_key(&Operation::ImageBuild));
        let wide = format!("/containers/{}", "(a|.b){1,9}.*[^x]{40}(z|.y){1,200}".repeat(3));
        let found = dangers_of_patterns(&rules(&[(Method::Get, &wide)], &[], &[]));
        assert_eq!(found.undecided.len(), 1);
    }

    #[test]
    fn the_search_at_start_finds_the_same_dangers() {
        let own = Operation::ALL.iter().flat_map(|operation| operation.patterns());
        let public = include_str!("../../tests/cases/allow_patterns.tsv").lines();
        let public = public.map(|line| {
            let (method, pattern) = line.split_once('\t').unwrap();
            (Method::from_name(method).unwrap(), pattern.to_owned())
        });
        let deny = [Operation::ContainerDelete, Operation::ImagePushLibpod];
        let (mut decided, mut dangerous) = (0, 0);
        for (index, (method, pattern)) in own.chain(public).enumerate() {
            let denied = if index % 2 == 0 { &deny[..] } else { &[] };
            let rules = rules(&[(method, &pattern)], &[], denied);
            let (at_start, mut all) = (dangers_of_patterns(&rules), lint(&rules));
            all.openings.retain(|operation, _| operation.class().gives_away());
            let operations = |lint: &Lint| lint.openings.keys().copied().collect::<Vec<_>>();
            if at_start.undecided.is_empty() {
                assert_eq!(operations(&at_start), operations(&all), "{method} {pattern}");
                decided += 1;
                dangerous += usize::from(!all.openings.is_empty());
            }
        }
        assert!(decided > 380 && dangerous > 120, "{decided} {dangerous}");
    }

    #[test]
    fn every_witness_of_a_public_pattern_is_admitted_and_means_its_operation() {
        let lines = include_str!("../../tests/cases/allow_patterns.tsv").lines();
        let pairs: Vec<_> = lines.map(|line| line.split_once('\t').unwrap()).collect();
        let mut count = 0;
        let deny = [Operation::ContainerInspect, Operation::ImageDelete];
        for (index, (method, pattern)) in pairs.iter().enumerate() {
            let method = Method::from_name(method).unwrap();
            let denied = if index % 2 == 0 { &deny[..] } else { &[] };
            let rules = rules(&[(method, pattern)], &[], denied);
            let found = lint(&rules);
            assert_eq!(found.undecided, [], "{pattern}");
            for (operation, openers) in found.openings {
                let witness = openers[0].witness.clone().unwrap();
                let printed = encode_path(&witness.path);
                let target = Target::parse(&printed, method).unwrap();
                assert_eq!(target.path(), witness.path, "{pattern}");
                assert!(rules.judge(method, target.path()).is_allowed(), "{pattern} {printed}");
                assert_eq!(exact(method, target.path()), Some(operation), "{printed}");
                count += 1;
            }
        }
        assert!(count > 300, "{count}");
    }
}
