//! The version in front of an API path.
//!
//! The Engine takes `/v` and any digits and dots (gorilla's
//! `/v{version:[0-9.]+}`), so `/v1.41./` and `/v.` too. Podman takes
//! `/v{version:[0-9][0-9A-Za-z.-]*}`.

use crate::http1::{engine_takes, podman_takes};

/// The version that a path begins with, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version<'p>(Option<&'p str>);

impl<'p> Version<'p> {
    /// The text behind `/v`.
    #[must_use]
    pub fn as_str(self) -> Option<&'p str> {
        self.0
    }

    /// Whether the Engine takes it, which also serves paths without a version.
    #[must_use]
    pub fn is_engines(self) -> bool {
        self.0.is_none_or(engine_takes)
    }

    /// Whether Podman takes it in front of `/libpod`.
    #[must_use]
    pub fn is_podmans(self) -> bool {
        self.0.is_some_and(podman_takes)
    }
}

/// The version of a path, and the path behind it. A first segment that is no
/// daemon's version belongs to the path.
#[must_use]
pub fn split_version(path: &str) -> (Version<'_>, &str) {
    let split = || {
        let after = path.strip_prefix("/v")?;
        let (version, rest) = after.split_at_checked(after.find('/')?)?;
        (engine_takes(version) || podman_takes(version)).then_some((Version(Some(version)), rest))
    };
    split().unwrap_or((Version(None), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_split_off_as_the_daemons_route_it() {
        let rows = [
            ("/info", None, "/info"),
            ("/v1.41/info", Some("1.41"), "/info"),
            ("/v1.41./info", Some("1.41."), "/info"),
            ("/v./info", Some("."), "/info"),
            ("/v5.8.0-rc1/info", Some("5.8.0-rc1"), "/info"),
            ("/v1a/info", Some("1a"), "/info"),
            ("/va/info", None, "/va/info"),
            ("/v-1/info", None, "/v-1/info"),
            ("/v/info", None, "/v/info"),
            ("/v1.41", None, "/v1.41"),
            ("/v1.41/", Some("1.41"), "/"),
            ("/version", None, "/version"),
            ("/volumes/v1.41/x", None, "/volumes/v1.41/x"),
        ];
        for (path, version, rest) in rows {
            assert_eq!(split_version(path), (Version(version), rest), "{path}");
        }
    }

    #[test]
    fn a_version_belongs_to_the_daemons_that_route_it() {
        let rows = [
            ("/info", true, false),
            ("/v1.41/info", true, true),
            ("/v./info", true, false),
            ("/v5.8.0-rc1/info", false, true),
        ];
        for (path, engine, podman) in rows {
            let (version, _) = split_version(path);
            assert_eq!((version.is_engines(), version.is_podmans()), (engine, podman), "{path}");
        }
    }
}
