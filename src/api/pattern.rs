//! Patterns of an allowlist, in Go's syntax, made of operations and paths.

use super::template::Piece;
use super::{Operation, Route, Tree, split_version};
use crate::http1::Method;

/// The pattern of any version of the Engine's API, or none.
pub const ENGINE_VERSION: &str = "(/v[0-9.]+)?";
/// Any version in front of a path that has one.
const SOME_VERSION: &str = "/v[0-9.]+";
/// Any version in front of Podman's own tree.
const PODMAN_VERSION: &str = "/v[0-9][0-9A-Za-z.-]*";

impl Operation {
    /// For each route of the operation, its method and the pattern that admits
    /// its paths and no others. Patterns match the whole path.
    pub fn patterns(self) -> impl Iterator<Item = (Method, String)> {
        self.facts().routes.iter().map(move |route| (route.method, self.pattern(route)))
    }

    fn pattern(self, route: &Route) -> String {
        let mut pattern = match self.facts().tree {
            Tree::Engine => ENGINE_VERSION.to_owned(),
            Tree::Libpod if self.is_ping() => format!("({PODMAN_VERSION})?"),
            Tree::Libpod => PODMAN_VERSION.to_owned(),
        };
        for piece in route.template.pieces() {
            match piece {
                Piece::Literal(text) => pattern.push_str(&escape(text)),
                Piece::Segment(_) => pattern.push_str("[^/]+"),
                Piece::Span(_) => pattern.push_str(".+"),
            }
        }
        pattern
    }
}

/// The pattern of exactly this path, in any version of the API.
#[must_use]
pub fn generalise(path: &str) -> String {
    let (version, rest) = split_version(path);
    let prefix = match version.as_str() {
        None => "",
        Some(_) if version.is_engines() => SOME_VERSION,
        Some(_) => PODMAN_VERSION,
    };
    format!("{prefix}{}", escape(rest))
}

/// Text as a pattern that matches just it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_the_patterns_of_its_routes() {
        let rows = [
            (Operation::SystemInfo, "(/v[0-9.]+)?/info"),
            (Operation::ContainerInspect, "(/v[0-9.]+)?/containers/.+/json"),
            (Operation::ServiceInspect, "(/v[0-9.]+)?/services/[^/]+"),
            (Operation::SystemInfoLibpod, "/v[0-9][0-9A-Za-z.-]*/libpod/info"),
            (Operation::SystemPingLibpod, "(/v[0-9][0-9A-Za-z.-]*)?/libpod/_ping"),
        ];
        for (operation, expected) in rows {
            let patterns: Vec<_> = operation.patterns().map(|(_, pattern)| pattern).collect();
            assert_eq!(patterns, [expected], "{operation}");
        }
    }

    #[test]
    fn a_path_becomes_a_pattern_of_every_version() {
        let rows = [
            ("/info", "/info"),
            ("/", "/"),
            ("*", r"\*"),
            ("/v/x", "/v/x"),
            ("/v1.41/containers/a.b/json", r"/v[0-9.]+/containers/a\.b/json"),
            ("/v5.8.0-rc1/libpod/x", "/v[0-9][0-9A-Za-z.-]*/libpod/x"),
            ("/va.b/x", r"/va\.b/x"),
            ("/a(b)|c", r"/a\(b\)\|c"),
        ];
        for (path, expected) in rows {
            assert_eq!(generalise(path), expected);
        }
    }
}
