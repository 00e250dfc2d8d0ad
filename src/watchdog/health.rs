//! The health listener, `HEAD /health` on 127.0.0.1:55555.
//!
//! **Invariant:** it has two threads of its own, so that a full pool of the proxy
//! cannot starve it. One waits for all heads at once, so that no silent client
//! delays another; the other asks the daemon.
//! **Invariant:** all is bounded: clients ([`WAITING_MAX`], the oldest gives way),
//! their time ([`CLIENT_LIMIT`]), and the daemon's ([`HEALTH_PROBE_LIMIT`]). Those
//! who come while the daemon is asked share its answer, so that each has one in
//! that time.
//!
//! What this deliberately does not do: keep connections open, or answer
//! anything else. The address is fixed and local: a client that can connect
//! shares the network namespace with the proxy.

use super::STACK_BYTES;
use crate::config::HEALTH_ADDRESS;
use crate::engine::ping;
use crate::relay::socket::poll;
use rustix::event::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the daemon may take, so that the answer reaches the health check
/// within [`super::healthcheck::HEALTHCHECK_LIMIT`].
const HEALTH_PROBE_LIMIT: Duration = Duration::from_secs(3);

/// Time for a client's request.
const CLIENT_LIMIT: Duration = Duration::from_secs(1);

/// Clients whose request has not arrived.
const WAITING_MAX: usize = 64;

/// Clients that wait for the daemon's answer.
const ASKERS_MAX: usize = 64;

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 2048;

/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Carries the cause to the health check; an answer to HEAD has no body.
pub(super) const CAUSE_FIELD: &str = "Socket-Proxy-Cause";

/// A listener that is bound but does not serve yet.
#[derive(Debug)]
pub struct HealthListener {
    listener: TcpListener,
    socket: PathBuf,
}

impl HealthListener {
    /// Binds [`HEALTH_ADDRESS`], for the health of the daemon behind `socket`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn bind(socket: &Path) -> io::Result<Self> {
        Self::bind_to(HEALTH_ADDRESS, socket)
    }

    fn bind_to(address: SocketAddr, socket: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, socket: socket.to_owned() })
    }

    /// Serves for as long as the program lives.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn serve(self) -> io::Result<()> {
        let (askers, queue) = sync_channel(ASKERS_MAX);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).stack_size(STACK_BYTES).spawn(run)
        };
        let Self { listener, socket } = self;
        spawn("health", Box::new(move || Heads::new(listener, askers).run()))?;
        spawn("health probe", Box::new(move || answer_askers(&queue, &socket)))?;
        Ok(())
    }
}

/// Reads the heads of all clients at once.
struct Heads {
    listener: TcpListener,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    askers: SyncSender<TcpStream>,
    has_complained: bool,
}

/// A client whose request has not arrived.
struct Waiting {
    client: TcpStream,
    head: Vec<u8>,
    until: Instant,
}

impl Heads {
    fn new(listener: TcpListener, askers: SyncSender<TcpStream>) -> Self {
        Self { listener, waiting: VecDeque::new(), askers, has_complained: false }
    }

    fn run(mut self) {
        loop {
            self.wait();
            self.accept();
            for _ in 0..self.waiting.len() {
                if let Some(waiting) = self.waiting.pop_front() {
                    self.read(waiting);
                }
            }
        }
    }

    /// Waits for a connection, for bytes, or for a client's time to be over.
    fn wait(&self) {
        let clients = self.waiting.iter().map(|waiting| &waiting.client);
        let mut fds = vec![PollFd::new(&self.listener, PollFlags::IN)];
        fds.extend(clients.map(|client| PollFd::new(client, PollFlags::IN)));
        let next = self.waiting.iter().map(|waiting| waiting.until).min();
        let limit = next.map(|until| until.saturating_duration_since(Instant::now()));
        if poll(&mut fds, limit).is_err() {
            thread::sleep(ACCEPT_PAUSE);
        }
    }

