//! "Did you mean": the known name that is nearest to a wrong one.
//!
//! Names are compared without case, hyphens and underscores. What is too far
//! from everything gets no suggestion: a bad one costs more than none.

/// Names that other programs or old documents use, and ours for the same thing.
/// `listenport` and `stoponwatchchannel` stand in public compose files.
const ALIASES: [(&str, &str); 21] = [
    ("allowip", "allowfrom"),
    ("allowips", "allowfrom"),
    ("bind", "listenip"),
    ("bindmounts", "allowbindmountfrom"),
    ("dockersocket", "socketpath"),
    ("json", "logjson"),
    ("ip", "listenip"),
    ("listenaddr", "listenip"),
    ("listenaddress", "listenip"),
    ("listenhost", "listenip"),
    ("listenipaddress", "listenip"),
    ("listenport", "proxyport"),
    ("listenproxyport", "proxyport"),
    ("listensocket", "proxysocketendpoint"),
    ("port", "proxyport"),
    ("socket", "socketpath"),
    ("stoponwatchchannel", "stoponwatchdog"),
    ("v", "version"),
    ("verbose", "loglevel"),
    ("wait", "waitforsocket"),
    ("watchdog", "watchdoginterval"),
];

/// The known name that `wrong` most likely stands for.
pub(super) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let folded_wrong = folded(wrong);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == folded_wrong).map(|(_, name)| *name);
    let is_alias = |name: &&str| alias.is_some_and(|alias| folded(name) == alias);
    known.clone().into_iter().find(is_alias).or_else(|| nearest_by_edits(&folded_wrong, known))
}

/// The flag that is the same word, or for which the word is another name.
pub(super) fn same(word: &str) -> Option<&'static str> {
    let folded_word = folded(word);
    let flags = super::options::all().map(|option| option.flag);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == folded_word).map(|(_, flag)| *flag);
    alias.or_else(|| flags.into_iter().find(|flag| folded(flag) == folded_word))
}

/// `; did you mean "…"?` or nothing.
pub(super) fn hint<'a>(
    prefix: &str,
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    nearest(wrong, known).map_or_else(String::new, |name| format!("; did you mean {prefix}{name}?"))
}

fn nearest_by_edits<'a>(
    folded_wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let edits_max = match folded_wrong.len() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .map(|name| (edits(folded_wrong, &folded(name)), name))
        .filter(|(count, _)| *count <= edits_max)
        .min_by_key(|(count, _)| *count)
        .map(|(_, name)| name)
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The number of insertions, deletions, replacements and swaps of neighbours
/// between two names, row by row of the usual table.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut two_above: Vec<usize> = Vec::new();
    let mut from_before = None;
    for (index, from_char) in from.chars().enumerate() {
        let mut row = vec![index + 1];
        let mut to_before = None;
        for (column, to_char) in to.iter().copied().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&above, column) + usize::from(from_char != to_char);
            let inserted = at(&row, column) + 1;
            let deleted = at(&above, column + 1) + 1;
            let is_swap = from_before == Some(to_char) && to_before == Some(from_char);
            let swapped = if is_swap { at(&two_above, column - 1) + 1 } else { usize::MAX };
            row.push(replaced.min(inserted).min(deleted).min(swapped));
            to_before = Some(to_char);
        }
        two_above = std::mem::replace(&mut above, row);
        from_before = Some(from_char);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let rows = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "ab", 1),
            ("ab", "abc", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("abcd", "badc", 2),
            ("wbe", "web", 1),
            ("ca", "abc", 3),
        ];
        for (from, to, expected) in rows {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn every_alias_points_to_a_flag_and_is_none() {
        for (alias, flag) in ALIASES {
            assert!(super::super::options::Opt::with_flag(flag).is_some(), "{flag}");
            assert!(super::super::options::Opt::with_flag(alias).is_none(), "{alias}");
        }
    }

    #[test]
    fn slips_of_the_pen_find_their_flag() {
        let flags: Vec<&str> = super::super::options::all().map(|option| option.flag).collect();
        let rows = [
            ("listenport", Some("proxyport")),
            ("stoponwatchchannel", Some("stoponwatchdog")),
            ("listen-ip", Some("listenip")),
            ("listen_ip", Some("listenip")),
            ("LISTENIP", Some("listenip")),
            ("allowget", Some("allowGET")),
            ("allow-get", Some("allowGET")),
            ("allowGTE", Some("allowGET")),
            ("alowfrom", Some("allowfrom")),
            ("allowform", Some("allowfrom")),
            ("loglevle", Some("loglevel")),
            ("log-level", Some("loglevel")),
            ("allowbindmountsfrom", Some("allowbindmountfrom")),
            ("watchdog-interval", Some("watchdoginterval")),
            ("shutdowntimeout", None),
            ("prxoyprot", Some("proxyport")),
            ("v", Some("version")),
            ("x", None),
            ("nonsense", None),
            ("", None),
        ];
        for (wrong, expected) in rows {
            assert_eq!(nearest(wrong, flags.iter().copied()), expected, "{wrong}");
        }
    }

    #[test]
    fn a_hint_is_a_clause_or_nothing() {
        assert_eq!(hint("-", "zzzz", ["port", "host"]), "");
        assert_eq!(hint("-", "hoost", ["port", "host"]), "; did you mean -host?");
    }
}
