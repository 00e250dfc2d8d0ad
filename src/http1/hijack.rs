//! The operations whose connections carry the streams of a process: attach and the
//! start of an exec, of the Engine and of Podman.
//!
//! They deviate from HTTP in two ways that clients rely on. The daemon looks at the
//! mere presence of Upgrade, never at Connection. Without Upgrade it answers a plain
//! 200 without a length, and takes the connection over all the same ("hijack").

use super::Method;

/// Whether a request with this decoded path is ContainerAttach or ExecStart.
pub(super) fn is_hijacking(method: Method, path: &str) -> bool {
    if method != Method::Post {
        return false;
    }
    match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((version, rest)) if is_version(version) => match rest.strip_prefix("libpod/") {
            Some(rest) => is_libpod_operation(rest),
            None => is_operation(rest),
        },
        Some(_) => path.strip_prefix('/').is_some_and(is_operation),
        None => false,
    }
}

/// Names span slashes in the Engine (gorilla/mux, `{name:.*}`).
fn is_operation(path: &str) -> bool {
    let name = named(path, "containers/", "/attach").or_else(|| named(path, "exec/", "/start"));
    name.is_some_and(|name| !name.is_empty())
}

/// Names are one segment in Podman's own tree, which needs a version.
fn is_libpod_operation(path: &str) -> bool {
    let name = named(path, "containers/", "/attach").or_else(|| named(path, "exec/", "/start"));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

fn named<'a>(path: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    path.strip_prefix(before)?.strip_suffix(behind)
}

/// `v[0-9.]+` of the Engine, `v[0-9][0-9A-Za-z.-]*` of Podman.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|number| engine_takes(number) || podman_takes(number))
}

/// Whether the Engine takes a version behind `/v`: any digits and dots.
pub(crate) fn engine_takes(version: &str) -> bool {
    !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Whether Podman takes a version behind `/v`.
pub(crate) fn podman_takes(version: &str) -> bool {
    version.starts_with(|c: char| c.is_ascii_digit())
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attach_and_exec_start_are_recognised_as_the_daemons_route_them() {
        for path in [
            "/containers/a/attach",
            "/v1.41/containers/a/attach",
            "/v1.41./containers/a/attach",
            "/containers/a/b/attach",
            "/containers/a/json/attach",
            "/exec/0a/start",
            "/v1.24/exec/0a/start",
            "/v5.8.0-dev/libpod/exec/0a/start",
            "/v4.3.1/libpod/containers/a/attach",
        ] {
            assert!(is_hijacking(Method::Post, path), "{path}");
            assert!(!is_hijacking(Method::Get, path), "{path}");
        }
    }

    #[test]
    fn other_operations_are_not() {
        for path in [
            "/",
            "/attach",
            "/containers/attach",
            "/exec/start",
            "/exec/a/resize",
            "/exec/a/attach",
            "/containers/a/start",
            "/containers/a/exec",
            "/containers/a/attach/ws",
            "/containers/a/attach/",
            "/containers/a/logs",
            "/containers/a/exec/b/start",
            "/Containers/a/attach",
            "/x/containers/a/attach",
            "/v/containers/a/attach",
            "/vx/containers/a/attach",
            "/v1.41/v1.41/containers/a/attach",
            "/v1.41/x/exec/a/start",
            "/libpod/containers/a/attach",
            "/v4.3.1/libpod/containers/a/b/attach",
            "/v4.3.1/libpod/exec/a/b/start",
            "/images/a/attach",
            "/v1.41/build",
        ] {
            assert!(!is_hijacking(Method::Post, path), "{path}");
        }
    }
}