    fn accept(&mut self) {
        for _ in 0..WAITING_MAX {
            match self.listener.accept() {
                Ok((client, _)) => self.admit(client),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !self.has_complained {
                        log::warn!(error:% = error; "health listener cannot accept");
                    }
                    self.has_complained = true;
                    thread::sleep(ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, client: TcpStream) {
        self.has_complained = false;
        if client.set_nonblocking(true).is_err() {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        let until = Instant::now() + CLIENT_LIMIT;
        self.waiting.push_back(Waiting { client, head: Vec::new(), until });
    }

    /// Reads what has come of a request, and deals with a complete one. A client
    /// that went away or is too slow has no claims.
    fn read(&mut self, mut waiting: Waiting) {
        let mut space = [0; 512];
        loop {
            match waiting.client.read(&mut space) {
                Ok(0) => return,
                Ok(count) => waiting.head.extend(space.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
            if has_blank_line(&waiting.head) || waiting.head.len() >= HEAD_BYTES_MAX {
                return self.answer(waiting);
            }
        }
        if Instant::now() < waiting.until {
            self.waiting.push_back(waiting);
        }
    }

    fn answer(&self, waiting: Waiting) {
        match verdict(&waiting.head) {
            // A queue that is full holds enough who ask; this one asks in vain.
            Ok(()) => drop(self.askers.try_send(waiting.client)),
            Err(refusal) => send(&waiting.client, refusal),
        }
    }
}

/// Asks the daemon once for all who have come by the time that it answers.
fn answer_askers(askers: &Receiver<TcpStream>, socket: &Path) {
    while let Ok(first) = askers.recv() {
        let outcome = ping(socket, HEALTH_PROBE_LIMIT).map_err(|error| error.to_string());
        if let Err(cause) = &outcome {
            log::error!(origin = "healthcheck", error:% = cause; "health check failed");
        }
        let reply = health_reply(&outcome);
        send(&first, &reply);
        askers.try_iter().take(ASKERS_MAX).for_each(|client| send(&client, &reply));
    }
}

/// A socket that has sent nothing has room for one answer; if not, it is lost.
fn send(mut client: &TcpStream, reply: &str) {
    let _ = client.write_all(reply.as_bytes());
}

const NOT_HTTP: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NOT_HEAD: &str = "HTTP/1.1 405 Method Not Allowed\r\nAllow: HEAD\r\nContent-Length: 0\r\n\
                        Connection: close\r\n\r\n";

/// Whether the head asks for health; if not, the answer to it.
fn verdict(head: &[u8]) -> Result<(), &'static str> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(NOT_HTTP),
    }
    match (request.method, request.path) {
        (Some("HEAD"), Some("/health")) => Ok(()),
        (_, Some("/health")) => Err(NOT_HEAD),
        _ => Err(NOT_FOUND),
    }
}

fn health_reply(outcome: &Result<(), String>) -> String {
    match outcome {
        Ok(()) => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
        Err(cause) => format!(
            "HTTP/1.1 503 Service Unavailable\r\n{CAUSE_FIELD}: {}\r\nConnection: close\r\n\r\n",
            printable(cause)
        ),
    }
}

/// Whether a head is complete (RFC 9112 §2.1).
fn has_blank_line(head: &[u8]) -> bool {
    head.windows(4).any(|four| four == b"\r\n\r\n")
}

/// A socket's path may hold anything; a field's value may not.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::healthcheck::{HEALTHCHECK_LIMIT, ask_health};
    use super::*;
    use crate::engine::fake_daemon::{self, Directory};
    use std::net::Ipv4Addr;

    /// Serves the health of a directory's socket on some free port.
    fn serve(directory: &Directory) -> SocketAddr {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = HealthListener::bind_to(any_port, &directory.socket()).unwrap();
        let address = listener.listener.local_addr().unwrap();
        listener.serve().unwrap();
        address
    }

    fn check(address: SocketAddr, request: &str, expected: &str) {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with(expected), "{request:?}: {reply:?}, not {expected:?}");
        assert!(reply.ends_with("\r\n\r\n"), "{reply:?}");
    }

    #[test]
    fn only_head_of_health_is_answered() {
        let directory = Directory::new();
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        let address = serve(&directory);
        check(address, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ");
        check(address, "HEAD /health HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
        check(address, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
        check(address, "POST /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
        check(address, "head /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
        check(address, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
        check(address, "HEAD /health/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
        check(address, "GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
        check(address, "nonsense\r\n\r\n", "HTTP/1.1 400 ");
    }

    #[test]
    fn a_dead_daemon_is_503_with_its_cause_until_it_is_back() {
        let directory = Directory::new();
        let address = serve(&directory);
        check(address, "HEAD /health HTTP/1.1\r\n\r\n", "HTTP/1.1 503 ");
        let cause = ask_health(address, fake_daemon::PATIENCE).unwrap_err().to_string();
        assert!(cause.contains("No such file or directory"), "{cause}");
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        assert!(ask_health(address, fake_daemon::PATIENCE).is_ok());
    }

    #[test]
    fn silent_clients_hold_nobody_up() {
        let directory = Directory::new();
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        let address = serve(&directory);
        // More than may wait, and none ever says a word.
        let _silent: Vec<_> =
            (0..4 * WAITING_MAX).map(|_| TcpStream::connect(address).unwrap()).collect();
        let begun = Instant::now();
        assert!(ask_health(address, HEALTHCHECK_LIMIT).is_ok());
        assert!(begun.elapsed() < CLIENT_LIMIT, "took {:?}", begun.elapsed());
    }

    #[test]
    fn a_silent_client_is_closed_in_time_and_so_is_one_that_talks_on() {
        let directory = Directory::new();
        let address = serve(&directory);
        let mut silent = TcpStream::connect(address).unwrap();
        silent.set_read_timeout(Some(fake_daemon::PATIENCE)).unwrap();
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        check(address, &"x".repeat(HEAD_BYTES_MAX), "HTTP/1.1 400 ");
    }

    #[test]
    fn askers_at_the_same_time_share_one_probe() {
        const ASKERS: usize = 8;
        let directory = Directory::new();
        let daemon = fake_daemon::Held::new(&directory.socket());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let (askers, queue) = sync_channel(ASKERS_MAX);
        let socket = directory.socket();
        thread::spawn(move || answer_askers(&queue, &socket));
        let mut clients = Vec::new();
        for number in 0..ASKERS {
            let (client, asker) = connect();
            askers.send(asker).unwrap();
            clients.push(client);
            if number == 0 {
                fake_daemon::await_condition(|| daemon.asked() == 1);
            }
        }
        let answered = |mut client: &TcpStream| {
            let mut reply = String::new();
            client.read_to_string(&mut reply).unwrap();
            assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
        };
        daemon.release();
        clients.iter().for_each(answered);
        assert_eq!(daemon.asked(), 1);
        let (client, asker) = connect();
        askers.send(asker).unwrap();
        daemon.release();
        answered(&client);
        assert_eq!(daemon.asked(), 2, "an outcome must not outlive its round");
    }

    #[test]
    fn the_health_check_learns_in_time_what_is_wrong_with_a_daemon() {
        use std::os::unix::net::UnixListener;
        let check = |directory: &Directory, expected: &str| {
            let begun = Instant::now();
            let cause = ask_health(serve(directory), HEALTHCHECK_LIMIT).unwrap_err().to_string();
            assert!(cause.contains(expected), "{cause}, not {expected}");
            assert!(begun.elapsed() < HEALTHCHECK_LIMIT, "took {:?}", begun.elapsed());
        };
        let [silent, full, slow] = std::array::from_fn(|_| Directory::new());
        let _silent = UnixListener::bind(silent.socket()).unwrap();
        let _queue = fake_daemon::full_queue(&full.socket());
        let dribbling = UnixListener::bind(slow.socket()).unwrap();
        thread::spawn(move || {
            let mut client = dribbling.accept().unwrap().0;
            while client.write_all(b"H").is_ok() {
                thread::sleep(Duration::from_millis(500));
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| check(&silent, "gave no answer to HEAD /_ping for 3 s"));
            scope.spawn(|| check(&full, "accepted no connection for 3 s"));
            scope.spawn(|| check(&slow, "gave no answer to HEAD /_ping for 3 s"));
        });
    }

    #[test]
    fn a_cause_cannot_break_its_line() {
        let reply = health_reply(&Err("no\r\nSet-Cookie: x\u{1b}[0m ü".to_owned()));
        assert!(reply.contains("Socket-Proxy-Cause: no??Set-Cookie: x?[0m ?\r\n"), "{reply}");
    }
}
