//! A daemon that follows a script: for hostile and broken responses.
//!
//! The script can be changed between exchanges; a connection takes the script
//! that is in force when it is accepted.

use super::PATIENCE;
use super::scratch::Scratch;
use rustix::event::{PollFd, PollFlags};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// One thing that the daemon does. After the last it closes; where bytes are
/// then unread, that is a reset for the peer of a unix socket.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Reads until the end of the request's head has come.
    ReadHead,
    /// Reads one byte; the rest stays unread.
    ReadByte,
    /// Reads until this many bytes have come behind the head.
    ReadBody(usize),
    /// Reads until these bytes have come.
    ReadUntil(Vec<u8>),
    /// Sends bytes; goes on if the proxy has gone.
    Send(Vec<u8>),
    /// Sends bytes again and again until the proxy closes.
    SendForever(Vec<u8>),
    /// Ends the sending direction only.
    Fin,
    /// Reads until the proxy ends its direction.
    AwaitEnd,
    /// Waits, deaf to a mere end of data, until the proxy closes.
    AwaitClose,
    /// Waits for a signal of the test.
    AwaitGo,
}

/// An answer that any request may get.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The script of a daemon that answers each request with [`OK`].
pub(crate) fn answering() -> Vec<Step> {
    vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::AwaitClose]
}

/// The daemon; its socket lives as long as it does.
pub(crate) struct ScriptedDaemon {
    socket_path: PathBuf,
    shared: Arc<Shared>,
    _directory: Scratch,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    script: Vec<Step>,
    accepted: usize,
    finished: usize,
    received: Vec<u8>,
    go: bool,
}

impl ScriptedDaemon {
    pub(crate) fn start(script: Vec<Step>) -> Self {
        let directory = Scratch::new();
        let socket_path = directory.path().join("daemon.sock");
        let daemon = Self { socket_path, shared: Arc::default(), _directory: directory };
        daemon.play(script);
        daemon.listen();
        daemon
    }

    /// Takes a new socket at the same path, as a restarted Engine does.
    pub(crate) fn listen(&self) {
        let _ = std::fs::remove_file(&self.socket_path);
        let listener = UnixListener::bind(&self.socket_path).expect("bind the daemon's socket");
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || accept(&listener, &shared));
    }

    pub(crate) fn socket_path(&self) -> &Path {
        &self.socket_path
    }

    /// Sets the script for the connections to come, and forgets the received bytes.
    pub(crate) fn play(&self, script: Vec<Step>) {
        let mut state = self.shared.state.lock().expect("the daemon's state");
        state.script = script;
        state.received.clear();
        state.go = false;
    }

    /// Ends [`Step::AwaitGo`].
    pub(crate) fn go(&self) {
        self.shared.state.lock().expect("the daemon's state").go = true;
        self.shared.changed.notify_all();
    }

    /// All bytes that came since the script was set.
    pub(crate) fn received(&self) -> Vec<u8> {
        self.shared.state.lock().expect("the daemon's state").received.clone()
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.state.lock().expect("the daemon's state").accepted
    }

    /// Waits for the connection with which a proxy tries its daemon out at start,
    /// and does not count it.
    pub(crate) fn forget_start(&self) {
        let tried = |state: &State| state.accepted > 0 && state.finished == state.accepted;
        self.wait_for(tried).expect("the proxy tries its daemon out");
        let mut state = self.shared.state.lock().expect("the daemon's state");
        (state.accepted, state.finished) = (0, 0);
    }

    /// Waits until every connection has come to its end; how long it took.
    ///
    /// # Errors
    /// If one does not.
    pub(crate) fn await_idle(&self) -> Result<Duration, String> {
        self.wait_for(|state| state.finished == state.accepted)
            .ok_or_else(|| "the proxy kept a daemon connection".to_owned())
    }

    /// Waits until bytes have come to the daemon.
    ///
    /// # Errors
    /// If they never do.
    pub(crate) fn await_bytes(&self, bytes: &[u8]) -> Result<(), String> {
        let came = |state: &State| state.received.windows(bytes.len()).any(|w| w == bytes);
        self.wait_for(came).map(|_| ()).ok_or_else(|| "the bytes never came".to_owned())
    }

    fn wait_for(&self, condition: impl Fn(&State) -> bool) -> Option<Duration> {
        let begin = Instant::now();
        let state = self.shared.state.lock().expect("the daemon's state");
        let (_state, timeout) = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !condition(state))
            .expect("the daemon's state");
        (!timeout.timed_out()).then(|| begin.elapsed())
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        let script = {
            let mut state = shared.state.lock().expect("the daemon's state");
            state.accepted += 1;
            state.script.clone()
        };
        shared.changed.notify_all();
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let mut acting = Acting { stream, shared: &shared, received: Vec::new() };
            for step in script {
                acting.act(step);
            }
            drop(acting);
            shared.state.lock().expect("the daemon's state").finished += 1;
            shared.changed.notify_all();
        });
    }
}

struct Acting<'a> {
    stream: UnixStream,
    shared: &'a Shared,
    received: Vec<u8>,
}

impl Acting<'_> {
    fn act(&mut self, step: Step) {
        match step {
            Step::ReadHead => self.read_until(|bytes| head_bytes(bytes).is_some()),
            Step::ReadByte => {
                self.read(1);
            }
            Step::ReadBody(count) => {
                self.read_until(|bytes| {
                    head_bytes(bytes).is_some_and(|head| bytes.len() >= head + count)
                });
            }
            Step::ReadUntil(end) => {
                self.read_until(|bytes| bytes.windows(end.len()).any(|window| window == end));
            }
            Step::Send(bytes) => {
                let _ = self.stream.write_all(&bytes);
            }
            Step::SendForever(bytes) => while self.stream.write_all(&bytes).is_ok() {},
            Step::Fin => {
                let _ = self.stream.shutdown(Shutdown::Write);
            }
            Step::AwaitEnd => self.read_until(|_| false),
            Step::AwaitGo => {
                let state = self.shared.state.lock().expect("the daemon's state");
                let waiting = self.shared.changed.wait_timeout_while(state, PATIENCE, |s| !s.go);
                drop(waiting.expect("the daemon's state"));
            }
            Step::AwaitClose => {
                // A hang-up is reported even without requested events.
                let mut fds = [PollFd::new(&self.stream, PollFlags::empty())];
                let _ = rustix::event::poll(&mut fds, None);
            }
        }
    }

    fn read_until(&mut self, done: impl Fn(&[u8]) -> bool) {
        while !done(&self.received) && self.read(64 * 1024) {}
    }

    /// Reads once; `false` at the end.
    fn read(&mut self, count_max: usize) -> bool {
        let mut buffer = vec![0; count_max];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                let mut state = self.shared.state.lock().expect("the daemon's state");
                state.received.extend_from_slice(&buffer[..count]);
                self.shared.changed.notify_all();
                true
            }
            Err(error) => error.kind() == ErrorKind::Interrupted,
        }
    }
}

fn head_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
