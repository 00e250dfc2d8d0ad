//! The health listener, `HEAD /health` on 127.0.0.1:55555, and who asks it.
//!
//! Invariants: it has threads of its own, so that a full pool of the proxy
//! cannot starve it, and so few that it cannot starve the proxy; a slow client
//! holds one of them for a second; askers that come while a probe is under way
//! share its outcome, so that the daemon is asked by one of them at a time.
//!
//! What this deliberately does not do: keep connections open, or answer
//! anything else. The address is fixed and local: whoever may connect shares
//! the network namespace with the proxy.

use super::STACK_BYTES;
use super::ask::{self, Deadline, Wanted};
use super::probe::probe;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// Where health is served; the original's address.
pub const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 55555);

/// The whole of [`healthcheck`]. Five seconds are what Compose files usually
/// allow it; it ends before them, so that its line is seen.
pub const HEALTHCHECK_LIMIT: Duration = Duration::from_millis(4800);

/// Shorter than [`HEALTHCHECK_LIMIT`], so that the asker still learns what is
/// wrong with a daemon that is silent.
const HEALTH_PROBE_LIMIT: Duration = Duration::from_millis(4500);

/// Time for a client's request, and for our answer.
const CLIENT_LIMIT: Duration = Duration::from_secs(1);

/// A health check comes every few seconds, from one client.
const THREADS: usize = 4;

/// Tells the health check why; a body is not possible in an answer to HEAD.
const CAUSE_FIELD: &str = "Socket-Proxy-Cause";

/// A listener that is bound but does not serve yet.
#[derive(Debug)]
pub struct HealthListener {
    listener: TcpListener,
    daemon: SharedProbe,
}

impl HealthListener {
    /// Binds [`ADDRESS`], for the health of the daemon behind `socket`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn bind(socket: &Path) -> io::Result<Self> {
        Self::bind_to(ADDRESS, socket)
    }

    fn bind_to(address: SocketAddr, socket: &Path) -> io::Result<Self> {
        let daemon = SharedProbe { socket: socket.to_owned(), round: Mutex::default() };
        Ok(Self { listener: TcpListener::bind(address)?, daemon })
    }

    /// Serves for as long as the program lives.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn serve(self) -> io::Result<()> {
        let shared = Arc::new(self);
        for number in 1..=THREADS {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("health-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || shared.run())?;
        }
        Ok(())
    }

    fn run(&self) {
        loop {
            match self.listener.accept() {
                // A client that went away or was too slow has no claims.
                Ok((client, _)) => drop(self.answer(client)),
                Err(error) => {
                    log::warn!(error:% = error; "health listener cannot accept");
                    // Out of descriptors, most likely: do not spin.
                    thread::sleep(CLIENT_LIMIT);
                }
            }
        }
    }

    fn answer(&self, mut client: TcpStream) -> io::Result<()> {
        let head =
            ask::read_until(&mut client, Deadline::after(CLIENT_LIMIT), ask::has_blank_line)?;
        let reply = match verdict(&head) {
            Ok(()) => health_reply(&self.daemon.outcome()),
            Err(refusal) => refusal.to_owned(),
        };
        client.set_write_timeout(Some(CLIENT_LIMIT))?;
        client.write_all(reply.as_bytes())
    }
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

fn health_reply(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
        Err(cause) => {
            log::error!(origin = "healthcheck", error:% = cause; "health check failed");
            format!(
                "HTTP/1.1 503 Service Unavailable\r\n{CAUSE_FIELD}: {}\r\n\
                 Connection: close\r\n\r\n",
                printable(cause)
            )
        }
    }
}

/// A socket's path may hold anything; a field's value may not.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// The daemon's state: well, or what is wrong.
type Outcome = Result<(), String>;

/// A probe that concurrent askers share.
#[derive(Debug)]
struct SharedProbe {
    socket: PathBuf,
    /// The probe under way; the first who asks of it runs it.
    round: Mutex<Arc<OnceLock<Outcome>>>,
}

impl SharedProbe {
    fn outcome(&self) -> Outcome {
        let round = Arc::clone(&self.round());
        let run = || probe(&self.socket, HEALTH_PROBE_LIMIT).map_err(|error| error.to_string());
        let outcome = round.get_or_init(run).clone();
        // Over: whoever comes now starts the next round.
        let mut current = self.round();
        if Arc::ptr_eq(&current, &round) {
            *current = Arc::default();
        }
        outcome
    }

