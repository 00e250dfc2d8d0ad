//! `podman --remote`, and the ways from it to the service.

use crate::engine::routes::{Client, IMAGE, Route, same_at};
use crate::support::live::Live;
use crate::support::podman;
use crate::support::process::{Outcome, run};
use std::fmt::Debug;
use std::process::Command;

/// Acts on every route and compares the results.
#[track_caller]
pub(crate) fn same_on_every_route<T: PartialEq + Debug>(act: impl Fn(&Client) -> T) {
    let Some(podman) = podman::shared() else { return };
    same_at(podman.socket(), &[Route::Straight, Route::Tcp, Route::Unix], act);
}

/// The operations of a docker client that `podman --remote` has too.
pub(crate) trait Remote {
    /// The client program with these arguments, unconfigured otherwise.
    fn remote_command(&self, arguments: &[&str]) -> Command;

    /// Runs it to its end, with piped input that ends.
    #[track_caller]
    fn podman_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        run(&mut self.remote_command(arguments), input)
    }

    /// Runs it to its end, without input.
    #[track_caller]
    fn podman(&self, arguments: &[&str]) -> Outcome {
        self.podman_with_input(arguments, b"")
    }

    /// Starts it and leaves it running.
    #[track_caller]
    fn podman_live(&self, arguments: &[&str]) -> Live {
        Live::start(&mut self.remote_command(arguments))
    }

    /// Starts a container of this client's name that runs a shell script.
    #[track_caller]
    fn start_podman_container(&self, script: &str);
}

impl Remote for Client {
    fn remote_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.args(["--remote", "--url", self.host()]).args(arguments);
        command.env("CONTAINERS_CONF", "/dev/null").env_remove("CONTAINER_HOST");
        command
    }

    #[track_caller]
    fn start_podman_container(&self, script: &str) {
        // It need not end gracefully when it is removed.
        let run = ["run", "--detach", "--network=none", "--stop-timeout=0", "--name", &self.name];
        let run = [&run[..], &[IMAGE]].concat();
        self.podman(&[&run[..], &["sh", "-c", script]].concat()).success();
    }
}
