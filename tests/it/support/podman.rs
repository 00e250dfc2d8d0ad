//! A real Podman for tests, as a daemon of our own.
//!
//! `podman.sh` starts a private service and removes it when the pipe to its
//! standard input closes. Without Podman, tests print the reason and skip. With
//! `SOCKET_PROXY_REQUIRE_PODMAN=1` they fail.

use super::engine::Script;
use super::skip::skip_unless_required;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/podman.sh");

/// A Podman service that answers. Dropping it removes it.
pub(crate) struct Podman {
    socket: PathBuf,
    _script: Script,
}

/// The service that all tests of this process share, or `None` after a message
/// when there is none and none is required.
#[track_caller]
pub(crate) fn shared() -> Option<&'static Podman> {
    static SHARED: OnceLock<Result<Podman, String>> = OnceLock::new();
    match SHARED.get_or_init(Podman::start) {
        Ok(podman) => Some(podman),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

/// Says why a test skips, or fails it where Podman is required.
#[track_caller]
pub(crate) fn skip(reason: &str) {
    skip_unless_required("SOCKET_PROXY_REQUIRE_PODMAN", reason);
}

impl Podman {
    /// A private service for a test that burdens it.
    pub(crate) fn start() -> Result<Podman, String> {
        let script = Script::start(SCRIPT)?;
        Ok(Podman { socket: script.socket(), _script: script })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }
}
