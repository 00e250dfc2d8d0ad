//! The ways from a docker client to the Engine, and their comparison.

#![allow(dead_code, reason = "the tests of Podman use a part of it")]

use crate::support::engine;
use crate::support::live::Live;
use crate::support::process::{Outcome, run};
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};
use crate::support::scratch::{Scratch, unique};
use crate::support::terminal::{Size, Terminal};
use regex::{Captures, Regex};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The image of every container. It exists already, nothing is pulled.
pub(crate) const IMAGE: &str = "busybox:latest";

/// A way to the Engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The Engine's own socket.
    Straight,
    /// Through a proxy that allows everything, over TCP.
    Tcp,
    /// The same over a unix socket.
    Unix,
}

/// Acts on every route and compares the results.
#[track_caller]
pub(crate) fn same_on_every_route<T: PartialEq + Debug>(act: impl Fn(&Client) -> T) {
    same_on(&[Route::Straight, Route::Tcp, Route::Unix], act);
}

/// Acts on these routes, of which the first sets the standard.
#[track_caller]
pub(crate) fn same_on<T: PartialEq + Debug>(routes: &[Route], act: impl Fn(&Client) -> T) {
    let Some(engine) = engine::shared() else { return };
    same_at(engine.socket(), routes, act);
}

/// The same for another daemon.
#[track_caller]
pub(crate) fn same_at<T: PartialEq + Debug>(
    socket: &Path,
    routes: &[Route],
    act: impl Fn(&Client) -> T,
) {
    let mut standard = None;
    for &route in routes {
        let seen = travel(route, socket, &act);
        match &standard {
            None => standard = Some(seen),
            Some(standard) => assert_eq!(&seen, standard, "{route:?} (left) differs"),
        }
    }
}

#[track_caller]
fn travel<T>(route: Route, socket: &Path, act: impl Fn(&Client) -> T) -> T {
    let listen = match route {
        Route::Straight => return act(&Client::new(socket, None)),
        Route::Tcp => Listen::Tcp,
        Route::Unix => Listen::Unix,
    };
    let proxy = Proxy::start(listen, socket, &[ALLOW_ALL, &["-loglevel=DEBUG"]].concat());
    let seen = act(&Client::new(socket, Some(proxy.host())));
    // Else the comparison would be one of the socket with itself.
    proxy.await_log("allowed request");
    seen
}

/// Whether the docker client of these tests has this plugin.
pub(crate) fn has_plugin(name: &str) -> bool {
    let config = Scratch::new();
    let mut command = Command::new("docker");
    command.args([name, "version"]).env("DOCKER_CONFIG", config.path());
    command.output().is_ok_and(|output| output.status.success())
}

/// A person with a docker client, and with a name for their objects.
pub(crate) struct Client {
    /// For one container and one image; both are removed on drop.
    pub(crate) name: String,
    socket: PathBuf,
    host: String,
    scratch: Scratch,
}

impl Client {
    /// A client of the Engine at `socket`, by way of `host` if that is given.
    pub(crate) fn new(socket: &Path, host: Option<&str>) -> Client {
        let straight = format!("unix://{}", socket.display());
        let host = host.map_or(straight, str::to_owned);
        Client { name: unique("sp-test"), socket: socket.into(), host, scratch: Scratch::new() }
    }

    /// The value of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// A path in this client's own directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The client program with these arguments, unconfigured otherwise.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(&self.host).args(arguments);
        command.env("DOCKER_CONFIG", self.scratch.path());
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_TLS_VERIFY"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs the client to its end.
    #[track_caller]
    pub(crate) fn docker(&self, arguments: &[&str]) -> Outcome {
        self.docker_with_input(arguments, b"")
    }

    /// Runs the client with piped input that ends.
    #[track_caller]
    pub(crate) fn docker_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        run(&mut self.command(arguments), input)
    }

    /// Starts the client and leaves it running.
    #[track_caller]
    pub(crate) fn live(&self, arguments: &[&str]) -> Live {
        Live::start(&mut self.command(arguments))
    }

    /// Starts the client on a terminal.
    #[track_caller]
    pub(crate) fn terminal(&self, arguments: &[&str], size: Size) -> Terminal {
        Terminal::start(&self.command(arguments), size)
    }

    /// Starts a container of this client's name that runs a shell script.
    #[track_caller]
    pub(crate) fn start_container(&self, script: &str) {
        self.docker(&["run", "--detach", "--name", &self.name, IMAGE, "sh", "-c", script])
            .success();
    }

    /// Lets a container go on that waits with [`AWAIT_GO`].
    #[track_caller]
    pub(crate) fn go(&self) {
        self.docker(&["exec", &self.name, "touch", "/go"]).success_or_end();
    }

    /// The outcome with unique parts replaced.
    pub(crate) fn normal(&self, outcome: Outcome) -> Outcome {
        let normal = |bytes: Vec<u8>| self.normal_text(&String::from_utf8_lossy(&bytes)).into();
        let Outcome { code, stdout, stderr } = outcome;
        Outcome { code, stdout: normal(stdout), stderr: normal(stderr) }
    }

    /// The text with unique parts replaced: our name, and ids by their order
    /// of appearance.
    pub(crate) fn normal_text(&self, text: &str) -> String {
        let id = Regex::new(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b").expect("a fixed pattern");
        let mut known: Vec<String> = Vec::new();
        let text = text.replace(&self.name, "NAME").replace(&self.host, "HOST");
        id.replace_all(&text, |found: &Captures<'_>| {
            let short = found[0][..12].to_owned();
            let place = known.iter().position(|other| *other == short).unwrap_or_else(|| {
                known.push(short);
                known.len() - 1
            });
            format!("ID{place}")
        })
        .into_owned()
    }
}

/// A piece of script for a container: waits for [`Client::go`].
pub(crate) const AWAIT_GO: &str = "until [ -e /go ]; do sleep 0.05; done";

impl Drop for Client {
    fn drop(&mut self) {
        let straight = format!("unix://{}", self.socket.display());
        for remove in [["rm", "--force", "--volumes"], ["rmi", "--force", "--no-prune"]] {
            let mut command = Command::new("docker");
            // Most clients made neither, and a failed test says enough.
            let _ = command.args(["--host", &straight]).args(remove).arg(&self.name).output();
        }
    }
}
