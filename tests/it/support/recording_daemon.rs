//! A daemon that records every byte of every connection and judges it at once.
//!
//! - It never closes first: a proxy that relies on that is found out.
//! - `/early…` is answered with 403 as soon as the head is there; with
//!   `?close` in the target the connection is then closed, unread bytes and all.
//! - `/hijack…`, `/grpc` and `/session` with an `Upgrade` are answered with 101,
//!   after a moment in which no further byte may come. Then it echoes; `FIN!`
//!   makes it end its direction, and the client's end is answered with `bye`.
//! - Anything else complete is answered with 200.

use super::PATIENCE;
use super::scratch::Scratch;
use super::strict::{self, Request, show};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// The body of the 200; a client that sees it was served by the daemon.
pub(crate) const SERVED: &[u8] = b"served by the daemon\n";
/// The body of the early 403.
pub(crate) const EARLY: &[u8] = b"{\"message\":\"refused by the daemon before the body\"}\n";

/// How long a tunnel's request is watched for bytes that come before the 101.
const BEFORE_101: Duration = Duration::from_millis(30);

/// The daemon sends this to itself; no request begins so.
const MARKER: &[u8] = b"\0marker";

/// The record of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// Every byte, in order.
    pub(crate) bytes: Vec<u8>,
    /// The request, once complete.
    pub(crate) request: Option<Request>,
    /// The bytes that came after the 101.
    pub(crate) tunnel: Vec<u8>,
    /// The first thing that broke the rules.
    pub(crate) violation: Option<String>,
    /// Whether the proxy has yet to close it.
    pub(crate) open: bool,
    /// Its place in the order of all connections.
    index: usize,
}

/// The daemon; its socket lives as long as it does.
pub(crate) struct RecordingDaemon {
    socket_path: PathBuf,
    records: Arc<Records>,
    _directory: Scratch,
}

struct Records {
    connections: Mutex<Vec<Connection>>,
    changed: Condvar,
    patience: Duration,
}

impl RecordingDaemon {
    pub(crate) fn start() -> Self {
        Self::with_patience(PATIENCE)
    }

    /// A daemon that waits for the proxy no longer than this.
    pub(crate) fn with_patience(patience: Duration) -> Self {
        let directory = Scratch::new();
        let socket_path = directory.path().join("daemon.sock");
        let listener = UnixListener::bind(&socket_path).expect("bind the daemon's socket");
        let (connections, changed) = <_>::default();
        let records = Arc::new(Records { connections, changed, patience });
        let shared = Arc::clone(&records);
        std::thread::spawn(move || accept(&listener, &shared));
        Self { socket_path, records, _directory: directory }
    }

    pub(crate) fn socket_path(&self) -> &Path {
        &self.socket_path
    }

    /// Takes the records so far, once every connection is closed.
    ///
    /// A connection that is still in the backlog counts: connections are
    /// accepted in order, so this waits for a marker behind it. A later
    /// connection is not lost but found by the next call.
    ///
    /// # Errors
    /// If a connection is still open when the patience ends.
    pub(crate) fn take(&self) -> Result<Vec<Connection>, String> {
        let mut marker = UnixStream::connect(&self.socket_path).map_err(|e| e.to_string())?;
        marker.write_all(MARKER).map_err(|e| e.to_string())?;
        drop(marker);
        let settled = |connections: &[Connection]| {
            connections.iter().any(|c| c.bytes == MARKER) && connections.iter().all(|c| !c.open)
        };
        self.wait_for(settled).ok_or("a daemon connection was left open")?;
        let mut connections = self.records.lock();
        let taken: Vec<_> = connections.extract_if(.., |connection| !connection.open).collect();
        Ok(taken.into_iter().filter(|connection| connection.bytes != MARKER).collect())
    }

    /// Waits until the records fulfil a condition; `None` if they never do.
    pub(crate) fn wait_for(
        &self,
        condition: impl Fn(&[Connection]) -> bool,
    ) -> Option<Vec<Connection>> {
        let guard = self.records.lock();
        let (guard, timeout) = self
            .records
            .changed
            .wait_timeout_while(guard, self.records.patience, |connections| !condition(connections))
            .expect("no panic while recording");
        (!timeout.timed_out()).then(|| guard.clone())
    }
}

impl Records {
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().expect("no panic while recording")
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.lock().iter_mut().find(|c| c.index == index) {
            change(connection);
        }
        self.changed.notify_all();
    }
}

