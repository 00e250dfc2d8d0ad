//! "Did you mean": the known name that is nearest to a wrong one.
//!
//! Names are compared without case, hyphens and underscores. What is too far
//! from everything gets no suggestion: a bad one costs more than none.

/// Names that other programs or old documents use, and ours for the same thing.
/// `listenport` and `stoponwatchchannel` stand in public compose files.
const ALIASES: [(&str, &str); 15] = [
    ("allowip", "allowfrom"),
    ("allowips", "allowfrom"),
    ("bind", "listenip"),
    ("bindmounts", "allowbindmountfrom"),
    ("dockersocket", "socketpath"),
    ("json", "logjson"),
    ("listenaddress", "listenip"),
    ("listenport", "proxyport"),
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

/// The number of insertions, deletions and replacements between two names
/// (Levenshtein's distance), row by row of the usual table.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, from_char) in from.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        for (cell, to_char) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(from_char != *to_char);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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
            ("ab", "ba", 2),
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
        assert_eq!(hint("-", "prot", ["port", "host"]), "");
        assert_eq!(hint("-", "hoost", ["port", "host"]), "; did you mean -host?");
    }
}
