//! Patterns that match no path of any daemon, and why.
//!
//! Whether a pattern matches is decided by automata, not by looks: a pattern that
//! has no text in common with the paths that Docker's and Podman's daemons serve to
//! its method opens nothing. Only the reason is guessed.

use super::values::shown;
use crate::api::{self, Operation, Piece, Template};
use crate::filter::go_regexp::overlap::{Automaton, repeats};
use crate::http1::Method;
use std::cell::OnceCell;

/// Any version of either daemon, or none.
const VERSION: &str = r"(/v[0-9][0-9A-Za-z.\-]*)?";
/// A name in a path, without slashes and with them.
const ID: &str = r"[0-9A-Za-z_][0-9A-Za-z_.\-]*";
const REF: &str = r"[0-9A-Za-z_][0-9A-Za-z_.:@/+\-]*";

/// No path has two slashes in a row.
const REPEATED: &str =
    "* and + repeat the character before them; any name is [^/]+, anything is .*";

/// The paths that patterns are tested against. An automaton is built when a pattern
/// first needs it: most lists name operations, and need none.
pub(super) struct Paths {
    /// The routes of each method, with all names that a daemon takes.
    own: Routes,
    /// Likewise, but names of containers have no slashes here, or
    /// `DELETE /containers/NAME` would be every path below.
    of_any: Routes,
}

/// The routes of each method, as automata.
struct Routes {
    container: &'static str,
    of_methods: [(Method, OnceCell<Option<Automaton>>); Method::ALL.len()],
}

impl Routes {
    fn new(container: &'static str) -> Self {
        Self { container, of_methods: Method::ALL.map(|method| (method, OnceCell::new())) }
    }

    /// The routes of one method.
    fn of(&self, method: Method) -> Option<&Automaton> {
        let (_, built) = self.of_methods.iter().find(|(of, _)| *of == method)?;
        built.get_or_init(|| automaton(&routes(method, self.container)?)).as_ref()
    }

    /// The routes of all methods. A daemon answers OPTIONS for any path.
    fn all(&self) -> impl Iterator<Item = &Automaton> {
        let served = Method::ALL.into_iter().filter(|method| *method != Method::Options);
        served.filter_map(|method| self.of(method))
    }
}

fn automaton(pattern: &str) -> Option<Automaton> {
    Automaton::of(pattern).ok().flatten()
}

impl Paths {
    pub(super) fn new() -> Self {
        Self { own: Routes::new(REF), of_any: Routes::new(ID) }
    }

    /// Why a pattern, or one of its outermost alternatives, opens nothing, or
    /// hardly the paths that were meant.
    pub(super) fn reason(&self, method: Method, pattern: &str) -> Option<String> {
        // A daemon answers OPTIONS for any path.
        if method == Method::Options {
            return None;
        }
        if let Some(cause) = self.cause(method, pattern) {
            return Some(format!("opens nothing: {cause}"));
        }
        let is_whole = !pattern.contains('|');
        let parts = if is_whole { Vec::new() } else { alternatives(pattern) };
        let dead = |part| self.cause(method, part).map(|cause| (shown(part), cause));
        if let Some((part, cause)) = parts.into_iter().find_map(dead) {
            return Some(format!("has the alternative {part}, which opens nothing: {cause}"));
        }
        repeats(pattern, '/')
            .then(|| format!("probably does not open the intended paths: {REPEATED}"))
    }

    /// Why a pattern opens nothing, if it does not.
    ///
    /// Lists are often written for several methods alike, and to no harm: a path
    /// that is served to another method is no mistake.
    fn cause(&self, method: Method, pattern: &str) -> Option<String> {
        let served = match method {
            Method::Head => Method::Get,
            _ => method,
        };
        let mut routes = self.own.of(served).into_iter().chain(self.of_any.all());
        let ours = automaton(pattern)?;
        // Whether the two are known to have no text in common.
        let is_apart = |other: &Automaton| ours.overlaps(other) == Some(false);
        let is_open = routes.any(|routes| !is_apart(routes));
        (!is_open).then(|| guess(pattern, |other| automaton(other).as_ref().is_some_and(is_apart)))
    }
}

