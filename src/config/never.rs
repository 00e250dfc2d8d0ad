//! Patterns that match no path of any daemon, and why.
//!
//! Whether a pattern matches is decided by automata, not by looks: `ROUTES` are
//! the paths that Docker's and Podman's daemons serve, and a pattern that has no
//! text in common with them opens nothing. Only the reason is guessed.

use super::values::shown;
use crate::filter::go_regexp::overlap::{Automaton, repeats};
use crate::http1::Method;

/// Optional version and tree, and the sections; `ID` and `REF` stand for names
/// without and with slashes. Methods are not told apart.
const ROUTES: &str = concat!(
    r"\*|(/v[0-9][0-9A-Za-z.\-]*)?(/libpod)?/(",
    "_ping|version|info|events|auth|commit|session|grpc|swagger|networks/|",
    "build(/(prune|cancel))?|local/(build|images/load)|system/(df|check|prune)|",
    "containers/(json|create|prune|showmounted|stats|ID(/(json|top|logs|changes|export|stats|",
    "resize|start|stop|restart|kill|update|rename|pause|unpause|attach(/ws)?|wait|archive|exec|",
    "checkpoints(/ID)?|copy|mount|unmount|exists|init|checkpoint|restore|healthcheck))?)|",
    "images/(json|create|load|search|prune|get|import|remove|pull|export|scp/REF|",
    "REF(/(json|attestations|history|push|tag|untag|get|exists|tree|changes|resolve))?)|",
    "exec/ID/(start|resize|json|remove)|distribution/REF/json|debug/(vars|pprof/ID)|",
    "(volumes|networks|secrets|configs|services|tasks|nodes|plugins|swarm|quadlets)|",
    "volumes/(ID(/(json|exists|export|import))?)|",
    "networks/(ID(/(connect|disconnect|json|exists|update))?)|",
    "plugins/(privileges|pull|create|REF(/(json|enable|disable|upgrade|push|set))?)|",
    "swarm/(init|join|leave|update|unlockkey|unlock)|",
    "(nodes|services|secrets?|configs|tasks|pods)/ID(/(update|logs|json|exists|kill|pause|",
    "restart|start|stop|unpause|top))?|quadlets/ID(/(file|exists|json))?|",
    "artifacts/(local/add|REF(/(json|push|extract))?)|",
    "manifests/REF(/(push|exists|json|add|registry/REF))?|",
    "generate/(kube|ID/systemd)|kube/(generate|play|apply|down)|play/kube",
    ")",
);
const ID: &str = r"[0-9A-Za-z_][0-9A-Za-z_.\-]*";
const REF: &str = r"[0-9A-Za-z_][0-9A-Za-z_.:@/+\-]*";

/// No path has two slashes in a row.
const REPEATED: &str =
    "* and + repeat the character before them; any name is [^/]+, anything is .*";

/// What patterns are held against.
pub(super) struct Paths {
    routes: Option<Automaton>,
    with_slash: Option<Automaton>,
    without_query: Option<Automaton>,
    anything: Option<Automaton>,
}

impl Paths {
    pub(super) fn new() -> Self {
        let of = |pattern: &str| Automaton::of(pattern).ok().flatten();
        Self {
            routes: of(&ROUTES.replace("ID", ID).replace("REF", REF)),
            with_slash: of("(?s)/.*"),
            without_query: of("(?s)[^?]*"),
            anything: of("(?s).*"),
        }
    }

    /// Why a pattern, or one of its outermost alternatives, opens nothing, or
    /// hardly the paths that were meant.
    pub(super) fn reason(&self, method: Method, pattern: &str) -> Option<String> {
        // A daemon answers OPTIONS for any path.
        if method == Method::Options {
            return None;
        }
        if self.is_apart(pattern, self.routes.as_ref()) {
            return Some(format!("opens nothing: {}", self.cause(pattern)));
        }
        let is_whole = !pattern.contains('|');
        let dead = |part: &&str| self.is_apart(part, self.routes.as_ref());
        let parts = if is_whole { Vec::new() } else { alternatives(pattern) };
        if let Some(part) = parts.into_iter().find(dead) {
            let (part, cause) = (shown(part), self.cause(part));
            return Some(format!("has the alternative {part}, which opens nothing: {cause}"));
        }
        repeats(pattern, '/').then(|| format!("hardly opens the paths that were meant: {REPEATED}"))
    }

