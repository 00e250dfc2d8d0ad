//! Daemons and service managers that misbehave on purpose, for the tests.
//!
//! Their threads end with the test program; their sockets live in a directory
//! that is removed with its value.

use super::notify::Notifier;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// What a healthy Engine says.
pub(super) const PONG: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n";

/// How long a test waits for what must happen before it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A directory for one test's sockets.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("socket-proxy-watchdog-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.join("docker.sock")
    }

    pub(super) fn remove_socket(&self) {
        std::fs::remove_file(self.socket()).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A daemon that answers every request in the same words, then closes.
pub(super) fn answering(socket: &Path, answer: &'static str) {
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

/// A daemon that answers each request only when it is told to.
pub(super) struct Held {
    asked: Arc<AtomicUsize>,
    permits: Sender<()>,
}

impl Held {
    pub(super) fn new(socket: &Path) -> Self {
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
    pub(super) fn release(&self) {
        self.permits.send(()).unwrap();
    }

    /// The number of requests so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A daemon that has stopped accepting, with a queue that has no place left.
pub(super) fn full_queue(socket: &Path) -> Vec<OwnedFd> {
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

/// A service manager: the receiving end of the notification protocol.
pub(super) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    pub(super) fn new(directory: &Directory) -> Self {
        let path = directory.0.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    /// A notifier as the program would make it, with that watchdog limit.
    pub(super) fn notifier(&self, watchdog_limit: Duration) -> Notifier {
        Notifier::from_lookup(|name| match name {
            "NOTIFY_SOCKET" => Some(self.path.clone().into()),
            "WATCHDOG_USEC" => Some(watchdog_limit.as_micros().to_string().into()),
            _ => None,
        })
    }

    /// The next message.
    pub(super) fn next(&self) -> String {
        let mut message = [0; 512];
        let length = self.socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// The next message that is not `usual`.
    pub(super) fn next_other_than(&self, usual: &str) -> String {
        std::iter::repeat_with(|| self.next()).find(|message| message != usual).unwrap()
    }
}

/// Waits until `holds` does.
pub(super) fn await_condition(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "the condition never came to hold");
        thread::yield_now();
    }
}
