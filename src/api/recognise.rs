//! From a method and a path to operations.

use super::{Operation, Tree, Version, split_version};
use crate::http1::Method;

/// The one operation that a path of a daemon's API means, or none.
///
/// The Engine's operations have any version of digits and dots, or none. Those
/// of Podman's own tree have a version, but for its pings. Of two operations
/// that overlap, it is the one that the daemon routes to.
#[must_use]
pub fn exact(method: Method, path: &str) -> Option<Operation> {
    let (version, rest) = split_version(path);
    Operation::ALL
        .iter()
        .copied()
        .find(|operation| operation.has_route(method, rest) && operation.takes(version))
}

/// Every operation that a supported daemon might route this request to.
///
/// A path that is exactly one of the table's, behind any version of any daemon,
/// means what the table says, with all that overlap. Every other path is read
/// cautiously: it means each operation that it *ends* like, with or without one
/// slash at its end, whatever comes before. That may find more than any daemon
/// would route, and never less.
pub fn recognise(method: Method, path: &str) -> impl Iterator<Item = Operation> {
    let (_, rest) = split_version(path);
    let is_known = Operation::ALL.iter().any(|operation| operation.has_route(method, rest));
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let tree = tree_of(trimmed);
    Operation::ALL.iter().copied().filter(move |operation| match is_known {
        true => operation.has_route(method, rest),
        false => operation.facts().tree == tree && operation.ends(method, trimmed),
    })
}

/// Podman's own tree begins right behind the version, whatever a version may
/// look like. Elsewhere the word is a name.
fn tree_of(path: &str) -> Tree {
    let mut segments = path.split('/').skip(1);
    let first = segments.next().unwrap_or_default();
    let below = first.starts_with('v') && segments.next() == Some("libpod");
    if first == "libpod" || below { Tree::Libpod } else { Tree::Engine }
}

impl Operation {
    /// Whether one of the operation's routes has this method and path, without
    /// a version.
    #[must_use]
    pub fn has_route(self, method: Method, path: &str) -> bool {
        let routes = self.facts().routes.iter();
        routes.filter(|route| route.method == method).any(|route| route.template.matches(path))
    }

    /// Whether a daemon serves the operation behind this version.
    fn takes(self, version: Version<'_>) -> bool {
        match self.facts().tree {
            Tree::Engine => version.is_engines(),
            Tree::Libpod => version.is_podmans() || self.is_ping() && version.as_str().is_none(),
        }
    }

    /// Podman's pings are the only paths of its tree without a version.
    pub(super) fn is_ping(self) -> bool {
        matches!(self, Self::SystemPingLibpod | Self::SystemPingHeadLibpod)
    }

    /// Whether the path ends like one of the operation's routes.
    fn ends(self, method: Method, path: &str) -> bool {
        let routes = self.facts().routes.iter();
        routes
            .filter(|route| route.method == method)
            .any(|route| route.template.matches_an_end_of(path))
    }
}
