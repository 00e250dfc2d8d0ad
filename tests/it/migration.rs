//! The patterns of `docs/migration.md` have the rights of their variables there.
//!
//! They are read from the document's own tables and compared with
//! `tests/cases/migration.tsv`.

use socket_proxy::filter::Rules;
use socket_proxy::http1::Method;
use std::collections::{BTreeMap, BTreeSet};

/// A variable's patterns: the same rights as there, and those that usually suffice.
struct Patterns {
    same: String,
    less: Option<String>,
}

/// The rows of the document's tables that have a pattern.
fn document() -> BTreeMap<&'static str, Patterns> {
    let text = include_str!("../../docs/migration.md");
    text.lines().filter(|line| line.starts_with("| `")).filter_map(row).collect()
}

fn row(line: &'static str) -> Option<(&'static str, Patterns)> {
    // A bar within a pattern is written `\|`.
    let mut cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '`']));
    let (variable, _default) = (cells.next()?, cells.next()?);
    let unescape = |cell: &str| cell.replace("\\|", "|");
    let same = unescape(cells.next()?);
    let less = cells.next().filter(|cell| *cell != "the same").map(unescape);
    Some((variable, Patterns { same, less }))
}

#[test]
fn every_pattern_opens_what_it_says_and_no_more() {
    let document = document();
    let mut seen = BTreeSet::new();
    let table =
        include_str!("../cases/migration.tsv").lines().filter(|line| !line.starts_with('#'));
    for line in table {
        let [variable, column, verdict, path] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}"));
        let Patterns { same, less } = &document[variable];
        let pattern = if column == "same" { same } else { less.as_ref().unwrap_or(same) };
        let rules = Rules::compile([(Method::Get, pattern.clone())]).unwrap();
        let allowed = rules.judge(Method::Get, path).is_allowed();
        assert_eq!(allowed, verdict == "allow", "{line}: {pattern}");
        seen.insert(variable);
    }
    let documented: BTreeSet<_> = document.keys().copied().collect();
    assert_eq!(seen, documented, "each variable has its rows");
}

#[test]
fn what_is_usually_enough_is_never_more() {
    let paths = include_str!("../cases/migration.tsv").lines().filter_map(|l| l.split('\t').nth(3));
    let paths: Vec<_> = paths.collect();
    for (variable, Patterns { same, less }) in document() {
        let Some(less) = less else { continue };
        let [same, less] = [same, less].map(|p| Rules::compile([(Method::Get, p)]).unwrap());
        for path in &paths {
            let open = |rules: &Rules| rules.judge(Method::Get, path).is_allowed();
            assert!(!open(&less) || open(&same), "{variable}: {path}");
        }
    }
}
