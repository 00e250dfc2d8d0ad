//! Daemons that misbehave on purpose, for the tests.
//!
//! Their threads end with the test program; their sockets live in a directory
//! that is removed with its value.

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// The response of a healthy Engine.
pub(crate) const PONG: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n";

/// How long a test waits for an expected event before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A directory for one test's sockets.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("socket-proxy-daemon-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("docker.sock")
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn remove_socket(&self) {
        std::fs::remove_file(self.socket()).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A daemon that answers every request in the same words, then closes.
pub(crate) fn answering(socket: &Path, answer: &'static str) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            respond(client.unwrap(), answer);
        }
    });
}

fn respond(mut client: UnixStream, answer: &str) {
    let mut request = [0; 512];
    let _ = client.read(&mut request);
    let _ = client.write_all(answer.as_bytes());
}

/// A daemon that answers each request only on command.
pub(crate) struct Held {
    asked: Arc<AtomicUsize>,
    permits: Sender<()>,
}

impl Held {
    pub(crate) fn new(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (permits, permitted) = mpsc::channel();
        let counter = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                if permitted.recv().is_err() {
                    return;
                }
                respond(client.unwrap(), PONG);
            }
        });
        Self { asked, permits }
    }

    /// Lets one request be answered.
    pub(crate) fn release(&self) {
        self.permits.send(()).unwrap();
    }

    /// The number of requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A daemon that has stopped accepting, with a queue that has no place left.
pub(crate) fn full_queue(socket: &Path) -> Vec<OwnedFd> {
    let address = SocketAddrUnix::new(socket).unwrap();
    let open = || {
        rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .unwrap()
    };
    let listener = open();
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut kept = vec![listener];
    loop {
        let client = open();
        match rustix::net::connect(&client, &address) {
            Ok(()) => kept.push(client),
            Err(rustix::io::Errno::AGAIN) => return kept,
            Err(errno) => panic!("{errno}"),
        }
    }
}

/// Waits until `holds` does.
pub(crate) fn await_condition(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "the condition never came to hold");
        thread::yield_now();
    }
}
