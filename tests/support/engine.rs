//! A real Docker Engine for tests: one of our own, or the developer's.
//!
//! `engine.sh` starts a private Engine and removes it when the pipe to its
//! standard input closes, which the kernel does for us however this process
//! ends. With `SOCKET_PROXY_ENGINE_SOCKET=/path` the Engine behind that socket
//! is used instead; it must have an image `busybox:latest`, and the tests leave
//! nothing behind there but what failed ones could not remove.
//!
//! Without any Engine, tests say why they skip. With
//! `SOCKET_PROXY_REQUIRE_ENGINE=1` they fail.

#![allow(dead_code, reason = "each test binary uses a part of the support modules")]

use std::env;
use std::io::{BufRead, BufReader, Read, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/engine.sh");

/// An Engine that answers. Dropping a private one removes it.
pub(crate) struct Engine {
    socket: PathBuf,
    private: Option<Private>,
}

/// The script's process, which runs a private Engine.
struct Private {
    script: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    gateway: String,
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
    let required = env::var("SOCKET_PROXY_REQUIRE_ENGINE").is_ok_and(|value| value == "1");
    assert!(!required, "an Engine is required: {reason}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, whose output is hidden for tests that do not fail.
    let _ = writeln!(stderr(), "{test} is skipped: {reason}");
}

impl Engine {
    /// A private Engine for a test that restarts or burdens it.
    pub(crate) fn start() -> Result<Engine, String> {
        let mut script = Command::new(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{SCRIPT} did not start: {error}"))?;
        let (Some(orders), Some(answers)) = (script.stdin.take(), script.stdout.take()) else {
            return Err("no pipes".into());
        };
        let answers = BufReader::new(answers);
        let mut private = Private { script, orders, answers, gateway: String::new() };
        let socket = private.await_ready()?;
        Ok(Engine { socket, private: Some(private) })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The address under which containers reach this host.
    pub(crate) fn gateway(&self) -> Option<&str> {
        self.private.as_ref().map(|private| private.gateway.as_str())
    }

    /// Stops the Engine and starts it again on the same data and socket.
    pub(crate) fn restart(&mut self) {
        let private = self.private.as_mut().expect("only a private Engine can be restarted");
        private.orders.write_all(b"restart\n").expect("the script reads");
        private.await_ready().expect("the Engine comes back");
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
            true => Ok(Engine { socket, private: None }),
            false => Err(String::from_utf8_lossy(&inspect.stderr).trim().to_owned()),
        }
    }
}

impl Private {
    /// Reads `ready SOCKET GATEWAY`, or the reason why that does not come. The
    /// script has limits of its own, so this ends.
    fn await_ready(&mut self) -> Result<PathBuf, String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        let mut words = line.split_whitespace();
        match (read, words.next(), words.next(), words.next()) {
            (Ok(_), Some("ready"), Some(socket), Some(gateway)) => {
                self.gateway = gateway.to_owned();
                Ok(socket.into())
            }
            _ => Err(self.complaint()),
        }
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = self.script.stderr.as_mut() {
            let _ = stderr.read_to_string(&mut text);
        }
        text.trim().to_owned()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(Private { mut script, orders, .. }) = self.private.take() {
            drop(orders);
            let _ = script.wait();
        }
    }
}
