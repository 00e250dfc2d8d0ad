//! "Did you mean": the known name that is nearest to a wrong one.
//!
//! Names are compared without case, hyphens and underscores. A name that is far
//! from every known one gets no suggestion: a bad one costs more than none.

use crate::text::nearest::{self, folded};

/// Names that other programs or old documents use, and ours for the same thing.
/// `listenport` and `stoponwatchchannel` occur in public compose files.
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

/// The known name that `wrong` most likely means.
pub(super) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let folded_wrong = folded(wrong);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == folded_wrong).map(|(_, name)| *name);
    let is_alias = |name: &&str| alias.is_some_and(|alias| folded(name) == alias);
    known.clone().into_iter().find(is_alias).or_else(|| nearest::nearest(wrong, known))
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

#[cfg(test)]
mod tests {
    use super::*;

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
