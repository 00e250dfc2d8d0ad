//! Podman reads label filters in other ways, so that limits to targets close it.

use crate::engine::routes::Client;
use crate::support::podman;
use crate::support::proxy::{Listen, Proxy};

#[test]
fn requests_that_are_limited_to_targets_are_refused_with_one_error_in_the_log() {
    let Some(podman) = podman::shared() else { return };
    let flags = ["-targetlabel=a=b", "-allow=all"];
    let proxy = Proxy::start(Listen::Unix, podman.socket(), &flags);
    let client = Client::new(podman.socket(), Some(proxy.host()));
    for arguments in [&["ps"][..], &["inspect", "x"], &["network", "ls"], &["ps", "--all"]] {
        let outcome = client.docker(arguments);
        let expected = "targets can be limited only with Docker's Engine";
        assert!(outcome.stderr_text().contains(expected), "{arguments:?}: {outcome:?}");
    }
    proxy.await_log("-targetlabel works only with Docker's Engine");
    let log = proxy.log();
    assert_eq!(log.matches("level=ERROR").count(), 1, "{log}");
}
