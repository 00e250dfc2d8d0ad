//! From a method and a path to operations.

use super::{Operation, Tree, Version, glance, split_version};
use crate::http1::Method;

/// The one operation that a path of a daemon's API means, or none.
///
/// The Engine's operations have any version of digits and dots, or none. Those
/// of Podman's own tree have a version, but for its pings. Of two operations
/// that overlap, it is the one that the daemon routes to.
#[must_use]
pub fn exact(method: Method, path: &str) -> Option<Operation> {
    let (version, rest) = split_version(path);
    glance::candidates(method, rest)
        .find(|operation| operation.has_route(method, rest) && operation.takes(version))
}

/// Every operation that a supported daemon might route this request to.
///
/// Trailing slashes are ignored, unless the table has them. A path that equals one
/// of the table's, behind any version of any daemon, yields the operations of that
/// entry and of all that overlap it. Every other path is read cautiously: it yields
/// each operation whose path it *ends* with, after any prefix; below `/libpod`,
/// operations of both trees. That may find more operations than a daemon would
/// route, but never fewer.
///
/// Does not allocate.
pub fn recognise(method: Method, path: &str) -> impl Iterator<Item = Operation> {
    let trimmed = path.trim_end_matches('/');
    let known = find_known(method, path).or_else(|| match trimmed == path {
        true => None,
        false => find_known(method, trimmed),
    });
    let below = below_libpod(trimmed);
    let first = known.map_or(0, |(first, _)| first);
    Operation::ALL.iter().copied().skip(first).filter(move |operation| match known {
        Some((_, rest)) => operation.has_route(method, rest),
        None => operation.ends(method, trimmed, below),
    })
}

/// Where the table has the first operation of exactly this path, and the path
/// without its version.
fn find_known(method: Method, path: &str) -> Option<(usize, &str)> {
    let (_, rest) = split_version(path);
    let first = glance::candidates(method, rest).find(|op| op.has_route(method, rest))?;
    Some((first as usize, rest))
}

/// The part of a path behind `/libpod`, which is empty or begins with a slash.
/// Podman's own tree begins right behind the version, in any spelling of the
/// version. Elsewhere the word is a name.
#[must_use]
pub fn below_libpod(path: &str) -> Option<&str> {
    let (first, rest) = split_segment(path)?;
    match first {
        "libpod" => Some(rest),
        _ if first.starts_with('v') => {
            split_segment(rest).filter(|(second, _)| *second == "libpod").map(|(_, rest)| rest)
        }
        _ => None,
    }
}

/// The first segment of a path, and the rest.
fn split_segment(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    path.split_at_checked(path.find('/').unwrap_or(path.len()))
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

    /// Whether the path ends like one of the operation's routes. Podman's own are
    /// looked for below `/libpod` alone.
    fn ends(self, method: Method, path: &str, below_libpod: Option<&str>) -> bool {
        let routes = self.facts().routes.iter().filter(|route| route.method == method);
        let mut templates = routes.map(|route| route.template);
        match (self.facts().tree, below_libpod) {
            (Tree::Engine, _) => templates.any(|template| template.matches_an_end_of(path)),
            (Tree::Libpod, None) => false,
            (Tree::Libpod, Some(below)) => templates
                .filter_map(|template| template.without("/libpod"))
                .any(|template| template.matches_an_end_of(below)),
        }
    }
}
