//! A real Docker Engine for tests: one of our own, or the developer's.
//!
//! `engine.sh` starts a private Engine and removes it when the pipe to its
//! standard input closes, which the kernel does for us however this process
//! ends. With `SOCKET_PROXY_ENGINE_SOCKET=/path` the Engine behind that socket
//! is used instead; it must have an image `busybox:latest`, and the tests leave
//! nothing behind there, except when one fails before it removes its objects.
//!
//! Without any Engine, tests print the reason and skip. With
//! `SOCKET_PROXY_REQUIRE_ENGINE=1` they fail.

use super::skip::skip_unless_required;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/engine.sh");

/// An Engine that answers. Dropping a private one removes it.
pub(crate) struct Engine {
    socket: PathBuf,
    script: Option<Script>,
}

/// A script that runs a private daemon until it is dropped.
pub(crate) struct Script {
    child: Child,
    /// Closed first, which is the script's sign to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// The words that it printed when the daemon was ready: its socket, and more.
    ready: Vec<String>,
}

/// The Engine that all tests of this process share, or `None` after a message
/// when there is none and none is required.
#[track_caller]
pub(crate) fn shared() -> Option<&'static Engine> {
    static SHARED: OnceLock<Result<Engine, String>> = OnceLock::new();
    match SHARED.get_or_init(Engine::find) {
        Ok(engine) => Some(engine),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

/// Says why a test skips, or fails it where an Engine is required.
#[track_caller]
pub(crate) fn skip(reason: &str) {
    skip_unless_required("SOCKET_PROXY_REQUIRE_ENGINE", reason);
}

impl Engine {
    /// A private Engine for a test that restarts or burdens it.
    pub(crate) fn start() -> Result<Engine, String> {
        let script = Script::start(SCRIPT)?;
        Ok(Engine { socket: script.socket(), script: Some(script) })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The address under which containers reach this host.
    pub(crate) fn gateway(&self) -> Option<&str> {
        self.script.as_ref()?.ready.get(1).map(String::as_str)
    }

    /// Stops the Engine and starts it again on the same data and socket.
    pub(crate) fn restart(&mut self) {
        let script = self.script.as_mut().expect("only a private Engine can be restarted");
        script.order("restart");
        script.await_ready().expect("the Engine comes back");
    }

    fn find() -> Result<Engine, String> {
        match env::var_os("SOCKET_PROXY_ENGINE_SOCKET") {
            Some(path) => Engine::existing(path.into()),
            None => Engine::start(),
        }
    }

    fn existing(socket: PathBuf) -> Result<Engine, String> {
        let inspect = Command::new("docker")
            .arg(format!("--host=unix://{}", socket.display()))
            .args(["image", "inspect", "busybox:latest"])
            .output()
            .map_err(|error| format!("docker did not start: {error}"))?;
        match inspect.status.success() {
            true => Ok(Engine { socket, script: None }),
            false => Err(String::from_utf8_lossy(&inspect.stderr).trim().to_owned()),
        }
    }
}

impl Script {
    /// Starts the script and waits until its daemon is ready, or for the reason
    /// why it will not be. The script has limits of its own, so this ends.
    pub(crate) fn start(path: &str) -> Result<Script, String> {
        let mut child = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{path} did not start: {error}"))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take().ok_or("no pipe")?);
        let answers = BufReader::new(answers);
        let mut script = Script { child, orders, answers, ready: Vec::new() };
        script.await_ready()?;
        Ok(script)
    }

    /// The daemon's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.ready.first().map(PathBuf::from).unwrap_or_default()
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("open until the end");
        writeln!(orders, "{order}").expect("the script reads");
    }

    /// Reads `ready SOCKET …`.
    fn await_ready(&mut self) -> Result<(), String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        let mut words = line.split_whitespace().map(str::to_owned);
        match (read, words.next().as_deref(), words.collect::<Vec<_>>()) {
            (Ok(_), Some("ready"), details) if !details.is_empty() => {
                self.ready = details;
                Ok(())
            }
            _ => Err(self.complaint()),
        }
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = self.child.stderr.as_mut() {
            let _ = stderr.read_to_string(&mut text);
        }
        text.trim().to_owned()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}