    /// Whether the two are known to have no text in common.
    fn is_apart(&self, pattern: &str, other: Option<&Automaton>) -> bool {
        let ours = Automaton::of(pattern).ok().flatten();
        ours.zip(other).and_then(|(ours, other)| ours.overlaps(other)) == Some(false)
    }

    fn cause(&self, pattern: &str) -> String {
        let starts_wrong = self.is_apart(pattern, self.with_slash.as_ref());
        let needs_query = self.is_apart(pattern, self.without_query.as_ref());
        let cause = match pattern {
            _ if self.is_apart(pattern, self.anything.as_ref()) => {
                "a ^ or $ in the middle of it is never met; placeholders are not filled in"
            }
            _ if starts_wrong && pattern.replace('\\', "").contains("://") => {
                "the path has no scheme and no host; begin with the / after them"
            }
            _ if starts_wrong && begins_with_method(pattern) => {
                "the method is named by the flag or variable; the pattern begins with /"
            }
            _ if starts_wrong => "a path begins with /",
            _ if needs_query || is_query(pattern) => {
                "the query is not part of the path; leave out the ? and what follows it"
            }
            _ if is_list(pattern) => {
                "it is one pattern and not a list; write (/a|/b) for two paths"
            }
            _ if repeats(pattern, '/') => REPEATED,
            _ if pattern.contains(['{', '<', ':', '%']) => {
                "placeholders are not filled in; any name is [^/]+"
            }
            _ => "no path of Docker's or Podman's API matches it",
        };
        cause.to_owned()
    }
}

fn begins_with_method(pattern: &str) -> bool {
    let first = pattern.trim_start_matches(['^', '(']).split([' ', '\t']).next();
    Method::ALL.iter().any(|method| first == Some(method.as_str()) && pattern.contains(' '))
}

/// `/containers/json?all=1`, where the ? makes the n optional.
fn is_query(pattern: &str) -> bool {
    pattern.split_once('?').is_some_and(|(_, rest)| rest.contains('='))
}

fn is_list(pattern: &str) -> bool {
    [",/", ", /", ";/", " /", "\n/", ",^", ", ("].iter().any(|sign| pattern.contains(sign))
}

/// The alternatives outside of all groups, or within the one group around all.
fn alternatives(pattern: &str) -> Vec<&str> {
    let outer = split(pattern);
    if outer.len() > 1 {
        return outer;
    }
    let bare = pattern.strip_prefix('^').unwrap_or(pattern);
    let bare = bare.strip_suffix('$').unwrap_or(bare);
    let inner = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.map(|inner| split(inner.strip_prefix("?:").unwrap_or(inner))).unwrap_or_default()
}