fn guess(pattern: &str, is_apart: impl Fn(&str) -> bool) -> String {
    let starts_wrong = is_apart("(?s)/.*");
    let needs_query = is_apart("(?s)[^?]*");
    let cause = match pattern {
        _ if is_apart("(?s).*") => {
            "a ^ or $ in the middle of it never matches; placeholders are not replaced"
        }
        _ if starts_wrong && pattern.replace('\\', "").contains("://") => {
            "the path has no scheme and no host; begin with the / after them"
        }
        _ if starts_wrong && begins_with_method(pattern) => {
            "the method is named by the flag or variable; the pattern begins with /"
        }
        _ if starts_wrong => "a path begins with /",
        _ if needs_query || is_query(pattern) => {
            "the query is not part of the path; remove the ? and everything after it"
        }
        _ if is_list(pattern) => "it is one pattern and not a list; write (/a|/b) for two paths",
        _ if repeats(pattern, '/') => REPEATED,
        _ if is_encoded(pattern) => {
            "the path is decoded before it is matched; write the decoded character instead of %XX"
        }
        _ if pattern.contains(['{', '<', ':', '%']) => {
            "placeholders are not replaced; any name is [^/]+"
        }
        _ => "no path of Docker's or Podman's API matches it",
    };
    cause.to_owned()
}

/// The paths that a method is served at, as one pattern.
fn routes(method: Method, container: &str) -> Option<String> {
    let routes = Operation::ALL.iter().flat_map(|operation| operation.facts().routes);
    let routes = routes.filter(|route| route.method == method);
    let routes: Vec<String> = routes.map(|route| names(route.template, container)).collect();
    (!routes.is_empty()).then(|| format!("{VERSION}({})", routes.join("|")))
}

/// A template as a pattern of the names that can be there.
fn names(template: Template, container: &str) -> String {
    let is_container = template.as_str().contains("/containers/");
    let pattern = |piece| match piece {
        Piece::Literal(text) => api::escape(text),
        Piece::Span(_) if is_container => container.to_owned(),
        Piece::Segment(_) => ID.to_owned(),
        Piece::Span(_) => REF.to_owned(),
    };
    template.pieces().map(pattern).collect()
}

fn begins_with_method(pattern: &str) -> bool {
    let first = pattern.trim_start_matches(['^', '(']).split([' ', '\t']).next();
    Method::ALL.iter().any(|method| first == Some(method.as_str()) && pattern.contains(' '))
}

/// `/containers/json?all=1`, where the ? makes the n optional.
fn is_query(pattern: &str) -> bool {
    pattern.split_once('?').is_some_and(|(_, rest)| rest.contains('='))
}

/// `/containers/my%20c/json`
fn is_encoded(pattern: &str) -> bool {
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    pattern.split('%').skip(1).any(is_escape)
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
        let holder = "placeholders are not replaced";
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
            ("/containers/my%20app/json", "the path is decoded before"),
            ("/%69nfo", "the path is decoded before"),
            (r"/images/a%2Fb/json", "the path is decoded before"),
            ("/containers/$ID/json", "a ^ or $ in the middle"),
            ("info$/x", "a ^ or $ in the middle"),
            ("/", none),
            ("[^/]+", begins),
            ("/containers/[^/]+/inspect", none),
            ("/exec/x", none),
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
            "/containers/web/db/json",
        ];
        for pattern in rows {
            assert_eq!(reason(pattern), None, "{pattern}");
        }
        let others = [
            (Method::Options, r"\*"),
            (Method::Head, "(/v[0-9.]+)?/(_ping|info)"),
            (Method::Head, "/events"),
            (Method::Patch, ".*"),
            (Method::Get, "/containers/create"),
            (Method::Post, "(/v[0-9.]+)?/_ping"),
            (Method::Put, "/containers/.*"),
            (Method::Post, "/v1.41/containers/[^/]+/(start|stop)"),
            (Method::Delete, "/images/a/b:c"),
        ];
        for (method, pattern) in others {
            assert_eq!(Paths::new().reason(method, pattern), None, "{method} {pattern}");
        }
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
            let mut columns = line.split('\t').skip(1);
            let method = Method::from_name(columns.next().unwrap()).unwrap();
            let template = columns.next().unwrap();
            if template == "/{any}" {
                continue;
            }
            let path: String = template
                .split('/')
                .map(|segment| if segment.starts_with('{') { "web-1" } else { segment })
                .collect::<Vec<_>>()
                .join("/");
            for version in ["", "/v1.51", "/v5.0.0-rc1"] {
                assert_eq!(paths.reason(method, &format!("{version}{path}")), None, "{line}");
            }
            count += 1;
        }
        assert!(count > 200, "{count}");
    }
}
