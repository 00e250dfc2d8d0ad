//! The health listener, `HEAD /health` on 127.0.0.1:55555.
//!
//! **Invariant:** it has two threads of its own, so that a full pool of the proxy
//! cannot starve it. One waits for all heads at once, so that no silent client
//! delays another; the other asks the daemon.
//! **Invariant:** all is bounded: clients (`WAITING_MAX`, the oldest gives way),
//! their time (`CLIENT_LIMIT`), and the daemon's (`HEALTH_PROBE_LIMIT`). Those
//! who come while the daemon is asked share its answer, so that each has one in
//! that time.
//!
//! What this deliberately does not do: keep connections open, or answer
//! anything else. The address is fixed and local: a client that can connect
//! shares the network namespace with the proxy.

use super::STACK_BYTES;
use crate::config::HEALTH_ADDRESS;
use crate::engine::{PingError, ping};
use crate::http1::{self, FieldStorage, HeadScan, Method, Reply, Request, Version};
use crate::relay::buffer::Buffer;
use crate::relay::socket::{Socket, poll};
use rustix::event::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
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

/// Carries the cause to the health check, since an answer to HEAD has no body.
pub(super) const CAUSE_FIELD: &str = "Socket-Proxy-Cause";

/// The answer to all other requests.
const ONLY_HEALTH: &str = "only HEAD /health is served here";

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
    askers: SyncSender<Socket>,
    has_complained: bool,
}

/// A client whose request has not arrived.
struct Waiting {
    client: Socket,
    received: Buffer,
    scan: HeadScan,
    until: Instant,
}

impl Heads {
    fn new(listener: TcpListener, askers: SyncSender<Socket>) -> Self {
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
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting {
            client: Socket::from(OwnedFd::from(client)),
            received: Buffer::default(),
            scan: HeadScan::of_request(),
            until: Instant::now() + CLIENT_LIMIT,
        });
    }

    /// Reads what has come of a request, and deals with a complete one. A client
    /// that went away or is too slow has no claims.
    fn read(&mut self, mut waiting: Waiting) {
        match waiting.read() {
            // A queue that is full holds enough who ask; this one asks in vain.
            Arrival::Health => drop(self.askers.try_send(waiting.client)),
            Arrival::Other { reply, to_head } => send(&waiting.client, &reply, to_head),
            Arrival::Part if Instant::now() < waiting.until => self.waiting.push_back(waiting),
            Arrival::Part | Arrival::Gone => {}
        }
    }
}

/// What has come of a request.
enum Arrival {
    /// All of it, and it asks for health.
    Health,
    /// Something else; the answer to it, which has no body where it is to HEAD.
    Other { reply: Reply, to_head: bool },
    /// A part of its head, or nothing.
    Part,
    /// The client's end.
    Gone,
}

impl Waiting {
    fn read(&mut self) -> Arrival {
        loop {
            let received = self.received.filled();
            match self.scan.find_end(received) {
                Ok(Some(head_bytes)) => {
                    return judge(received.get(..head_bytes).unwrap_or_default());
                }
                Ok(None) if received.len() < HEAD_BYTES_MAX => {}
                Ok(None) => return malformed(http1::Error::HeadTooLarge),
                Err(error) => return malformed(error),
            }
            let client = &self.client;
            match self.received.fill(HEAD_BYTES_MAX, |space| client.receive(space)) {
                Ok(filled) if filled.bytes > 0 => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Arrival::Part,
                Ok(_) | Err(_) => return Arrival::Gone,
            }
        }
    }
}

/// Asks the daemon once for all who have come by the time that it answers.
fn answer_askers(askers: &Receiver<Socket>, socket: &Path) {
    while let Ok(first) = askers.recv() {
        let outcome = ping(socket, HEALTH_PROBE_LIMIT);
        if let Err(cause) = &outcome {
            log::error!(origin = "healthcheck", error:% = cause; "health check failed");
        }
        let reply = health_reply(&outcome);
        // Before the first is answered: who asks after that wants a newer answer.
        let others: Vec<Socket> = askers.try_iter().take(ASKERS_MAX).collect();
        iter::once(first).chain(others).for_each(|client| send(&client, &reply, true));
    }
}

/// A socket that has sent nothing has room for one answer; if not, it is lost.
fn send(client: &Socket, reply: &Reply, to_head: bool) {
    let mut bytes = Vec::new();
    reply.print(to_head, Version::Http11, false, &mut bytes);
    let _ = client.send(&[IoSlice::new(&bytes)]);
}

fn judge(head: &[u8]) -> Arrival {
    let mut storage = FieldStorage::new();
    let request = match Request::parse(head, &mut storage) {
        Ok(request) => request,
        Err(error) => return malformed(error),
    };
    let to_head = request.method() == Method::Head;
    match request.target().path() {
        "/health" if to_head => Arrival::Health,
        "/health" => Arrival::Other { reply: not_head(), to_head },
        _ => Arrival::Other { reply: Reply::new(404, ONLY_HEALTH), to_head },
    }
}

fn malformed(error: http1::Error) -> Arrival {
    let reply = match error {
        http1::Error::Method => not_head(),
        _ => Reply::new(error.status(), error.explain()),
    };
    Arrival::Other { reply, to_head: false }
}

fn not_head() -> Reply {
    let mut reply = Reply::new(405, ONLY_HEALTH);
    reply.allow = vec![Method::Head];
    reply
}

fn health_reply(outcome: &Result<(), PingError>) -> Reply {
    match outcome {
        Ok(()) => Reply::new(200, "the daemon answers"),
        Err(error) => {
            let cause = error.to_string();
            Reply { field: Some((CAUSE_FIELD, cause.clone())), ..Reply::new(503, cause) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::healthcheck::{HEALTHCHECK_LIMIT, ask_health};
    use super::*;
    use crate::engine::fake_daemon::{self, Directory};
    use std::io::{Read, Write};
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
        let end = if request.starts_with("HEAD ") { "\r\n\r\n" } else { "\"}\n" };
        assert!(reply.ends_with(end), "{request:?}: {reply:?}");
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
        check(address, "GET /health HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
        check(address, "\u{16}\u{3}\u{1}", "HTTP/1.1 400 ");
    }

    #[test]
    fn a_dead_daemon_is_503_with_its_cause_until_it_is_back() {
        let directory = Directory::new();
        let address = serve(&directory);
        check(address, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ");
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
        check(address, &"x".repeat(HEAD_BYTES_MAX), "HTTP/1.1 431 ");
    }

    #[test]
    fn askers_at_the_same_time_share_one_probe() {
        const ASKERS: usize = 8;
        let directory = Directory::new();
        let daemon = fake_daemon::Held::new(&directory.socket());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, Socket::from(OwnedFd::from(listener.accept().unwrap().0)))
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
}