/// Splits at each `|` outside of groups and classes; nothing where a group that
/// was opened before the text ends within it, or where Go refuses a part.
fn split(pattern: &str) -> Vec<&str> {
    let (mut depth, mut class, mut escaped, mut start) = (0_u32, false, false, 0);
    let mut parts = Vec::new();
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => {
                escaped = false;
                continue;
            }
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Vec::new(),
            },
            '|' if !class && depth == 0 => {
                parts.push(pattern.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(pattern.get(start..).unwrap_or_default());
    let is_pattern = |part: &&str| Automaton::of(part).is_ok();
    if parts.iter().all(is_pattern) { parts } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(pattern: &str) -> Option<String> {
        Paths::new().reason(Method::Get, pattern)
    }

    #[test]
    fn a_pattern_that_opens_nothing_comes_with_its_reason() {
        let begins = "a path begins with /";
        let query = "the query is not part of the path";
        let list = "it is one pattern and not a list";
        let star = "* and + repeat the character before them";
        let method = "the method is named by the flag";
        let scheme = "the path has no scheme";
        let holder = "placeholders are not filled in";
        let none = "no path of Docker's or Podman's API";
        let rows = [
            ("info", begins),
            ("^info$", begins),
            ("(info|version)", begins),
            ("v1.41/info", begins),
            (" /info", begins),
            ("NONE", begins),
            ("GET /info", method),
            ("^GET /info$", method),
            ("http://localhost/info", scheme),
            (r"http:\/\/localhost:2375\/info", scheme),
            ("tcp://.*", scheme),
            ("/info,/version", list),
            ("/info, /version", list),
            ("/info /version", list),
            ("/info;/version", list),
            ("/containers/*", star),
            ("/v1.*/containers/*", star),
            ("/images/+", star),
            ("/containers/*/json", star),
            (r"/info\?.*", query),
            (r"/containers/json\?all=1", query),
            (r"/containers/[0-9a-f]{64}/stats\?stream=false", query),
            (r"/containers/json[?]all=1", query),
            ("/containers/json?all=1", query),
            ("/containers/{id}/json", holder),
            ("/containers/:id/json", holder),
            ("/containers/<id>/json", holder),
            ("/containers/%s/json", holder),
            ("/containers/$ID/json", "a ^ or $ in the middle"),
            ("info$/x", "a ^ or $ in the middle"),
            ("/", none),
            ("//info", none),
            ("/info/", none),
            ("/INFO", none),
            ("/container/json", none),
            ("/v1.41/conatiners/.*", none),
            ("/info$/x", "a ^ or $ in the middle"),
            ("/info /", list),
        ];
        for (pattern, start) in rows {
            let reason = reason(pattern);
            assert!(reason.as_ref().is_some_and(|r| r.contains(start)), "{pattern}: {reason:?}");
        }
    }

    #[test]
    fn a_dead_alternative_is_named() {
        let rows = [
            ("/info$|version", "version"),
            ("/info|version", "version"),
            ("info|/version", "info"),
            ("(/info|version)", "version"),
            ("^(?:/info|version)$", "version"),
            (r"/[|]x|/info", "/[|]x"),
        ];
        for (pattern, part) in rows {
            let reason = reason(pattern).unwrap_or_default();
            let start = format!("has the alternative \"{part}\", which opens nothing: ");
            assert!(reason.starts_with(&start), "{pattern}: {reason}");
        }
    }

    #[test]
    fn a_pattern_that_opens_something_is_left_alone() {
        let rows = [
            ".*",
            "/.*",
            ".+",
            "/info",
            "/v1.24/info?",
            r"/v1\.24/info(\?.*)?",
            r"\/info",
            "/(info|version)",
            "/info|/version",
            "(/info)|(/version)",
            "(?i)/INFO",
            "/containers/json.*",
            "/containers/[a-f]+/logs",
            "/containers/x{1}/json",
            "/images/ghcr.io/a/b:c/json",
            "/v4.3.1/libpod/containers/json",
            "/networks/",
            "(/v1\\..{1,2})?/(version|containers/.*)",
            "/containers/web-1/json",
        ];
        for pattern in rows {
            assert_eq!(reason(pattern), None, "{pattern}");
        }
        assert_eq!(Paths::new().reason(Method::Options, r"\*"), None);
    }

    #[test]
    fn patterns_of_real_compose_files_are_left_alone_but_for_two() {
        let paths = Paths::new();
        let lines = include_str!("../../tests/cases/allow_patterns.tsv").lines();
        let found: Vec<&str> = lines
            .filter_map(|line| {
                let (method, pattern) = line.split_once('\t').unwrap();
                let method = Method::from_name(method).unwrap();
                paths.reason(method, pattern).map(|_| pattern)
            })
            .collect();
        assert_eq!(found, [r"/containers/[0-9a-f]{64}/stats\?stream=false", "NONE"]);
    }

    #[test]
    fn every_operation_of_the_daemons_is_a_route() {
        let paths = Paths::new();
        let table = include_str!("../../tests/cases/operations.tsv").lines();
        let rows = table.filter(|line| !line.starts_with('#')).skip(1);
        let mut count = 0;
        for line in rows {
            let template = line.split('\t').nth(2).unwrap();
            if template == "/{any}" {
                continue;
            }
            let path: String = template
                .split('/')
                .map(|segment| if segment.starts_with('{') { "web-1" } else { segment })
                .collect::<Vec<_>>()
                .join("/");
            for version in ["", "/v1.51", "/v5.0.0-rc1"] {
                assert_eq!(paths.reason(Method::Get, &format!("{version}{path}")), None, "{line}");
            }
            count += 1;
        }
        assert!(count > 200, "{count}");
    }
}
