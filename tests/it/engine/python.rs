//! The Python SDK, whose HTTP client is another one than Go's.

use super::routes::{AWAIT_GO, same_on_every_route};
use crate::support::engine::skip;
use crate::support::process::run;
use std::process::Command;

pub(crate) const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/engine/sdk.py");

const CONVERSATION: &str = r"log b'first\n'
exec 1 b'in\n'
exec 2 b'err\n'
exec 3
log b'last\n'
exit 8";

#[test]
fn the_python_sdk_follows_a_stream_and_runs_a_command() {
    let Some(python) = with_sdk() else {
        return skip("no python3 here has the docker SDK (package python3-docker)");
    };
    same_on_every_route(|client| {
        client.start_container(&format!("echo first; {AWAIT_GO}; echo last; exit 8"));
        let arguments = [SCRIPT, client.host(), &client.name];
        let outcome = run(Command::new(python).args(arguments), b"");
        assert_eq!(outcome.success(), CONVERSATION);
    });
}

/// The first interpreter that has the SDK; Debian's may not be the first.
pub(crate) fn with_sdk() -> Option<&'static str> {
    let has_sdk = |python: &&str| {
        let import = Command::new(python).args(["-c", "import docker"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has_sdk)
}