    fn round(&self) -> std::sync::MutexGuard<'_, Arc<OnceLock<Outcome>>> {
        // The value is replaced whole: a panic elsewhere cannot have torn it.
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the health listener of this machine, prints one line and answers with
/// the exit code for it: the whole of the `healthcheck` command.
#[must_use]
pub fn healthcheck() -> ExitCode {
    match ask_health(ADDRESS, HEALTHCHECK_LIMIT) {
        Ok(()) => {
            println!("healthy");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            println!("unhealthy: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn ask_health(address: SocketAddr, limit: Duration) -> Result<(), String> {
    const REQUEST: &[u8] = b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let deadline = Deadline::after(limit);
    let mut stream = TcpStream::connect_timeout(&address, limit).map_err(|error| {
        format!("cannot connect to {address}: {error} (is -allowhealthcheck set?)")
    })?;
    let head = ask::ask(&mut stream, REQUEST, Wanted::Head, deadline)
        .map_err(|error| format!("no answer from {address}: {error}"))?;
    match ask::status(&head) {
        Some(200) => Ok(()),
        Some(code) => Err(cause(&head).unwrap_or_else(|| format!("{address} answered {code}"))),
        None => Err(format!("what answers on {address} does not speak HTTP")),
    }
}

/// What our listener said is wrong; printable, since anyone may have bound
/// the port in its place.
fn cause(head: &[u8]) -> Option<String> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut fields);
    response.parse(head).ok()?;
    let field = response.headers.iter().find(|field| field.name == CAUSE_FIELD)?;
    Some(printable(std::str::from_utf8(field.value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::fake::{self, Directory};
    use super::*;
    use std::io::Read;

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
        fake::answering(&directory.socket(), fake::PONG);
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
        let cause = ask_health(address, fake::PATIENCE).unwrap_err();
        assert!(cause.contains("No such file or directory"), "{cause}");
        fake::answering(&directory.socket(), fake::PONG);
        assert_eq!(ask_health(address, fake::PATIENCE), Ok(()));
    }

    #[test]
    fn slow_clients_hold_nobody_up_for_long() {
        let directory = Directory::new();
        fake::answering(&directory.socket(), fake::PONG);
        let address = serve(&directory);
        // Twice as many as there are threads, and none ever says a word.
        let _slow: Vec<_> =
            (0..2 * THREADS).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert_eq!(ask_health(address, HEALTHCHECK_LIMIT), Ok(()));
    }

    #[test]
    fn askers_at_the_same_time_share_one_probe() {
        const ASKERS: usize = 8;
        let directory = Directory::new();
        let daemon = fake::Held::new(&directory.socket());
        let shared = SharedProbe { socket: directory.socket(), round: Mutex::default() };
        thread::scope(|scope| {
            let askers: Vec<_> = (0..ASKERS).map(|_| scope.spawn(|| shared.outcome())).collect();
            // Each asker holds the round that it found; the list holds it too.
            fake::await_condition(|| Arc::strong_count(&shared.round()) == ASKERS + 1);
            daemon.release();
            for asker in askers {
                assert_eq!(asker.join().unwrap(), Ok(()));
            }
        });
        assert_eq!(daemon.asked(), 1);
        daemon.release();
        assert_eq!(shared.outcome(), Ok(()));
        assert_eq!(daemon.asked(), 2, "an outcome must not outlive its round");
    }

    #[test]
    fn the_health_check_says_what_is_wrong_with_who_answers() {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = bound.local_addr().unwrap();
        let short = Duration::from_millis(100);
        let check = |expected: &str| {
            let cause = ask_health(address, short).unwrap_err();
            assert!(cause.contains(expected), "{cause}, not {expected}");
        };
        check("no answer from");
        drop(bound);
        check("is -allowhealthcheck set?");
    }

    #[test]
    fn a_cause_cannot_break_its_line() {
        let reply = health_reply(&Err("no\r\nSet-Cookie: x\u{1b}[0m ü".to_owned()));
        assert!(reply.contains("Socket-Proxy-Cause: no??Set-Cookie: x?[0m ?\r\n"), "{reply}");
        assert_eq!(
            cause(b"HTTP/1.1 503 x\r\nSocket-Proxy-Cause: a\tb\r\n\r\n").as_deref(),
            Some("a?b")
        );
    }
}