fn accept(listener: &UnixListener, records: &Arc<Records>) {
    for (index, stream) in listener.incoming().flatten().enumerate() {
        records.lock().push(Connection { open: true, index, ..Connection::default() });
        records.changed.notify_all();
        let mut serving = Serving { stream, records: Arc::clone(records), index };
        std::thread::spawn(move || serving.run());
    }
}

/// One connection at work.
struct Serving {
    stream: UnixStream,
    records: Arc<Records>,
    index: usize,
}

impl Serving {
    fn run(&mut self) {
        let violation = self.serve().err();
        self.records.update(self.index, |connection| {
            connection.violation = violation;
            connection.open = false;
        });
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut bytes = Vec::new();
        let mut answered_early = false;
        loop {
            if let Some((request, used)) = strict::read_request(&bytes)? {
                let after = bytes[used..].to_vec();
                self.records.update(self.index, |c| c.request = Some(request.clone()));
                return self.after_request(&request, &after, answered_early);
            }
            if !answered_early && let Some(request) = early_request(&bytes)? {
                answered_early = true;
                self.answer("403 Forbidden", &request, EARLY);
                if request.target.ends_with("?close") {
                    return Ok(());
                }
            }
            let more = self.read()?;
            if more.is_empty() {
                return Ok(());
            }
            bytes.extend_from_slice(&more);
        }
    }

    fn after_request(
        &mut self,
        request: &Request,
        after: &[u8],
        answered: bool,
    ) -> Result<(), String> {
        if !after.is_empty() {
            return Err(format!("after the request: {}", show(after)));
        }
        if upgrades(request) {
            return self.tunnel(request);
        }
        if !answered {
            let early = request.target.starts_with("/early");
            let (status, body) = if early { ("403 Forbidden", EARLY) } else { ("200 OK", SERVED) };
            self.answer(status, request, body);
        }
        let more = self.read()?;
        if more.is_empty() { Ok(()) } else { Err(format!("after the request: {}", show(&more))) }
    }

    fn answer(&mut self, status: &str, request: &Request, body: &[u8]) {
        let mut message = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        if request.method != "HEAD" {
            message.extend_from_slice(body);
        }
        // The proxy may have ended: then the client's side reports the error.
        let _ = self.stream.write_all(&message);
    }

    fn tunnel(&mut self, request: &Request) -> Result<(), String> {
        self.nothing_comes_before_101()?;
        let token = request.field("Upgrade").unwrap_or_default();
        let head = format!(
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
             Connection: Upgrade\r\nUpgrade: {token}\r\n\r\n"
        );
        let _ = self.stream.write_all(head.as_bytes());
        self.echo();
        Ok(())
    }

    fn nothing_comes_before_101(&mut self) -> Result<(), String> {
        self.stream.set_read_timeout(Some(BEFORE_101)).map_err(|e| e.to_string())?;
        match self.stream.read(&mut [0]) {
            Ok(0) => Err("the client's end came before the 101".to_owned()),
            Ok(_) => Err("a byte came before the 101".to_owned()),
            Err(error) if is_timeout(error.kind()) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn echo(&mut self) {
        let mut ended = false;
        while let Ok(chunk) = self.read() {
            if chunk.is_empty() {
                let _ = self.stream.write_all(b"bye");
                return;
            }
            self.records.update(self.index, |c| c.tunnel.extend_from_slice(&chunk));
            if !ended {
                let _ = self.stream.write_all(&chunk);
            }
            if chunk.ends_with(b"FIN!") {
                ended = true;
                let _ = self.stream.shutdown(Shutdown::Write);
            }
        }
    }

    /// The next bytes, recorded; none at the end.
    fn read(&mut self) -> Result<Vec<u8>, String> {
        let mut buffer = vec![0; 64 * 1024];
        self.stream.set_read_timeout(Some(self.records.patience)).map_err(|e| e.to_string())?;
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                self.records.update(self.index, |c| c.bytes.extend_from_slice(&buffer));
                Ok(buffer)
            }
            Err(error) if is_timeout(error.kind()) => {
                Err("the proxy did not close its daemon connection".to_owned())
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A request for `/early…` whose head is complete.
fn early_request(bytes: &[u8]) -> Result<Option<Request>, String> {
    let head = strict::read_request_head(bytes)?;
    Ok(head.map(|(request, ..)| request).filter(|request| request.target.starts_with("/early")))
}

fn upgrades(request: &Request) -> bool {
    let path = request.path();
    let tunnels = path.starts_with(b"/hijack") || path == b"/grpc" || path == b"/session";
    tunnels && request.field("Upgrade").is_some()
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
